//! Pieces of large files: written past the system's cache, and their groups taken, by two threads for a whole store.
//!
//! SHA-256 cannot be shared between threads, so whoever stores a blob does that alone; everything else that a piece
//! costs happens here meanwhile, and the time of a put is little more than that of its hash.
//!
//! # Invariants
//!
//! * However many blobs are stored at once, at most [`WAITING_MAX`] pieces wait here, and each thread holds one more:
//!   6 MiB, and the 2 MiB from which the threads write. Who has more waits for room.
//! * Between two pieces a blob takes no thread, however slowly it comes.
//! * A file is complete when [`Writing::wait`] has said so, and not before; nothing here is on stable storage.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use disk::{Block, DiskFile};
use wire::blobs::GROUP_BYTES;

use crate::groups::{self, ChainingValue};

/// How long a piece is, but for the last one of a file, in bytes. Smaller ones cost more calls, larger ones more memory.
pub(crate) const PIECE_BYTES: usize = 1_024 * 1_024;

/// One that writes while the other one takes groups, which is as much as a disk can use.
const THREADS: usize = 2;

/// How many pieces may wait for a thread.
const WAITING_MAX: usize = 4;

/// The threads, which begin with the first piece, and what waits for them.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    line: Arc<Line>,
    threads: OnceLock<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Line {
    queue: Mutex<Queue>,
    /// There is a piece, or there will be none any more.
    filled: Condvar,
    /// There is room for a piece.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Piece>,
    is_closed: bool,
}

/// A file whose pieces are under way. Dropped, those that were not begun are left.
#[derive(Debug)]
pub(crate) struct Writing {
    progress: Arc<Progress>,
}

/// A piece on its way. Dropped, it tells how it ended.
#[derive(Debug)]
pub(crate) struct Piece {
    of: Arc<Progress>,
    offset: u64,
    chunks: Vec<Bytes>,
    /// What became of it; nothing when it was not begun, or its thread has failed.
    done: Option<io::Result<Vec<ChainingValue>>>,
}

#[derive(Debug)]
struct Progress {
    /// Where the pieces go; nothing when they are there already.
    file: Option<Arc<dyn DiskFile>>,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    underway: usize,
    failed: Option<io::Error>,
    is_given_up: bool,
    groups: Vec<ChainingValue>,
}

impl Pieces {
    /// Has a piece written and its groups taken; waits while too many wait already. Blocks.
    pub(crate) fn add(&self, piece: Piece) {
        if self.threads.get_or_init(|| start(&self.line)).is_empty() {
            piece.work(&mut Block::new(PIECE_BYTES));
            return;
        }
        let mut queue = self.line.held();
        while queue.waiting.len() >= WAITING_MAX {
            let waited = self.line.emptied.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
        queue.waiting.push_back(piece);
        drop(queue);
        self.line.filled.notify_one();
    }

    /// Gives memory back where nobody waits for it: for a hundred megabytes that takes milliseconds. Blocks as
    /// [`Pieces::add`].
    pub(crate) fn free(&self, bytes: Bytes) {
        // Of what is given up nothing is done but to drop it.
        let piece = Writing::new(None).piece(0, vec![bytes]);
        self.add(piece);
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.line.held().is_closed = true;
        self.line.filled.notify_all();
        for thread in self.threads.take().into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!(target: "blobs::event::thread_failed", "a thread of the store has failed");
            }
        }
    }
}

/// Starts as many threads as can be had.
fn start(line: &Arc<Line>) -> Vec<JoinHandle<()>> {
    let spawn = |_| {
        let line = Arc::clone(line);
        let work = move || {
            let mut block = Block::new(PIECE_BYTES);
            while let Some(piece) = line.next() {
                piece.work(&mut block);
            }
        };
        let thread = thread::Builder::new().name("blobs-pieces".to_owned());
        thread.spawn(work).ok()
    };
    (0..THREADS).filter_map(spawn).collect()
}

impl Line {
    /// Waits for a piece; `None` when the store ends.
    fn next(&self) -> Option<Piece> {
        let mut queue = self.held();
        loop {
            if let Some(piece) = queue.waiting.pop_front() {
                drop(queue);
                self.emptied.notify_one();
                return Some(piece);
            }
            if queue.is_closed {
                return None;
            }
            let waited = self.filled.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn held(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// Begins with a file; without one, the bytes lie in theirs already, and only their groups are taken.
    pub(crate) fn new(file: Option<Arc<dyn DiskFile>>) -> Self {
        Self {
            progress: Arc::new(Progress {
                file,
                state: Mutex::default(),
                ended: Condvar::new(),
            }),
        }
    }

    /// Makes a piece of the file: [`PIECE_BYTES`] that lie at a multiple of that, or fewer at its end.
    pub(crate) fn piece(&self, offset: u64, chunks: Vec<Bytes>) -> Piece {
        debug_assert!(offset.is_multiple_of(PIECE_BYTES as u64));
        self.progress.held().underway += 1;
        Piece {
            of: Arc::clone(&self.progress),
            offset,
            chunks,
            done: None,
        }
    }

    /// Tells whether a piece could not be written.
    ///
    /// # Errors
    ///
    /// Why; told once.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.progress.held().failed.take().map_or(Ok(()), Err)
    }

    /// Waits until no piece is under way, and returns the groups of all.
    ///
    /// # Errors
    ///
    /// Why one could not be written.
    pub(crate) fn wait(self) -> io::Result<Vec<ChainingValue>> {
        let mut state = self.progress.held();
        while state.underway > 0 {
            let waited = self.progress.ended.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        match state.failed.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut state.groups)),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.progress.held().is_given_up = true;
    }
}

impl Piece {
    fn work(mut self, block: &mut Block) {
        if self.of.held().is_given_up {
            return;
        }
        block.fill(self.chunks.iter().map(|chunk| &chunk[..]));
        // Whoever sends them has their memory again.
        self.chunks.clear();
        let groups = groups::list_of(block, self.offset).collect();
        let written = match &self.of.file {
            Some(file) => file.write_block(self.offset, block),
            None => Ok(()),
        };
        self.done = Some(written.map(|()| groups));
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let done = self.done.take();
        let unfinished = || Err(io::Error::other("a piece was not written"));
        let mut state = self.of.held();
        match done.unwrap_or_else(unfinished) {
            Ok(groups) => {
                let first = usize::try_from(self.offset / GROUP_BYTES as u64)
                    .expect("a list of groups fits into memory");
                let len = state.groups.len().max(first + groups.len());
                state.groups.resize(len, [0; 32]);
                state.groups[first..first + groups.len()].copy_from_slice(&groups);
            }
            Err(error) => {
                state.is_given_up = true;
                state.failed.get_or_insert(error);
            }
        }
        state.underway -= 1;
        drop(state);
        self.of.ended.notify_all();
    }
}

impl Progress {
    fn held(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
