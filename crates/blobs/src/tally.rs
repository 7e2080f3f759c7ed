//! What is counted for those who watch the process.
//!
//! # Invariants
//!
//! * Counting costs nothing that grows with what is stored: what a tally says is kept as records are published. Only
//!   when the blob that waited longest left the queue, the next one is looked for, once.

use std::sync::atomic::{AtomicU64, Ordering};

use base::Timestamp;
use storage_core::Sum;

use crate::core::Core;
use crate::{Blobs, ReadError};

/// Counters of a store.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    records: AtomicU64,
    bytes: AtomicU64,
    checkpoints: AtomicU64,
    failures: AtomicU64,
    read_failures: AtomicU64,
    index_failures: AtomicU64,
    damaged: AtomicU64,
    scrubbed: AtomicU64,
}

/// What a store did since it was opened, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Times that the log was brought to stable storage.
    pub syncs_total: u64,
    /// Records that were staged for the log.
    pub records_total: u64,
    /// Bytes of their bodies.
    pub record_bytes_total: u64,
    /// Checkpoints of the index.
    pub checkpoints_total: u64,
    /// Blobs of all namespaces that can be read.
    pub live: Sum,
    /// Blobs of all namespaces in the trash.
    pub trash: Sum,
    /// Blobs that were purged and whose room is not given back.
    pub dead: Sum,
    /// Blobs of all namespaces that are damaged, and neither stored again since nor in the trash.
    pub damaged: Sum,
    /// Bytes of the log's files.
    pub log_bytes: u64,
    /// Bytes of log records that are needed.
    pub log_live_bytes: u64,
    /// Blobs in files of their own.
    pub large: Sum,
    /// Chunks that were found in memory.
    pub cache_hits_total: u64,
    /// Chunks that were asked for and not in memory.
    pub cache_misses_total: u64,
    /// Bytes of chunks in memory.
    pub cached_bytes: u64,
    /// Blobs that wait to be more than accepted.
    pub queue_len: u64,
    /// When the oldest of them was accepted, in microseconds since 1970.
    pub queue_oldest_at: Option<Timestamp>,
    /// How often a blob was found damaged since the store was opened.
    pub damaged_total: u64,
    /// Bytes that scrubs have read.
    pub scrubbed_bytes_total: u64,
    /// Where the scrub goes on: a hash, or nothing before its first blob.
    pub scrub_after: Option<base::ContentHash>,
    /// Batches that could not be committed.
    pub write_failures_total: u64,
    /// Reads that the disk failed.
    pub read_failures_total: u64,
    /// Checkpoints that failed.
    pub index_failures_total: u64,
    /// Whether a sync failed: nothing is written any more.
    pub is_poisoned: bool,
}

/// The blob that waits longest to be more than accepted, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog {
    /// The number with which it was accepted, and when.
    oldest: Option<(u64, Timestamp)>,
    /// Nothing that waits has a number below this one.
    floor: u64,
    /// How often something left or came back.
    changes: u64,
}

/// From where the blob that waits longest is looked for.
#[derive(Clone, Copy, Debug)]
struct Search {
    floor: u64,
    changes: u64,
}

impl Backlog {
    /// Notes that a blob does not wait any more.
    pub(crate) fn leave(&mut self, lsn: u64) {
        self.changes += 1;
        if self.oldest.is_some_and(|(oldest, _)| oldest == lsn) {
            self.oldest = None;
            self.floor = lsn + 1;
        }
    }

    /// Notes that a blob waits that did not, though it was accepted before others.
    pub(crate) fn come(&mut self, lsn: u64, at: Timestamp) {
        self.changes += 1;
        self.floor = self.floor.min(lsn);
        if self.oldest.is_some_and(|(oldest, _)| lsn < oldest) {
            self.oldest = Some((lsn, at));
        }
    }

    /// Returns the one that waits longest, or from where to look for it.
    fn oldest(&self) -> Result<Timestamp, Search> {
        let search = Search {
            floor: self.floor,
            changes: self.changes,
        };
        self.oldest.map(|(_, at)| at).ok_or(search)
    }

    /// Keeps what a search found, unless something left or came back since it began.
    fn found(&mut self, search: Search, lsn: u64, at: Timestamp) {
        if self.changes == search.changes {
            self.oldest = Some((lsn, at));
            self.floor = lsn;
        }
    }
}

impl Core {
    /// Returns when the blob was accepted that waits longest.
    fn oldest_at(&self) -> Result<Option<Timestamp>, ReadError> {
        let oldest = self.space().backlog.oldest();
        let search = match oldest {
            Ok(at) => return Ok(Some(at)),
            Err(search) => search,
        };
        let Some(found) = self.view.find_oldest(search.floor)? else {
            return Ok(None);
        };
        self.space().backlog.found(search, found.lsn, found.at);
        Ok(Some(found.at))
    }
}

impl Counters {
    pub(crate) fn count_record(&self, body_bytes: u64) {
        self.records.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(body_bytes, Ordering::Relaxed);
    }

    /// Returns how many bytes records took, with their heads.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + 64 * self.records.load(Ordering::Relaxed)
    }

    pub(crate) fn count_checkpoint(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_read_failure(&self) {
        self.read_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_index_failure(&self) {
        self.index_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_scrubbed(&self, bytes: u64) {
        self.scrubbed.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Blobs {
    /// Returns what the whole store did and holds, for metrics. May look into the index; blocks shortly.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let core = self.core();
        let counters = &core.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (mut live, mut trash, mut dead) = (Sum::ZERO, Sum::ZERO, Sum::ZERO);
        let space = core.space();
        for room in &space.namespaces {
            let usage = room.books.usage();
            for (all, of_room) in [
                (&mut live, usage.live),
                (&mut trash, usage.trash),
                (&mut dead, usage.dead),
            ] {
                *all = all.checked_add(of_room).unwrap_or(*all);
            }
        }
        let log_live_bytes = space.segments.values().map(|used| used.live).sum();
        let large = space.files;
        drop(space);
        let (cache_hits_total, cache_misses_total) = core.cache.hits_and_misses();
        // Where nothing can be read nothing waits, either.
        let queue_oldest_at = match live.blobs {
            0 => None,
            _ => core.oldest_at().ok().flatten(),
        };
        Tally {
            syncs_total: core.log.syncs(),
            records_total: load(&counters.records),
            record_bytes_total: load(&counters.bytes),
            checkpoints_total: load(&counters.checkpoints),
            live,
            trash,
            dead,
            damaged: self.damaged_in_all(),
            log_bytes: core.log.bytes_total(),
            log_live_bytes,
            large,
            cache_hits_total,
            cache_misses_total,
            cached_bytes: core.cache.bytes(),
            // Nothing is more than accepted yet.
            queue_len: live.blobs,
            queue_oldest_at,
            damaged_total: load(&counters.damaged),
            scrubbed_bytes_total: load(&counters.scrubbed),
            scrub_after: core.scrub_after(),
            write_failures_total: load(&counters.failures),
            read_failures_total: load(&counters.read_failures),
            index_failures_total: load(&counters.index_failures),
            is_poisoned: core.log.is_poisoned(),
        }
    }
}

#[cfg(test)]
mod tests;
