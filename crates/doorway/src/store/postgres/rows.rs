//! Rows of the server as Rust values.

use chain::{ActionHash, AgentPubKey, Record, record};
use db::Fault;
use db::tokio_postgres::Row as Found;
use db::tokio_postgres::types::{FromSql, ToSql};
use doorway_core::event::Event;
use doorway_core::projector::{Cursor, Known};

use crate::store::described::{self, reach_of};
use crate::store::{Row, StoreError, VersionRow};

/// A value of a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

/// Number of the columns of an item, as `columns!` lists them.
pub(super) const COLUMNS_LEN: usize = 16;

/// What a fault of the database means for a caller.
pub(super) fn failed(fault: Fault) -> StoreError {
    match fault {
        Fault::DiskFull => StoreError::DiskFull,
        // After a commit with an unknown outcome the cursor tells what is there.
        Fault::Unreachable(_) | Fault::OutcomeUnknown(_) | Fault::Overloaded | Fault::Conflict => {
            StoreError::Unreachable(base::told(&fault))
        }
        Fault::Corrupt(_)
        | Fault::Io(_)
        | Fault::Poisoned
        | Fault::TransactionEnded
        | Fault::Closed
        | Fault::Sql(_)
        | Fault::ReadOnly
        | Fault::Server(_)
        | Fault::Statement(_) => StoreError::Failed(base::told(&fault)),
    }
}

/// Reads one column.
pub(super) fn get<'a, T: FromSql<'a>>(found: &'a Found, column: usize) -> Result<T, StoreError> {
    found
        .try_get(column)
        .map_err(|error| StoreError::Damaged(base::told(&error)))
}

/// Reads a number that is never negative.
pub(super) fn number<T: TryFrom<i64>>(found: &Found, column: usize) -> Result<T, StoreError> {
    let number: i64 = get(found, column)?;
    T::try_from(number).map_err(|_| StoreError::Damaged(format!("number {number}")))
}

/// Reads a text that says a hash or a key.
fn parsed<T: TryFrom<String>>(found: &Found, column: usize) -> Result<T, StoreError> {
    let text: String = get(found, column)?;
    T::try_from(text.clone()).map_err(|_| StoreError::Damaged(text))
}

/// Reads a reach.
pub(super) fn reach(found: &Found, column: usize) -> Result<base::Reach, StoreError> {
    let number: i16 = get(found, column)?;
    Ok(u8::try_from(number).map(reach_of).unwrap_or_default())
}

/// Reads an item, as `columns!` lists it.
pub(super) fn row(found: &Found) -> Result<Row, StoreError> {
    let id: String = get(found, 0)?;
    let tags: String = get(found, 12)?;
    Ok(Row {
        kind: get(found, 1)?,
        author: get(found, 2)?,
        seq: number(found, 3)?,
        action: get(found, 4)?,
        reach: reach(found, 5)?,
        title: get(found, 6)?,
        slug: get(found, 7)?,
        course: get(found, 8)?,
        summary: get(found, 9)?,
        language: get(found, 10)?,
        licence: get(found, 11)?,
        tags: serde_json::from_str(&tags).map_err(|_| StoreError::Damaged(id.clone()))?,
        created_at_us: get(found, 13)?,
        changed_at_us: get(found, 14)?,
        is_withdrawn: get(found, 15)?,
        id,
    })
}

/// Reads a version: `seq, change, hash, at_us, action, signature, entry`.
pub(super) fn version(found: &Found) -> Result<VersionRow, StoreError> {
    let action: Option<&[u8]> = get(found, 4)?;
    Ok(VersionRow {
        seq: number(found, 0)?,
        change: get(found, 1)?,
        hash: get(found, 2)?,
        at_us: get(found, 3)?,
        record: action.map(|_| record_at(found, 4)).transpose()?,
    })
}

/// Reads a record whose columns `action, signature, entry` begin at `column`.
pub(super) fn record_at(found: &Found, column: usize) -> Result<Record, StoreError> {
    let action = get(found, column)?;
    let signature = get(found, column + 1)?;
    record::decode(action, signature, get(found, column + 2)?)
        .map_err(|error| StoreError::Damaged(format!("a record: {error}")))
}

/// Reads an event: `number, at_us, agent, seq, head, changes`.
pub(super) fn event(found: &Found) -> Result<Event, StoreError> {
    let changes: String = get(found, 5)?;
    let number: u64 = number(found, 0)?;
    Ok(Event {
        number,
        at: base::Timestamp(get(found, 1)?),
        agent: parsed::<AgentPubKey>(found, 2)?,
        seq: self::number(found, 3)?,
        head: parsed::<ActionHash>(found, 4)?,
        changes: described::changes_of(&changes)
            .map_err(|_| StoreError::Damaged(format!("event {number}")))?,
    })
}

/// Reads a cursor: `agent, seq, hash, at_us, is_closed`.
pub(super) fn cursor(found: &Found) -> Result<(AgentPubKey, Cursor), StoreError> {
    let cursor = Cursor {
        seq: number(found, 1)?,
        hash: parsed::<ActionHash>(found, 2)?,
        timestamp: base::Timestamp(get(found, 3)?),
        is_closed: get(found, 4)?,
    };
    Ok((parsed::<AgentPubKey>(found, 0)?, cursor))
}

/// Reads what is known of an item: `id, author, kind, seq, is_withdrawn, reach, course, slug`.
pub(super) fn known(found: &Found) -> Result<(String, Known), StoreError> {
    let known = Known {
        author: parsed::<AgentPubKey>(found, 1)?,
        kind: get(found, 2)?,
        seq: number(found, 3)?,
        is_withdrawn: get(found, 4)?,
        reach: reach(found, 5)?,
        course: get(found, 6)?,
        slug: get(found, 7)?,
    };
    Ok((get(found, 0)?, known))
}
