//! The projection in one SQLite file.

use std::path::Path;

use api::{DbSchemaView, SCHEMA_VERSION, TableView};
use chain::AgentPubKey;
use chain::kind::Profile;
use db::rusqlite::{self, Connection, OptionalExtension as _, ToSql, params};
use db::{Fault, Limits, Migration, OpenError, Sqlite};
use doorway_core::projector::{Batch, Cursor};

use super::rows::{self, COLUMNS, COLUMNS_LEN};
use super::{
    Applied, Found, ListQuery, ProjectionStore, Reply, Row, SearchQuery, Sight, StoreError,
    VersionRow, Wanted, write,
};

/// The schema, step by step; a released step is never edited.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "items, versions, cursors, words",
    sql: include_str!("schema.sql"),
}];

/// Most matches that a search counts.
const COUNTED_MAX: u32 = 1_000;

/// Most versions of one item that are read at once.
const VERSIONS_MAX: u32 = 1_000;

/// Most pages of one course; the tree of a course has no more nodes.
const PAGES_MAX: u32 = 10_000;

/// The visible rows, said in SQL: parameters 1 and 2 are the narrowest reach of other people's things and the
/// reader's own key. Every row is asked again by [`Sight::admits`] before it leaves the store.
const VISIBLE: &str = "items.is_withdrawn = 0 AND (items.reach >= ?1 OR items.author = ?2)";

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

    /// Finishes what was queued and closes the file.
    ///
    /// # Errors
    /// When the file cannot be brought to its final state; nothing acknowledged is lost.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.sqlite.close().await.map_err(failed)
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

fn failed(fault: Fault) -> StoreError {
    match fault {
        Fault::DiskFull => StoreError::DiskFull,
        Fault::Corrupt(_)
        | Fault::Io(_)
        | Fault::Poisoned
        | Fault::TransactionEnded
        | Fault::Closed
        | Fault::Sql(_) => StoreError::Failed(base::told(&fault)),
    }
}

/// The two parameters of [`VISIBLE`].
fn eyes(sight: &Sight) -> (u8, String) {
    let floor = rows::reach_number(sight.reader().floor());
    (floor, sight.key.clone().unwrap_or_default())
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

    fn apply(&self, batch: Batch) -> Reply<'_, Applied> {
        Box::pin(async move {
            self.sqlite
                .write(move |connection| write::apply(connection, &batch))
                .await
                .map_err(|error| failed(error.into()))
        })
    }

    fn find(&self, wanted: Wanted, sight: &Sight) -> Reply<'_, Option<Row>> {
        let sight = sight.clone();
        Box::pin(async move {
            let (floor, key) = eyes(&sight);
            let found = self
                .read(move |connection| find(connection, &wanted, floor, &key))
                .await?;
            Ok(found.filter(|row| sight.admits(row)))
        })
    }

    fn list(&self, query: ListQuery, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let sight = sight.clone();
        Box::pin(async move {
            let (floor, key) = eyes(&sight);
            let mut rows = self
                .read(move |connection| list(connection, &query, floor, &key))
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
                .read(move |connection| search(connection, &query, floor, &key))
                .await?;
            found.hits.retain(|(row, _)| sight.admits(row));
            Ok(found)
        })
    }

    fn versions(&self, id: &str) -> Reply<'_, Vec<VersionRow>> {
        let id = id.to_owned();
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT seq, change, hash, at_us, action, signature, entry
                     FROM versions WHERE item = ?1 ORDER BY seq LIMIT ?2",
                )?
                .query_map(params![id, VERSIONS_MAX], rows::version)?
                .collect()
        }))
    }

    fn version(&self, id: &str, seq: u32) -> Reply<'_, Option<VersionRow>> {
        let id = id.to_owned();
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT seq, change, hash, at_us, action, signature, entry
                     FROM versions WHERE item = ?1 AND seq = ?2",
                )?
                .query_row(params![id, seq], rows::version)
                .optional()
        }))
    }

    fn manifests(&self, hash: &str) -> Reply<'_, Vec<Row>> {
        let hash = hash.to_owned();
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM items
                     WHERE kind = 'blob-manifest' AND course = '' AND slug = ?1 AND is_withdrawn = 0
                     ORDER BY reach DESC, created_at_us, id LIMIT 100"
                ))?
                .query_map([hash], rows::row)?
                .collect()
        }))
    }

    fn pages_of(&self, course: &str, author: &str, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let (course, author, sight) = (course.to_owned(), author.to_owned(), sight.clone());
        Box::pin(async move {
            let (floor, key) = eyes(&sight);
            let mut rows: Vec<Row> = self
                .read(move |connection| {
                    connection
                        .prepare_cached(&format!(
                            "SELECT {COLUMNS} FROM items
                             WHERE {VISIBLE} AND kind = 'content' AND course = ?3 AND author = ?4
                             ORDER BY created_at_us, id LIMIT ?5"
                        ))?
                        .query_map(params![floor, key, course, author, PAGES_MAX], rows::row)?
                        .collect()
                })
                .await?;
            rows.retain(|row| sight.admits(row));
            Ok(rows)
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
}

fn find(
    connection: &Connection,
    wanted: &Wanted,
    floor: u8,
    key: &str,
) -> rusqlite::Result<Option<Row>> {
    let (condition, values): (_, [&str; 4]) = match wanted {
        Wanted::Id(id) => ("id = ?3 AND ?4 || ?5 || ?6 = ''", [id, "", "", ""]),
        Wanted::Place {
            kind,
            course,
            slug,
            author,
        } => (
            "kind = ?3 AND course = ?4 AND slug = ?5 AND (?6 = '' OR author = ?6)
             ORDER BY created_at_us, id",
            [kind, course, slug, author],
        ),
        Wanted::Profile(author) => (
            "kind = ?3 AND author = ?4 AND ?5 || ?6 = '' ORDER BY changed_at_us DESC, id",
            [Profile::KIND, author, "", ""],
        ),
    };
    let [first, second, third, fourth] = values;
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM items WHERE {VISIBLE} AND {condition} LIMIT 1"
        ))?
        .query_row(params![floor, key, first, second, third, fourth], rows::row)
        .optional()
}

fn list(
    connection: &Connection,
    query: &ListQuery,
    floor: u8,
    key: &str,
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = format!("SELECT {COLUMNS} FROM items WHERE {VISIBLE} AND items.kind = ?3");
    let mut values: Vec<Box<dyn ToSql>> = vec![
        Box::new(floor),
        Box::new(key.to_owned()),
        Box::new(query.kind.clone()),
    ];
    let mut add = |condition: &str, value: Box<dyn ToSql>| {
        values.push(value);
        statement.push_str(&condition.replace('#', &format!("?{}", values.len())));
    };
    if let Some(author) = &query.author {
        add(" AND author = #", Box::new(author.clone()));
    }
    if let Some(course) = &query.course {
        add(" AND course = #", Box::new(course.clone()));
    }
    if let Some((at_us, id)) = &query.after {
        add(" AND (changed_at_us, id) < (#,", Box::new(*at_us));
        add(" #)", Box::new(id.clone()));
    }
    add(
        " ORDER BY changed_at_us DESC, id DESC LIMIT #",
        Box::new(query.limit.saturating_add(1)),
    );
    connection
        .prepare_cached(&statement)?
        .query_map(
            rusqlite::params_from_iter(values.iter().map(AsRef::as_ref)),
            rows::row,
        )?
        .collect()
}

fn search(
    connection: &Connection,
    query: &SearchQuery,
    floor: u8,
    key: &str,
) -> rusqlite::Result<Found> {
    let Some(pattern) = pattern(&query.text) else {
        return Ok(Found::default());
    };
    let total = connection
        .prepare_cached(&format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM words JOIN items ON items.number = words.rowid
             WHERE {VISIBLE} AND words MATCH ?3 LIMIT ?4)"
        ))?
        .query_row(params![floor, key, pattern, COUNTED_MAX], |row| row.get(0))?;
    let hits = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, snippet(words, -1, char(2), char(3), '…', 24)
             FROM words JOIN items ON items.number = words.rowid
             WHERE {VISIBLE} AND words MATCH ?3
             ORDER BY bm25(words, 8.0, 4.0, 1.0), items.id LIMIT ?4 OFFSET ?5"
        ))?
        .query_map(
            params![floor, key, pattern, query.limit, query.offset],
            |row| Ok((rows::row(row)?, row.get(COLUMNS_LEN)?)),
        )?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Found { total, hits })
}

/// Makes an FTS5 query of what a person typed: all words, each as a prefix, nothing of FTS5's own syntax.
fn pattern(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(16)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}
