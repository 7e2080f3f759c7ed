//! redb as a map from hash to blob: one durable transaction (`Durability::Immediate`, its default) for each group.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use peer_harness::{Counters, Database, Id, Peer, Queue, id_of};
use redb::{ReadableDatabase as _, TableDefinition};

const BLOBS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("blobs");

struct Redb {
    database: Arc<redb::Database>,
    queue: Queue,
}

struct Writer(Arc<redb::Database>);

fn main() -> ExitCode {
    peer_harness::run::<Redb>()
}

impl Database for Writer {
    fn commit(&mut self, batch: &[(Id, Bytes)]) -> anyhow::Result<()> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(BLOBS)?;
            for (id, blob) in batch {
                table.insert(id, blob.as_ref())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Peer for Redb {
    type Reader = Arc<redb::Database>;

    async fn open(folder: &Path, _variant: &str) -> anyhow::Result<Self> {
        let database = Arc::new(redb::Database::create(folder.join("blobs.redb"))?);
        let queue = Queue::start(Writer(Arc::clone(&database)));
        Ok(Self { database, queue })
    }

    fn acknowledged(&self) -> &'static str {
        "committed and flushed, in a group"
    }

    async fn put(&self, blob: Bytes) -> anyhow::Result<Id> {
        let id = id_of(&blob);
        self.queue.put(id, blob).await?;
        Ok(id)
    }

    fn reader(&self) -> anyhow::Result<Self::Reader> {
        Ok(Arc::clone(&self.database))
    }

    async fn get(reader: &mut Self::Reader, id: &Id) -> anyhow::Result<usize> {
        let table = reader.begin_read()?.open_table(BLOBS)?;
        let found = table.get(id)?.context("it is there")?;
        Ok(Bytes::copy_from_slice(found.value()).len())
    }

    fn counters(&self) -> Counters {
        self.queue.counters()
    }
}
