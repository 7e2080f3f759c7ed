//! The databases as their users meet them: files, threads, servers, processes that die, disks that fill up.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests prepare their own files, start themselves again through the environment, and fail by panicking"
)]

mod crash;
mod full_disk;
mod open;
mod postgres;
mod write;

use db::{Limits, Migration, Sqlite};

/// The schema of these tests.
const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "rows",
    sql: "CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
}];

fn open(path: &std::path::Path) -> Sqlite {
    Sqlite::open(path, SCHEMA, Limits::default()).expect("the folder is new or was closed")
}

/// Inserts one row.
fn insert(tx: &db::rusqlite::Connection, id: i64, body: &[u8]) -> db::rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO rows (id, body) VALUES (?1, ?2)")?
        .execute((id, body))
        .map(|_| ())
}

/// Returns all ids in order.
fn ids(db: &Sqlite) -> Vec<i64> {
    db.read_blocking(|tx| -> db::rusqlite::Result<Vec<i64>> {
        tx.prepare_cached("SELECT id FROM rows ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect()
    })
    .expect("reading works")
}
