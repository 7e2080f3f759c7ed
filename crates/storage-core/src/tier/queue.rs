//! What is not more than accepted: the write-ahead queue, the newest first.
//!
//! The log and its index are the queue; this is its end in memory. After a restart it is filled by the replay.
//!
//! # Invariants
//! Every queued blob with a sequence number above the floor is held, and nothing at or below it is.
//! At most `held_max` are held; when there are more, the oldest are let go, and the floor rises over them.

use std::collections::BTreeMap;

use base::{ContentHash, Timestamp};

/// Bounds of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most blobs that are held in memory, each about 100 bytes; 0 is taken as 1.
    pub held_max: usize,
    /// Most blobs of one page; 0 is taken as 1.
    pub page_max: usize,
}

/// A blob that is not more than accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The sequence number of its record.
    pub lsn: u64,
    /// Which blob.
    pub hash: ContentHash,
    /// Its length.
    pub bytes: u64,
    /// When it was accepted, for people.
    pub at: Timestamp,
}

/// A part of the queue, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What is held of it.
    pub items: Vec<Queued>,
    /// What is to be read from the index and appended, when there may be more.
    pub rest: Option<Fetch>,
}

/// What is to be read from the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Only what has a sequence number below this one.
    pub before: u64,
    /// Most blobs.
    pub limit: usize,
}

/// The newest part of what is not more than accepted, and how much there is of it all.
#[derive(Clone, Debug)]
pub struct Queue {
    limits: Limits,
    held: BTreeMap<u64, Queued>,
    /// Nothing is held at or below this number.
    floor: Option<u64>,
    len: u64,
    bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_max: 10_000,
            page_max: 1_000,
        }
    }
}

impl Queue {
    /// Starts empty.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            held: BTreeMap::new(),
            floor: None,
            len: 0,
            bytes: 0,
        }
    }

    /// Goes on from a checkpoint: so many blobs of so many bytes are queued in the index, up to the sequence number
    /// `checkpoint`; what comes later is pushed by the replay.
    #[must_use]
    pub const fn resume(limits: Limits, checkpoint: u64, len: u64, bytes: u64) -> Self {
        Self {
            limits,
            held: BTreeMap::new(),
            floor: if len > 0 { Some(checkpoint) } else { None },
            len,
            bytes,
        }
    }

    /// Takes a blob that was accepted. One with a number that is held already replaces that one.
    pub fn push(&mut self, queued: Queued) {
        if self.floor.is_some_and(|floor| queued.lsn <= floor) {
            self.len += 1;
            self.bytes = self.bytes.saturating_add(queued.bytes);
            return;
        }
        if let Some(old) = self.held.insert(queued.lsn, queued) {
            self.bytes = self.bytes.saturating_sub(old.bytes);
            self.len -= 1;
        }
        self.len += 1;
        self.bytes = self.bytes.saturating_add(queued.bytes);
        while self.held.len() > self.limits.held_max.max(1) {
            if let Some((lsn, _)) = self.held.pop_first() {
                self.floor = Some(lsn);
            }
        }
    }

    /// Takes a blob out that is more than accepted now, or gone. It must have been queued.
    pub fn remove(&mut self, lsn: u64, bytes: u64) {
        self.held.remove(&lsn);
        self.len = self.len.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Returns how many blobs are queued, those included that are not held.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether nothing is queued.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the bytes of all that is queued.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns how many are held in memory.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Returns a page of at most `limit` blobs with numbers below `before`, the newest first.
    #[must_use]
    pub fn page(&self, before: Option<u64>, limit: usize) -> Page {
        let limit = limit.min(self.limits.page_max.max(1));
        let before = before.unwrap_or(u64::MAX);
        let newest = self.held.range(..before).rev();
        let items: Vec<Queued> = newest.take(limit).map(|(_, queued)| *queued).collect();
        let left = limit - items.len();
        let is_more_there = self.held.len() as u64 != self.len;
        let rest = self
            .floor
            .filter(|_| left > 0 && is_more_there)
            .map(|floor| Fetch {
                before: before.min(floor.saturating_add(1)),
                limit: left,
            });
        Page { items, rest }
    }
}
