//! What is kept of an upload over a restart.

use base::ContentHash;
use thiserror::Error;

use super::{Length, Metadata};
use crate::clock::SlowTime;

/// An upload as it is written down. Plain values; the shell gives them their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// How long it will be.
    pub length: Length,
    /// How many bytes are on stable storage.
    pub offset: u64,
    /// What was said about it.
    pub metadata: Metadata,
    /// When it expires.
    pub expires_at: SlowTime,
    /// How far it is.
    pub phase: SnapshotPhase,
}

/// How far an upload is, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotPhase {
    /// Bytes are missing.
    Receiving,
    /// All bytes are there; they may have been stored already, and storing them again does no harm.
    Complete,
    /// They are stored.
    Stored(ContentHash),
    /// It was ended, or what it held was refused.
    Ended,
}

/// An upload cannot go on after a restart: it is forgotten, and whoever sends it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// The staged file lacks bytes that were acknowledged.
    #[error("{staged_bytes} bytes of the upload are left, {offset} were acknowledged")]
    Lost {
        /// What was acknowledged.
        offset: u64,
        /// What is there.
        staged_bytes: u64,
    },
    /// What was written down contradicts itself.
    #[error("what is kept of the upload contradicts itself")]
    Inconsistent,
}
