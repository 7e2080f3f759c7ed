//! Bringing a layer into the index, in one transaction.
//!
//! # Invariants
//!
//! * A blob is in the filter before its layer can go.
//! * What waits is in the queue exactly once, under the number of the record with which it was accepted.

use std::ops::ControlFlow;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use redb::{
    Database, Durability, ReadableDatabase as _, ReadableTable, TableError, WriteTransaction,
};

use super::filter::Filter;
use super::packed::{self, Changes};
use super::{
    BLOBS, FILTER, IndexError, Lasting, MEMBERS, META, Meta, NAMES, QUEUE, read_failed,
    write_failed,
};
use crate::layers::{Held, Kept, Layer};
use crate::rows::{MemberRow, Reader, Writer, member_key};

/// The name under which the head of the filter lies.
const FILTER_HEAD: &str = "filter";

/// Writes a layer, the counts, and the number of the last record that they know of.
pub(super) fn write(
    database: &Database,
    filter: &ArcSwapOption<Filter>,
    layer: &Layer,
    meta: &Meta,
    lasting: Lasting,
) -> Result<(), IndexError> {
    let mut transaction = database.begin_write().map_err(write_failed)?;
    let durability = match lasting {
        Lasting::Stable => Durability::Immediate,
        Lasting::Loose => Durability::None,
    };
    transaction
        .set_durability(durability)
        .map_err(write_failed)?;
    // After a crash the index is there at once, without reading all of it.
    transaction.set_quick_repair(lasting == Lasting::Stable);
    let held = layer.hold();
    let rows = held.blobs();
    write_blobs(&transaction, filter, &rows)?;
    write_members(&transaction, &rows)?;
    write_names(&transaction, &held)?;
    drop(rows);
    drop(held);
    write_meta(&transaction, meta)?;
    if lasting == Lasting::Stable {
        write_filter(&transaction, filter, meta.lsn)?;
    }
    transaction.commit().map_err(write_failed)
}

/// A blob that changed, and its row as it is written.
type BlobChange<'a> = (&'a [u8; 32], Option<&'a [u8]>);

/// Writes rows of blobs.
struct BlobChanges<'a> {
    filter: Option<&'a Filter>,
}

impl Changes<BlobChange<'_>> for BlobChanges<'_> {
    fn write(&self, (_, written): &BlobChange<'_>, row: &mut Writer) -> bool {
        row.0.extend_from_slice(written.unwrap_or_default());
        written.is_some()
    }

    fn replaced(&mut self, (hash, _): &BlobChange<'_>, before: Option<&[u8]>) {
        if before.is_none()
            && let Some(filter) = self.filter
        {
            filter.add(hash);
        }
    }
}

fn write_blobs(
    transaction: &WriteTransaction,
    filter: &ArcSwapOption<Filter>,
    rows: &[(&[u8; 32], &Kept)],
) -> Result<(), IndexError> {
    let changed: Vec<BlobChange<'_>> = rows
        .iter()
        .filter_map(|(hash, kept)| {
            let written = kept.written().0?;
            Some((*hash, written.map(|(_, written)| written)))
        })
        .collect();
    let mut table = transaction.open_table(BLOBS).map_err(write_failed)?;
    let present = filter.load_full();
    let mut changes = BlobChanges {
        filter: present.as_deref(),
    };
    packed::merge(&mut table, &changed, |(hash, _)| **hash, &mut changes)?;
    if present.is_none_or(|present| present.is_full()) {
        filter.store(Some(Arc::new(made_again(&table)?)));
    }
    Ok(())
}

/// Makes the filter of all blobs of the index.
fn made_again(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
) -> Result<Filter, IndexError> {
    let mut blobs = 0;
    packed::each(table, &[0; 32], |_, _| {
        blobs += 1;
        Some(ControlFlow::Continue(()))
    })?;
    let filter = Filter::for_blobs(blobs);
    packed::each(table, &[0; 32], |hash, _| {
        filter.add(hash);
        Some(ControlFlow::Continue(()))
    })?;
    Ok(filter)
}

/// A member that changed.
struct MemberChange<'a> {
    namespace: u16,
    hash: &'a [u8; 32],
    /// Its row as it is written.
    written: Option<&'a [u8]>,
    /// The number of its record, when it waits.
    queued: Option<u64>,
}

/// What leaves the queue, or comes into it.
type QueueChange = (u64, Option<[u8; 34]>);

/// Writes rows of members, and notes what that does to the queue.
struct MemberChanges {
    queue: Vec<QueueChange>,
}

impl Changes<MemberChange<'_>> for MemberChanges {
    fn write(&self, change: &MemberChange<'_>, row: &mut Writer) -> bool {
        row.0.extend_from_slice(change.written.unwrap_or_default());
        change.written.is_some()
    }

    fn replaced(&mut self, change: &MemberChange<'_>, before: Option<&[u8]>) {
        let was = before
            .and_then(|before| MemberRow::read(&mut Reader(before)))
            .and_then(|before| queued(&before));
        if was != change.queued {
            self.queue.extend(was.map(|lsn| (lsn, None)));
            let key = member_key(change.namespace, change.hash);
            self.queue.extend(change.queued.map(|lsn| (lsn, Some(key))));
        }
    }
}

fn queued(row: &MemberRow) -> Option<u64> {
    row.is_queued().then_some(row.state.accepted_lsn)
}

/// Writes rows of the queue.
struct QueueChanges;

impl Changes<QueueChange> for QueueChanges {
    fn write(&self, (_, member): &QueueChange, row: &mut Writer) -> bool {
        if let Some(member) = member {
            row.0.extend_from_slice(member);
        }
        member.is_some()
    }

    fn replaced(&mut self, _: &QueueChange, _: Option<&[u8]>) {}
}

fn write_members(
    transaction: &WriteTransaction,
    rows: &[(&[u8; 32], &Kept)],
) -> Result<(), IndexError> {
    let mut changed: Vec<MemberChange<'_>> = Vec::with_capacity(rows.len());
    for (hash, kept) in rows {
        let mut members = kept.written().1;
        while let Some((namespace, row)) = members.next_written() {
            changed.push(MemberChange {
                namespace,
                hash,
                written: row.as_ref().map(|(_, written)| *written),
                queued: row.and_then(|(row, _)| queued(&row)),
            });
        }
    }
    // They are in the order of their hashes.
    changed.sort_by_key(|change| change.namespace);
    let mut table = transaction.open_table(MEMBERS).map_err(write_failed)?;
    let mut changes = MemberChanges {
        queue: Vec::with_capacity(changed.len()),
    };
    let key = |change: &MemberChange<'_>| member_key(change.namespace, change.hash);
    packed::merge(&mut table, &changed, key, &mut changes)?;
    drop(changed);
    let mut queue = changes.queue;
    // Where one leaves and another one comes, the one that comes stays.
    queue.sort_unstable_by_key(|(lsn, member)| (*lsn, member.is_none()));
    queue.dedup_by_key(|(lsn, _)| *lsn);
    let mut table = transaction.open_table(QUEUE).map_err(write_failed)?;
    let key = |(lsn, _): &QueueChange| lsn.to_be_bytes();
    packed::merge(&mut table, &queue, key, &mut QueueChanges)
}

fn write_names(transaction: &WriteTransaction, held: &Held<'_>) -> Result<(), IndexError> {
    let mut table = transaction.open_table(NAMES).map_err(write_failed)?;
    for (key, row) in held.names.iter() {
        match row {
            Some(row) => table.insert(&key[..], &row.encode(key)[..]),
            None => table.remove(&key[..]),
        }
        .map_err(write_failed)?;
    }
    Ok(())
}

fn write_meta(transaction: &WriteTransaction, meta: &Meta) -> Result<(), IndexError> {
    let mut table = transaction.open_table(META).map_err(write_failed)?;
    for (name, row) in [
        ("checkpoint", meta.encode()),
        ("space", meta.space.encode()),
    ] {
        table.insert(name, &row[..]).map_err(write_failed)?;
    }
    Ok(())
}

fn write_filter(
    transaction: &WriteTransaction,
    filter: &ArcSwapOption<Filter>,
    lsn: u64,
) -> Result<(), IndexError> {
    let Some(filter) = filter.load_full() else {
        return Ok(());
    };
    let mut table = transaction.open_table(FILTER).map_err(write_failed)?;
    for (index, piece) in filter.pieces() {
        table.insert(index, &piece[..]).map_err(write_failed)?;
    }
    let mut table = transaction.open_table(META).map_err(write_failed)?;
    table
        .insert(FILTER_HEAD, &filter.head(lsn)[..])
        .map_err(write_failed)?;
    Ok(())
}

/// Reads the filter that belongs to a checkpoint; `None` when there is none, and it is made again with the next one.
pub(super) fn read_filter(database: &Database, lsn: u64) -> Result<Option<Filter>, IndexError> {
    let transaction = database.begin_read().map_err(read_failed)?;
    let meta = transaction.open_table(META).map_err(read_failed)?;
    let Some(head) = meta.get(FILTER_HEAD).map_err(read_failed)? else {
        return Ok(None);
    };
    let Some(mut filter) = Filter::begin(lsn, head.value()) else {
        return Ok(None);
    };
    let table = match transaction.open_table(FILTER) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(read_failed(error)),
    };
    for row in table.iter().map_err(read_failed)? {
        let (index, piece) = row.map_err(read_failed)?;
        if filter.is_whole() {
            // A filter that was longer lay here before.
            break;
        }
        if !filter.take(index.value(), piece.value()) {
            return Err(IndexError::Damaged);
        }
    }
    Ok(filter.is_whole().then_some(filter))
}
