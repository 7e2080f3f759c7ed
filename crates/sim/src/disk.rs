//! A disk that forgets what was not synced.
//!
//! What a program may rely on after a crash, and nothing more: the bytes of a file that a successful sync covered, and
//! the names that a successful sync of the names covered. Of everything else each sector is old, new or, where the
//! file had grown, zero; and of the names the oldest changes survive, up to any point.
//! A sync that failed is as bad as on a real system: what it should have written may be lost for good, although later
//! syncs succeed and the bytes can still be read until the crash.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::{Dice, Seed};

/// Bytes that are written together or not at all.
const SECTOR_BYTES: usize = 512;

/// The few operations that state files need.
pub trait Storage {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`DiskFault::Absent`].
    fn read(&mut self, name: &str) -> Result<Vec<u8>, DiskFault>;

    /// Writes bytes at an offset; makes the file when it is absent, fills a hole with zeros.
    ///
    /// # Errors
    /// [`DiskFault::Full`] and [`DiskFault::Write`]; some of the bytes may have been written.
    fn write(&mut self, name: &str, offset: usize, bytes: &[u8]) -> Result<(), DiskFault>;

    /// Cuts a file to a length that is no longer than it is.
    ///
    /// # Errors
    /// [`DiskFault::Absent`].
    fn truncate(&mut self, name: &str, len: usize) -> Result<(), DiskFault>;

    /// Puts the bytes of a file on stable storage; its name is another matter.
    ///
    /// # Errors
    /// [`DiskFault::Absent`] and [`DiskFault::Sync`], after which nobody knows what is stable.
    fn sync(&mut self, name: &str) -> Result<(), DiskFault>;

    /// Gives a file another name, in place of the file that had it.
    ///
    /// # Errors
    /// [`DiskFault::Absent`].
    fn rename(&mut self, source: &str, target: &str) -> Result<(), DiskFault>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`DiskFault::Absent`].
    fn remove(&mut self, name: &str) -> Result<(), DiskFault>;

    /// Puts the names on stable storage.
    ///
    /// # Errors
    /// [`DiskFault::Sync`], after which nobody knows what is stable.
    fn sync_names(&mut self) -> Result<(), DiskFault>;

    /// Returns the names of all files in order.
    fn names(&self) -> Vec<String>;
}

/// Why a disk did not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DiskFault {
    /// There is no such file.
    #[error("no such file")]
    Absent,
    /// There is no space left.
    #[error("no space left")]
    Full,
    /// The device did not take the bytes.
    #[error("write failed")]
    Write,
    /// The device did not confirm the bytes.
    #[error("sync failed")]
    Sync,
}

/// How often a disk fails, and how much it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// How many of 1,000 writes fail half-way.
    pub write_permille: u32,
    /// How many of 1,000 syncs fail.
    pub sync_permille: u32,
    /// Bytes that all files together may have; nothing for no limit.
    pub capacity_bytes: Option<u64>,
}

/// A disk in memory.
#[derive(Clone, Debug)]
pub struct Disk {
    dice: Dice,
    faults: DiskFaults,
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    stable_names: BTreeMap<String, u64>,
    /// Changes of names since the last sync of the names.
    renames: Vec<Rename>,
    next_file: u64,
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    stable: Vec<u8>,
    /// Sectors that the next sync covers.
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum Rename {
    Make { name: String, file: u64 },
    Move { source: String, target: String },
    Remove { name: String },
}

impl Disk {
    /// Makes an empty disk.
    #[must_use]
    pub fn new(seed: Seed, faults: DiskFaults) -> Self {
        Self {
            dice: seed.dice(),
            faults,
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            stable_names: BTreeMap::new(),
            renames: Vec::new(),
            next_file: 0,
        }
    }

    /// Switches all faults off, the limit of space included. Crashes still forget what was not synced.
    pub const fn calm(&mut self) {
        self.faults = DiskFaults {
            write_permille: 0,
            sync_permille: 0,
            capacity_bytes: None,
        };
    }

    /// Lets the power fail: what was not synced becomes old, new, torn or zero.
    pub fn crash(&mut self) {
        for file in self.files.values_mut() {
            file.crash(&mut self.dice);
        }
        let survivors = self.dice.index(self.renames.len() + 1);
        for rename in self.renames.drain(..).take(survivors) {
            rename.apply(&mut self.stable_names);
        }
        self.names = self.stable_names.clone();
        self.sweep();
    }

    /// Returns how many bytes all files have together.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.names
            .values()
            .filter_map(|file| self.files.get(file))
            .map(|file| file.bytes.len() as u64)
            .sum()
    }

    fn file(&mut self, name: &str) -> Result<&mut File, DiskFault> {
        let file = self.names.get(name).ok_or(DiskFault::Absent)?;
        Ok(self.files.get_mut(file).expect("every name has a file"))
    }

    fn change_names(&mut self, rename: Rename) {
        rename.apply(&mut self.names);
        self.renames.push(rename);
    }

    fn open(&mut self, name: &str) -> &mut File {
        if !self.names.contains_key(name) {
            let file = self.next_file;
            self.next_file += 1;
            self.files.insert(file, File::default());
            self.change_names(Rename::Make {
                name: name.to_owned(),
                file,
            });
        }
        self.file(name).expect("it was made when it was absent")
    }

    /// Forgets the files that no name leads to any more, not even after a crash.
    fn sweep(&mut self) {
        let used: BTreeSet<u64> = self.names.values().copied().collect();
        self.files.retain(|file, _| used.contains(file));
    }

    /// Returns how many bytes the files may still grow.
    fn space(&self) -> usize {
        let Some(capacity) = self.faults.capacity_bytes else {
            return usize::MAX;
        };
        usize::try_from(capacity.saturating_sub(self.used_bytes())).unwrap_or(usize::MAX)
    }
}

impl Storage for Disk {
    fn read(&mut self, name: &str) -> Result<Vec<u8>, DiskFault> {
        self.file(name).map(|file| file.bytes.clone())
    }

    fn write(&mut self, name: &str, offset: usize, bytes: &[u8]) -> Result<(), DiskFault> {
        let space = self.space();
        let fails = self.dice.chance(self.faults.write_permille);
        let torn = if fails {
            self.dice.index(bytes.len() + 1)
        } else {
            bytes.len()
        };
        let file = self.open(name);
        let room = file
            .bytes
            .len()
            .saturating_add(space)
            .saturating_sub(offset);
        let count = torn.min(room);
        file.write(offset, &bytes[..count]);
        if fails {
            Err(DiskFault::Write)
        } else if count < bytes.len() {
            Err(DiskFault::Full)
        } else {
            Ok(())
        }
    }

    fn truncate(&mut self, name: &str, len: usize) -> Result<(), DiskFault> {
        let file = self.file(name)?;
        assert!(len <= file.bytes.len(), "truncating makes a file shorter");
        file.bytes.truncate(len);
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskFault> {
        let file = self.names.get(name).ok_or(DiskFault::Absent)?;
        let file = self.files.get_mut(file).expect("every name has a file");
        if self.dice.chance(self.faults.sync_permille) {
            file.lose(&mut self.dice);
            return Err(DiskFault::Sync);
        }
        file.settle();
        Ok(())
    }

    fn rename(&mut self, source: &str, target: &str) -> Result<(), DiskFault> {
        self.file(source)?;
        self.change_names(Rename::Move {
            source: source.to_owned(),
            target: target.to_owned(),
        });
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskFault> {
        self.file(name)?;
        self.change_names(Rename::Remove {
            name: name.to_owned(),
        });
        Ok(())
    }

    fn sync_names(&mut self) -> Result<(), DiskFault> {
        if self.dice.chance(self.faults.sync_permille) {
            return Err(DiskFault::Sync);
        }
        self.renames.clear();
        self.stable_names = self.names.clone();
        self.sweep();
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }
}

impl File {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        let first = offset.min(self.bytes.len()) / SECTOR_BYTES;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[offset..end].copy_from_slice(bytes);
        self.dirty.extend(first..=(end - 1) / SECTOR_BYTES);
    }

    /// A sync succeeded: everything that it covers is stable.
    fn settle(&mut self) {
        for sector in std::mem::take(&mut self.dirty) {
            self.store(sector);
        }
        self.stable.resize(self.bytes.len(), 0);
    }

    /// A sync failed: the system takes the bytes for written, whether they were or not.
    fn lose(&mut self, dice: &mut Dice) {
        for sector in std::mem::take(&mut self.dirty) {
            if dice.chance(500) {
                self.store(sector);
            }
        }
    }

    fn crash(&mut self, dice: &mut Dice) {
        let (old, new) = (self.stable.len(), self.bytes.len());
        for sector in std::mem::take(&mut self.dirty) {
            if dice.chance(500) {
                self.store(sector);
            }
        }
        let len = dice.between(old.min(new) as u64, old.max(new) as u64) as usize;
        let len = *dice.pick(&[old, new, len]);
        self.stable.resize(len, 0);
        self.bytes = self.stable.clone();
    }

    /// Copies a sector to stable storage, as far as the file reaches into it.
    fn store(&mut self, sector: usize) {
        let start = sector * SECTOR_BYTES;
        let end = (start + SECTOR_BYTES).min(self.bytes.len());
        if start >= end {
            return;
        }
        if self.stable.len() < end {
            self.stable.resize(end, 0);
        }
        self.stable[start..end].copy_from_slice(&self.bytes[start..end]);
    }
}

impl Rename {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Make { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Move { source, target } => {
                if let Some(file) = names.remove(source) {
                    names.insert(target.clone(), file);
                }
            }
            Self::Remove { name } => {
                names.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
