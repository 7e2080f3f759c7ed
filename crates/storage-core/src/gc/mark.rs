//! The mark: from the roots to everything that they lead to.

use std::collections::BTreeSet;

use base::{ContentHash, Duration};
use thiserror::Error;

use super::{Generation, Plan};
use crate::clock::SlowTime;

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a blob lies in the trash before it is purged.
    pub trash_for: Duration,
    /// How long a blob that nothing leads to is kept after its last touch; covers the time between putting the parts of
    /// a thing and naming them.
    pub grace: Duration,
}

/// Bounds of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most blobs that are remembered as reachable; each takes 32 bytes and a little more. Above it nothing is collected.
    pub marked_max: usize,
}

/// What the blob is that a root names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holds {
    /// Bytes that lead to nothing.
    Blob,
    /// The manifest of a folder, which leads to the blobs that it names.
    Folder,
}

/// What keeps a blob from being collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Somebody gave it a name.
    Tag {
        /// Which blob.
        hash: ContentHash,
        /// What it is.
        holds: Holds,
    },
    /// Somebody asked that it be kept for a while.
    Lease {
        /// Which blob.
        hash: ContentHash,
        /// What it is.
        holds: Holds,
        /// Until when; from then on it keeps nothing.
        until: SlowTime,
    },
    /// An upload that is under way will be this blob.
    Upload {
        /// Which blob.
        hash: ContentHash,
    },
}

/// A mark under way.
#[derive(Clone, Debug)]
pub struct Mark {
    generation: Generation,
    now: SlowTime,
    terms: Terms,
    limits: Limits,
    reached: BTreeSet<ContentHash>,
    /// Folders that were handed out or read.
    folders: BTreeSet<ContentHash>,
    /// Folders that nobody has read yet.
    open: BTreeSet<ContentHash>,
    /// Folders that were handed out and not answered.
    asked: BTreeSet<ContentHash>,
    unreadable: BTreeSet<ContentHash>,
    is_over: bool,
}

/// Why a mark gives no plan. Nothing is trashed and nothing purged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Halt {
    /// Folders cannot be read, and nobody knows which blobs they keep.
    #[error("{} of the folders that are named by tags or leases cannot be read, the first is {first}", .count)]
    Unreadable {
        /// The first of them in the order of hashes.
        first: ContentHash,
        /// How many.
        count: usize,
    },
    /// More blobs are reachable than may be remembered.
    #[error("more than {marked_max} blobs are reachable")]
    TooMany {
        /// How many may be.
        marked_max: usize,
    },
    /// Folders were not read yet: the collection was stopped.
    #[error("{count} folders were not read yet")]
    Unfinished {
        /// How many.
        count: usize,
    },
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            trash_for: Duration::from_secs(7 * 24 * 60 * 60),
            grace: Duration::from_secs(60 * 60),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            marked_max: 10_000_000,
        }
    }
}

impl Mark {
    /// Begins a collection.
    ///
    /// `generation` is the one that the writer will give next; everything that it touches from now on is kept.
    #[must_use]
    pub const fn begin(
        generation: Generation,
        now: SlowTime,
        terms: Terms,
        limits: Limits,
    ) -> Self {
        Self {
            generation,
            now,
            terms,
            limits,
            reached: BTreeSet::new(),
            folders: BTreeSet::new(),
            open: BTreeSet::new(),
            asked: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            is_over: false,
        }
    }

    /// Takes a root, in any order; twice is once.
    pub fn add(&mut self, root: &Root) {
        let (hash, holds) = match root {
            Root::Lease { until, .. } if *until <= self.now => return,
            Root::Tag { hash, holds } | Root::Lease { hash, holds, .. } => (*hash, *holds),
            Root::Upload { hash } => (*hash, Holds::Blob),
        };
        self.reach(hash);
        if holds == Holds::Folder && !self.is_over && self.folders.insert(hash) {
            self.open.insert(hash);
        }
    }

    /// Returns the next folder whose children are to be read; each once.
    pub fn poll_folder(&mut self) -> Option<ContentHash> {
        let folder = self.open.pop_first()?;
        self.asked.insert(folder);
        Some(folder)
    }

    /// Takes the blobs that a folder names.
    pub fn take_children(
        &mut self,
        folder: &ContentHash,
        children: impl IntoIterator<Item = ContentHash>,
    ) {
        if self.asked.remove(folder) {
            for child in children {
                self.reach(child);
            }
        }
    }

    /// Notes that a folder could not be read, so that what it keeps is not known.
    pub fn take_unreadable(&mut self, folder: &ContentHash) {
        if self.asked.remove(folder) {
            self.unreadable.insert(*folder);
        }
    }

    /// Returns how many blobs are known to be reachable.
    #[must_use]
    pub fn reached(&self) -> usize {
        self.reached.len()
    }

    /// Ends the mark, after all roots were added and all folders were read.
    ///
    /// # Errors
    /// When it is not known what is reachable. Then nothing may be collected.
    pub fn finish(self) -> Result<Plan, Halt> {
        if self.is_over {
            return Err(Halt::TooMany {
                marked_max: self.limits.marked_max,
            });
        }
        let unfinished = self.open.len() + self.asked.len();
        if unfinished > 0 {
            return Err(Halt::Unfinished { count: unfinished });
        }
        match self.unreadable.first() {
            Some(first) => Err(Halt::Unreadable {
                first: *first,
                count: self.unreadable.len(),
            }),
            None => Ok(Plan::new(
                self.generation,
                self.now,
                self.terms,
                self.reached,
            )),
        }
    }

    fn reach(&mut self, hash: ContentHash) {
        if self.is_over || self.reached.contains(&hash) {
            return;
        }
        if self.reached.len() >= self.limits.marked_max {
            self.is_over = true;
            self.reached.clear();
            return;
        }
        self.reached.insert(hash);
    }
}
