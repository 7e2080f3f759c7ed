//! One SQLite file per owner, behind a handle that is cheap to clone.
//!
//! One writer thread commits whatever waits in its queue as one transaction (group commit); a few reader threads give
//! every closure a snapshot of its own. Migrations are numbered and never edited.
//!
//! # Invariants
//! * One process per file: an advisory lock beside the file says so.
//! * What [`Sqlite::write`] has acknowledged is on stable storage (`synchronous=FULL`, write-ahead log).
//! * A closure that fails leaves nothing behind and does not disturb the others of its transaction.
//!
//! It knows no domain: tables and statements belong to the crates above. It reads no clock and draws no randomness.

mod connection;
mod fault;
mod lock;
mod migrate;
mod reader;
mod sqlite;
mod writer;

pub use fault::{Fault, OpenError, ReadError, WriteError};
pub use migrate::Migration;
/// The library whose connections the closures are given.
pub use rusqlite;
pub use sqlite::{Limits, Sqlite};
