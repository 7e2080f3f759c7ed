//! The projection in one SQLite file.

mod grant;
mod queries;
mod rows;
mod words;
mod write;

use std::path::Path;

use api::{DbSchemaView, SCHEMA_VERSION, TableView};
use chain::AgentPubKey;
use db::rusqlite::{self, Connection, OptionalExtension as _, params};
use db::{Fault, Limits, Migration, OpenError, Sqlite};
use doorway_core::address::Address;
use doorway_core::event::Event;
use doorway_core::lease::{self, Request};
use doorway_core::projector::Cursor;

use super::{
    Applied, Apply, ChainRows, Claimant, Found, Introduction, ListQuery, LogEnds, Named,
    ProjectionStore, Reply, Row, SearchQuery, Sight, StoreError, StoreHealth, VersionRow, Wanted,
};
use crate::store::described::{CHAIN_BYTES_MAX, CLAIMANTS_MAX, VERSIONS_MAX, eyes};

/// The schema, step by step; a released step is never edited.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "items, versions, cursors, words",
        sql: include_str!("sqlite/schema-1.sql"),
    },
    Migration {
        version: 2,
        name: "records, addresses, events, lease",
        sql: include_str!("sqlite/schema-2.sql"),
    },
    Migration {
        version: 3,
        name: "an index of words without the texts",
        sql: include_str!("sqlite/schema-3.sql"),
    },
    Migration {
        version: 4,
        name: "versions by number, words that wait",
        sql: include_str!("sqlite/schema-4.sql"),
    },
];

/// A projection store in a file of its own.
#[derive(Clone)]
pub struct SqliteStore {
    sqlite: Sqlite,
}

impl SqliteStore {
    /// Opens the store, making it when it is missing.
    ///
    /// # Errors
    /// [`OpenError`] when another process has it, or it is newer than this program.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let sqlite = Sqlite::open(path, MIGRATIONS, Limits::default())?;
        Ok(Self { sqlite })
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.sqlite
            .read(question)
            .await
            .map_err(|error| failed(error.into()))
    }
}

/// The columns of a version with the record that holds its content.
const VERSION: &str = "SELECT versions.seq, versions.change, versions.hash, versions.at_us,
        records.action, records.signature, records.entry
     FROM versions JOIN items ON items.number = versions.item
     LEFT JOIN records ON records.agent = items.author AND records.seq = versions.seq
                      AND versions.change <> 'delete'";

fn failed(fault: Fault) -> StoreError {
    match fault {
        Fault::DiskFull => StoreError::DiskFull,
        Fault::Corrupt(_)
        | Fault::Io(_)
        | Fault::Poisoned
        | Fault::TransactionEnded
        | Fault::Closed
        | Fault::Sql(_)
        | Fault::Unreachable(_)
        | Fault::OutcomeUnknown(_)
        | Fault::Overloaded
        | Fault::Conflict
        | Fault::ReadOnly
        | Fault::Server(_)
        | Fault::Statement(_) => StoreError::Failed(base::told(&fault)),
    }
}

impl ProjectionStore for SqliteStore {
    fn cursors(&self) -> Reply<'_, Vec<(AgentPubKey, Cursor)>> {
        Box::pin(self.read(|connection| {
            connection
                .prepare_cached("SELECT agent, seq, hash, at_us, is_closed FROM cursors")?
                .query_map([], rows::cursor)?
                .collect()
        }))
    }

    fn cursor<'a>(&'a self, agent: &'a AgentPubKey) -> Reply<'a, Option<Cursor>> {
        let agent = agent.to_string();
        Box::pin(self.read(move |connection| write::cursor_of(connection, &agent)))
    }

    fn apply(&self, apply: Apply) -> Reply<'_, Applied> {
        Box::pin(async move {
            let outcome = self
                .sqlite
                .write(move |connection| write::apply(connection, &apply))
                .await;
            outcome
                .map_err(|error| failed(error.into()))?
                .map_err(|(holder, epoch)| StoreError::Fenced { holder, epoch })
        })
    }

    fn chain<'a>(
        &'a self,
        agent: &'a AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainRows> {
        let agent = agent.to_string();
        Box::pin(self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT action, signature, entry FROM records WHERE agent = ?1 AND seq >= ?2
                 ORDER BY seq LIMIT ?3",
            )?;
            let first = after.map_or(0, |after| u64::from(after) + 1);
            let mut rows = statement.query(params![agent, first, limit])?;
            let (mut records, mut bytes) = (Vec::new(), 0);
            while bytes <= CHAIN_BYTES_MAX
                && let Some(row) = rows.next()?
            {
                let entry = row.get_ref(2)?.as_bytes_or_null();
                bytes += entry.ok().flatten().map_or(0, <[u8]>::len);
                records.push(rows::record(row)?);
            }
            let cursor = write::cursor_of(connection, &agent)?;
            Ok(ChainRows { records, cursor })
        }))
    }

    fn claimants<'a>(&'a self, address: &'a Address) -> Reply<'a, Vec<Claimant>> {
        let Address { kind, course, slug } = address.clone();
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT agent, number FROM addresses
                     WHERE kind = ?1 AND course = ?2 AND slug = ?3 ORDER BY number, agent LIMIT ?4",
                )?
                .query_map(params![kind, course, slug, CLAIMANTS_MAX], |row| {
                    Ok(Claimant {
                        agent: row.get(0)?,
                        number: row.get(1)?,
                    })
                })?
                .collect()
        }))
    }

    fn names_of<'a>(&'a self, hash: &'a str) -> Reply<'a, Vec<Named>> {
        let hash = hash.to_owned();
        Box::pin(self.read(move |connection| queries::names_of(connection, &hash)))
    }

    fn events(&self, after: u64, limit: u32) -> Reply<'_, Vec<Event>> {
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT number, at_us, agent, seq, head, changes FROM events
                     WHERE number > ?1 ORDER BY number LIMIT ?2",
                )?
                .query_map(params![after, limit], rows::event)?
                .collect()
        }))
    }

    fn log_ends(&self) -> Reply<'_, LogEnds> {
        Box::pin(self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT log.id, coalesce(min(events.number), 1), coalesce(max(events.number), 0)
                     FROM log LEFT JOIN events ON true",
                )?
                .query_row([], |row| {
                    let id: i64 = row.get(0)?;
                    Ok(LogEnds {
                        log: id.cast_unsigned(),
                        oldest: row.get(1)?,
                        newest: row.get(2)?,
                    })
                })
        }))
    }

    fn introduce<'a>(&'a self, introduction: &'a Introduction) -> Reply<'a, ()> {
        let introduction = introduction.clone();
        Box::pin(async move {
            let outcome = self
                .sqlite
                .write(move |connection| grant::introduce(connection, &introduction))
                .await;
            let is_ours = outcome.map_err(|error| failed(error.into()))?;
            is_ours.then_some(()).ok_or_else(super::foreign)
        })
    }

    fn introduction(&self) -> Reply<'_, Option<Introduction>> {
        Box::pin(self.read(grant::introduction))
    }

    fn lease(&self, request: Request) -> Reply<'_, lease::Reply> {
        Box::pin(async move {
            let answered = self
                .sqlite
                .write(move |connection| grant::ask(connection, &request));
            answered.await.map_err(|error| failed(error.into()))
        })
    }

    fn find(&self, wanted: Wanted, sight: &Sight) -> Reply<'_, Option<Row>> {
        let sight = sight.clone();
        Box::pin(async move {
            let (floor, key) = eyes(&sight);
            let found = self
                .read(move |connection| queries::find(connection, &wanted, floor, &key))
                .await?;
            Ok(found.filter(|row| sight.admits(row)))
        })
    }

    fn list(&self, query: ListQuery, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let sight = sight.clone();
        Box::pin(async move {
            let (floor, key) = eyes(&sight);
            let mut rows = self
                .read(move |connection| queries::list(connection, &query, floor, &key))
                .await?;
            rows.retain(|row| sight.admits(row));
            Ok(rows)
        })
    }

    fn search(&self, query: SearchQuery, sight: &Sight) -> Reply<'_, Found> {
        let sight = sight.clone();
        Box::pin(async move {
            let (floor, key) = eyes(&sight);
            let mut found = self
                .read(move |connection| queries::search(connection, &query, floor, &key))
                .await?;
            found.hits.retain(|(row, _)| sight.admits(row));
            Ok(found)
        })
    }

    fn versions(&self, id: &str) -> Reply<'_, Vec<VersionRow>> {
        let id = id.to_owned();
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(&format!(
                    "{VERSION} WHERE items.id = ?1 ORDER BY versions.seq LIMIT ?2"
                ))?
                .query_map(params![id, VERSIONS_MAX], rows::version)?
                .collect()
        }))
    }

    fn version(&self, id: &str, seq: u32) -> Reply<'_, Option<VersionRow>> {
        let id = id.to_owned();
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(&format!(
                    "{VERSION} WHERE items.id = ?1 AND versions.seq = ?2"
                ))?
                .query_row(params![id, seq], rows::version)
                .optional()
        }))
    }

    fn pages_of(&self, course: &str, author: &str, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let (course, author, sight) = (course.to_owned(), author.to_owned(), sight.clone());
        Box::pin(async move {
            let (floor, key) = eyes(&sight);
            let mut rows: Vec<Row> = self
                .read(move |connection| {
                    queries::pages_of(connection, &course, &author, floor, &key)
                })
                .await?;
            rows.retain(|row| sight.admits(row));
            Ok(rows)
        })
    }

    fn unindexed(&self) -> Reply<'_, u64> {
        Box::pin(self.read(words::waiting))
    }

    fn index_words(&self, epoch: u64, limit: u32) -> Reply<'_, u64> {
        Box::pin(async move {
            let outcome = self
                .sqlite
                .write(move |connection| match write::fence(connection, epoch)? {
                    Some(holder) => Ok(Err(holder)),
                    None => words::catch_up(connection, limit).map(Ok),
                })
                .await;
            outcome
                .map_err(|error: db::WriteError<rusqlite::Error>| failed(error.into()))?
                .map_err(|(holder, epoch)| StoreError::Fenced { holder, epoch })
        })
    }

    fn schema(&self) -> Reply<'_, DbSchemaView> {
        let migration = self.sqlite.schema_version();
        Box::pin(async move {
            let tables = self
                .read(|connection| {
                    connection
                        .prepare(
                            "SELECT name, sql FROM sqlite_schema
                             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
                        )?
                        .query_map([], |row| {
                            Ok(TableView {
                                name: row.get(0)?,
                                sql: row.get(1)?,
                            })
                        })?
                        .collect()
                })
                .await?;
            Ok(DbSchemaView {
                schema_version: SCHEMA_VERSION,
                migration,
                backend: "sqlite".to_owned(),
                tables,
            })
        })
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            server: None,
            is_reachable: true,
        }
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move { self.sqlite.close().await.map_err(failed) })
    }
}

#[cfg(test)]
mod tests;
