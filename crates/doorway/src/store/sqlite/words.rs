//! The index of words: kept new with each change, or later when many changes came at once.
//!
//! # Invariants
//! Whatever is not in the index with its newest words has its number in the table `unindexed`, put there in the
//! transaction that stored it and taken off in the one that indexed it. What was withdrawn is in neither.
//! Until then an item is found by the words that it had before, and shown as it is now.

use db::rusqlite::{self, Connection, params};
use doorway_core::projector::Version;

use crate::store::described::{self, Described};

/// Puts the words of a new version into the index, or notes that they are to be put there.
pub(super) fn note(
    connection: &Connection,
    number: i64,
    version: &Version,
    described: &Described<'_>,
    is_bulk: bool,
) -> rusqlite::Result<()> {
    if !described::is_searched(&version.content) {
        return Ok(());
    }
    // Words of a text whose record does not hold it are kept, for snippets and for later.
    let is_spilled = version.spilled.is_some();
    let words = if is_spilled || !is_bulk {
        described::words_of(&version.content).unwrap_or_default()
    } else {
        String::new()
    };
    if is_spilled {
        connection
            .prepare_cached("INSERT OR REPLACE INTO texts (number, body) VALUES (?1, ?2)")?
            .execute(params![number, words])?;
    } else if !version.is_first {
        forget_text(connection, number)?;
    }
    if is_bulk {
        connection
            .prepare_cached("INSERT OR IGNORE INTO unindexed (number) VALUES (?1)")?
            .execute([number])?;
        return Ok(());
    }
    index(
        connection,
        number,
        described.title,
        described.summary,
        &words,
    )?;
    if !version.is_first {
        unmark(connection, number)?;
    }
    Ok(())
}

/// Takes an item out of the index.
pub(super) fn forget(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM terms WHERE rowid = ?1")?
        .execute([number])?;
    unmark(connection, number)?;
    forget_text(connection, number)
}

/// Returns how many items are not in the index with their newest words.
pub(super) fn waiting(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT COUNT(*) FROM unindexed")?
        .query_row([], |row| row.get(0))
}

/// Indexes at most `limit` items of those that wait, the oldest first; returns how many wait after that.
pub(super) fn catch_up(connection: &Connection, limit: u32) -> rusqlite::Result<u64> {
    let mut waiting_now = connection.prepare_cached(
        "SELECT unindexed.number, items.title, items.summary, texts.body, records.entry
         FROM unindexed
         LEFT JOIN items ON items.number = unindexed.number
         LEFT JOIN texts ON texts.number = unindexed.number
         LEFT JOIN records ON records.agent = items.author AND records.seq = items.seq
         ORDER BY unindexed.number LIMIT ?1",
    )?;
    let mut rows = waiting_now.query([limit])?;
    let mut last: Option<i64> = None;
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        let title = row.get_ref(1)?.as_str_or_null()?.unwrap_or_default();
        let summary = row.get_ref(2)?.as_str_or_null()?.unwrap_or_default();
        let entry = row.get_ref(4)?.as_bytes_or_null()?;
        let words = match row.get(3)? {
            Some(kept) => kept,
            None => entry.and_then(described::words_in).unwrap_or_default(),
        };
        index(connection, number, title, summary, &words)?;
        last = Some(number);
    }
    drop(rows);
    connection
        .prepare_cached("DELETE FROM unindexed WHERE number <= ?1")?
        .execute([last])?;
    waiting(connection)
}

fn index(
    connection: &Connection,
    number: i64,
    title: &str,
    summary: &str,
    words: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO terms (rowid, title, summary, body) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![number, title, summary, words])?;
    Ok(())
}

fn unmark(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM unindexed WHERE number = ?1")?
        .execute([number])?;
    Ok(())
}

fn forget_text(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM texts WHERE number = ?1")?
        .execute([number])?;
    Ok(())
}
