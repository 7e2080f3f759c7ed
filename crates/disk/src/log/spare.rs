//! Segments that lie ready, so that a commit does not wait until a new one is filled with zeros.
//!
//! A spare is a file of the full size whose space is taken and written once, with zeros or with what an earlier use
//! left; it gets a segment's head and name only when it is needed.
//! A thread of the caller's makes them ahead of need ([`Preparer::run`]); without it the writer makes each when it needs
//! it.
//! That thread shares the disk with the writer: it writes one piece at a time, brings it to stable storage, and then
//! rests as long as that took. When the writer has to wait for it, it does not rest.
//! On a disk without room for a whole segment the writer takes a smaller one.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wire::segment::{ALIGN_BYTES, SEGMENT_HEAD_BYTES, SegmentHead};

use super::segment::Name;
use super::shared::{Shared, join};
use crate::Disk;
use crate::error::is_full;
use crate::medium::{DiskFile, read_exact_at};

/// How much is written at once while a spare is filled: what a commit may have to wait for.
const FILL_BYTES: usize = 512 << 10;

/// The longest rest between two pieces.
const REST_MAX: Duration = Duration::from_millis(20);

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
    /// The thread is making one.
    is_making: bool,
    /// The writer waits for that one.
    is_urgent: bool,
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
            let making = Making(spares);
            let made = self
                .shared
                .make(serial, bytes, true, &mut |took| spares.rest(took));
            match made {
                Ok(spare) => spares.put(spare),
                Err(_) => spares.give_up(),
            }
            drop(making);
        }
    }
}

/// Says, once dropped, that the thread makes none any more.
struct Making<'a>(&'a Spares);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_making = false;
        drop(state);
        self.0.changed.notify_all();
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
                is_making: false,
                is_urgent: false,
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

    /// Takes one of exactly this size, waiting for one that is being made.
    fn take(&self, bytes: u64) -> Option<Spare> {
        let mut state = self.state();
        loop {
            let place = state.ready.iter().position(|spare| spare.bytes == bytes);
            if let Some(place) = place {
                let spare = state.ready.remove(place);
                state.is_urgent = false;
                drop(state);
                self.changed.notify_all();
                return spare;
            }
            if !state.is_making {
                state.is_urgent = false;
                return None;
            }
            state.is_urgent = true;
            self.changed.notify_all();
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the writer have the disk for as long as a piece took; tells whether the spare is still to be made.
    fn rest(&self, took: Duration) -> bool {
        let begun = Instant::now();
        let mut state = self.state();
        while !state.is_closed && !state.is_urgent {
            let Some(left) = took.min(REST_MAX).checked_sub(begun.elapsed()) else {
                break;
            };
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        !state.is_closed
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
                state.is_making = true;
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
    /// Takes a spare or makes one now, of `bytes` bytes or, on a disk without room for that, of fewer; `least` must fit.
    pub(super) fn spare(&self, bytes: u64, least: u64) -> Result<Spare, Failed> {
        if let Some(spare) = self.spares.take(bytes) {
            return Ok(spare);
        }
        let mut bytes = bytes;
        loop {
            let serial = self.spares.next_serial();
            let is_last = bytes <= least;
            match self.make(serial, bytes, !is_last, &mut |_| true) {
                Err(failed) if is_full(&failed.source) && !is_last => {
                    bytes = (bytes / 2).next_multiple_of(ALIGN_BYTES).max(least);
                }
                made => return made,
            }
        }
    }

    /// Keeps a spare that was not needed after all, when others may need it.
    pub(super) fn put_back(&self, spare: Spare) {
        if spare.bytes == self.config.segment_bytes {
            self.spares.put(spare);
        } else {
            // What cannot be removed now is removed at the next open.
            drop(self.disk.remove(&spare.path));
        }
    }

    /// Makes a file of zeros that can become a segment; what fails leaves nothing. With `asks_first` it does not touch a
    /// disk that says that it has no room.
    fn make(
        &self,
        serial: u64,
        bytes: u64,
        asks_first: bool,
        rest: &mut dyn FnMut(Duration) -> bool,
    ) -> Result<Spare, Failed> {
        let disk = &*self.disk;
        let unfinished = self.name(&Name::Unfinished(serial).to_string());
        let path = self.name(&Name::Spare(serial).to_string());
        let failed = |source| Failed {
            path: disk.path(&unfinished),
            source,
        };
        // To take what there is and fail would take it from everybody else for that long.
        if asks_first && disk.free_bytes().map_err(failed)? < bytes {
            return Err(failed(io::ErrorKind::StorageFull.into()));
        }
        let made = fill(disk, &unfinished, bytes, rest).and_then(|file| {
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
                Err(failed(source))
            }
        }
    }
}

fn fill(
    disk: &dyn Disk,
    path: &str,
    bytes: u64,
    rest: &mut dyn FnMut(Duration) -> bool,
) -> io::Result<Arc<dyn DiskFile>> {
    let file = disk.create(path)?;
    file.allocate(bytes)?;
    let zeros = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX).min(FILL_BYTES)];
    let mut offset = 0;
    while offset < bytes {
        let len = usize::try_from(bytes - offset)
            .unwrap_or(usize::MAX)
            .min(zeros.len());
        let begun = Instant::now();
        file.write_at(offset, &[IoSlice::new(&zeros[..len])])?;
        file.sync()?;
        offset += len as u64;
        if offset < bytes && !rest(begun.elapsed()) {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
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
