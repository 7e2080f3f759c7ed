//! Where blobs are that were asked for lately, so that the index is not asked again.
//!
//! # Invariants
//!
//! * What is in here was true after the last change that was published: a lookup that was under way while something
//!   changed is not kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sieve::Sieve;
use crate::view::Found;

/// Into how many parts it is cut, so that readers do not wait for each other.
const PARTS: usize = 32;

/// How many blobs are known at once.
const BLOBS_MAX: u64 = 262_144;

/// The places of blobs.
#[derive(Debug)]
pub(crate) struct Known {
    parts: Vec<Mutex<Part>>,
    /// How often something changed, per part.
    changes: Vec<AtomicU64>,
}

/// Blobs by their namespace and hash.
type Part = Sieve<(u16, [u8; 32]), Found>;

/// When a lookup began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(u64);

impl Known {
    pub(crate) fn new() -> Self {
        let part = || Mutex::new(Sieve::new(BLOBS_MAX / PARTS as u64, |_| false));
        Self {
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
            changes: std::iter::repeat_with(AtomicU64::default)
                .take(PARTS)
                .collect(),
        }
    }

    pub(crate) fn get(&self, namespace: u16, hash: &[u8; 32]) -> Option<Found> {
        self.part(hash).get(&(namespace, *hash))
    }

    /// Begins a lookup.
    pub(crate) fn begin(&self, hash: &[u8; 32]) -> Begun {
        Begun(self.changes[part_of(hash)].load(Ordering::SeqCst))
    }

    /// Keeps what a lookup found, unless something changed since it began.
    pub(crate) fn keep(&self, begun: Begun, namespace: u16, hash: &[u8; 32], found: Found) {
        let mut part = self.part(hash);
        if self.changes[part_of(hash)].load(Ordering::SeqCst) == begun.0 {
            part.insert((namespace, *hash), found, 1);
        }
    }

    /// Forgets a blob of a namespace.
    pub(crate) fn forget(&self, namespace: u16, hash: &[u8; 32]) {
        let mut part = self.part(hash);
        self.changes[part_of(hash)].fetch_add(1, Ordering::SeqCst);
        part.remove(&(namespace, *hash));
    }

    /// Forgets a blob in all namespaces there are.
    pub(crate) fn forget_all(&self, namespaces: u16, hash: &[u8; 32]) {
        let mut part = self.part(hash);
        self.changes[part_of(hash)].fetch_add(1, Ordering::SeqCst);
        for namespace in 0..namespaces {
            part.remove(&(namespace, *hash));
        }
    }

    fn part(&self, hash: &[u8; 32]) -> MutexGuard<'_, Part> {
        self.parts[part_of(hash)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn part_of(hash: &[u8; 32]) -> usize {
    usize::from(hash[30]) % PARTS
}
