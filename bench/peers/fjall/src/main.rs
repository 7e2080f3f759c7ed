//! fjall with key-value separation: one batch with `PersistMode::SyncData` for each group.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use bytes::Bytes;
use fjall::{Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use peer_harness::{Counters, Database, Id, Peer, Queue, id_of};

struct Fjall {
    blobs: Keyspace,
    queue: Queue,
}

struct Writer {
    database: fjall::Database,
    blobs: Keyspace,
}

fn main() -> ExitCode {
    peer_harness::run::<Fjall>()
}

impl Database for Writer {
    fn commit(&mut self, batch: &[(Id, Bytes)]) -> anyhow::Result<()> {
        let mut writing = self
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        for (id, blob) in batch {
            writing.insert(&self.blobs, id.as_slice(), blob.as_ref());
        }
        writing.commit()?;
        Ok(())
    }
}

impl Peer for Fjall {
    type Reader = Keyspace;

    async fn open(folder: &Path, _variant: &str) -> anyhow::Result<Self> {
        let database = fjall::Database::builder(folder).open()?;
        let blobs = database.keyspace("blobs", || {
            KeyspaceCreateOptions::default()
                .with_kv_separation(Some(KvSeparationOptions::default()))
        })?;
        let queue = Queue::start(Writer {
            database,
            blobs: blobs.clone(),
        });
        Ok(Self { blobs, queue })
    }

    fn acknowledged(&self) -> &'static str {
        "in the flushed journal, in a group"
    }

    async fn put(&self, blob: Bytes) -> anyhow::Result<Id> {
        let id = id_of(&blob);
        self.queue.put(id, blob).await?;
        Ok(id)
    }

    fn reader(&self) -> anyhow::Result<Keyspace> {
        Ok(self.blobs.clone())
    }

    async fn get(reader: &mut Keyspace, id: &Id) -> anyhow::Result<usize> {
        Ok(reader.get(id)?.context("it is there")?.len())
    }

    fn counters(&self) -> Counters {
        self.queue.counters()
    }
}
