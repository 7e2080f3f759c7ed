//! The bytes of one file: what programs see, what is stable, and which sectors differ on purpose.

use std::collections::BTreeSet;

use super::Dice;

/// Bytes that a device writes together or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

/// One file.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    seen: Vec<u8>,
    stable: Vec<u8>,
    /// Sectors that were written since the last sync.
    dirty: BTreeSet<usize>,
    /// Sectors that a failed sync called clean although they are not stable.
    lost: BTreeSet<usize>,
    is_len_dirty: bool,
}

impl Inode {
    pub(super) fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.seen
    }

    /// Returns a copy of what programs see, all of it stable.
    pub(super) fn settled(&self) -> Self {
        Self {
            seen: self.seen.clone(),
            stable: self.seen.clone(),
            ..Self::default()
        }
    }

    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(rest) = self.seen.get(start..) else {
            return 0;
        };
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        count
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = usize::try_from(offset).expect("memory holds the file");
        let end = start + bytes.len();
        if end > self.seen.len() {
            self.set_len(end as u64);
        }
        self.seen[start..end].copy_from_slice(bytes);
        self.touch(start, end);
    }

    /// Writes some of the sectors, as when the power fails in the middle.
    pub(super) fn write_torn(&mut self, offset: u64, bytes: &[u8], dice: &mut Dice) {
        let start = usize::try_from(offset).expect("memory holds the file");
        let end = start + bytes.len();
        let mut at = start;
        while at < end {
            let next = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
            if dice.below(2) == 0 {
                self.write(at as u64, &bytes[at - start..next - start]);
            }
            at = next;
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let len = usize::try_from(len).expect("memory holds the file");
        let found = self.seen.len();
        if len == found {
            return;
        }
        self.seen.resize(len, 0);
        self.is_len_dirty = true;
        self.touch(found.min(len), found.max(len));
    }

    /// Brings everything that is dirty to stable storage.
    pub(super) fn settle(&mut self) {
        if self.is_len_dirty {
            self.stable.resize(self.seen.len(), 0);
            self.is_len_dirty = false;
        }
        for sector in std::mem::take(&mut self.dirty) {
            self.settle_sector(sector);
        }
    }

    /// Calls everything clean, although only some of it became stable.
    pub(super) fn fail_sync(&mut self, dice: &mut Dice) {
        if self.is_len_dirty && dice.below(2) == 0 {
            self.stable.resize(self.seen.len(), 0);
            self.is_len_dirty = false;
        }
        for sector in std::mem::take(&mut self.dirty) {
            if dice.below(2) == 0 {
                self.settle_sector(sector);
            } else {
                self.lost.insert(sector);
            }
        }
    }

    /// Keeps what is stable, and of the rest what the dice say.
    pub(super) fn crash(&mut self, dice: &mut Dice) {
        if self.is_len_dirty && dice.below(2) == 0 {
            self.stable.resize(self.seen.len(), 0);
        }
        self.is_len_dirty = false;
        // Some crashes keep nothing, some everything, most something.
        let kept_of_four = dice.below(5);
        for sector in std::mem::take(&mut self.dirty) {
            if dice.below(4) < kept_of_four {
                self.settle_sector(sector);
            }
        }
        self.lost.clear();
        self.seen.clone_from(&self.stable);
    }

    pub(super) fn flip(&mut self, offset: u64, mask: u8) -> bool {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(byte) = self.stable.get_mut(at) {
            *byte ^= mask;
        }
        match self.seen.get_mut(at) {
            Some(byte) => {
                *byte ^= mask;
                true
            }
            None => false,
        }
    }

    fn touch(&mut self, start: usize, end: usize) {
        for sector in start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            self.dirty.insert(sector);
            self.lost.remove(&sector);
        }
    }

    fn settle_sector(&mut self, sector: usize) {
        let start = sector * SECTOR_BYTES;
        let end = (start + SECTOR_BYTES)
            .min(self.seen.len())
            .min(self.stable.len());
        if start < end {
            self.stable[start..end].copy_from_slice(&self.seen[start..end]);
        }
    }
}
