//! Schema versions on a server that several processes share.
//!
//! The steps are applied one after the other under an advisory lock of the database, so that two processes that start
//! at once do not collide: the second finds the work done. Those that only read wait until it is done.

use std::time::Duration;

use tokio::time;

use super::fault::Loss;
use super::session::{Opener, Session};
use crate::migrate::checksum;
use crate::{Fault, Migration, OpenError};

/// The lock's number: the first eight letters of the name as bytes.
const LOCK: i64 = i64::from_be_bytes(*b"commonho");

/// Why one try to start did not succeed.
pub(crate) enum NotYet {
    /// Trying again may help.
    Again(Fault),
    /// Nobody has made anything here yet, and somebody else has to.
    Empty,
    /// The schema is older than it must be, and somebody else has to change that.
    Older(u32),
    /// It will not.
    Never(OpenError),
}

/// Applies what is missing.
pub(crate) async fn migrate(opener: &Opener, migrations: &[Migration]) -> Result<(), NotYet> {
    let limit_ms = opener.limits.migration_ms_max;
    let work = async {
        // The lock goes with the connection, which nobody else uses.
        let session = session(opener).await?;
        prepare(opener, &session).await?;
        let found = check(opener, &session, migrations).await?;
        for migration in migrations.iter().filter(|step| step.version > found) {
            apply(&session, migration)
                .await
                .map_err(|fault| failed(migration, fault))?;
        }
        Ok(())
    };
    time::timeout(Duration::from_millis(limit_ms), work)
        .await
        .unwrap_or(Err(NotYet::Again(Fault::Unreachable(Loss::Deadline(
            limit_ms,
        )))))
}

/// Checks that the schema is at `wanted` and unedited.
pub(crate) async fn check_only(
    opener: &Opener,
    migrations: &[Migration],
    wanted: u32,
) -> Result<(), NotYet> {
    let limit_ms = opener.limits.start_ms_max;
    let work = async {
        let session = session(opener).await?;
        if !is_made(opener, &session).await? {
            return Err(NotYet::Empty);
        }
        let found = check(opener, &session, migrations).await?;
        if found < wanted {
            return Err(NotYet::Older(found));
        }
        Ok(())
    };
    time::timeout(Duration::from_millis(limit_ms), work)
        .await
        .unwrap_or(Err(NotYet::Again(Fault::Unreachable(Loss::Deadline(
            limit_ms,
        )))))
}

async fn session(opener: &Opener) -> Result<Session, NotYet> {
    opener
        .open()
        .await
        .map_err(|reason| match reason.at_start(&opener.address) {
            Ok(loss) => NotYet::Again(Fault::Unreachable(loss)),
            Err(error) => NotYet::Never(error),
        })
}

/// Takes the lock, then makes the schema and the table of its steps.
async fn prepare(opener: &Opener, session: &Session) -> Result<(), NotYet> {
    let schema = opener.schema;
    let client = &session.client;
    let lock = format!("SELECT pg_advisory_lock({LOCK})");
    client
        .batch_execute(&lock)
        .await
        .map_err(|error| at_start(opener, error))?;
    // Asked first: the server wants the right to make schemas even where there is nothing to make.
    let has_schema: bool = client
        .query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&schema])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(|error| at_start(opener, error))?;
    let mut sql = format!(
        "CREATE TABLE IF NOT EXISTS {schema}.schema_migrations (
             version INTEGER PRIMARY KEY,
             name TEXT NOT NULL,
             checksum BYTEA NOT NULL
         )"
    );
    if !has_schema {
        sql.insert_str(0, &format!("CREATE SCHEMA {schema}; "));
    }
    client
        .batch_execute(&sql)
        .await
        .map_err(|error| at_start(opener, error))
}

/// Tells whether somebody has begun to make the schema.
async fn is_made(opener: &Opener, session: &Session) -> Result<bool, NotYet> {
    let table = format!("{}.schema_migrations", opener.schema);
    session
        .client
        .query_one("SELECT to_regclass($1) IS NOT NULL", &[&table])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(|error| at_start(opener, error))
}

/// Returns the version of the schema after looking at every step that was applied; 0 when there is none.
async fn check(
    opener: &Opener,
    session: &Session,
    migrations: &[Migration],
) -> Result<u32, NotYet> {
    if !is_made(opener, session).await? {
        return Ok(0);
    }
    let client = &session.client;
    let table = format!("{}.schema_migrations", opener.schema);
    let sql = format!("SELECT version, checksum FROM {table} ORDER BY version");
    let applied = client
        .query(sql.as_str(), &[])
        .await
        .map_err(|error| at_start(opener, error))?;
    let known = migrations.last().map_or(0, |step| step.version);
    let mut found = 0;
    for row in &applied {
        let version: i32 = row.try_get(0).map_err(|error| at_start(opener, error))?;
        let stored: &[u8] = row.try_get(1).map_err(|error| at_start(opener, error))?;
        found = u32::try_from(version).unwrap_or(u32::MAX);
        let step = migrations.iter().find(|step| step.version == found);
        if let Some(step) = step.filter(|step| checksum(step).as_bytes().as_slice() != stored) {
            return Err(NotYet::Never(OpenError::Edited {
                version: step.version,
                name: step.name.to_owned(),
            }));
        }
    }
    if found > known {
        return Err(NotYet::Never(OpenError::Newer { found, known }));
    }
    Ok(found)
}

/// Applies one step in a transaction of its own.
async fn apply(session: &Session, migration: &Migration) -> Result<(), Fault> {
    let client = &session.client;
    client.batch_execute("BEGIN").await?;
    client.batch_execute(migration.sql).await?;
    let version = i32::try_from(migration.version).unwrap_or(i32::MAX);
    let checksum = checksum(migration);
    client
        .execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            &[&version, &migration.name, &checksum.as_bytes().as_slice()],
        )
        .await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

fn failed(migration: &Migration, source: Fault) -> NotYet {
    if source.is_transient() {
        return NotYet::Again(source);
    }
    NotYet::Never(OpenError::Migrate {
        version: migration.version,
        name: migration.name.to_owned(),
        source,
    })
}

fn at_start(opener: &Opener, error: tokio_postgres::Error) -> NotYet {
    match Fault::from(error) {
        Fault::Statement(source) | Fault::Server(source) => NotYet::Never(OpenError::Refused {
            place: opener.address.to_string(),
            source,
        }),
        other => NotYet::Again(other),
    }
}
