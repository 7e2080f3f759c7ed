//! Databases behind handles that are cheap to clone: one SQLite file per owner, or a schema of a PostgreSQL server.
//!
//! SQLite: one writer thread commits whatever waits in its queue as one transaction (group commit); a few reader threads give
//! every closure a snapshot of its own. PostgreSQL: one connection writes, a few others give every closure a snapshot,
//! and every wait has a deadline. Migrations are numbered and never edited.
//!
//! # Invariants
//! * One process per file: an advisory lock beside the file says so.
//! * What [`Sqlite::write`] has acknowledged is on stable storage (`synchronous=FULL`, write-ahead log).
//! * What [`Postgres::write`] has acknowledged is committed with the server's own durability; a commit whose outcome is
//!   not known is told as that ([`Fault::OutcomeUnknown`]).
//! * A closure that fails leaves nothing behind and does not disturb the others of its transaction.
//!
//! It knows no domain: tables and statements belong to the crates above. It reads no wall clock and draws no randomness.

mod connection;
mod fault;
mod lock;
mod migrate;
mod postgres;
mod reader;
mod sqlite;
mod writer;

pub use fault::{Fault, OpenError, ReadError, WriteError};
pub use migrate::Migration;
pub use postgres::{
    Access, Health, Loss, Postgres, PostgresConfig, PostgresLimits, Refusal, Transaction,
};
/// The library whose connections the closures are given.
pub use rusqlite;
pub use sqlite::{Limits, Sqlite};
/// The library whose rows and types the statements of [`Transaction`] take and give.
pub use tokio_postgres;
