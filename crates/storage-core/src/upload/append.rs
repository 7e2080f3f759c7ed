//! The words of one chunk: how it begins, what arrives, how it ends.

use base::Duration;
use thiserror::Error;

use super::Checksum;

/// A chunk that somebody wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where it begins (`Upload-Offset`).
    pub offset: u64,
    /// How many bytes are announced (`Content-Length`).
    pub announced: Option<u64>,
    /// The length of the whole (`Upload-Length`), where it was deferred.
    pub length: Option<u64>,
    /// What the chunk must have (`Upload-Checksum`).
    pub checksum: Option<Checksum>,
}

/// The right to append one chunk. It cannot be copied, so that each chunk ends once.
#[must_use = "a turn that is not ended keeps others from appending until it runs out"]
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    pub(super) number: u64,
    /// Where the chunk begins in the staged file.
    pub(super) from: u64,
}

/// A chunk is not taken. Beside each stands what the protocol answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// 409: the upload is at another offset.
    #[error("the upload is at byte {offset}")]
    Conflict {
        /// Where it is.
        offset: u64,
    },
    /// 413: the chunk would go beyond the end.
    #[error("the chunk goes beyond the end: {room} bytes are missing, {announced} are announced")]
    TooLong {
        /// What is announced.
        announced: u64,
        /// What is missing.
        room: u64,
    },
    /// 413: the length that is told now is larger than any upload may be.
    #[error("an upload has at most {bytes_max} bytes, {bytes} are announced")]
    LengthTooLong {
        /// What is told.
        bytes: u64,
        /// What may be.
        bytes_max: u64,
    },
    /// 400: the length was told before and is another one, or more bytes are there already.
    #[error("the length of the upload cannot be {bytes}")]
    LengthChanged {
        /// What is told.
        bytes: u64,
    },
    /// 423: somebody else is appending.
    #[error("somebody else is appending to this upload")]
    Busy {
        /// When it may be taken over, if nothing more is heard.
        retry_after: Duration,
    },
    /// 403: all bytes are there.
    #[error("the upload is complete")]
    Complete,
    /// 410: it has expired.
    #[error("the upload has expired")]
    Expired,
    /// 410: it was ended, or what it held was refused.
    #[error("the upload was ended")]
    Ended,
}

/// Somebody else has taken the turn over, or the upload was ended; what came by it does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("somebody else appends to this upload now, or it was ended")]
pub struct Fenced;

/// Bytes of a chunk are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TookError {
    /// See [`Fenced`].
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// They go beyond the end, or beyond what was announced.
    #[error("the chunk is longer than it may be: {room} bytes are missing")]
    TooLong {
        /// What may still come.
        room: u64,
    },
}

/// How a chunk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended<'a> {
    /// The body came to its end. With a checksum, this is what its algorithm gave.
    Whole {
        /// What was computed, where a checksum was announced.
        digest: Option<&'a [u8]>,
    },
    /// The connection broke, or the bytes could not be written.
    Broken,
}

/// Where an upload is after a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The offset. The staged file is cut to this length if it is longer.
    pub offset: u64,
    /// Whether all bytes are there.
    pub is_complete: bool,
}

/// A chunk does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EndError {
    /// See [`Fenced`]. The staged file belongs to somebody else: leave it alone.
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// 460: the chunk does not have its checksum. The staged file is cut to the offset.
    #[error("the chunk does not have the announced checksum")]
    Mismatch {
        /// Where the upload is, as before the chunk.
        offset: u64,
    },
}

impl Turn {
    /// Returns where the chunk begins in the staged file.
    #[must_use]
    pub const fn from(&self) -> u64 {
        self.from
    }
}
