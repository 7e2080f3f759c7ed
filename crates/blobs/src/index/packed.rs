//! Many rows in one: a table of blocks, each of which holds the rows of a range of keys.
//!
//! A block lies under a key that is at most the first of its own, and holds everything up to the next block. It is a list
//! of entries in the order of their keys – key, length (one byte), row – and ends with a CRC-32C over the key under which
//! it lies and the list. It fills most of one page, so that bringing many rows in costs about one page for each block,
//! whatever the number of rows in it.
//!
//! # Invariants
//!
//! * The first block lies under the lowest key there is.
//! * A block is never empty, and no longer than [`BLOCK_BYTES_MAX`].
//! * A block that does not fit its checksum is an error and never an answer.

use std::ops::{Bound, ControlFlow};

use redb::{ReadableTable, Table, TableDefinition};

use super::{IndexError, read_failed, write_failed};
use crate::rows::{Reader, Writer, sum_of};

/// A table of blocks whose rows have keys of `N` bytes.
pub(super) type Packed<const N: usize> = TableDefinition<'static, &'static [u8; N], &'static [u8]>;

/// The longest block in bytes: with its key it fits into a page of 4 KiB.
const BLOCK_BYTES_MAX: usize = 3_960;

/// How full blocks are made when there is more than fits into one, in bytes.
const BLOCK_BYTES: usize = 3_300;

/// Bytes of the checksum at the end.
const SUM_BYTES: usize = 4;

/// What is done with rows that change.
pub(super) trait Changes<R> {
    /// Tells whether there is to be a row, and writes it.
    fn write(&self, change: &R, row: &mut Writer) -> bool;

    /// Hears what there was before.
    fn replaced(&mut self, change: &R, before: Option<&[u8]>);
}

/// The entries of a block.
struct Entries<'a, const N: usize>(&'a [u8]);

impl<'a, const N: usize> Entries<'a, N> {
    /// Starts with the first entry; `None` when this is not what was written under the key.
    fn open(from: &[u8; N], block: &'a [u8]) -> Option<Self> {
        let (entries, sum) = block.split_last_chunk::<SUM_BYTES>()?;
        (sum_of(from, entries) == *sum).then_some(Self(entries))
    }

    /// Returns the next entry as its key, its row, and the whole of it; `None` at the end.
    fn next(&mut self) -> Option<(&'a [u8; N], &'a [u8], &'a [u8])> {
        let (key, rest) = self.0.split_first_chunk::<N>()?;
        let (len, rest) = rest.split_first()?;
        let (row, rest) = rest.split_at_checked(usize::from(*len))?;
        let (entry, _) = self.0.split_at(N + 1 + row.len());
        self.0 = rest;
        Some((key, row, entry))
    }
}

/// Finds a row.
pub(super) fn get<const N: usize, T>(
    table: &impl ReadableTable<&'static [u8; N], &'static [u8]>,
    key: &[u8; N],
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<Option<T>, IndexError> {
    let mut cursor = table
        .upper_bound(Bound::Included(key))
        .map_err(read_failed)?;
    let Some((from, block)) = cursor.peek_prev().map_err(read_failed)? else {
        return Ok(None);
    };
    let mut entries = Entries::open(from.value(), block.value()).ok_or(IndexError::Damaged)?;
    while let Some((found, row, _)) = entries.next() {
        if found >= key {
            return match found == key {
                true => read(&mut Reader(row)).ok_or(IndexError::Damaged).map(Some),
                false => Ok(None),
            };
        }
    }
    Ok(None)
}

/// Goes through the rows from a key on, in their order, as long as `look` wants more.
pub(super) fn each<const N: usize>(
    table: &impl ReadableTable<&'static [u8; N], &'static [u8]>,
    first: &[u8; N],
    mut look: impl FnMut(&[u8; N], &mut Reader<'_>) -> Option<ControlFlow<()>>,
) -> Result<(), IndexError> {
    let mut cursor = table
        .upper_bound(Bound::Included(first))
        .map_err(read_failed)?;
    cursor.prev().map_err(read_failed)?;
    while let Some((from, block)) = cursor.next().map_err(read_failed)? {
        let mut entries = Entries::open(from.value(), block.value()).ok_or(IndexError::Damaged)?;
        while let Some((key, row, _)) = entries.next() {
            if key < first {
                continue;
            }
            match look(key, &mut Reader(row)) {
                Some(ControlFlow::Continue(())) => {}
                Some(ControlFlow::Break(())) => return Ok(()),
                None => return Err(IndexError::Damaged),
            }
        }
    }
    Ok(())
}

/// Goes through the rows below a key, the last first, as long as `look` wants more.
pub(super) fn each_before<const N: usize>(
    table: &impl ReadableTable<&'static [u8; N], &'static [u8]>,
    end: &[u8; N],
    mut look: impl FnMut(&[u8; N], &mut Reader<'_>) -> Option<ControlFlow<()>>,
) -> Result<(), IndexError> {
    let mut cursor = table
        .lower_bound(Bound::Included(end))
        .map_err(read_failed)?;
    while let Some((from, block)) = cursor.prev().map_err(read_failed)? {
        let mut entries = Entries::open(from.value(), block.value()).ok_or(IndexError::Damaged)?;
        let mut rows = Vec::new();
        while let Some((key, row, _)) = entries.next()
            && key < end
        {
            rows.push((key, row));
        }
        for (key, row) in rows.into_iter().rev() {
            match look(key, &mut Reader(row)) {
                Some(ControlFlow::Continue(())) => {}
                Some(ControlFlow::Break(())) => return Ok(()),
                None => return Err(IndexError::Damaged),
            }
        }
    }
    Ok(())
}

/// Brings changes in, which are in the order of their keys, each key once.
pub(super) fn merge<const N: usize, R>(
    table: &mut Table<'_, &'static [u8; N], &'static [u8]>,
    changed: &[R],
    key_of: impl Fn(&R) -> [u8; N],
    changes: &mut impl Changes<R>,
) -> Result<(), IndexError> {
    let mut merged = Merged::default();
    let mut rest = changed;
    while let Some(first) = rest.first() {
        let (from, before, until) = block_of(table, &key_of(first))?;
        let count = match until {
            Some(until) => rest.partition_point(|change| key_of(change) < until),
            None => rest.len(),
        };
        let (here, behind) = rest.split_at(count);
        rest = behind;
        merged.clear();
        let mut entries = match &before {
            Some(block) => Entries::open(&from, block).ok_or(IndexError::Damaged)?,
            None => Entries(&[]),
        };
        let mut next = entries.next();
        for change in here {
            let key = key_of(change);
            while let Some((_, _, entry)) = next.filter(|(found, ..)| **found < key) {
                merged.keep(entry);
                next = entries.next();
            }
            let replaced = next.filter(|(found, ..)| **found == key);
            changes.replaced(change, replaced.map(|(_, row, _)| row));
            if replaced.is_some() {
                next = entries.next();
            }
            merged.write(&key, |row| changes.write(change, row));
        }
        while let Some((_, _, entry)) = next {
            merged.keep(entry);
            next = entries.next();
        }
        merged.put(table, &from, before.is_some())?;
    }
    Ok(())
}

/// A block with the key under which it lies, and the key of the next one.
type Found<const N: usize> = ([u8; N], Option<Vec<u8>>, Option<[u8; N]>);

/// Finds the block to which a key belongs.
fn block_of<const N: usize>(
    table: &Table<'_, &'static [u8; N], &'static [u8]>,
    key: &[u8; N],
) -> Result<Found<N>, IndexError> {
    let mut cursor = table
        .upper_bound(Bound::Included(key))
        .map_err(write_failed)?;
    let until = cursor.peek_next().map_err(write_failed)?;
    let until = until.map(|(until, _)| *until.value());
    let here = cursor.peek_prev().map_err(write_failed)?;
    Ok(match here {
        Some((from, block)) => (*from.value(), Some(block.value().to_vec()), until),
        None => ([0; N], None, until),
    })
}

/// Entries that were brought together.
#[derive(Default)]
struct Merged {
    bytes: Writer,
    /// Where each entry begins.
    starts: Vec<usize>,
}

impl Merged {
    fn clear(&mut self) {
        self.bytes.0.clear();
        self.starts.clear();
    }

    fn keep(&mut self, entry: &[u8]) {
        self.starts.push(self.bytes.0.len());
        self.bytes.0.extend_from_slice(entry);
    }

    fn write(&mut self, key: &[u8], write: impl FnOnce(&mut Writer) -> bool) {
        let start = self.bytes.0.len();
        self.bytes.0.extend_from_slice(key);
        self.bytes.byte(0);
        let row = self.bytes.0.len();
        if write(&mut self.bytes) {
            let len =
                u8::try_from(self.bytes.0.len() - row).expect("a row has less than 256 bytes");
            self.bytes.0[row - 1] = len;
            self.starts.push(start);
        } else {
            self.bytes.0.truncate(start);
        }
    }

    /// Puts the entries in place of the block that was there.
    fn put<const N: usize>(
        &self,
        table: &mut Table<'_, &'static [u8; N], &'static [u8]>,
        from: &[u8; N],
        was_there: bool,
    ) -> Result<(), IndexError> {
        if self.starts.is_empty() {
            if was_there {
                table.remove(from).map_err(write_failed)?;
            }
            return Ok(());
        }
        let total = self.bytes.0.len();
        let pieces = match total + SUM_BYTES <= BLOCK_BYTES_MAX {
            true => 1,
            false => total.div_ceil(BLOCK_BYTES),
        };
        let wanted = total.div_ceil(pieces);
        let mut block = Vec::with_capacity(BLOCK_BYTES_MAX);
        let mut start = 0;
        let mut lies_under = *from;
        while start < total {
            let index = self.starts.partition_point(|begun| *begun < start + wanted);
            let end = self.starts.get(index).copied().unwrap_or(total);
            block.clear();
            block.extend_from_slice(&self.bytes.0[start..end]);
            block.extend_from_slice(&sum_of(&lies_under, &self.bytes.0[start..end]));
            table
                .insert(&lies_under, &block[..])
                .map_err(write_failed)?;
            if let Some(key) = self.bytes.0[end..].first_chunk::<N>() {
                lies_under = *key;
            }
            start = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
