//! What the hot cache did, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) absent: AtomicU64,
    pub(super) coalesced: AtomicU64,
    pub(super) fills: AtomicU64,
    pub(super) fill_failures: AtomicU64,
}

/// What the hot cache did and holds. Everything but `entries`, `bytes` and `waiting` only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HotTally {
    /// Readers who got an answer that was here and fresh.
    pub hits: u64,
    /// Readers who had to wait for an answer.
    pub misses: u64,
    /// Readers who got an answer whose time was over.
    pub stale: u64,
    /// Readers who were told that there is nothing.
    pub absent: u64,
    /// Readers who waited for an answer that somebody else's question had begun.
    pub coalesced: u64,
    /// Answers that were begun.
    pub fills: u64,
    /// Answers that could not be made.
    pub fill_failures: u64,
    /// Answers that made room for others.
    pub evictions: u64,
    /// Answers that are kept now.
    pub entries: u64,
    /// What they weigh together, in bytes.
    pub bytes: u64,
    /// Readers who wait now.
    pub waiting: u64,
}

/// Counts one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    /// Reads all; what caches hold is added by the caller.
    pub(super) fn read(&self) -> HotTally {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HotTally {
            hits: read(&self.hits),
            misses: read(&self.misses),
            stale: read(&self.stale),
            absent: read(&self.absent),
            coalesced: read(&self.coalesced),
            fills: read(&self.fills),
            fill_failures: read(&self.fill_failures),
            ..HotTally::default()
        }
    }
}
