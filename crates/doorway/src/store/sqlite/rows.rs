//! Rows of the tables as Rust values, and back.

use chain::{ActionHash, AgentPubKey, Record, record};
use db::rusqlite::{self, types::Type};
use doorway_core::event::Event;
use doorway_core::projector::Cursor;

use crate::store::described::{self, reach_of};
use crate::store::{Row, VersionRow};

/// The columns of [`Row`], in the order in which [`row`] reads them.
pub(super) const COLUMNS: &str = "items.id, items.kind, items.author, items.seq, items.action, items.reach, \
     items.title, items.slug, items.course, items.summary, items.language, items.licence, items.tags, \
     items.created_at_us, items.changed_at_us, items.is_withdrawn";

/// Number of those columns.
pub(super) const COLUMNS_LEN: usize = 16;

/// Reads an item.
pub(super) fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let reach: u8 = row.get(5)?;
    let tags: String = row.get(12)?;
    Ok(Row {
        id: row.get(0)?,
        kind: row.get(1)?,
        author: row.get(2)?,
        seq: row.get(3)?,
        action: row.get(4)?,
        reach: reach_of(reach),
        title: row.get(6)?,
        slug: row.get(7)?,
        course: row.get(8)?,
        summary: row.get(9)?,
        language: row.get(10)?,
        licence: row.get(11)?,
        tags: serde_json::from_str(&tags).map_err(|error| damaged(12, error))?,
        created_at_us: row.get(13)?,
        changed_at_us: row.get(14)?,
        is_withdrawn: row.get(15)?,
    })
}

/// Reads a version: `seq, change, hash, at_us, action, signature, entry`.
pub(super) fn version(row: &rusqlite::Row<'_>) -> rusqlite::Result<VersionRow> {
    let action: Option<Vec<u8>> = row.get(4)?;
    let signature: Option<Vec<u8>> = row.get(5)?;
    let entry: Option<Vec<u8>> = row.get(6)?;
    let record: Option<Record> = action
        .zip(signature)
        .map(|(action, signature)| record::decode(&action, &signature, entry.as_deref()))
        .transpose()
        .map_err(|error| damaged(4, error))?;
    Ok(VersionRow {
        seq: row.get(0)?,
        change: row.get(1)?,
        hash: row.get(2)?,
        at_us: row.get(3)?,
        record,
    })
}

/// Reads a record: `action, signature, entry`.
pub(super) fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<Record> {
    let (action, signature): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
    let entry: Option<Vec<u8>> = row.get(2)?;
    record::decode(&action, &signature, entry.as_deref()).map_err(|error| damaged(0, error))
}

/// Reads an event: `number, at_us, agent, seq, head, changes`.
pub(super) fn event(row: &rusqlite::Row<'_>) -> rusqlite::Result<Event> {
    let (agent, head, changes): (String, String, String) = (row.get(2)?, row.get(4)?, row.get(5)?);
    Ok(Event {
        number: row.get(0)?,
        at: base::Timestamp(row.get(1)?),
        agent: AgentPubKey::try_from(agent).map_err(|error| damaged(2, error))?,
        seq: row.get(3)?,
        head: ActionHash::try_from(head).map_err(|error| damaged(4, error))?,
        changes: described::changes_of(&changes).map_err(|error| damaged(5, error))?,
    })
}

/// Reads a cursor: `agent, seq, hash, at_us, is_closed`.
pub(super) fn cursor(row: &rusqlite::Row<'_>) -> rusqlite::Result<(AgentPubKey, Cursor)> {
    let agent: String = row.get(0)?;
    let hash: String = row.get(2)?;
    let cursor = Cursor {
        seq: row.get(1)?,
        hash: ActionHash::try_from(hash).map_err(|error| damaged(2, error))?,
        timestamp: base::Timestamp(row.get(3)?),
        is_closed: row.get(4)?,
    };
    let agent = AgentPubKey::try_from(agent).map_err(|error| damaged(0, error))?;
    Ok((agent, cursor))
}

fn damaged(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
