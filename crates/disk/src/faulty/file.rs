//! An open file of the faulty disk: each call ends as was planned, or as the dice say.
//!
//! A block is written as everything else: what went past the cache is in the device's own, which a crash loses, too.

use std::fmt;
use std::io::{self, IoSlice};
use std::sync::{MutexGuard, PoisonError};

use super::{Fate, FaultyDisk, State, off};
use crate::medium::DiskFile;

/// An open file of such a disk.
pub(super) struct FaultyFile {
    pub(super) disk: FaultyDisk,
    pub(super) inode: u64,
    pub(super) life: u64,
}

impl FaultyFile {
    /// Returns the disk when the power is on and has been since the file was opened.
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        state.check_power()?;
        if state.life == self.life {
            Ok(state)
        } else {
            Err(off())
        }
    }

    /// Performs a change of the length.
    fn resize(&self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let fate = state.begin(false)?;
        if let Fate::Failed(error) = fate {
            return Err(error);
        }
        state.check_room(self.inode, len)?;
        let is_crash = matches!(fate, Fate::Crashed);
        if !is_crash || state.dice.below(2) == 0 {
            state.inode(self.inode).set_len(len);
        }
        if is_crash { Err(off()) } else { Ok(()) }
    }
}

impl fmt::Debug for FaultyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FaultyFile")
            .field("inode", &self.inode)
            .finish_non_exhaustive()
    }
}

impl DiskFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.state()?;
        Ok(state.inode(self.inode).len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        let permille = state.faults.read_permille;
        if state.dice.hits(permille) {
            return Err(io::Error::other("read failed"));
        }
        Ok(state.inode(self.inode).read(offset, buffer))
    }

    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            bytes.extend_from_slice(part);
        }
        let mut state = self.state()?;
        let fate = state.begin(false)?;
        if matches!(fate, Fate::Done) {
            state.check_room(self.inode, offset + bytes.len() as u64)?;
        }
        let state = &mut *state;
        let inode = state.inodes.entry(self.inode).or_default();
        match fate {
            Fate::Done => {
                inode.write(offset, &bytes);
                Ok(())
            }
            Fate::Failed(error) => {
                // A device that fails, or is full, may have taken the beginning. A file never grows by it.
                let room = inode.len().saturating_sub(offset).min(bytes.len() as u64);
                let taken = usize::try_from(state.dice.below(room + 1)).unwrap_or(0);
                inode.write(offset, &bytes[..taken]);
                Err(error)
            }
            Fate::Crashed => {
                inode.write_torn(offset, &bytes, &mut state.dice);
                Err(off())
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.resize(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let found = self.len()?;
        self.resize(len.max(found))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let fate = state.begin(true)?;
        if let Some(delay) = state.faults.sync_delay {
            let slowness = &self.disk.shared.slowness;
            state = slowness
                .wait_timeout_while(state, delay, |_| true)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.check_power()?;
        }
        let state = &mut *state;
        let inode = state.inodes.entry(self.inode).or_default();
        match fate {
            Fate::Done => {
                inode.settle();
                Ok(())
            }
            Fate::Failed(error) => {
                inode.fail_sync(&mut state.dice);
                Err(error)
            }
            // What a sync in progress brought to the disk is drawn when the power comes back.
            Fate::Crashed => Err(off()),
        }
    }

    fn start_write_back(&self, _offset: u64, _len: u64) -> io::Result<()> {
        self.state().map(drop)
    }
}
