//! The questions that readers ask. Each is one text that never changes, so that a connection prepares it once.

use chain::Record;
use chain::kind::Profile;
use db::tokio_postgres::Row as Asked;
use db::{Postgres, ReadError};
use futures::try_join;

use super::rows::{self, COLUMNS_LEN, Value, failed};
use super::text::clean;
use crate::store::described::{CHAIN_BYTES_MAX, COUNTED_MAX, NAMES_MAX, PAGES_MAX, VERSIONS_MAX};
use crate::store::{
    ChainRows, Found, ListQuery, Named, Row, SearchQuery, StoreError, VersionRow, Wanted, lexemes,
};

/// The columns of [`Row`], in the order in which [`rows::row`] reads them.
macro_rules! columns {
    () => {
        "items.id, items.kind, items.author, items.seq, items.action, items.reach, items.title, items.slug, \
         items.course, items.summary, items.language, items.licence, items.tags::text, items.created_at_us, \
         items.changed_at_us, items.is_withdrawn"
    };
}

/// The visible rows: parameters 1 and 2 are the narrowest reach of other people's things and the reader's own key.
/// Every row is asked again by [`crate::store::Sight::admits`] before it leaves the store.
macro_rules! visible {
    () => {
        "NOT items.is_withdrawn AND (items.reach >= $1 OR items.author = $2)"
    };
}

/// A list with further conditions, newest first, behind the item of the parameters 4 and 5.
macro_rules! list {
    ($conditions:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM items WHERE ",
            visible!(),
            " AND items.kind = $3 AND (items.changed_at_us, items.id) < ($4, $5)",
            $conditions,
            " ORDER BY items.changed_at_us DESC, items.id DESC LIMIT $6"
        )
    };
}

/// One item that meets a condition.
macro_rules! one {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM items WHERE ",
            visible!(),
            " AND ",
            $condition,
            " LIMIT 1"
        )
    };
}

/// The columns of a version with the record that holds its content.
macro_rules! versions {
    ($condition:literal) => {
        concat!(
            "SELECT versions.seq, versions.change, versions.hash, versions.at_us,
                records.action, records.signature, records.entry
             FROM versions JOIN items ON items.id = versions.item
             LEFT JOIN records ON records.agent = items.author AND records.seq = versions.seq
                              AND versions.change <> 'delete'
             WHERE versions.item = $1 ",
            $condition
        )
    };
}

/// Characters of a page's words in which a search looks for a place to show.
const SHOWN_CHARS_MAX: i32 = 16_384;

/// What the first two parameters of `visible!` stand for.
pub(super) type Eyes = (i16, String);

/// Runs one statement that reads.
pub(super) async fn ask(
    postgres: &Postgres,
    sql: &'static str,
    values: &[Value<'_>],
) -> Result<Vec<Asked>, StoreError> {
    postgres.query(sql, values).await.map_err(failed)
}

/// Turns what a closure of a snapshot gave into an answer.
fn answered<T>(answer: Result<T, ReadError<StoreError>>) -> Result<T, StoreError> {
    answer.map_err(|error| match error {
        ReadError::Refused(error) => error,
        ReadError::Fault(fault) => failed(fault),
    })
}

fn rows_of<T>(
    asked: &[Asked],
    read: impl Fn(&Asked) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    asked.iter().map(read).collect()
}

/// Returns a course's pages.
pub(super) async fn pages_of(
    postgres: &Postgres,
    course: &str,
    author: &str,
    (floor, key): &Eyes,
) -> Result<Vec<Row>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM items WHERE ",
        visible!(),
        " AND items.kind = 'content' AND items.course = $3 AND items.author = $4
         ORDER BY items.created_at_us, items.id LIMIT $5"
    );
    let (course, author) = (clean(course), clean(author));
    let values: [Value<'_>; 5] = [floor, key, &course, &author, &i64::from(PAGES_MAX)];
    rows_of(&ask(postgres, SQL, &values).await?, rows::row)
}

/// Returns what names a blob: manifests, and versions whose text it is. Like the chain itself, a version's text stays
/// readable for those whom the version admitted.
pub(super) async fn names_of(postgres: &Postgres, hash: &str) -> Result<Vec<Named>, StoreError> {
    const SQL: &str = "SELECT author, reach, summary COLLATE \"C\" AS media_type FROM items
         WHERE kind = 'blob-manifest' AND course = '' AND slug = $1 AND NOT is_withdrawn
         UNION ALL
         SELECT items.author, bodies.reach, '' FROM bodies JOIN items ON items.id = bodies.item
         WHERE bodies.hash = $1
         ORDER BY 2 DESC, 3 DESC, 1 LIMIT $2";
    let asked = ask(postgres, SQL, &[&clean(hash), &i64::from(NAMES_MAX)]).await?;
    rows_of(&asked, |found| {
        Ok(Named {
            author: rows::get(found, 0)?,
            reach: rows::reach(found, 1)?,
            media_type: rows::get(found, 2)?,
        })
    })
}

/// Finds one item.
pub(super) async fn find(
    postgres: &Postgres,
    wanted: &Wanted,
    (floor, key): &Eyes,
) -> Result<Option<Row>, StoreError> {
    let asked = match wanted {
        Wanted::Id(id) => {
            const SQL: &str = one!("items.id = $3");
            ask(postgres, SQL, &[floor, key, &clean(id)]).await?
        }
        Wanted::Place {
            kind,
            course,
            slug,
            author,
        } => {
            const SQL: &str = one!(
                "items.kind = $3 AND items.course = $4 AND items.slug = $5
                 AND ($6 = '' OR items.author = $6) ORDER BY items.created_at_us, items.id"
            );
            let (course, slug, author) = (clean(course), clean(slug), clean(author));
            let values: [Value<'_>; 6] = [floor, key, kind, &course, &slug, &author];
            ask(postgres, SQL, &values).await?
        }
        Wanted::Profile(author) => {
            const SQL: &str = one!(
                "items.kind = $3 AND items.author = $4 ORDER BY items.changed_at_us DESC, items.id"
            );
            ask(postgres, SQL, &[floor, key, &Profile::KIND, &clean(author)]).await?
        }
    };
    asked.first().map(rows::row).transpose()
}

/// Finds one item by its id, with the record of its newest version.
pub(super) async fn newest(
    postgres: &Postgres,
    id: &str,
    (floor, key): &Eyes,
) -> Result<Option<(Row, Record)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", records.action, records.signature, records.entry
         FROM items JOIN records ON records.agent = items.author AND records.seq = items.seq
         WHERE ",
        visible!(),
        " AND items.id = $3"
    );
    let asked = ask(postgres, SQL, &[floor, key, &clean(id)]).await?;
    let read = |found| Ok((rows::row(found)?, rows::record_at(found, COLUMNS_LEN)?));
    asked.first().map(read).transpose()
}

/// Lists items.
pub(super) async fn list(
    postgres: &Postgres,
    query: &ListQuery,
    (floor, key): &Eyes,
) -> Result<Vec<Row>, StoreError> {
    let kind = clean(&query.kind);
    // Behind an item that nothing can stand before.
    let first = (i64::MAX, String::new());
    let (at_us, id) = query.after.as_ref().unwrap_or(&first);
    let id = clean(id);
    let limit = i64::from(query.limit) + 1;
    let author = query.author.as_deref().map(clean);
    let course = query.course.as_deref().map(clean);
    let mut values: Vec<Value<'_>> = vec![floor, key, &kind, at_us, &id, &limit];
    values.extend(author.as_ref().map(|value| value as Value<'_>));
    values.extend(course.as_ref().map(|value| value as Value<'_>));
    let sql = match (&author, &course) {
        (None, None) => list!(""),
        (Some(_), None) => list!(" AND items.author = $7"),
        (None, Some(_)) => list!(" AND items.course = $7"),
        (Some(_), Some(_)) => list!(" AND items.author = $7 AND items.course = $8"),
    };
    rows_of(&ask(postgres, sql, &values).await?, rows::row)
}

/// Finds items by their words: how many there are, and those of one page, which both come from one snapshot.
pub(super) async fn search(
    postgres: &Postgres,
    query: &SearchQuery,
    (floor, key): &Eyes,
) -> Result<Found, StoreError> {
    const TOTAL: &str = concat!(
        "SELECT count(*) FROM (
             SELECT 1 FROM words JOIN items ON items.id = words.item
             WHERE ",
        visible!(),
        " AND words.vector @@ $3::text::tsquery LIMIT $4) AS counted"
    );
    // Weights of D, C, B and A, as those of the other store; a longer text counts less.
    const HITS: &str = concat!(
        "SELECT ",
        columns!(),
        ", left(words.body, $4) FROM words JOIN items ON items.id = words.item
         WHERE ",
        visible!(),
        " AND words.vector @@ $3::text::tsquery
         ORDER BY ts_rank('{0.125, 0.125, 0.5, 1.0}', words.vector, $3::text::tsquery, 1) DESC, items.id
         LIMIT $5 OFFSET $6"
    );
    let asked = lexemes::asked(&query.text);
    let Some(pattern) = lexemes::tsquery(&asked) else {
        return Ok(Found::default());
    };
    let (limit, offset) = (i64::from(query.limit), i64::from(query.offset));
    let counted_max = i64::from(COUNTED_MAX);
    let answer = postgres.read(|tx| async move {
        let total: [Value<'_>; 4] = [floor, key, &pattern, &counted_max];
        let hits: [Value<'_>; 6] = [floor, key, &pattern, &SHOWN_CHARS_MAX, &limit, &offset];
        let both = try_join!(tx.query_one(TOTAL, &total), tx.query(HITS, &hits));
        let (total, hits) = both.map_err(failed)?;
        Ok((rows::number(&total, 0)?, hits))
    });
    let (total, hits) = answered(answer.await)?;
    let hits = rows_of(&hits, |found| {
        let row = rows::row(found)?;
        let body: &str = rows::get(found, COLUMNS_LEN)?;
        let shown = [body, &row.summary, &row.title]
            .into_iter()
            .find_map(|text| lexemes::snippet(text, &asked))
            .unwrap_or_else(|| lexemes::beginning(body));
        Ok((row, shown))
    })?;
    Ok(Found { total, hits })
}

/// Returns the versions of an item, oldest first.
pub(super) async fn versions(postgres: &Postgres, id: &str) -> Result<Vec<VersionRow>, StoreError> {
    const SQL: &str = versions!("ORDER BY versions.seq LIMIT $2");
    let asked = ask(postgres, SQL, &[&clean(id), &i64::from(VERSIONS_MAX)]).await?;
    rows_of(&asked, rows::version)
}

/// Returns one version of an item.
pub(super) async fn version(
    postgres: &Postgres,
    id: &str,
    seq: u32,
) -> Result<Option<VersionRow>, StoreError> {
    const SQL: &str = versions!("AND versions.seq = $2");
    let asked = ask(postgres, SQL, &[&clean(id), &i64::from(seq)]).await?;
    asked.first().map(rows::version).transpose()
}

/// Returns records of a chain and how far it is projected, from one snapshot.
pub(super) async fn chain(
    postgres: &Postgres,
    agent: &str,
    after: Option<u32>,
    limit: u32,
) -> Result<ChainRows, StoreError> {
    const SQL: &str = "SELECT action, signature, entry FROM (
             SELECT seq, action, signature, entry,
                    sum(coalesce(octet_length(entry), 0)) OVER (ORDER BY seq)
                    - coalesce(octet_length(entry), 0) AS bytes_before
             FROM (SELECT seq, action, signature, entry FROM records
                   WHERE agent = $1 AND seq >= $2 ORDER BY seq LIMIT $3) AS page
         ) AS measured WHERE bytes_before <= $4 ORDER BY seq";
    let first = after.map_or(0, |after| i64::from(after) + 1);
    let limit = i64::from(limit);
    let bytes_max = i64::try_from(CHAIN_BYTES_MAX).unwrap_or(i64::MAX);
    let answer = postgres.read(|tx| async move {
        let values: [Value<'_>; 4] = [&agent, &first, &limit, &bytes_max];
        let whose: [Value<'_>; 1] = [&agent];
        let both = try_join!(tx.query(SQL, &values), tx.query_opt(CURSOR, &whose));
        let (records, cursor) = both.map_err(failed)?;
        Ok(ChainRows {
            records: rows_of(&records, |found| rows::record_at(found, 0))?,
            cursor: cursor
                .as_ref()
                .map(rows::cursor)
                .transpose()?
                .map(|(_, cursor)| cursor),
        })
    });
    answered(answer.await)
}

/// How far one chain is projected.
pub(super) const CURSOR: &str =
    "SELECT agent, seq, hash, at_us, is_closed FROM cursors WHERE agent = $1";
