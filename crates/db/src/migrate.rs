//! Schema versions: numbered steps, each applied once, in a transaction of its own, never edited.
//!
//! The table `schema_migrations` keeps the checksum of every step that was applied. A step whose text no longer has
//! that checksum is an error, and so is a file with steps that are not known here.

use std::path::Path;

use base::ContentHash;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{Fault, OpenError};

/// One step of a schema. Once released it is never edited; a correction is a new step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number: 1 for the first, without gaps.
    pub version: u32,
    /// What it does, in a few words, for people who read the table.
    pub name: &'static str,
    /// The statements. Tables are `STRICT` by convention.
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BLOB NOT NULL
) STRICT";

/// Brings the schema to the newest version and returns that version; 0 when there are no migrations.
pub(crate) fn migrate(
    connection: &Connection,
    path: &Path,
    migrations: &[Migration],
) -> Result<u32, OpenError> {
    let known = check_numbering(migrations)?;
    let found = read_version(connection).map_err(|source| open_error(path, source))?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for migration in migrations {
        if migration.version <= found {
            check_unedited(connection, path, migration)?;
        } else {
            apply(connection, migration).map_err(|error| OpenError::Migrate {
                version: migration.version,
                name: migration.name.to_owned(),
                source: Fault::from(error).refine(path),
            })?;
        }
    }
    Ok(known)
}

/// Migrations are numbered from 1 without gaps; returns the last number.
pub(crate) fn check_numbering(migrations: &[Migration]) -> Result<u32, OpenError> {
    let mut last = 0;
    for migration in migrations {
        let wanted = last + 1;
        if migration.version != wanted {
            return Err(OpenError::Numbering {
                wanted,
                found: migration.version,
            });
        }
        last = wanted;
    }
    Ok(last)
}

fn read_version(connection: &Connection) -> Result<u32, Fault> {
    let has_table = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
            [],
            |_| Ok(()),
        )
        .optional()?
        .is_some();
    if !has_table {
        return Ok(0);
    }
    let version = connection.query_row(
        "SELECT coalesce(max(version), 0) FROM schema_migrations",
        [],
        |row| row.get(0),
    )?;
    Ok(version)
}

fn check_unedited(
    connection: &Connection,
    path: &Path,
    migration: &Migration,
) -> Result<(), OpenError> {
    let stored: Option<Vec<u8>> = connection
        .query_row(
            "SELECT checksum FROM schema_migrations WHERE version = ?1",
            [migration.version],
            |row| row.get(0),
        )
        .optional()
        .map_err(|error| open_error(path, error.into()))?;
    if stored.as_deref() != Some(checksum(migration).as_bytes().as_slice()) {
        return Err(OpenError::Edited {
            version: migration.version,
            name: migration.name.to_owned(),
        });
    }
    Ok(())
}

fn apply(connection: &Connection, migration: &Migration) -> Result<(), rusqlite::Error> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLE)?;
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)",
        params![
            migration.version,
            migration.name,
            checksum(migration).as_bytes()
        ],
    )?;
    transaction.commit()
}

/// The text is what counts; a name may be put better.
pub(crate) fn checksum(migration: &Migration) -> ContentHash {
    ContentHash::of(migration.sql.as_bytes())
}

fn open_error(path: &Path, source: Fault) -> OpenError {
    OpenError::Open {
        path: path.to_owned(),
        source: source.refine(path),
    }
}
