//! What can go wrong with blobs, one enum per operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base::{Code, ContentHash, Problem};
use disk::log::{CommitError, OpenLogError, ReadLogError};
use storage_core::quota;
use thiserror::Error;

use crate::index::IndexError;

/// The store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Opening its folder.
    #[error(transparent)]
    Folder(#[from] disk::OpenError),
    /// Another process has it.
    #[error(transparent)]
    Lock(#[from] disk::LockError),
    /// The folder was written by a newer version.
    #[error("the store in {} has format {found}, and this version knows {known}", .path.display())]
    Newer {
        /// The folder.
        path: PathBuf,
        /// What it says.
        found: String,
        /// The newest format that can be read.
        known: u32,
    },
    /// Opening the log.
    #[error(transparent)]
    Log(#[from] OpenLogError),
    /// Opening the index, or making it again.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Reading or changing a file of the folder.
    #[error("{attempt} {}", .path.display())]
    Disk {
        /// What was attempted.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Taking over a blob of the older format.
    #[error("take over a blob of the older format")]
    Import(#[from] PutError),
    /// Starting a thread.
    #[error("start a thread")]
    Thread(#[source] io::Error),
}

/// A blob could not be stored. Nothing of it is visible.
#[derive(Debug, Error)]
pub enum PutError {
    /// It is larger than the store takes.
    #[error("the limit is {limit} bytes")]
    TooLarge {
        /// What the store takes, in bytes.
        limit: u64,
    },
    /// It is not as long as announced.
    #[error("{received} of {announced} announced bytes arrived")]
    Length {
        /// What was announced, in bytes.
        announced: u64,
        /// What had arrived when this was noticed, in bytes.
        received: u64,
    },
    /// It does not have the announced hash.
    #[error("the bytes have the hash {actual}, announced was {expected}")]
    HashDiffers {
        /// What was announced.
        expected: ContentHash,
        /// What the bytes have.
        actual: ContentHash,
    },
    /// The namespace has no room for it.
    #[error(transparent)]
    Quota(#[from] quota::Full),
    /// Writing it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The upload failed before, or a call on it was dropped half-way.
    #[error("the upload was broken off")]
    BrokenOff,
}

/// A change was not made.
#[derive(Clone, Debug, Error)]
pub enum WriteError {
    /// Writing the record; when the log is poisoned, nothing is written any more until the next start.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The log took no record, because it is poisoned.
    #[error("the store has stopped after a failed write")]
    Stopped,
    /// The record is larger than the log takes.
    #[error("the record is too large")]
    TooLarge,
    /// Looking up what is there.
    #[error(transparent)]
    Index(#[from] Arc<IndexError>),
    /// Writing a file.
    #[error("{attempt} {}", .path.display())]
    Disk {
        /// What was attempted.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Reading a record that is to be moved.
    #[error(transparent)]
    Read(#[from] Arc<ReadLogError>),
    /// The index could not be written for so long that no more is kept in memory.
    #[error("the index cannot be written")]
    IndexBehind,
    /// There are as many namespaces as there are numbers.
    #[error("there are too many namespaces")]
    Namespaces,
    /// More was asked for at once than is taken.
    #[error("at most {max} at once")]
    TooMany {
        /// How many are taken.
        max: usize,
    },
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
}

/// A blob could not be read, listed or verified.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Reading its file.
    #[error("{attempt} {}", .path.display())]
    Disk {
        /// What was attempted.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Reading the log.
    #[error(transparent)]
    Log(#[from] ReadLogError),
    /// Looking it up.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Its bytes on disk do not have its hash. They are not used any more.
    #[error("blob {hash} is damaged")]
    Damaged {
        /// The blob.
        hash: ContentHash,
    },
    /// It was removed since it was opened.
    #[error("blob {hash} is gone")]
    Gone {
        /// The blob.
        hash: ContentHash,
    },
    /// What made the reading fail that many waited for.
    #[error(transparent)]
    Shared(#[from] Arc<ReadError>),
}

/// Returns the code of what a disk said.
pub(crate) fn code_of(source: &io::Error) -> Code {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        io::ErrorKind::ReadOnlyFilesystem => Code::ReadOnlyDisk,
        _ => Code::StoreFailed,
    }
}

/// Says in a few words what is wrong with the disk of a node, for answers that name no path of its machine.
#[must_use]
pub const fn cause_of(code: Code) -> &'static str {
    match code {
        Code::DiskFull => "the disk of the node is full",
        Code::ReadOnlyDisk => "the file system of the node takes no changes",
        Code::StoreStopped => "the disk of the node did not keep what it was given",
        _ => "the disk of the node failed; see its log",
    }
}

impl OpenError {
    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Folder(error) => error.problem(),
            Self::Lock(error) => error.problem(),
            Self::Log(error) => error.problem(),
            Self::Newer { .. } => Problem::caused(Code::StoreNewer, self),
            Self::Index(error) => Problem::caused(error.code(), self),
            Self::Thread(_) => Problem::caused(Code::StoreFailed, self),
            Self::Disk { source, .. } => Problem::caused(code_of(source), self),
            Self::Import(error) => error.problem(),
        }
    }
}

impl PutError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::BodyTooLarge,
            Self::Length { .. } | Self::BrokenOff => Code::BodyLength,
            Self::HashDiffers { .. } => Code::DigestMismatch,
            Self::Quota(_) => Code::QuotaReached,
            Self::Write(error) => error.code(),
        }
    }

    /// Returns it as told to a person who sent the blob: no paths of this machine.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = match self {
            Self::Write(error) => format!("the blob was not stored: {}", error.cause()),
            Self::TooLarge { .. }
            | Self::Length { .. }
            | Self::HashDiffers { .. }
            | Self::Quota(_)
            | Self::BrokenOff => self.to_string(),
        };
        Problem::new(self.code(), detail)
    }
}

impl WriteError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Commit(error) if error.is_poison() => Code::StoreStopped,
            Self::Commit(CommitError::Prepare { source, .. }) => code_of(source),
            Self::Commit(error) => error.code(),
            Self::Stopped => Code::StoreStopped,
            Self::TooLarge | Self::TooMany { .. } => Code::BodyTooLarge,
            Self::Disk { source, .. } => code_of(source),
            Self::IndexBehind => Code::DiskFull,
            Self::Closed => Code::ShuttingDown,
            Self::Index(error) => error.code(),
            Self::Read(_) | Self::Namespaces => Code::StoreFailed,
        }
    }

    /// Returns why, in a few words that name no path of this machine.
    fn cause(&self) -> &'static str {
        match self {
            Self::IndexBehind => {
                "its index could not be written for too long; see the log of the node"
            }
            Self::TooLarge | Self::TooMany { .. } => "it is too large",
            Self::Stopped => "it has stopped after a failed write",
            Self::Closed => "it is closing",
            Self::Namespaces => "there are too many namespaces",
            Self::Commit(_) | Self::Disk { .. } | Self::Index(_) | Self::Read(_) => {
                cause_of(self.code())
            }
        }
    }

    /// Returns it as told to a person who asked for the change: no paths of this machine.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = match self {
            Self::TooMany { .. } | Self::Namespaces | Self::Closed | Self::Stopped => {
                self.to_string()
            }
            Self::Commit(_)
            | Self::TooLarge
            | Self::Disk { .. }
            | Self::IndexBehind
            | Self::Index(_)
            | Self::Read(_) => format!("the store could not write this: {}", self.cause()),
        };
        Problem::new(self.code(), detail)
    }
}

impl From<IndexError> for WriteError {
    fn from(error: IndexError) -> Self {
        Self::Index(Arc::new(error))
    }
}

impl From<IndexError> for PutError {
    fn from(error: IndexError) -> Self {
        Self::Write(error.into())
    }
}

impl ReadError {
    /// Returns it as told to a person who asked for the blob: no paths of this machine.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Damaged { hash } => {
                Problem::new(Code::BlobCorrupt, format!("the blob {hash} is damaged"))
            }
            Self::Gone { hash } => Problem::new(Code::NotFound, format!("the blob {hash} is gone")),
            Self::Shared(error) => error.problem(),
            Self::Disk { .. } | Self::Log(_) | Self::Index(_) => {
                Problem::new(Code::StoreFailed, "the blob could not be read")
            }
        }
    }
}
