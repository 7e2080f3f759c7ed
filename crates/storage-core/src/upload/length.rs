//! How an upload begins.

use base::Duration;
use thiserror::Error;

use super::Metadata;

/// How long an upload will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes (`Upload-Length`).
    Known(u64),
    /// It is told later (`Upload-Defer-Length: 1`).
    Deferred,
}

/// Bounds of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of an upload (`Tus-Max-Size`).
    pub bytes_max: u64,
    /// Most bytes of the header `Upload-Metadata`.
    pub metadata_bytes_max: usize,
    /// Most keys in it.
    pub metadata_keys_max: usize,
    /// How long an upload is kept after the last chunk.
    pub expires_after: Duration,
    /// How long an appender may say nothing before another one may take over.
    pub turn_for: Duration,
}

/// What an upload is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// How long it will be.
    pub length: Length,
    /// What else was said about it.
    pub metadata: Metadata,
}

/// An upload cannot be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CreateError {
    /// It would be too long.
    #[error("an upload has at most {bytes_max} bytes, {bytes} are announced")]
    TooLong {
        /// What was announced.
        bytes: u64,
        /// What may be.
        bytes_max: u64,
    },
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 64 * 1024 * 1024 * 1024,
            metadata_bytes_max: 4_096,
            metadata_keys_max: 32,
            expires_after: Duration::from_secs(24 * 60 * 60),
            turn_for: Duration::from_secs(30),
        }
    }
}

impl Length {
    /// Returns the length, when it is known.
    #[must_use]
    pub const fn known(self) -> Option<u64> {
        match self {
            Self::Known(bytes) => Some(bytes),
            Self::Deferred => None,
        }
    }
}
