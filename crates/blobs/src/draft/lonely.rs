//! Blobs of which a replay finds the bytes and the end, and nothing between.
//!
//! Compaction moves the bytes of a blob behind the record that says who has it. When that one is purged and its own
//! segment is given back, the log holds the moved bytes and the purge: the blob is dead, as it was before.

use super::{Draft, Entry};
use crate::index::IndexError;
use crate::rows::Place;
use crate::space::Counted;
use crate::view::View;
use storage_core::Sum;
use storage_core::quota::Change;

/// A blob whose last member was purged when nothing was known of it, and that member's namespace.
pub(crate) type Lonely = ([u8; 32], u16);

impl Draft {
    /// Notes a blob without members whose member is purged.
    pub(super) fn note_lonely(&mut self, view: &View, entry: &Entry) -> Result<(), IndexError> {
        if self.member(view, entry.namespace, &entry.key)?.is_some() {
            return Ok(());
        }
        let blob = self.blob(view, &entry.key)?;
        if blob.is_some_and(|blob| blob.members == 0) {
            self.lonely.push((entry.key, entry.namespace));
        }
        Ok(())
    }

    /// Returns what was noted since.
    pub(crate) fn take_lonely(&mut self) -> Vec<Lonely> {
        std::mem::take(&mut self.lonely)
    }

    /// Removes a blob that nobody has: its bytes are dead until their segment is given back, as after any purge.
    ///
    /// # Errors
    ///
    /// [`IndexError`] when the rows before cannot be read.
    pub(crate) fn drop_lonely(
        &mut self,
        view: &View,
        (hash, namespace): Lonely,
    ) -> Result<(), IndexError> {
        let blob = self.blob(view, &hash)?;
        let Some(blob) = blob.filter(|blob| blob.members == 0) else {
            return Ok(());
        };
        self.leave(&blob);
        self.set_blob(hash, None);
        self.blobs.entry(hash).or_default().is_elsewhere = true;
        let bytes = blob.bytes;
        for change in [Change::Put(bytes), Change::Lose(bytes)] {
            self.counted.push(Counted::Books(namespace, change));
        }
        if let Place::Log(record) = blob.place {
            let segment = record.segment;
            self.counted.push(Counted::Dead {
                segment,
                namespace,
                bytes,
            });
            return Ok(());
        }
        if matches!(blob.place, Place::File(_)) {
            self.removals.push(hash);
        }
        let reclaimed = Change::Reclaim(Sum::of(bytes));
        self.counted.push(Counted::Books(namespace, reclaimed));
        Ok(())
    }
}
