//! SQLite with a write-ahead log and `synchronous=FULL`: one transaction for each group, a connection for each reader.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use peer_harness::{Counters, Database, Id, Peer, Queue, id_of};
use rusqlite::{Connection, params};

struct Sqlite {
    path: PathBuf,
    queue: Queue,
}

struct Writer(Connection);

fn main() -> ExitCode {
    peer_harness::run::<Sqlite>()
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    // 64 MiB of pages instead of 2, so that what is warm stays in memory.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;",
    )?;
    Ok(connection)
}

impl Database for Writer {
    fn commit(&mut self, batch: &[(Id, Bytes)]) -> anyhow::Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO blobs (id, body) VALUES (?1, ?2)")?;
            for (id, blob) in batch {
                insert.execute(params![id.as_slice(), blob.as_ref()])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Peer for Sqlite {
    type Reader = Connection;

    async fn open(folder: &Path, _variant: &str) -> anyhow::Result<Self> {
        let path = folder.join("blobs.sqlite");
        let connection = connect(&path)?;
        connection.execute_batch("CREATE TABLE blobs (id BLOB PRIMARY KEY, body BLOB NOT NULL)")?;
        let queue = Queue::start(Writer(connection));
        Ok(Self { path, queue })
    }

    fn acknowledged(&self) -> &'static str {
        "in the flushed write-ahead log, in a group"
    }

    async fn put(&self, blob: Bytes) -> anyhow::Result<Id> {
        let id = id_of(&blob);
        self.queue.put(id, blob).await?;
        Ok(id)
    }

    fn reader(&self) -> anyhow::Result<Connection> {
        connect(&self.path)
    }

    async fn get(reader: &mut Connection, id: &Id) -> anyhow::Result<usize> {
        let mut select = reader.prepare_cached("SELECT body FROM blobs WHERE id = ?1")?;
        let body: Vec<u8> = select.query_row([id.as_slice()], |row| row.get(0))?;
        Ok(body.len())
    }

    fn counters(&self) -> Counters {
        self.queue.counters()
    }
}
