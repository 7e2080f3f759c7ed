//! Applying a batch inside one transaction: exactly once, with the core's word on every change.

use chain::{ActionHash, AgentPubKey, Record, RecordEntry, record};
use db::rusqlite::{self, Connection, OptionalExtension as _, params};
use doorway_core::address::{Address, Claim};
use doorway_core::event::{self, Event};
use doorway_core::projector::{Change, Cursor, Known, Merge, Skip, Version, merge};

use super::{grant, rows, words};
use crate::store::described::{self, changes, tags};
use crate::store::{Applied, Apply, EVENTS_KEPT_MAX};

/// What became of a batch: the store's answer, or who holds the lease under which epoch.
pub(super) type Outcome = Result<Applied, (String, u64)>;

/// Applies a batch when the store stands where the batch starts, and the lease is held under its epoch.
pub(super) fn apply(connection: &Connection, apply: &Apply) -> rusqlite::Result<Outcome> {
    let batch = &apply.batch;
    if let Some(holder) = fence(connection, apply.epoch)? {
        return Ok(Err(holder));
    }
    let agent = batch.agent.to_string();
    let cursor = cursor_of(connection, &agent)?;
    if cursor.as_ref().map(|cursor| cursor.seq) != batch.after {
        return Ok(Ok(Applied::Elsewhere(cursor)));
    }
    keep(connection, &agent, &batch.records)?;
    claim(connection, &agent, &apply.claims)?;
    let (mut changed, mut skipped) = (Vec::new(), Vec::new());
    for change in &batch.changes {
        let (known, verdict) = put(connection, change, batch.is_bulk())?;
        changed.extend(event::changed(known.as_ref(), change, verdict));
        if let Merge::Skip(reason) = verdict {
            count_skip(connection, reason)?;
            skipped.push((change.seq(), reason));
        }
    }
    set_cursor(connection, &agent, &batch.cursor)?;
    let event = tell(connection, apply, changed)?;
    Ok(Ok(Applied::Stored { event, skipped }))
}

/// Returns who holds the lease, when it is not held under this epoch.
pub(super) fn fence(
    connection: &Connection,
    epoch: u64,
) -> rusqlite::Result<Option<(String, u64)>> {
    Ok(described::fence(&grant::table(connection)?, epoch))
}

/// Writes the event of a batch and forgets the oldest ones.
fn tell(
    connection: &Connection,
    apply: &Apply,
    changed: Vec<event::Changed>,
) -> rusqlite::Result<Event> {
    let newest: u64 = connection
        .prepare_cached("SELECT coalesce(max(number), 0) FROM events")?
        .query_row([], |row| row.get(0))?;
    let event = event::of(&apply.batch, newest + 1, apply.at, changed);
    connection
        .prepare_cached(
            "INSERT INTO events (number, at_us, agent, seq, head, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            event.number,
            event.at.as_micros(),
            event.agent.to_string(),
            event.seq,
            event.head.to_string(),
            changes(&event.changes),
        ])?;
    connection
        .prepare_cached("DELETE FROM events WHERE number <= ?1")?
        .execute([event.number.saturating_sub(EVENTS_KEPT_MAX)])?;
    Ok(event)
}

/// Keeps records as they were signed.
fn keep(connection: &Connection, agent: &str, records: &[Record]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO records (agent, seq, hash, action, signature, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for record in records {
        let entry = match record.entry() {
            RecordEntry::Present(entry) => Some(record::entry_bytes(entry)),
            RecordEntry::Hidden | RecordEntry::NA | RecordEntry::NotStored => None,
        };
        statement.execute(params![
            agent,
            record.action().action_seq(),
            record.action_address().to_string(),
            record::action_bytes(record.action()),
            record.signature().0.as_slice(),
            entry,
        ])?;
    }
    Ok(())
}

/// Notes who used which address, and when.
fn claim(connection: &Connection, agent: &str, claims: &[Claim]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO addresses (kind, course, slug, agent, number) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET number = min(number, excluded.number)",
    )?;
    for Claim {
        address: Address { kind, course, slug },
        number,
    } in claims
    {
        statement.execute(params![kind, course, slug, agent, number])?;
    }
    Ok(())
}

pub(super) fn cursor_of(connection: &Connection, agent: &str) -> rusqlite::Result<Option<Cursor>> {
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

/// Does what the core says about a change; returns what was known of its item before, and the core's word.
fn put(
    connection: &Connection,
    change: &Change,
    is_bulk: bool,
) -> rusqlite::Result<(Option<Known>, Merge)> {
    // Of a first version nothing can be known, since its item is named after it: asking is left to the insertion.
    if let Change::Put(version) = change
        && version.is_first
        && let verdict @ Merge::Insert = merge(None, change)
        && insert(connection, version, is_bulk)?
    {
        return Ok((None, verdict));
    }
    let held = change
        .item()
        .map(|item| held(connection, item))
        .transpose()?
        .flatten();
    let (number, known) = held.unzip();
    let verdict = merge(known.as_ref(), change);
    match (verdict, change, number) {
        (Merge::Replace, Change::Put(version), Some(number)) => {
            replace(connection, number, version, is_bulk)?;
        }
        (Merge::Withdraw, Change::Withdraw { .. }, Some(number)) => {
            withdraw(connection, number, change)?;
        }
        (Merge::Skip(_), ..) => {}
        (Merge::Insert | Merge::Replace | Merge::Withdraw, ..) => {
            unreachable!("the core gives each change a verdict of its own kind")
        }
    }
    Ok((known, verdict))
}

/// Returns what the store holds of an item, and the item's number.
///
/// Two plain questions: SQLite plans a join of these tables anew whenever another item is asked for.
fn held(connection: &Connection, item: &ActionHash) -> rusqlite::Result<Option<(i64, Known)>> {
    let found = connection
        .prepare_cached(
            "SELECT author, kind, is_withdrawn, reach, course, slug, number FROM items WHERE id = ?1",
        )?
        .query_row([item.to_string()], |row| {
            let author: String = row.get(0)?;
            let Ok(author) = AgentPubKey::try_from(author) else {
                return Ok(None);
            };
            let known = Known {
                author,
                kind: row.get(1)?,
                seq: 0,
                is_withdrawn: row.get(2)?,
                reach: described::reach_of(row.get(3)?),
                course: row.get(4)?,
                slug: row.get(5)?,
            };
            Ok(Some((row.get(6)?, known)))
        })
        .optional()?
        .flatten();
    let Some((number, mut known)) = found else {
        return Ok(None);
    };
    known.seq = connection
        .prepare_cached("SELECT MAX(seq) FROM versions WHERE item = ?1")?
        .query_row([number], |row| row.get(0))?;
    Ok(Some((number, known)))
}

/// Adds an item with its first version; false when there is one of this name.
fn insert(connection: &Connection, version: &Version, is_bulk: bool) -> rusqlite::Result<bool> {
    let described = described::describe(version);
    let added = connection
        .prepare_cached(
            "INSERT INTO items (id, kind, author, seq, action, reach, title, slug, course, summary, language,
                                licence, tags, created_at_us, changed_at_us, is_withdrawn)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, 0)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            version.item.to_string(),
            version.content.kind(),
            version.author.to_string(),
            version.seq,
            version.action.to_string(),
            described::reach_number(version.content.reach()),
            described.title,
            described.slug,
            described.course,
            described.summary,
            described.language,
            described.licence,
            tags(described.tags),
            version.at.as_micros(),
        ])?;
    if added == 0 {
        return Ok(false);
    }
    let number = connection.last_insert_rowid();
    words::note(connection, number, version, &described, is_bulk)?;
    remember(connection, number, version, "create")?;
    Ok(true)
}

fn replace(
    connection: &Connection,
    number: i64,
    version: &Version,
    is_bulk: bool,
) -> rusqlite::Result<()> {
    let described = described::describe(version);
    connection
        .prepare_cached(
            "UPDATE items SET seq = ?2, action = ?3, reach = ?4, title = ?5, slug = ?6, course = ?7,
                summary = ?8, language = ?9, licence = ?10, tags = ?11, changed_at_us = ?12,
                kind = CASE WHEN kind = 'content' AND slug = '' THEN ?13 ELSE kind END
             WHERE number = ?1",
        )?
        .execute(params![
            number,
            version.seq,
            version.action.to_string(),
            described::reach_number(version.content.reach()),
            described.title,
            described.slug,
            described.course,
            described.summary,
            described.language,
            described.licence,
            tags(described.tags),
            version.at.as_micros(),
            version.content.kind(),
        ])?;
    words::note(connection, number, version, &described, is_bulk)?;
    remember(connection, number, version, "update")
}

/// Notes a version, and the blob that holds its body when the record does not.
fn remember(
    connection: &Connection,
    number: i64,
    version: &Version,
    change: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO versions (item, seq, change, hash, at_us) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            number,
            version.seq,
            change,
            version.action.to_string(),
            version.at.as_micros(),
        ])?;
    if let Some(hash) = &version.spilled {
        connection
            .prepare_cached("INSERT INTO bodies (hash, item, seq, reach) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                hash.to_string(),
                version.item.to_string(),
                version.seq,
                described::reach_number(version.content.reach()),
            ])?;
    }
    Ok(())
}

fn withdraw(connection: &Connection, number: i64, change: &Change) -> rusqlite::Result<()> {
    let Change::Withdraw {
        action, seq, at, ..
    } = change
    else {
        return Ok(());
    };
    connection
        .prepare_cached("UPDATE items SET is_withdrawn = 1 WHERE number = ?1")?
        .execute([number])?;
    words::forget(connection, number)?;
    connection
        .prepare_cached(
            "INSERT INTO versions (item, seq, change, hash, at_us) VALUES (?1, ?2, 'delete', ?3, ?4)",
        )?
        .execute(params![number, seq, action.to_string(), at.as_micros()])?;
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
