//! The questions that readers ask: one item, a list, words, a course's pages, what names a blob.

use chain::kind::Profile;
use db::rusqlite::{self, Connection, OptionalExtension as _, ToSql, params};

use super::rows::{self, COLUMNS, COLUMNS_LEN};
use crate::store::described::{self, COUNTED_MAX, NAMES_MAX, PAGES_MAX, reach_of};
use crate::store::lexemes;
use crate::store::{Found, ListQuery, Named, Row, SearchQuery, Wanted};

/// The visible rows, said in SQL: parameters 1 and 2 are the narrowest reach of other people's things and the
/// reader's own key. Every row is asked again by [`crate::store::Sight::admits`] before it leaves the store.
const VISIBLE: &str = "items.is_withdrawn = 0 AND (items.reach >= ?1 OR items.author = ?2)";

/// Returns a course's pages.
pub(super) fn pages_of(
    connection: &Connection,
    course: &str,
    author: &str,
    floor: u8,
    key: &str,
) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM items
             WHERE {VISIBLE} AND kind = 'content' AND course = ?3 AND author = ?4
             ORDER BY created_at_us, id LIMIT ?5"
        ))?
        .query_map(params![floor, key, course, author, PAGES_MAX], rows::row)?
        .collect()
}

/// Returns what names a blob: manifests, and versions whose text it is. Like the chain itself, a version's text stays
/// readable for those whom the version admitted.
pub(super) fn names_of(connection: &Connection, hash: &str) -> rusqlite::Result<Vec<Named>> {
    connection
        .prepare_cached(
            "SELECT author, reach, summary FROM items
             WHERE kind = 'blob-manifest' AND course = '' AND slug = ?1 AND is_withdrawn = 0
             UNION ALL
             SELECT items.author, bodies.reach, '' FROM bodies JOIN items ON items.id = bodies.item
             WHERE bodies.hash = ?1
             ORDER BY 2 DESC, 3 DESC, 1 LIMIT ?2",
        )?
        .query_map(params![hash, NAMES_MAX], |row| {
            Ok(Named {
                author: row.get(0)?,
                reach: reach_of(row.get(1)?),
                media_type: row.get(2)?,
            })
        })?
        .collect()
}

pub(super) fn find(
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

pub(super) fn list(
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

pub(super) fn search(
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
            "SELECT COUNT(*) FROM (SELECT 1 FROM terms JOIN items ON items.number = terms.rowid
             WHERE {VISIBLE} AND terms MATCH ?3 LIMIT ?4)"
        ))?
        .query_row(params![floor, key, pattern, COUNTED_MAX], |row| row.get(0))?;
    // Texts are read for the hits that are shown, and for no others.
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, texts.body, records.entry
         FROM (SELECT items.number AS number, bm25(terms, 8.0, 4.0, 1.0) AS place, items.id AS id
               FROM terms JOIN items ON items.number = terms.rowid
               WHERE {VISIBLE} AND terms MATCH ?3
               ORDER BY 2, 3 LIMIT ?4 OFFSET ?5) AS hits
         JOIN items ON items.number = hits.number
         LEFT JOIN texts ON texts.number = items.number
         LEFT JOIN records ON records.agent = items.author AND records.seq = items.seq
         ORDER BY hits.place, hits.id"
    ))?;
    let asked = lexemes::asked(&query.text);
    let hits = statement
        .query_map(
            params![floor, key, pattern, query.limit, query.offset],
            |row| {
                let kept: Option<String> = row.get(COLUMNS_LEN)?;
                let entry: Option<Vec<u8>> = row.get(COLUMNS_LEN + 1)?;
                let body = kept
                    .or_else(|| described::words_in(&entry?))
                    .unwrap_or_default();
                let row = rows::row(row)?;
                let shown = lexemes::shown(&[&body, &row.summary, &row.title], &asked);
                Ok((row, shown))
            },
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
