//! How connections are set up. Everything that durability depends on is asked back, not assumed.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::{Fault, Limits, OpenError};

/// Opens the one connection that writes.
pub(crate) fn open_writer(path: &Path, limits: &Limits) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, limits)?;
    set(&connection, path, "journal_mode", "WAL", "wal")?;
    // FULL: every commit waits for the disk. 2 is SQLite's number for it.
    set(&connection, path, "synchronous", "FULL", "2")?;
    set(&connection, path, "foreign_keys", "ON", "1")?;
    // What is deleted is overwritten, so that erasing a person's chain erases it.
    set(&connection, path, "secure_delete", "ON", "1")?;
    let pages = limits.wal_pages_max.to_string();
    set(&connection, path, "wal_autocheckpoint", &pages, &pages)?;
    let bytes = (u64::from(limits.wal_pages_max) * PAGE_BYTES).to_string();
    set(&connection, path, "journal_size_limit", &bytes, &bytes)?;
    // Pages that a big transaction changes stay in memory until it ends; each goes to the log once. Negative: in KiB.
    set(&connection, path, "cache_size", WRITER_CACHE, WRITER_CACHE)?;
    Ok(connection)
}

/// Opens a connection that cannot write. The writer's must have been opened before.
pub(crate) fn open_reader(path: &Path, limits: &Limits) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, limits)?;
    set(&connection, path, "query_only", "ON", "1")?;
    Ok(connection)
}

/// Memory for pages of the writing connection: at most 16 MiB, and no more than the file has.
const WRITER_CACHE: &str = "-16384";

/// SQLite's default page, in bytes.
const PAGE_BYTES: u64 = 4_096;

fn open(path: &Path, flags: OpenFlags, limits: &Limits) -> Result<Connection, OpenError> {
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| failed(path, error))?;
    let patience = Duration::from_millis(u64::from(limits.busy_timeout_ms_max));
    connection
        .busy_timeout(patience)
        .map_err(|error| failed(path, error))?;
    connection.set_prepared_statement_cache_capacity(limits.statements_len_max);
    // Views and triggers of a file that somebody else prepared may not call functions with side effects.
    set(&connection, path, "trusted_schema", "OFF", "0")?;
    Ok(connection)
}

/// Sets a pragma and asks for it again.
fn set(
    connection: &Connection,
    path: &Path,
    name: &'static str,
    value: &str,
    wanted: &str,
) -> Result<(), OpenError> {
    connection
        .execute_batch(&format!("PRAGMA {name} = {value}"))
        .map_err(|error| failed(path, error))?;
    let found = connection
        .pragma_query_value(None, name, |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            })
        })
        .map_err(|error| failed(path, error))?;
    if found != wanted {
        return Err(OpenError::Setting { name, found });
    }
    Ok(())
}

fn failed(path: &Path, error: rusqlite::Error) -> OpenError {
    OpenError::Open {
        path: path.to_owned(),
        source: Fault::from(error).refine(path),
    }
}
