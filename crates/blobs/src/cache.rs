//! What the store keeps in memory: checked chunks, lists of digests, and open files.
//!
//! # Invariants
//!
//! * Each of the three has its bound.
//! * A chunk in here was compared with its blob's hash. Nothing in here can grow wrong, because the bytes under a hash
//!   never change; only an open file may be another than the one that has the name now.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::ContentHash;
use bytes::Bytes;

use crate::ReadError;
use crate::digests::Digests;
use crate::flights::Flights;
use crate::sieve::Sieve;

/// What it takes to find a chunk, in bytes, about.
const CHUNK_OVERHEAD_BYTES: u64 = 256;

/// How many bytes of digests are kept: those of 32 GiB of blobs.
const DIGESTS_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// How many files are kept open.
const FILES_MAX: u64 = 256;

/// A chunk of a blob, by its place.
pub(crate) type ChunkKey = (ContentHash, u64);

/// What comes out of reading, for all who wait for it.
pub(crate) type Shared<T> = Result<T, Arc<ReadError>>;

/// The memory of a store.
#[derive(Debug)]
pub(crate) struct Cache {
    chunks: Mutex<Sieve<ChunkKey, Bytes>>,
    digests: Mutex<Sieve<ContentHash, Digests>>,
    files: Mutex<Sieve<ContentHash, Arc<disk::File>>>,
    pub(crate) chunk_flights: Arc<Flights<ChunkKey, Shared<Bytes>>>,
    pub(crate) digest_flights: Arc<Flights<ContentHash, Shared<Digests>>>,
    chunks_read: AtomicU64,
    blobs_hashed: AtomicU64,
}

impl Cache {
    pub(crate) fn new(chunk_bytes_max: u64) -> Self {
        Self {
            // A chunk that a reader holds stays in memory anyway: better it is found there.
            chunks: Mutex::new(Sieve::new(chunk_bytes_max, |chunk| !chunk.is_unique())),
            digests: Mutex::new(Sieve::new(DIGESTS_BYTES_MAX, |_| false)),
            files: Mutex::new(Sieve::new(FILES_MAX, |_| false)),
            chunk_flights: Flights::new(),
            digest_flights: Flights::new(),
            chunks_read: AtomicU64::new(0),
            blobs_hashed: AtomicU64::new(0),
        }
    }

    pub(crate) fn chunk(&self, key: &ChunkKey) -> Option<Bytes> {
        held(&self.chunks).get(key)
    }

    /// Takes a chunk that was checked.
    pub(crate) fn keep_chunk(&self, key: ChunkKey, chunk: &Bytes) {
        let weight = chunk.len() as u64 + CHUNK_OVERHEAD_BYTES;
        held(&self.chunks).insert(key, chunk.clone(), weight);
    }

    pub(crate) fn digests(&self, hash: &ContentHash) -> Option<Digests> {
        held(&self.digests).get(hash)
    }

    /// Takes a list of digests that was taken from the right bytes.
    pub(crate) fn keep_digests(&self, hash: ContentHash, digests: &Digests) {
        held(&self.digests).insert(hash, digests.clone(), digests.weight());
    }

    pub(crate) fn forget_digests(&self, hash: &ContentHash) {
        held(&self.digests).remove(hash);
    }

    pub(crate) fn file(&self, hash: &ContentHash) -> Option<Arc<disk::File>> {
        held(&self.files).get(hash)
    }

    pub(crate) fn keep_file(&self, hash: ContentHash, file: &Arc<disk::File>) {
        held(&self.files).insert(hash, Arc::clone(file), 1);
    }

    /// Lets go of a file that no longer has the name.
    pub(crate) fn close(&self, hash: &ContentHash) {
        held(&self.files).remove(hash);
    }

    pub(crate) fn bytes(&self) -> u64 {
        held(&self.chunks).weight()
    }

    pub(crate) fn count_chunk_read(&self) {
        self.chunks_read.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn chunks_read_total(&self) -> u64 {
        self.chunks_read.load(Ordering::Relaxed)
    }

    pub(crate) fn count_blob_hashed(&self) {
        self.blobs_hashed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn blobs_hashed_total(&self) -> u64 {
        self.blobs_hashed.load(Ordering::Relaxed)
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
