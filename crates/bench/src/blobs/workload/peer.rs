//! What a store of blobs must say of itself so that the workloads can run over it.
#![allow(
    unreachable_pub,
    reason = "the harness of the peers takes this file as it is, and offers it to them"
)]

use std::future::Future;
use std::path::Path;

use bytes::Bytes;

/// The name of a blob: a hash of its content.
pub type Id = [u8; 32];

/// What a store has counted since it was opened, where it counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Commits, each with one flush.
    pub commits: Option<u64>,
    /// Bytes that these have written.
    pub written_bytes: Option<u64>,
}

/// A store of blobs to be measured.
pub trait Peer: Send + Sync + Sized + 'static {
    /// What one reader has for itself.
    type Reader: Send + 'static;

    /// Opens it in an empty folder; `variant` is which of its ways is meant, and is empty for the plain one.
    ///
    /// # Errors
    /// When it cannot be opened, or has no such way.
    fn open(folder: &Path, variant: &str) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// Says what has happened to a blob when a put of it returns.
    fn acknowledged(&self) -> &'static str;

    /// Stores a blob and returns when that is acknowledged.
    ///
    /// # Errors
    /// When it is not stored.
    fn put(&self, blob: Bytes) -> impl Future<Output = anyhow::Result<Id>> + Send;

    /// Makes a reader.
    ///
    /// # Errors
    /// When it cannot be made.
    fn reader(&self) -> anyhow::Result<Self::Reader>;

    /// Reads a whole blob into memory and returns its length in bytes.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    fn get(
        reader: &mut Self::Reader,
        id: &Id,
    ) -> impl Future<Output = anyhow::Result<usize>> + Send;

    /// Returns what it has counted.
    fn counters(&self) -> Counters {
        Counters::default()
    }
}
