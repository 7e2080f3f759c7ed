//! What is known to be damaged: a blob that should be readable, and whose bytes are not those of its hash any more.
//!
//! It stays known, across restarts too, until it is stored again, put into the trash, or collected.
//!
//! # Invariants
//!
//! * Damage is an error with the blob's hash wherever the blob is asked for, and never the answer that there is none.
//! * The count of a namespace is that of its list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::ContentHash;
use storage_core::Sum;
use storage_core::scrub::Item;

use crate::core::Core;
use crate::index::IndexError;
use crate::listing::LIST_MAX;
use crate::rows::damaged_key;
use crate::view::{Found, View};
use crate::{Blobs, Graded, Listed, ReadError};

/// Bytes of a key before the hash: what it is, and the namespace.
const KEY_HEAD_BYTES: usize = 3;

impl Blobs {
    /// Returns how many blobs of the namespace are damaged, and neither stored again since nor in the trash.
    #[must_use]
    pub fn damaged(&self) -> Sum {
        let space = self.core().space();
        space
            .damaged
            .get(&self.namespace)
            .copied()
            .unwrap_or_default()
    }

    /// Returns the same as [`Blobs::damaged`] for all namespaces of the store together.
    #[must_use]
    pub fn damaged_in_all(&self) -> Sum {
        let space = self.core().space();
        let sums = space.damaged.values();
        sums.fold(Sum::ZERO, |all, sum| all.checked_add(*sum).unwrap_or(all))
    }

    /// Returns the damaged blobs of the namespace after `after` in the order of their hashes, at most `limit` and at most
    /// 1,000: those that should be readable. What lies in the trash is not among them.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    pub async fn list_damaged(
        &self,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<Listed>, ReadError> {
        let graded = self.list_damaged_graded(after, limit).await?;
        let listed = graded.into_iter().map(|graded| Listed {
            hash: graded.hash,
            bytes: graded.bytes,
        });
        Ok(listed.collect())
    }

    /// Returns the same as [`Blobs::list_damaged`], and how safe each blob was.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    pub async fn list_damaged_graded(
        &self,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<Graded>, ReadError> {
        let (core, namespace) = (Arc::clone(self.core()), self.namespace);
        let limit = limit.min(LIST_MAX);
        let list = move || {
            let prefix = &damaged_key(namespace, &[0; 32])[..KEY_HEAD_BYTES];
            let after = after.map(|after| damaged_key(namespace, after.as_bytes()));
            let rows = core
                .view
                .names(prefix, after.as_deref().unwrap_or_default(), limit)?;
            let mut graded = Vec::with_capacity(rows.len());
            for (key, _) in rows {
                let Some((_, hash)) = read_key(&key) else {
                    continue;
                };
                if let Some(row) = core.view.member(namespace, &hash)? {
                    graded.push(Graded::of(hash, &row));
                }
            }
            Ok::<_, IndexError>(graded)
        };
        Ok(self.core().files.run(list).await?)
    }

    /// Returns the damaged blobs of all namespaces: each once, those with the lowest hashes of a namespace first, at most
    /// `limit`, and how many there are in all.
    pub(crate) fn standing(&self, limit: usize) -> Result<(Vec<Item>, Sum), IndexError> {
        let view = &self.core().view;
        let (mut named, mut sum, mut seen) = (Vec::new(), Sum::ZERO, BTreeSet::new());
        each(view, |_, hash| {
            if !seen.insert(hash) {
                return Ok(());
            }
            let bytes = view.blob(&hash)?.map_or(0, |row| row.bytes);
            sum.add(bytes);
            if named.len() < limit {
                let hash = ContentHash::from_bytes(hash);
                named.push(Item { hash, bytes });
            }
            Ok(())
        })?;
        Ok((named, sum))
    }
}

impl Core {
    /// As [`Core::find`]; a blob that should be there and is damaged is an error.
    pub(crate) fn find_sound(
        &self,
        namespace: u16,
        hash: &ContentHash,
    ) -> Result<Option<Found>, ReadError> {
        if let Some(found) = self.find(namespace, hash)? {
            return Ok(Some(found));
        }
        match self.view.member(namespace, hash.as_bytes())? {
            Some(member) if member.is_lost() => Err(ReadError::Damaged { hash: *hash }),
            Some(_) | None => Ok(None),
        }
    }
}

/// Counts what is damaged, by namespace.
pub(crate) fn count(view: &View) -> Result<BTreeMap<u16, Sum>, IndexError> {
    let mut sums: BTreeMap<u16, Sum> = BTreeMap::new();
    each(view, |namespace, hash| {
        if let Some(row) = view.member(namespace, &hash)? {
            sums.entry(namespace).or_default().add(row.state.bytes);
        }
        Ok(())
    })?;
    Ok(sums)
}

/// Looks at everything that is damaged.
fn each(
    view: &View,
    mut look: impl FnMut(u16, [u8; 32]) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let prefix = &damaged_key(0, &[0; 32])[..1];
    let mut after = Vec::new();
    loop {
        let rows = view.names(prefix, &after, LIST_MAX)?;
        for (key, _) in &rows {
            if let Some((namespace, hash)) = read_key(key) {
                look(namespace, hash)?;
            }
        }
        match rows.into_iter().next_back() {
            Some((last, _)) => after = last,
            None => return Ok(()),
        }
    }
}

fn read_key(key: &[u8]) -> Option<(u16, [u8; 32])> {
    let (head, hash) = key.split_at_checked(KEY_HEAD_BYTES)?;
    let namespace = u16::from_be_bytes([*head.get(1)?, *head.get(2)?]);
    Some((namespace, hash.try_into().ok()?))
}

#[cfg(test)]
mod tests;
