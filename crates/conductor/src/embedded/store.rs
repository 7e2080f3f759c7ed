//! Every statement of the embedded engine. Functions run inside of one transaction; none of them decides anything.

use base::Timestamp;
use chain::author::Draft;
use chain::record::{self, decode_action, decode_entry};
use chain::{ActionData, ActionHash, Head, Record};
use db::rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{CallFault, CellId, Fault};

/// What is known of a cell before a change.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) is_enabled: bool,
    pub(super) head: Option<Head>,
    pub(super) is_closed: bool,
    /// Whether actions wait for their signatures.
    pub(super) has_staged: bool,
}

/// An action that waits for its signature.
pub(super) struct StagedRow {
    pub(super) seq: u32,
    pub(super) action: Vec<u8>,
    pub(super) entry: Option<Vec<u8>>,
}

/// A signed and verified record on its way into the table.
pub(super) struct SignedRow {
    pub(super) seq: u32,
    pub(super) action: Vec<u8>,
    pub(super) action_hash: ActionHash,
    pub(super) signature: [u8; 64],
    pub(super) entry_hash: Option<Vec<u8>>,
    /// Bytes of the entry; `None` for one that was stored when it was staged.
    pub(super) entry: Option<Vec<u8>>,
    /// Bytes that the record adds to its cell.
    pub(super) bytes: u64,
}

/// A stored record without its entry.
pub(super) struct StoredRow {
    pub(super) record: Record,
    pub(super) has_entry: bool,
}

impl StagedRow {
    /// Makes the bytes of a draft.
    pub(super) fn of(draft: &Draft) -> Self {
        Self {
            seq: draft.action.action_seq(),
            action: record::action_bytes(&draft.action),
            entry: draft.entry.as_ref().map(record::entry_bytes),
        }
    }
}

impl SignedRow {
    /// Makes the row of a record whose hashes were computed here.
    pub(super) fn of(record: &Record, action_hash: ActionHash) -> Self {
        let action = record::action_bytes(record.action());
        let entry = record::present(record).map(record::entry_bytes);
        let bytes = action.len() + entry.as_ref().map_or(0, Vec::len);
        Self {
            seq: record.action().action_seq(),
            action,
            action_hash,
            signature: record.signature().0,
            entry_hash: record
                .action()
                .entry_hash()
                .map(|hash| hash.get_raw_39().to_vec()),
            entry,
            bytes: bytes as u64,
        }
    }

    /// The same row for a record whose entry is in its table since it was staged.
    pub(super) fn without_entry(mut self) -> Self {
        self.entry = None;
        self
    }
}

/// The key of a cell in every table.
fn key(cell: &CellId) -> (&[u8], &[u8]) {
    (cell.dna.get_raw_39(), cell.agent.get_raw_39())
}

/// Loads what a change needs to know; `None` when the cell is not hosted.
pub(super) fn load(tx: &Connection, cell: &CellId) -> Result<Option<Loaded>, Fault> {
    let is_enabled: Option<bool> = tx
        .prepare_cached("SELECT is_enabled FROM cells WHERE dna = ?1 AND agent = ?2")?
        .query_row(key(cell), |row| row.get(0))
        .optional()?;
    let Some(is_enabled) = is_enabled else {
        return Ok(None);
    };
    let (head, is_closed) = load_head(tx, cell)?;
    let has_staged = tx
        .prepare_cached("SELECT 1 FROM staged WHERE dna = ?1 AND agent = ?2 LIMIT 1")?
        .exists(key(cell))?;
    Ok(Some(Loaded {
        is_enabled,
        head,
        is_closed,
        has_staged,
    }))
}

/// Returns the newest record's place, and whether it closes the chain.
pub(super) fn load_head(tx: &Connection, cell: &CellId) -> Result<(Option<Head>, bool), Fault> {
    let last: Option<(u32, Vec<u8>, Vec<u8>)> = tx
        .prepare_cached(
            "SELECT seq, action, action_hash FROM records
             WHERE dna = ?1 AND agent = ?2 ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(key(cell), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((seq, bytes, hash)) = last else {
        return Ok((None, false));
    };
    let damaged = Fault::Damaged { seq };
    let Ok(action) = decode_action(&bytes) else {
        return Err(damaged);
    };
    let found = record::action_hash(&action);
    if found.get_raw_39() != hash.as_slice() || action.action_seq() != seq {
        return Err(damaged);
    }
    let head = Head {
        seq,
        hash: found,
        timestamp: Timestamp(action.timestamp().as_micros()),
    };
    Ok((Some(head), matches!(action.data, ActionData::CloseChain(_))))
}

/// Keeps actions, and their entries, until they are signed.
pub(super) fn stage(tx: &Connection, cell: &CellId, rows: &[StagedRow]) -> Result<(), Fault> {
    let (dna, agent) = key(cell);
    for row in rows {
        tx.prepare_cached("INSERT INTO staged (dna, agent, seq, action) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![dna, agent, row.seq, row.action])?;
        if let Some(entry) = &row.entry {
            insert_entry(tx, cell, row.seq, entry)?;
        }
    }
    Ok(())
}

/// Reads the actions that wait for their signatures, in order.
pub(super) fn staged(tx: &Connection, cell: &CellId) -> Result<Vec<Draft>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT staged.seq, staged.action, entries.entry
         FROM staged LEFT JOIN entries USING (dna, agent, seq)
         WHERE staged.dna = ?1 AND staged.agent = ?2 ORDER BY staged.seq",
    )?;
    let mut rows = statement.query(key(cell))?;
    let mut drafts = Vec::new();
    while let Some(row) = rows.next()? {
        let seq: u32 = row.get(0)?;
        let damaged = |_| Fault::Damaged { seq };
        let action = decode_action(
            row.get_ref(1)?
                .as_blob()
                .map_err(db::rusqlite::Error::from)?,
        )
        .map_err(damaged)?;
        let entry: Option<Vec<u8>> = row.get(2)?;
        let entry = entry
            .map(|bytes| decode_entry(&bytes))
            .transpose()
            .map_err(damaged)?;
        drafts.push(Draft { action, entry });
    }
    Ok(drafts)
}

/// Forgets the actions that were not signed, with their entries.
pub(super) fn unstage(tx: &Connection, cell: &CellId) -> Result<(), Fault> {
    tx.prepare_cached(
        "DELETE FROM entries WHERE dna = ?1 AND agent = ?2 AND seq IN
         (SELECT seq FROM staged WHERE dna = ?1 AND agent = ?2)",
    )?
    .execute(key(cell))?;
    tx.prepare_cached("DELETE FROM staged WHERE dna = ?1 AND agent = ?2")?
        .execute(key(cell))?;
    Ok(())
}

/// Takes a record out of those that wait, because it is signed now.
///
/// Answers false when exactly these bytes were not waiting.
pub(super) fn release(tx: &Connection, cell: &CellId, row: &SignedRow) -> Result<bool, Fault> {
    let (dna, agent) = key(cell);
    let released = tx
        .prepare_cached(
            "DELETE FROM staged WHERE dna = ?1 AND agent = ?2 AND seq = ?3 AND action = ?4",
        )?
        .execute(params![dna, agent, row.seq, row.action])?;
    Ok(released == 1)
}

/// Puts records into the chain. The primary key refuses a second record at one place.
pub(super) fn insert(tx: &Connection, cell: &CellId, rows: &[SignedRow]) -> Result<(), Fault> {
    let (dna, agent) = key(cell);
    let mut bytes = 0;
    for row in rows {
        tx.prepare_cached(
            "INSERT INTO records (dna, agent, seq, action, action_hash, signature, entry_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            dna,
            agent,
            row.seq,
            row.action,
            row.action_hash.get_raw_39(),
            row.signature,
            row.entry_hash
        ])?;
        if let Some(entry) = &row.entry {
            insert_entry(tx, cell, row.seq, entry)?;
        }
        bytes += row.bytes;
    }
    add_bytes(tx, cell, bytes)
}

/// Fills in the entry of a record that came without it.
pub(super) fn fill(tx: &Connection, cell: &CellId, seq: u32, entry: &[u8]) -> Result<(), Fault> {
    insert_entry(tx, cell, seq, entry)?;
    add_bytes(tx, cell, entry.len() as u64)
}

fn insert_entry(tx: &Connection, cell: &CellId, seq: u32, entry: &[u8]) -> Result<(), Fault> {
    let (dna, agent) = key(cell);
    tx.prepare_cached("INSERT INTO entries (dna, agent, seq, entry) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![dna, agent, seq, entry])?;
    Ok(())
}

fn add_bytes(tx: &Connection, cell: &CellId, bytes: u64) -> Result<(), Fault> {
    let (dna, agent) = key(cell);
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    tx.prepare_cached("UPDATE cells SET bytes = bytes + ?3 WHERE dna = ?1 AND agent = ?2")?
        .execute(params![dna, agent, bytes])?;
    Ok(())
}

/// Reads the records from `first` to `last` without their entries, in order.
pub(super) fn stored(
    tx: &Connection,
    cell: &CellId,
    first: u32,
    last: u32,
) -> Result<Vec<StoredRow>, Fault> {
    let (dna, agent) = key(cell);
    let mut statement = tx.prepare_cached(
        "SELECT seq, action, action_hash, signature, NULL,
                EXISTS (SELECT 1 FROM entries WHERE entries.dna = records.dna
                        AND entries.agent = records.agent AND entries.seq = records.seq)
         FROM records WHERE dna = ?1 AND agent = ?2 AND seq BETWEEN ?3 AND ?4 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![dna, agent, first, last])?;
    let mut stored = Vec::new();
    let mut wanted = first;
    while let Some(row) = rows.next()? {
        let has_entry = row.get(5)?;
        let record = read_record(row, wanted)?;
        stored.push(StoredRow { record, has_entry });
        wanted = wanted.saturating_add(1);
    }
    Ok(stored)
}

/// Reads a page of whole records, from `first` on. Stops early when `bytes_max` is passed; one record always fits.
pub(super) fn page(
    tx: &Connection,
    cell: &CellId,
    first: u32,
    limit: u32,
    bytes_max: u64,
) -> Result<Vec<Record>, Fault> {
    let (dna, agent) = key(cell);
    let mut statement = tx.prepare_cached(
        "SELECT records.seq, action, action_hash, signature, entry
         FROM records LEFT JOIN entries USING (dna, agent, seq)
         WHERE records.dna = ?1 AND records.agent = ?2 AND records.seq >= ?3
         ORDER BY records.seq LIMIT ?4",
    )?;
    let mut rows = statement.query(params![dna, agent, first, limit])?;
    let mut records = Vec::new();
    let (mut wanted, mut bytes) = (first, 0);
    while let Some(row) = rows.next()? {
        records.push(read_record(row, wanted)?);
        wanted = wanted.saturating_add(1);
        bytes += row_bytes(row)?;
        if bytes >= bytes_max {
            break;
        }
    }
    Ok(records)
}

/// Finds one record by the hash of its action.
pub(super) fn find(
    tx: &Connection,
    cell: &CellId,
    action: &ActionHash,
) -> Result<Option<Record>, Fault> {
    let (dna, agent) = key(cell);
    let mut statement = tx.prepare_cached(
        "SELECT records.seq, action, action_hash, signature, entry
         FROM records LEFT JOIN entries USING (dna, agent, seq)
         WHERE action_hash = ?3 AND records.dna = ?1 AND records.agent = ?2",
    )?;
    let mut rows = statement.query(params![dna, agent, action.get_raw_39()])?;
    match rows.next()? {
        Some(row) => {
            let seq = row.get(0)?;
            read_record(row, seq).map(Some)
        }
        None => Ok(None),
    }
}

fn row_bytes(row: &Row<'_>) -> Result<u64, Fault> {
    let action = row
        .get_ref(1)?
        .as_blob()
        .map_err(db::rusqlite::Error::from)?;
    let entry = row
        .get_ref(4)?
        .as_blob_or_null()
        .map_err(db::rusqlite::Error::from)?;
    Ok((action.len() + entry.map_or(0, <[u8]>::len)) as u64)
}

/// Reads `seq, action, action_hash, signature, entry` and checks that they belong together and to this place.
fn read_record(row: &Row<'_>, wanted: u32) -> Result<Record, Fault> {
    let seq: u32 = row.get(0)?;
    if seq != wanted {
        return Err(Fault::Damaged { seq: wanted });
    }
    let damaged = || Fault::Damaged { seq };
    let blob =
        |column| -> Result<&[u8], Fault> { row.get_ref(column)?.as_blob().map_err(|_| damaged()) };
    let entry = row.get_ref(4)?.as_blob_or_null().map_err(|_| damaged())?;
    let record = record::decode(blob(1)?, blob(3)?, entry).map_err(|_| damaged())?;
    let has_its_place = record.action().action_seq() == seq;
    let has_its_hash = record.action_address().get_raw_39() == blob(2)?;
    let has_its_entry = record::present(&record)
        .is_none_or(|entry| record.action().entry_hash() == Some(&record::entry_hash(entry)));
    if has_its_place && has_its_hash && has_its_entry {
        Ok(record)
    } else {
        Err(damaged())
    }
}

/// Remembers a nonce until it expires, and refuses one that is remembered.
pub(super) fn witness_nonce(
    tx: &Connection,
    cell: &CellId,
    nonce: &[u8],
    expires: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<(), Fault> {
    let agent = cell.agent.get_raw_39();
    tx.prepare_cached("DELETE FROM nonces WHERE expires <= ?1")?
        .execute([now.as_micros()])?;
    let count: u32 = tx
        .prepare_cached("SELECT count(*) FROM nonces WHERE agent = ?1")?
        .query_row([agent], |row| row.get(0))?;
    if count >= limit {
        return Err(CallFault::TooManyCalls { limit }.into());
    }
    let inserted = tx
        .prepare_cached("INSERT OR IGNORE INTO nonces (agent, nonce, expires) VALUES (?1, ?2, ?3)")?
        .execute(params![agent, nonce, expires.as_micros()])?;
    if inserted == 0 {
        return Err(CallFault::NonceDuplicate.into());
    }
    Ok(())
}
