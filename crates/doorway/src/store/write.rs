//! Applying a batch inside one transaction: exactly once, with the core's word on every change.

use chain::{ActionHash, AgentPubKey, RecordEntry, record};
use db::rusqlite::{self, Connection, OptionalExtension as _, params};
use doorway_core::projector::{Batch, Change, Cursor, Known, Merge, Skip, Version, merge};

use super::{Applied, rows};

/// Applies a batch when the store stands where the batch starts.
pub(super) fn apply(connection: &Connection, batch: &Batch) -> rusqlite::Result<Applied> {
    let agent = batch.agent.to_string();
    let cursor = cursor_of(connection, &agent)?;
    if cursor.as_ref().map(|cursor| cursor.seq) != batch.after {
        return Ok(Applied::Elsewhere(cursor));
    }
    let (mut changed, mut skipped) = (Vec::new(), Vec::new());
    for change in &batch.changes {
        let known = change
            .item()
            .map(|item| known(connection, item))
            .transpose()?
            .flatten();
        let verdict = merge(known.as_ref(), change);
        match (verdict, change) {
            (Merge::Insert, Change::Put(version)) => {
                insert(connection, version)?;
                changed.push(version.item.to_string());
            }
            (Merge::Replace, Change::Put(version)) => {
                replace(connection, version)?;
                changed.push(version.item.to_string());
            }
            (Merge::Withdraw, Change::Withdraw { item, .. }) => {
                withdraw(connection, change)?;
                changed.push(item.to_string());
            }
            (Merge::Skip(reason), _) => {
                count_skip(connection, reason)?;
                skipped.push((change.seq(), reason));
            }
            (Merge::Insert | Merge::Replace | Merge::Withdraw, _) => {
                unreachable!("the core gives each change a verdict of its own kind")
            }
        }
    }
    set_cursor(connection, &agent, &batch.cursor)?;
    Ok(Applied::Stored { changed, skipped })
}

fn cursor_of(connection: &Connection, agent: &str) -> rusqlite::Result<Option<Cursor>> {
    connection
        .prepare_cached("SELECT agent, seq, hash, at_us, is_closed FROM cursors WHERE agent = ?1")?
        .query_row([agent], rows::cursor)
        .optional()
        .map(|found| found.map(|(_, cursor)| cursor))
}

fn set_cursor(connection: &Connection, agent: &str, cursor: &Cursor) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO cursors (agent, seq, hash, at_us, is_closed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (agent) DO UPDATE SET seq = ?2, hash = ?3, at_us = ?4, is_closed = ?5",
        )?
        .execute(params![
            agent,
            cursor.seq,
            cursor.hash.to_string(),
            cursor.timestamp.as_micros(),
            cursor.is_closed,
        ])?;
    Ok(())
}

/// Returns what the store holds of an item.
fn known(connection: &Connection, item: &ActionHash) -> rusqlite::Result<Option<Known>> {
    let found: Option<(String, String, u32, bool)> = connection
        .prepare_cached(
            "SELECT items.author, items.kind, MAX(versions.seq), items.is_withdrawn
             FROM items JOIN versions ON versions.item = items.id
             WHERE items.id = ?1 GROUP BY items.id",
        )?
        .query_row([item.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    Ok(found.and_then(|(author, kind, seq, is_withdrawn)| {
        let author = AgentPubKey::try_from(author).ok()?;
        Some(Known {
            author,
            kind,
            seq,
            is_withdrawn,
        })
    }))
}

fn insert(connection: &Connection, version: &Version) -> rusqlite::Result<()> {
    let described = rows::describe(version);
    connection
        .prepare_cached(
            "INSERT INTO items (id, kind, author, seq, action, reach, title, slug, course, summary, language,
                                licence, tags, created_at_us, changed_at_us, is_withdrawn)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, 0)",
        )?
        .execute(params![
            version.item.to_string(),
            version.content.kind(),
            version.author.to_string(),
            version.seq,
            version.action.to_string(),
            rows::reach_number(version.content.reach()),
            described.title,
            described.slug,
            described.course,
            described.summary,
            described.language,
            described.licence,
            tags(described.tags),
            version.at.as_micros(),
        ])?;
    if let Some(words) = &described.words {
        connection
            .prepare_cached(
                "INSERT INTO words (rowid, title, summary, body) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                connection.last_insert_rowid(),
                described.title,
                described.summary,
                words
            ])?;
    }
    keep(connection, version, "create")
}

fn replace(connection: &Connection, version: &Version) -> rusqlite::Result<()> {
    let described = rows::describe(version);
    let id = version.item.to_string();
    connection
        .prepare_cached(
            "UPDATE items SET seq = ?2, action = ?3, reach = ?4, title = ?5, slug = ?6, course = ?7,
                summary = ?8, language = ?9, licence = ?10, tags = ?11, changed_at_us = ?12
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            version.seq,
            version.action.to_string(),
            rows::reach_number(version.content.reach()),
            described.title,
            described.slug,
            described.course,
            described.summary,
            described.language,
            described.licence,
            tags(described.tags),
            version.at.as_micros(),
        ])?;
    if let Some(words) = &described.words {
        connection
            .prepare_cached(
                "UPDATE words SET title = ?2, summary = ?3, body = ?4
                 WHERE rowid = (SELECT number FROM items WHERE id = ?1)",
            )?
            .execute(params![id, described.title, described.summary, words])?;
    }
    keep(connection, version, "update")
}

/// Keeps the signed record of a version.
fn keep(connection: &Connection, version: &Version, change: &str) -> rusqlite::Result<()> {
    let entry = match version.record.entry() {
        RecordEntry::Present(entry) => Some(record::entry_bytes(entry)),
        RecordEntry::Hidden | RecordEntry::NA | RecordEntry::NotStored => None,
    };
    connection
        .prepare_cached(
            "INSERT INTO versions (item, seq, change, hash, at_us, action, signature, entry)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            version.item.to_string(),
            version.seq,
            change,
            version.action.to_string(),
            version.at.as_micros(),
            record::action_bytes(version.record.action()),
            version.record.signature().0.as_slice(),
            entry,
        ])?;
    Ok(())
}

fn withdraw(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    let Change::Withdraw {
        item,
        action,
        seq,
        at,
        ..
    } = change
    else {
        return Ok(());
    };
    let id = item.to_string();
    connection
        .prepare_cached("UPDATE items SET is_withdrawn = 1 WHERE id = ?1")?
        .execute([&id])?;
    connection
        .prepare_cached("DELETE FROM words WHERE rowid = (SELECT number FROM items WHERE id = ?1)")?
        .execute([&id])?;
    connection
        .prepare_cached(
            "INSERT INTO versions (item, seq, change, hash, at_us) VALUES (?1, ?2, 'delete', ?3, ?4)",
        )?
        .execute(params![id, seq, action.to_string(), at.as_micros()])?;
    Ok(())
}

fn count_skip(connection: &Connection, reason: Skip) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO skips (reason, count) VALUES (?1, 1)
             ON CONFLICT (reason) DO UPDATE SET count = count + 1",
        )?
        .execute([reason.as_str()])?;
    Ok(())
}

fn tags(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("texts can be said in JSON")
}
