//! What the store keeps in memory: checked chunks, what chunks are compared with, and open files.
//!
//! # Invariants
//!
//! * Each of the three has its bound, and is cut into parts, so that readers do not wait for each other.
//! * A chunk in here was compared with its blob's hash. Nothing in here can grow wrong, because the bytes under a hash
//!   never change; only an open file may be another than the one that has the name now.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::ContentHash;
use bytes::Bytes;
use disk::DiskFile;

use crate::flights::Flights;
use crate::groups::Checks;
use crate::sieve::Sieve;
use crate::{CHUNK_BYTES, ReadError};

/// What it takes to find a chunk, in bytes, about.
const CHUNK_OVERHEAD_BYTES: u64 = 256;

/// How many bytes of checks are kept: those of 32 GiB of blobs.
const CHECKS_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// How many files are kept open.
const FILES_MAX: u64 = 256;

/// Into how many parts the chunks are cut, when there is room for some in each.
const PARTS_MAX: u64 = 16;

/// How many chunks each part has room for at least.
const PART_CHUNKS_MIN: u64 = 8;

/// How many counters there are of each kind, so that threads do not wait for each other's.
const COUNTS: usize = 16;

/// The number of the thread that counts next for the first time.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// With which counters a thread counts.
    static COUNTED_BY: usize = THREADS.fetch_add(1, Ordering::Relaxed) % COUNTS;
}

/// A chunk of a blob, by its place.
pub(crate) type ChunkKey = (ContentHash, u64);

/// What comes out of reading, for all who wait for it.
pub(crate) type Shared<T> = Result<T, Arc<ReadError>>;

/// The memory of a store.
#[derive(Debug)]
pub(crate) struct Cache {
    chunks: Vec<Mutex<Sieve<ChunkKey, Bytes>>>,
    checks: Mutex<Sieve<ContentHash, Checks>>,
    files: Mutex<Sieve<ContentHash, Arc<dyn DiskFile>>>,
    pub(crate) chunk_flights: Arc<Flights<ChunkKey, Shared<Bytes>>>,
    pub(crate) check_flights: Arc<Flights<ContentHash, Shared<Checks>>>,
    /// Whether it keeps no chunks at all.
    is_off: bool,
    blobs_hashed: AtomicU64,
    counts: [Counts; COUNTS],
}

/// Counters of some threads, on a cache line of the machine of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    chunks_read: AtomicU64,
}

impl Cache {
    pub(crate) fn new(chunk_bytes_max: u64) -> Self {
        let parts = (chunk_bytes_max / (PART_CHUNKS_MIN * CHUNK_BYTES as u64)).clamp(1, PARTS_MAX);
        // A chunk that a reader holds stays in memory anyway: better it is found there.
        let part = || {
            Mutex::new(Sieve::new(chunk_bytes_max / parts, |chunk: &Bytes| {
                !chunk.is_unique()
            }))
        };
        let parts = usize::try_from(parts).expect("there are at most sixteen");
        Self {
            chunks: std::iter::repeat_with(part).take(parts).collect(),
            checks: Mutex::new(Sieve::new(CHECKS_BYTES_MAX, |_| false)),
            files: Mutex::new(Sieve::new(FILES_MAX, |_| false)),
            chunk_flights: Flights::new(),
            check_flights: Flights::new(),
            // Not even one byte would fit.
            is_off: chunk_bytes_max <= CHUNK_OVERHEAD_BYTES,
            blobs_hashed: AtomicU64::new(0),
            counts: std::array::from_fn(|_| Counts::default()),
        }
    }

    pub(crate) fn chunk(&self, key: &ChunkKey) -> Option<Bytes> {
        if self.is_off {
            return None;
        }
        let chunk = held(&self.chunks[self.part_of(key)]).get(key);
        let counts = self.counts();
        let counter = if chunk.is_some() {
            &counts.hits
        } else {
            &counts.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        chunk
    }

    /// Takes a chunk that was checked.
    pub(crate) fn keep_chunk(&self, key: ChunkKey, chunk: &Bytes) {
        if self.is_off {
            return;
        }
        let weight = chunk.len() as u64 + CHUNK_OVERHEAD_BYTES;
        held(&self.chunks[self.part_of(&key)]).insert(key, chunk.clone(), weight);
    }

    pub(crate) fn checks(&self, hash: &ContentHash) -> Option<Checks> {
        held(&self.checks).get(hash)
    }

    /// Takes checks that lead to the blob's root.
    pub(crate) fn keep_checks(&self, hash: ContentHash, checks: &Checks) {
        held(&self.checks).insert(hash, checks.clone(), checks.weight());
    }

    pub(crate) fn file(&self, hash: &ContentHash) -> Option<Arc<dyn DiskFile>> {
        held(&self.files).get(hash)
    }

    pub(crate) fn keep_file(&self, hash: ContentHash, file: &Arc<dyn DiskFile>) {
        held(&self.files).insert(hash, Arc::clone(file), 1);
    }

    /// Lets go of a file that no longer has the name.
    pub(crate) fn close(&self, hash: &ContentHash) {
        held(&self.files).remove(hash);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.chunks.iter().map(|part| held(part).weight()).sum()
    }

    /// Returns how often a chunk was in memory, and how often it was not.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (
            self.sum(|counts| &counts.hits),
            self.sum(|counts| &counts.misses),
        )
    }

    pub(crate) fn count_chunk_read(&self) {
        self.counts().chunks_read.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn chunks_read_total(&self) -> u64 {
        self.sum(|counts| &counts.chunks_read)
    }

    fn sum(&self, counter: fn(&Counts) -> &AtomicU64) -> u64 {
        let counters = self.counts.iter().map(counter);
        counters
            .map(|counter| counter.load(Ordering::Relaxed))
            .sum()
    }

    /// Returns the counters of this thread.
    fn counts(&self) -> &Counts {
        &self.counts[COUNTED_BY.with(|place| *place)]
    }

    pub(crate) fn count_blob_hashed(&self) {
        self.blobs_hashed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn blobs_hashed_total(&self) -> u64 {
        self.blobs_hashed.load(Ordering::Relaxed)
    }

    fn part_of(&self, key: &ChunkKey) -> usize {
        (usize::from(key.0.as_bytes()[29]) + key.1 as usize) % self.chunks.len()
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
