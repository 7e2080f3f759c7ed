//! Segments that lie ready, so that a commit does not wait until a new one is filled with zeros.
//!
//! A spare is a file of the full size whose space is taken and written once, with zeros or with what an earlier use
//! left; it gets a segment's head and name only when it is needed.
//! A thread of the caller's makes them ahead of need ([`Preparer::run`]); without it the writer makes each when it needs
//! it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use wire::segment::{SEGMENT_HEAD_BYTES, SegmentHead};

use super::segment::Name;
use super::shared::{Shared, join};
use crate::Disk;
use crate::medium::{DiskFile, read_exact_at};

/// How much is written at once while a spare is filled.
const FILL_BYTES: usize = 1 << 20;

/// A file that can become a segment.
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) path: String,
    pub(super) file: Arc<dyn DiskFile>,
    /// How often it was a segment.
    pub(super) generation: u32,
    pub(super) bytes: u64,
}

/// All spares of a log.
#[derive(Debug)]
pub(super) struct Spares {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<Spare>,
    /// The serial number of the next one that is made.
    serial: u64,
    /// How many should lie ready.
    wanted: usize,
    is_closed: bool,
}

/// Makes segments ready ahead of need.
#[derive(Debug)]
pub struct Preparer {
    shared: Arc<Shared>,
}

/// A failure together with the file where it happened.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

impl Preparer {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Keeps segments ready until the log's writer is gone. Blocks: give it a thread.
    ///
    /// A spare that cannot be made is tried again when the log needs more; the writer, which then makes one by itself,
    /// tells the error.
    pub fn run(&self) {
        let spares = &self.shared.spares;
        let bytes = self.shared.config.segment_bytes;
        while let Some(serial) = spares.wait_wanted() {
            match make(
                &*self.shared.disk,
                &self.shared.config.folder,
                serial,
                bytes,
            ) {
                Ok(spare) => spares.put(spare),
                Err(_) => spares.give_up(),
            }
        }
    }
}

impl Spares {
    /// Keeps what earlier lives left: `ready` in order, numbers above `serial` are free.
    pub(super) fn new(ready: VecDeque<Spare>, serial: u64) -> Self {
        Self {
            state: Mutex::new(State {
                ready,
                serial,
                wanted: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Returns the bytes of all spares.
    pub(super) fn bytes(&self) -> u64 {
        self.state().ready.iter().map(|spare| spare.bytes).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.state().ready.len()
    }

    pub(super) fn put(&self, spare: Spare) {
        self.state().ready.push_back(spare);
    }

    /// Takes one of exactly this size.
    pub(super) fn take(&self, bytes: u64) -> Option<Spare> {
        let mut state = self.state();
        let place = state.ready.iter().position(|spare| spare.bytes == bytes)?;
        let spare = state.ready.remove(place);
        drop(state);
        self.changed.notify_all();
        spare
    }

    /// Says how many should lie ready.
    pub(super) fn want(&self, wanted: usize) {
        let mut state = self.state();
        if state.wanted != wanted {
            state.wanted = wanted;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Returns a serial number that no file has.
    pub(super) fn next_serial(&self) -> u64 {
        let mut state = self.state();
        state.serial += 1;
        state.serial
    }

    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits until one more should be made; `None` when the log is closed.
    fn wait_wanted(&self) -> Option<u64> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if state.ready.len() < state.wanted {
                state.serial += 1;
                return Some(state.serial);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes none until more are wanted.
    fn give_up(&self) {
        let mut state = self.state();
        state.wanted = state.wanted.min(state.ready.len());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Takes a spare, or makes one now.
    pub(super) fn spare(&self, bytes: u64) -> Result<Spare, Failed> {
        if let Some(spare) = self.spares.take(bytes) {
            return Ok(spare);
        }
        let serial = self.spares.next_serial();
        make(&*self.disk, &self.config.folder, serial, bytes)
    }
}

/// Makes a file of zeros that can become a segment; what fails leaves nothing.
fn make(disk: &dyn Disk, folder: &str, serial: u64, bytes: u64) -> Result<Spare, Failed> {
    let unfinished = join(folder, &Name::Unfinished(serial).to_string());
    let path = join(folder, &Name::Spare(serial).to_string());
    let made = fill(disk, &unfinished, bytes).and_then(|file| {
        disk.rename(&unfinished, &path)?;
        Ok(file)
    });
    match made {
        Ok(file) => Ok(Spare {
            path,
            file,
            generation: 0,
            bytes,
        }),
        Err(source) => {
            // What cannot be removed now is removed at the next open.
            drop(disk.remove(&unfinished));
            Err(Failed {
                path: disk.path(&unfinished),
                source,
            })
        }
    }
}

fn fill(disk: &dyn Disk, path: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
    let file = disk.create(path)?;
    file.allocate(bytes)?;
    let zeros = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX).min(FILL_BYTES)];
    let mut offset = 0;
    while offset < bytes {
        let len = usize::try_from(bytes - offset)
            .unwrap_or(usize::MAX)
            .min(zeros.len());
        file.write_at(offset, &[IoSlice::new(&zeros[..len])])?;
        file.start_write_back(offset, len as u64)?;
        offset += len as u64;
    }
    file.sync()?;
    Ok(file)
}

/// Opens what earlier lives left ready: files of the right size that held a segment or zeros before. Removes the rest.
pub(super) fn open(
    disk: &dyn Disk,
    folder: &str,
    serials: &[u64],
    bytes: u64,
    count_max: usize,
) -> Result<VecDeque<Spare>, Failed> {
    let mut ready = VecDeque::new();
    for serial in serials {
        let path = join(folder, &Name::Spare(*serial).to_string());
        let failed = |source| Failed {
            path: disk.path(&path),
            source,
        };
        let usable = if ready.len() < count_max {
            usable(disk, &path, bytes).map_err(failed)?
        } else {
            None
        };
        match usable {
            Some(spare) => ready.push_back(spare),
            None => disk.remove(&path).map_err(failed)?,
        }
    }
    Ok(ready)
}

fn usable(disk: &dyn Disk, path: &str, bytes: u64) -> io::Result<Option<Spare>> {
    if disk.file_len(path)? != Some(bytes) {
        return Ok(None);
    }
    let Some(file) = disk.open(path)? else {
        return Ok(None);
    };
    let mut head = [0; SEGMENT_HEAD_BYTES];
    read_exact_at(&*file, 0, &mut head)?;
    let generation = match SegmentHead::decode(&head) {
        Ok(head) => head.generation,
        Err(_) if head == [0; SEGMENT_HEAD_BYTES] => 0,
        Err(_) => return Ok(None),
    };
    Ok(Some(Spare {
        path: path.to_owned(),
        file,
        generation,
        bytes,
    }))
}
