//! A disk in memory that fails on purpose; for the tests and simulations of every engine.
//!
//! It keeps two states: what programs see, and what is on stable storage.
//! A crash throws away the first and keeps of the difference what the seed says, as a real disk may: of every sector
//! of 512 bytes that was written and not synced the old or the new bytes (zeros where the file had grown), of every
//! length that was not synced the old or the new one, and of the changes of names the oldest ones, up to any point.
//! A sync that fails is as bad as on a real system: what it should have written counts as clean from then on, can still
//! be read, and may be gone after the next crash, although later syncs succeed.
//!
//! # Invariants
//!
//! * The same seed and the same calls give the same disk.
//! * What a successful sync covered is never lost, and nothing is read that was never written.
//! * Files that were opened before a crash never work again.

mod file;
mod inode;
mod names;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::medium::{Disk, DiskFile, check_file, check_folder};

use file::FaultyFile;
use inode::Inode;
use names::{Change, Names};

/// What goes wrong by chance, and what the disk has room for. The default is a disk without faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many of a thousand writes fail with an error of the device; part of the bytes may be written.
    pub write_permille: u16,
    /// How many of a thousand syncs fail.
    pub sync_permille: u16,
    /// How many of a thousand reads fail.
    pub read_permille: u16,
    /// What all files together may have; `None` for no limit.
    pub capacity_bytes: Option<u64>,
    /// How long each sync takes at least; `None` for no wait at all.
    pub sync_delay: Option<Duration>,
}

/// A disk in memory. A clone is the same disk.
#[derive(Clone)]
pub struct FaultyDisk {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Nobody ever signals it: waiting for it with a limit is how a slow sync takes its time.
    slowness: Condvar,
}

struct State {
    dice: Dice,
    faults: Faults,
    names: Names,
    inodes: BTreeMap<u64, Inode>,
    inodes_made: u64,
    operations: u64,
    planned: BTreeMap<u64, Plan>,
    /// Counts crashes, so that files of an earlier life can be told.
    life: u64,
    is_off: bool,
}

/// What is to go wrong at one operation.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Crash,
    Fail(io::ErrorKind),
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`, 0 for a bound of 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    const fn hits(&mut self, permille: u16) -> bool {
        permille > 0 && self.below(1000) < permille as u64
    }
}

impl FaultyDisk {
    /// Makes an empty disk without faults.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    dice: Dice::new(seed),
                    faults: Faults::default(),
                    names: Names::default(),
                    inodes: BTreeMap::new(),
                    inodes_made: 0,
                    operations: 0,
                    planned: BTreeMap::new(),
                    life: 0,
                    is_off: false,
                }),
                slowness: Condvar::new(),
            }),
        }
    }

    /// Sets what goes wrong by chance from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Ends all faults and forgets those that were planned; the power stays as it is.
    pub fn calm(&self) {
        let mut state = self.state();
        state.faults = Faults::default();
        state.planned.clear();
    }

    /// Returns how many operations changed or tried to change something so far: writes, syncs, changes of names and of
    /// lengths. Reads do not count.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets the power fail in the middle of that operation, counted from 1; every later call fails until
    /// [`FaultyDisk::power_on`].
    pub fn crash_at(&self, operation: u64) {
        self.state().planned.insert(operation, Plan::Crash);
    }

    /// Lets that operation fail if it is a sync; other operations of that number succeed.
    pub fn fail_sync_at(&self, operation: u64) {
        let mut state = self.state();
        state
            .planned
            .insert(operation, Plan::Fail(io::ErrorKind::Other));
    }

    /// Lets that operation fail if it is no sync; part of a write may be done.
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        // `Other` is what syncs fail with.
        assert_ne!(kind, io::ErrorKind::Other, "use fail_sync_at for syncs");
        self.state().planned.insert(operation, Plan::Fail(kind));
    }

    /// Cuts the power now.
    pub fn power_off(&self) {
        self.state().is_off = true;
    }

    /// Tells whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// Brings the power back after a crash: what was not stable is old, new or zero by the seed. Cuts it first when it
    /// is on. Planned faults are forgotten, faults by chance stay.
    pub fn power_on(&self) {
        let mut state = self.state();
        let state = &mut *state;
        state.names.crash(&mut state.dice);
        for inode in state.inodes.values_mut() {
            inode.crash(&mut state.dice);
        }
        let names = &state.names;
        state.inodes.retain(|inode, _| names.has(*inode));
        state.planned.clear();
        state.life += 1;
        state.is_off = false;
    }

    /// Flips bits of a file for good, as rot on the disk does; tells whether there is such a byte.
    #[must_use]
    pub fn flip(&self, path: &str, offset: u64, mask: u8) -> bool {
        let mut state = self.state();
        let Some(inode) = state.names.find(path) else {
            return false;
        };
        state
            .inodes
            .get_mut(&inode)
            .is_some_and(|inode| inode.flip(offset, mask))
    }

    /// Returns all bytes of a file as programs see them; works without power.
    #[must_use]
    pub fn dump(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.names.find(path)?;
        Some(state.inodes.get(&inode)?.bytes().to_vec())
    }

    /// Returns a disk with the same bytes and names, all of them stable, without faults and without ties to this one.
    #[must_use]
    pub fn copy(&self, seed: u64) -> Self {
        let state = self.state();
        let copy = Self::new(seed);
        {
            let mut other = copy.state();
            other.names = state.names.settled();
            other.inodes_made = state.inodes_made;
            other.inodes = state
                .inodes
                .iter()
                .map(|(inode, bytes)| (*inode, bytes.settled()))
                .collect();
        }
        copy
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FaultyDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        formatter
            .debug_struct("FaultyDisk")
            .field("operations", &state.operations)
            .field("life", &state.life)
            .field("is_off", &state.is_off)
            .finish_non_exhaustive()
    }
}

/// How an operation is to end.
enum Fate {
    Done,
    /// It fails; part of it may be done.
    Failed(io::Error),
    /// The power fails; part of it may be done.
    Crashed,
}

fn off() -> io::Error {
    io::Error::other("power is off")
}

impl State {
    fn check_power(&self) -> io::Result<()> {
        if self.is_off { Err(off()) } else { Ok(()) }
    }

    /// Counts an operation and says how it ends.
    fn begin(&mut self, is_sync: bool) -> io::Result<Fate> {
        self.check_power()?;
        self.operations += 1;
        let permille = if is_sync {
            self.faults.sync_permille
        } else {
            self.faults.write_permille
        };
        let by_chance = self.dice.hits(permille);
        Ok(match self.planned.remove(&self.operations) {
            Some(Plan::Crash) => {
                self.is_off = true;
                Fate::Crashed
            }
            Some(Plan::Fail(kind)) if is_sync == (kind == io::ErrorKind::Other) => {
                Fate::Failed(if is_sync {
                    io::Error::other("sync failed")
                } else {
                    kind.into()
                })
            }
            Some(Plan::Fail(_)) => Fate::Done,
            None if by_chance => Fate::Failed(io::Error::other("device failed")),
            None => Fate::Done,
        })
    }

    /// Performs a change of names: done, not done, or, in a crash, either.
    fn change(&mut self, change: Change) -> io::Result<()> {
        match self.begin(false)? {
            Fate::Done => {
                self.names.apply(change);
                Ok(())
            }
            Fate::Failed(error) => Err(error),
            Fate::Crashed => {
                if self.dice.below(2) == 0 {
                    self.names.apply(change);
                }
                Err(off())
            }
        }
    }

    fn inode(&mut self, inode: u64) -> &mut Inode {
        self.inodes.entry(inode).or_default()
    }

    /// Returns what all files take that have a name.
    fn used(&self) -> u64 {
        self.inodes
            .iter()
            .filter(|(inode, _)| self.names.has(**inode))
            .map(|(_, bytes)| bytes.len())
            .sum()
    }

    /// Refuses that a file grows beyond what the disk has room for.
    fn check_room(&mut self, inode: u64, len: u64) -> io::Result<()> {
        let Some(capacity) = self.faults.capacity_bytes else {
            return Ok(());
        };
        let grows_by = len.saturating_sub(self.inode(inode).len());
        if grows_by > 0 && self.used().saturating_add(grows_by) > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Disk for FaultyDisk {
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        check_folder(folder)?;
        let mut state = self.state();
        let mut missing = Vec::new();
        let mut above = folder;
        while !above.is_empty() && !state.names.is_folder(above) {
            missing.push(above.to_owned());
            above = crate::medium::folder_of(above);
        }
        for folder in missing.into_iter().rev() {
            state.change(Change::Folder(folder.clone()))?;
            state.names.settle_folder(crate::medium::folder_of(&folder));
        }
        state.check_power()
    }

    fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        check_folder(folder)?;
        let state = self.state();
        state.check_power()?;
        Ok(state.names.list(folder))
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        check_file(path)?;
        let mut state = self.state();
        state.check_power()?;
        if state.names.find(path).is_some() || state.names.is_folder(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !state.names.is_folder(crate::medium::folder_of(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.inodes_made += 1;
        let inode = state.inodes_made;
        state.inode(inode);
        state.change(Change::Add {
            path: path.to_owned(),
            inode,
        })?;
        Ok(self.file(inode, state.life))
    }

    fn open(&self, path: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        check_file(path)?;
        let state = self.state();
        state.check_power()?;
        let inode = state.names.find(path);
        Ok(inode.map(|inode| self.file(inode, state.life)))
    }

    fn file_len(&self, path: &str) -> io::Result<Option<u64>> {
        check_file(path)?;
        let mut state = self.state();
        state.check_power()?;
        let inode = state.names.find(path);
        Ok(inode.map(|inode| state.inode(inode).len()))
    }

    fn rename(&self, source: &str, target: &str) -> io::Result<()> {
        check_file(source)?;
        check_file(target)?;
        let mut state = self.state();
        state.check_power()?;
        if state.names.find(source).is_none()
            || !state.names.is_folder(crate::medium::folder_of(target))
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(Change::Rename {
            source: source.to_owned(),
            target: target.to_owned(),
        })
    }

    fn link(&self, source: &str, target: &str) -> io::Result<()> {
        check_file(source)?;
        check_file(target)?;
        let mut state = self.state();
        state.check_power()?;
        let inode = state.names.find(source);
        let inode = inode.ok_or(io::ErrorKind::NotFound)?;
        if !state.names.is_folder(crate::medium::folder_of(target)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if state.names.find(target).is_some() || state.names.is_folder(target) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.change(Change::Add {
            path: target.to_owned(),
            inode,
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        check_file(path)?;
        let mut state = self.state();
        state.check_power()?;
        if state.names.find(path).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(Change::Remove(path.to_owned()))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        check_folder(folder)?;
        let mut state = self.state();
        match state.begin(true)? {
            Fate::Done => {
                state.names.settle_folder(folder);
                Ok(())
            }
            // The journal of a file system keeps the changes for the next time; nobody knows whether they are stable.
            Fate::Failed(error) => Err(error),
            Fate::Crashed => Err(off()),
        }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.state();
        state.check_power()?;
        let capacity = state.faults.capacity_bytes.unwrap_or(u64::MAX);
        Ok(capacity.saturating_sub(state.used()))
    }

    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from("faulty-disk").join(path)
    }
}

impl FaultyDisk {
    fn file(&self, inode: u64, life: u64) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile {
            disk: self.clone(),
            inode,
            life,
        })
    }
}

#[cfg(test)]
mod tests;
