//! Pages of the index: members of a namespace, names, and what waits.

use super::{IndexError, Tables, read_failed};
use crate::rows::{BlobRow, MemberRow, NameRow, Reader, Writer, member_key};
use base::Timestamp;

/// Rows of names in the order of their keys.
pub(crate) type NamePage = Vec<(Vec<u8>, NameRow)>;

/// What waits, the newest first.
pub(crate) type QueuePage = Vec<Waiting>;

/// A blob that waits to be more than accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) lsn: u64,
    pub(crate) namespace: u16,
    pub(crate) hash: [u8; 32],
    pub(crate) bytes: u64,
    pub(crate) at: Timestamp,
}

/// Writes a row of the queue.
pub(super) fn queue_row(namespace: u16, hash: &[u8; 32], row: &MemberRow) -> Vec<u8> {
    let mut fields = Writer::new(56);
    fields.0.extend_from_slice(hash);
    fields.u64(u64::from(namespace));
    fields.u64(row.state.bytes);
    fields.time(row.state.accepted.at);
    fields.seal(&row.state.accepted_lsn.to_le_bytes())
}

fn read_waiting(lsn: u64, row: &[u8]) -> Option<Waiting> {
    let mut fields = Reader::open(&lsn.to_le_bytes(), row)?;
    Some(Waiting {
        lsn,
        hash: fields.array()?,
        namespace: fields.u64()?.try_into().ok()?,
        bytes: fields.u64()?,
        at: fields.time()?,
    })
}

impl Tables {
    /// Returns members of a namespace after `after` in the order of their hashes, at most `limit`.
    pub(crate) fn members(
        &self,
        namespace: u16,
        after: Option<&[u8; 32]>,
        limit: usize,
    ) -> Result<Vec<([u8; 32], MemberRow)>, IndexError> {
        let first = member_key(namespace, after.unwrap_or(&[0; 32]));
        let last = member_key(namespace, &[0xFF; 32]);
        let mut page = Vec::new();
        for row in self
            .members
            .range::<&[u8; 34]>(&first..=&last)
            .map_err(read_failed)?
        {
            let (key, row) = row.map_err(read_failed)?;
            let key = key.value();
            let hash: [u8; 32] = key[2..].try_into().expect("a key is 34 bytes long");
            if after == Some(&hash) {
                continue;
            }
            if page.len() == limit {
                break;
            }
            let row = MemberRow::decode(key, row.value()).ok_or(IndexError::Damaged)?;
            page.push((hash, row));
        }
        Ok(page)
    }

    /// Returns blobs after `after` in the order of their hashes, at most `limit`.
    pub(crate) fn blobs(
        &self,
        after: Option<&[u8; 32]>,
        limit: usize,
    ) -> Result<Vec<([u8; 32], BlobRow)>, IndexError> {
        let first = after.unwrap_or(&[0; 32]);
        let mut page = Vec::new();
        for row in self
            .blobs
            .range::<&[u8; 32]>(first..)
            .map_err(read_failed)?
        {
            let (key, row) = row.map_err(read_failed)?;
            let hash = *key.value();
            if after == Some(&hash) {
                continue;
            }
            if page.len() == limit {
                break;
            }
            let row = BlobRow::decode(&hash, row.value()).ok_or(IndexError::Damaged)?;
            page.push((hash, row));
        }
        Ok(page)
    }

    /// Returns names that begin with `prefix` and come after `after`, at most `limit`.
    pub(crate) fn names(
        &self,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<NamePage, IndexError> {
        let first = if after > prefix { after } else { prefix };
        let mut page = Vec::new();
        for row in self.names.range::<&[u8]>(first..).map_err(read_failed)? {
            let (key, row) = row.map_err(read_failed)?;
            let key = key.value();
            if !key.starts_with(prefix) || page.len() == limit {
                break;
            }
            if key == after {
                continue;
            }
            let row = NameRow::decode(key, row.value()).ok_or(IndexError::Damaged)?;
            page.push((key.to_vec(), row));
        }
        Ok(page)
    }

    /// Returns what waits and has a number below `before`, the newest first, at most `limit`.
    pub(crate) fn queue(&self, before: u64, limit: usize) -> Result<QueuePage, IndexError> {
        let mut page = Vec::new();
        for row in self
            .queue
            .range(..before)
            .map_err(read_failed)?
            .rev()
            .take(limit)
        {
            let (lsn, row) = row.map_err(read_failed)?;
            page.push(read_waiting(lsn.value(), row.value()).ok_or(IndexError::Damaged)?);
        }
        Ok(page)
    }

    /// Returns what waits and has at least this number, the oldest first, at most `limit`.
    pub(crate) fn queue_from(&self, from: u64, limit: usize) -> Result<QueuePage, IndexError> {
        let mut page = Vec::new();
        for row in self.queue.range(from..).map_err(read_failed)?.take(limit) {
            let (lsn, row) = row.map_err(read_failed)?;
            page.push(read_waiting(lsn.value(), row.value()).ok_or(IndexError::Damaged)?);
        }
        Ok(page)
    }
}
