//! Which blobs there are, page by page.

use std::sync::Arc;

use base::ContentHash;
use storage_core::tier::{self, Tier};

use crate::rows::MemberRow;
use crate::tiers::tier_of;
use crate::{Blobs, ReadError};

/// The longest page.
pub(crate) const LIST_MAX: usize = 1_000;

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The blob's hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A line of the list that says how safe the blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Graded {
    /// The blob's hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
    /// How safe it is.
    pub tier: Tier,
    /// What says that it was accepted.
    pub accepted: tier::Accepted,
}

impl Graded {
    pub(crate) fn of(hash: [u8; 32], row: &MemberRow) -> Self {
        Self {
            hash: ContentHash::from_bytes(hash),
            bytes: row.state.bytes,
            tier: tier_of(row.state.tier),
            accepted: tier::Accepted {
                lsn: row.state.accepted_lsn,
                at: row.state.accepted.at,
            },
        }
    }
}

impl Blobs {
    /// Returns the same as [`Blobs::list`], and how safe each blob is.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    pub async fn list_graded(
        &self,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<Graded>, ReadError> {
        let rows = self.rows(after, limit, MemberRow::is_visible).await?;
        let graded = rows.into_iter();
        Ok(graded.map(|(hash, row)| Graded::of(hash, &row)).collect())
    }

    /// Returns the blobs of the namespace after `after` in the order of their hashes, at most `limit` and at most 1,000.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    pub async fn list(
        &self,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<Listed>, ReadError> {
        self.listed(after, limit, MemberRow::is_visible).await
    }

    /// Returns the blobs in the trash of the namespace, as [`Blobs::list`] those outside.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    pub async fn list_trash(
        &self,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<Listed>, ReadError> {
        let is_trashed = |row: &MemberRow| row.state.trashed.is_some() && !row.is_damaged;
        self.listed(after, limit, is_trashed).await
    }

    async fn listed(
        &self,
        after: Option<ContentHash>,
        limit: usize,
        admit: fn(&MemberRow) -> bool,
    ) -> Result<Vec<Listed>, ReadError> {
        let rows = self.rows(after, limit, admit).await?;
        let listed = rows.into_iter().map(|(hash, row)| Listed {
            hash: ContentHash::from_bytes(hash),
            bytes: row.state.bytes,
        });
        Ok(listed.collect())
    }

    async fn rows(
        &self,
        after: Option<ContentHash>,
        limit: usize,
        admit: fn(&MemberRow) -> bool,
    ) -> Result<Vec<([u8; 32], MemberRow)>, ReadError> {
        let (core, namespace) = (Arc::clone(self.core()), self.namespace);
        let limit = limit.min(LIST_MAX);
        let list = move || {
            let after = after.map(|after| *after.as_bytes());
            core.view.members(namespace, after, limit, admit)
        };
        Ok(self.core().files.run(list).await?)
    }
}
