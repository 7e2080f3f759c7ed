//! What is true now: the layers over the index.

use std::collections::BTreeMap;

use crate::draft::Draft;
use crate::index::{Index, IndexError, NamePage, QueuePage, Tables, Waiting};
use crate::layers::Layers;
use crate::rows::{BlobRow, MemberRow, NameRow, Place};

/// The rows of a store.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) layers: Layers,
    pub(crate) index: Index,
}

/// That a blob was not there, as of a state of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Absence(u64);

/// A blob that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) bytes: u64,
    pub(crate) root: Option<[u8; 32]>,
    /// How safe it is in the namespace, as a record tells it.
    pub(crate) tier: u8,
}

impl View {
    pub(crate) fn new(index: Index) -> Self {
        Self {
            layers: Layers::new(),
            index,
        }
    }

    /// Tells that nothing is known of a blob, and as of which state of the index; `None` when something is known.
    pub(crate) fn absence(&self, hash: &[u8; 32]) -> Result<Option<Absence>, IndexError> {
        // What leaves a layer meanwhile changes the state.
        let absence = Absence(self.index.generation());
        Ok(self.blob(hash)?.is_none().then_some(absence))
    }

    /// As [`View::blob`], when it is known whether the index had it.
    pub(crate) fn blob_since(
        &self,
        hash: &[u8; 32],
        absence: Option<Absence>,
    ) -> Result<Option<BlobRow>, IndexError> {
        // First the layers: one that is dropped after this changes the state before.
        let present = self.layers.present();
        if absence != Some(Absence(self.index.generation())) {
            return self.blob(hash);
        }
        let row = present.newest_first().find_map(|layer| layer.blob(hash));
        Ok(row.flatten())
    }

    pub(crate) fn blob(&self, hash: &[u8; 32]) -> Result<Option<BlobRow>, IndexError> {
        for layer in self.layers.present().newest_first() {
            if let Some(row) = layer.blob(hash) {
                return Ok(row);
            }
        }
        self.index.blob(hash)
    }

    pub(crate) fn member(
        &self,
        namespace: u16,
        hash: &[u8; 32],
    ) -> Result<Option<MemberRow>, IndexError> {
        for layer in self.layers.present().newest_first() {
            if let Some(row) = layer.member(namespace, hash) {
                return Ok(row);
            }
        }
        self.index.member(namespace, hash)
    }

    pub(crate) fn name(&self, key: &[u8]) -> Result<Option<NameRow>, IndexError> {
        for layer in self.layers.present().newest_first() {
            if let Some(row) = layer.name(key) {
                return Ok(row);
            }
        }
        self.index.with(|tables| tables.name(key))
    }

    /// Finds a blob that may be read in a namespace.
    pub(crate) fn find(
        &self,
        namespace: u16,
        hash: &[u8; 32],
    ) -> Result<Option<Found>, IndexError> {
        let tier = match self.member(namespace, hash)? {
            Some(member) if member.is_visible() => member.state.tier,
            Some(_) | None => return Ok(None),
        };
        Ok(self.blob(hash)?.map(|row| Found {
            tier,
            place: row.place,
            bytes: row.bytes,
            root: row.root,
        }))
    }

    /// Returns members of a namespace after `after` that `admit` lets through, in the order of their hashes.
    pub(crate) fn members(
        &self,
        namespace: u16,
        after: Option<[u8; 32]>,
        limit: usize,
        admit: impl Fn(&MemberRow) -> bool,
    ) -> Result<Vec<([u8; 32], MemberRow)>, IndexError> {
        let mut newer = BTreeMap::new();
        {
            let present = self.layers.present();
            for layer in present.newest_first() {
                for (hash, row) in layer.members(namespace, after.as_ref()) {
                    newer.entry(hash).or_insert(row);
                }
            }
        }
        let mut newer = newer.into_iter().peekable();
        let mut found = Vec::new();
        let mut cursor = after;
        loop {
            let page = self.older(|tables| tables.members(namespace, cursor.as_ref(), PAGE))?;
            let is_last = page.len() < PAGE;
            let end = page.last().map(|(hash, _)| *hash);
            for (hash, row) in page {
                while let Some((newer_hash, newer_row)) = newer.next_if(|(newer, _)| *newer < hash)
                {
                    found.extend(newer_row.map(|row| (newer_hash, row)));
                }
                match newer.next_if(|(newer, _)| *newer == hash) {
                    Some((_, newer_row)) => found.extend(newer_row.map(|row| (hash, row))),
                    None => found.push((hash, row)),
                }
            }
            if is_last {
                found.extend(
                    newer
                        .by_ref()
                        .filter_map(|(hash, row)| row.map(|row| (hash, row))),
                );
            }
            found.retain(|(_, row)| admit(row));
            if is_last || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
            cursor = end;
        }
    }

    /// Returns blobs after `after` whose bytes are somewhere, in the order of their hashes, at most `limit`.
    pub(crate) fn blobs(
        &self,
        after: Option<[u8; 32]>,
        limit: usize,
    ) -> Result<Vec<([u8; 32], BlobRow)>, IndexError> {
        let mut newer = BTreeMap::new();
        {
            let present = self.layers.present();
            for layer in present.newest_first() {
                for (hash, row) in layer.blobs(after.as_ref()) {
                    newer.entry(hash).or_insert(row);
                }
            }
        }
        // A newer layer can only take away as many as it has.
        let wanted = limit.saturating_add(newer.len());
        let older = self.older(|tables| tables.blobs(after.as_ref(), wanted))?;
        let end = (older.len() >= wanted)
            .then(|| older.last().map(|(hash, _)| *hash))
            .flatten();
        let mut all: BTreeMap<[u8; 32], Option<BlobRow>> = older
            .into_iter()
            .map(|(hash, row)| (hash, Some(row)))
            .collect();
        all.extend(
            newer
                .into_iter()
                .filter(|(hash, _)| end.is_none_or(|end| *hash <= end)),
        );
        let found = all
            .into_iter()
            .filter_map(|(hash, row)| row.map(|row| (hash, row)));
        let found = found.filter(|(_, row)| row.place != Place::Nowhere);
        Ok(found.take(limit).collect())
    }

    /// Returns names that begin with `prefix` and come after `after`, in their order.
    pub(crate) fn names(
        &self,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<NamePage, IndexError> {
        let mut newer = BTreeMap::new();
        {
            let present = self.layers.present();
            for layer in present.newest_first() {
                for (key, row) in layer.names(prefix, after) {
                    newer.entry(key).or_insert(row);
                }
            }
        }
        // A newer layer can only take away as many as it has.
        let older =
            self.older(|tables| tables.names(prefix, after, limit.saturating_add(newer.len())))?;
        let mut all: BTreeMap<Vec<u8>, Option<NameRow>> = older
            .into_iter()
            .map(|(key, row)| (key, Some(row)))
            .collect();
        let is_cut = all.len() >= limit.saturating_add(newer.len());
        let end = all.last_key_value().map(|(key, _)| key.clone());
        all.extend(
            newer
                .into_iter()
                .filter(|(key, _)| !is_cut || end.as_ref().is_none_or(|end| key <= end)),
        );
        let found = all
            .into_iter()
            .filter_map(|(key, row)| row.map(|row| (key, row)));
        Ok(found.take(limit).collect())
    }

    /// Returns what waits, the newest first.
    pub(crate) fn queue(&self, before: u64, limit: usize) -> Result<QueuePage, IndexError> {
        let mut gone = std::collections::HashSet::new();
        let mut newer: BTreeMap<u64, Waiting> = BTreeMap::new();
        {
            let present = self.layers.present();
            for layer in present.newest_first() {
                layer.each_member(|namespace, hash, row| {
                    if !gone.insert((namespace, *hash)) {
                        return;
                    }
                    if let Some(row) =
                        row.filter(|row| row.is_queued() && row.state.accepted_lsn < before)
                    {
                        newer.insert(row.state.accepted_lsn, waiting_of(namespace, hash, row));
                    }
                });
            }
        };
        let mut found: QueuePage = newer.into_values().rev().take(limit).collect();
        let mut cursor = before;
        loop {
            let page = self.older(|tables| tables.queue(cursor, PAGE))?;
            let is_last = page.len() < PAGE;
            cursor = page.last().map_or(0, |waiting| waiting.lsn);
            found.extend(
                page.into_iter()
                    .filter(|waiting| !gone.contains(&(waiting.namespace, waiting.hash))),
            );
            found.sort_unstable_by_key(|waiting| std::cmp::Reverse(waiting.lsn));
            if is_last || (found.len() >= limit && found[limit - 1].lsn >= cursor) {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Looks for the blob that waits longest, when nothing that waits has a number below `floor`.
    pub(crate) fn find_oldest(&self, floor: u64) -> Result<Option<Waiting>, IndexError> {
        let mut oldest = self.oldest_of_layers();
        let mut cursor = floor;
        loop {
            let page = self.older(|tables| tables.queue_from(cursor, PAGE))?;
            let Some(last) = page.last() else {
                return Ok(oldest);
            };
            cursor = last.lsn + 1;
            for waiting in page {
                if oldest.is_some_and(|oldest| oldest.lsn <= waiting.lsn) {
                    return Ok(oldest);
                }
                // What the index says may have changed in the layers.
                let row = self.member(waiting.namespace, &waiting.hash)?;
                if row.is_some_and(|row| row.is_queued() && row.state.accepted_lsn == waiting.lsn) {
                    oldest = Some(waiting);
                }
            }
        }
    }

    fn oldest_of_layers(&self) -> Option<Waiting> {
        let present = self.layers.present();
        let layers: Vec<_> = present.newest_first().collect();
        let mut oldest: Option<Waiting> = None;
        for (depth, layer) in layers.iter().enumerate() {
            layer.each_member(|namespace, hash, row| {
                let is_older = |row: &&MemberRow| {
                    oldest.is_none_or(|oldest| row.state.accepted_lsn < oldest.lsn)
                };
                let Some(row) = row.filter(|row| row.is_queued()).filter(is_older) else {
                    return;
                };
                let is_hidden = layers[..depth]
                    .iter()
                    .any(|newer| newer.member(namespace, hash).is_some());
                if !is_hidden {
                    oldest = Some(waiting_of(namespace, hash, row));
                }
            });
        }
        oldest
    }

    /// Reads rows from the index, to be read after the layers: what leaves a layer is in the index before.
    fn older<R>(
        &self,
        read: impl FnOnce(&Tables) -> Result<Vec<R>, IndexError>,
    ) -> Result<Vec<R>, IndexError> {
        self.index
            .look(|tables| tables.map_or_else(|| Ok(Vec::new()), read))
    }

    /// Puts what is on stable storage where everybody sees it.
    pub(crate) fn publish(&self, draft: &mut Draft) {
        let present = self.layers.present();
        draft.drain_rows(
            |hash, blob, members| present.active.put(hash, blob, members),
            |key, row| present.active.put_name(key, row),
        );
    }
}

fn waiting_of(namespace: u16, hash: &[u8; 32], row: &MemberRow) -> Waiting {
    Waiting {
        lsn: row.state.accepted_lsn,
        namespace,
        hash: *hash,
        bytes: row.state.bytes,
        at: row.state.accepted.at,
    }
}

/// How many rows are read from the index at once.
const PAGE: usize = 1_000;
