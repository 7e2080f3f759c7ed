//! What can go wrong with a log, one enum per operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base::{Code, Problem};
use thiserror::Error;
use wire::segment::{Lsn, RetiredError};

use super::Corrupt;
use crate::error::is_full;

/// A log could not be opened.
#[derive(Debug, Error)]
pub enum OpenLogError {
    /// The configuration cannot be.
    #[error("the log's {what} is not possible")]
    Config {
        /// Which value.
        what: &'static str,
    },
    /// Reading, writing or syncing a file of the log.
    #[error("open log file {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk or the user's quota is full.
    #[error("disk full: open log file {}", path.display())]
    Full {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer program wrote it.
    #[error("{} has format version {found}, which this program does not know", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u8,
    },
    /// It is the log of something else.
    #[error("{} belongs to a log of {found:?}, not of {expected:?}", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// What it is for.
        found: String,
        /// What it should be for.
        expected: String,
    },
    /// It is damaged, and no crash explains it.
    #[error("{} is damaged at offset {}, log record {}: {}", path.display(), corrupt.offset, corrupt.lsn, corrupt.what)]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where and what.
        corrupt: Corrupt,
    },
    /// A segment is not there that should be.
    #[error("{} is missing, from log record {lsn} on", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// Its number.
        segment: u64,
        /// The number of its first log record; 0 when it is not known.
        lsn: Lsn,
    },
    /// The log ends before what the owner says was committed.
    #[error("the log in {} ends with log record {last}, and {after} was committed", path.display())]
    Behind {
        /// The folder.
        path: PathBuf,
        /// The last number in it.
        last: Lsn,
        /// What the owner says.
        after: Lsn,
    },
    /// The list of retired segments cannot be read.
    #[error("{} cannot be read", path.display())]
    Retired {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RetiredError,
    },
}

/// A log record could not be pushed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PushError {
    /// The body is larger than a log record or a segment may be.
    #[error("a log record of {len} bytes is larger than {limit}")]
    TooLarge {
        /// Bytes of the body.
        len: u64,
        /// Most bytes of a body.
        limit: u64,
    },
    /// The stream is the log's own.
    #[error("this stream is the log's own")]
    Stream,
    /// The log is poisoned.
    #[error("the log takes nothing more after a failed write")]
    Poisoned,
}

/// What a poisoned log was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Writing bytes.
    Write,
    /// Bringing bytes to stable storage.
    Sync,
    /// Giving a segment its name.
    Rename,
    /// Bringing the names of segments to stable storage.
    SyncFolder,
}

/// A batch could not be committed. Nothing of it is acknowledged; all its positions and numbers are void.
#[derive(Clone, Debug, Error)]
pub enum CommitError {
    /// The disk or the user's quota was full before the batch touched the log. The batch is dropped; the log stays
    /// usable.
    #[error("disk full: write {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// No new segment could be made, or the file system takes no changes. The batch is dropped; the log stays usable.
    #[error("make or change log segment {}", path.display())]
    Prepare {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// A write or a sync failed, now or before: nobody knows what is on stable storage, and nothing is acknowledged any
    /// more. The process has to end and read the log again.
    #[error("the log is poisoned: {attempt} {} failed", path.display())]
    Poisoned {
        /// What was attempted.
        attempt: Attempt,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
}

/// A log record could not be read.
#[derive(Debug, Error)]
pub enum ReadLogError {
    /// Its segment was recycled, or never was: it moved, or it is gone.
    #[error("the segment is gone")]
    Gone,
    /// Nothing is committed at that position.
    #[error("nothing is committed there")]
    NotCommitted,
    /// The body ends before.
    #[error("the body ends before")]
    Beyond,
    /// It is damaged.
    #[error("segment {} is damaged at offset {}: {}", .0.segment, .0.offset, .0.what)]
    Corrupt(Corrupt),
    /// Reading the file.
    #[error("read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A reader of the log's end could not go on.
#[derive(Debug, Error)]
pub enum TailError {
    /// The next log record was in a segment that was recycled. What was still wanted of it was moved, and such a reader
    /// skips what was moved: get it from the owner's index, and read on.
    #[error("log record {lsn} is gone; the log goes on at {next}")]
    Retired {
        /// The next number.
        lsn: Lsn,
        /// Where the reader stands now.
        next: Lsn,
    },
    /// Reading the log record.
    #[error(transparent)]
    Read(#[from] ReadLogError),
}

/// A log record could not be staged again.
#[derive(Debug, Error)]
pub enum CopyError {
    /// Reading it.
    #[error(transparent)]
    Read(#[from] ReadLogError),
    /// Pushing it.
    #[error(transparent)]
    Push(#[from] PushError),
}

/// A segment could not be recycled.
#[derive(Debug, Error)]
pub enum RecycleError {
    /// There is no such segment.
    #[error("there is no segment {segment}")]
    Unknown {
        /// Its number.
        segment: u64,
    },
    /// It is being written.
    #[error("segment {segment} is being written")]
    Active {
        /// Its number.
        segment: u64,
    },
    /// The log is poisoned.
    #[error("the log takes nothing more after a failed write")]
    Poisoned,
    /// The list of retired segments has no room.
    #[error(transparent)]
    List(#[from] RetiredError),
    /// The disk or the user's quota is full.
    #[error("disk full: write {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing the list of retired segments, or giving the file another name.
    #[error("recycle with {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::SyncFolder => "sync folder",
        })
    }
}

impl OpenLogError {
    pub(super) fn io(path: PathBuf, source: io::Error) -> Self {
        if is_full(&source) {
            Self::Full { path, source }
        } else {
            Self::Io { path, source }
        }
    }

    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Full { .. } => Code::DiskFull,
            Self::Newer { .. } => Code::StoreNewer,
            Self::Retired {
                source: RetiredError::Version { .. },
                ..
            } => Code::StoreNewer,
            Self::Config { .. }
            | Self::Io { .. }
            | Self::Owner { .. }
            | Self::Corrupt { .. }
            | Self::Missing { .. }
            | Self::Behind { .. }
            | Self::Retired { .. } => Code::StoreFailed,
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(self.code(), self)
    }
}

impl CommitError {
    /// Tells whether the log takes nothing more.
    #[must_use]
    pub const fn is_poison(&self) -> bool {
        matches!(self, Self::Poisoned { .. })
    }

    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Full { .. } => Code::DiskFull,
            Self::Prepare { .. } | Self::Poisoned { .. } => Code::StoreFailed,
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(self.code(), self)
    }
}

impl RecycleError {
    pub(super) fn io(path: PathBuf, source: io::Error) -> Self {
        if is_full(&source) {
            Self::Full { path, source }
        } else {
            Self::Io { path, source }
        }
    }
}
