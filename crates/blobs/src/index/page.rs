//! Pages of the index: members of a namespace, names, and what waits.

use std::ops::ControlFlow;

use super::{IndexError, Tables, packed, read_failed};
use crate::rows::{BlobRow, MemberRow, NameRow, Reader, member_key};
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

/// Goes on until a page is full.
const fn until_full(len: usize, limit: usize) -> ControlFlow<()> {
    if len < limit {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
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
        let mut page = Vec::new();
        if limit == 0 {
            return Ok(page);
        }
        packed::each(&self.members, &first, |key, row| {
            let (of, hash) = key.split_first_chunk::<2>()?;
            if *of != namespace.to_be_bytes() {
                return Some(ControlFlow::Break(()));
            }
            let hash: &[u8; 32] = hash.first_chunk()?;
            if after != Some(hash) {
                page.push((*hash, MemberRow::read(row)?));
            }
            Some(until_full(page.len(), limit))
        })?;
        Ok(page)
    }

    /// Returns blobs after `after` in the order of their hashes, at most `limit`.
    pub(crate) fn blobs(
        &self,
        after: Option<&[u8; 32]>,
        limit: usize,
    ) -> Result<Vec<([u8; 32], BlobRow)>, IndexError> {
        let mut page = Vec::new();
        if limit == 0 {
            return Ok(page);
        }
        packed::each(&self.blobs, after.unwrap_or(&[0; 32]), |hash, row| {
            if after != Some(hash) {
                page.push((*hash, BlobRow::read(row)?));
            }
            Some(until_full(page.len(), limit))
        })?;
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
        packed::each_before(&self.queue, &before.to_be_bytes(), |lsn, row| {
            if page.len() < limit {
                page.push((u64::from_be_bytes(*lsn), read_member(row)?));
            }
            Some(until_full(page.len(), limit))
        })?;
        self.waiting(page)
    }

    /// Returns what waits and has at least this number, the oldest first, at most `limit`.
    pub(crate) fn queue_from(&self, from: u64, limit: usize) -> Result<QueuePage, IndexError> {
        let mut page = Vec::new();
        packed::each(&self.queue, &from.to_be_bytes(), |lsn, row| {
            if page.len() < limit {
                page.push((u64::from_be_bytes(*lsn), read_member(row)?));
            }
            Some(until_full(page.len(), limit))
        })?;
        self.waiting(page)
    }

    /// Says what is known of members that wait.
    fn waiting(&self, page: Vec<(u64, (u16, [u8; 32]))>) -> Result<QueuePage, IndexError> {
        let mut waiting = Vec::with_capacity(page.len());
        for (lsn, (namespace, hash)) in page {
            let row = self.member(namespace, &hash)?.ok_or(IndexError::Damaged)?;
            waiting.push(Waiting {
                lsn,
                namespace,
                hash,
                bytes: row.state.bytes,
                at: row.state.accepted.at,
            });
        }
        Ok(waiting)
    }
}

/// Reads the key of a member.
fn read_member(row: &mut Reader<'_>) -> Option<(u16, [u8; 32])> {
    Some((u16::from_be_bytes(row.array()?), row.array()?))
}
