//! What can go wrong with a file, one enum per operation, each variant named for what was attempted.

use std::io;
use std::path::{Path, PathBuf};

use base::{Code, Problem};
use thiserror::Error;

use crate::Holder;

/// A name that leads into another folder, is hidden, or is too long.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name:?} is not a plain file name")]
pub struct NameError {
    /// The name.
    pub name: String,
}

/// A folder could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The name of a folder inside of another one is not plain.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Making the folder, or one above it.
    #[error("create folder {}", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something else under that name.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// This user may not write into it, or its file system is read-only.
    #[error("folder {} is not writable", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Removing temporaries that a killed process left.
    #[error("clean folder {}", path.display())]
    Clean {
        /// The folder or the temporary.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bringing the names in it to stable storage.
    #[error("sync folder {}", path.display())]
    Sync {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk or the user's quota is full.
    #[error("disk full: create folder {}", path.display())]
    DiskFull {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A folder could not be locked.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("folder {} is used by {holder}", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// Who.
        holder: Holder,
    },
    /// Opening, locking or writing the lock file.
    #[error("lock folder {}", path.display())]
    Lock {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The name is not plain.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Opening the file.
    #[error("open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading from the open file.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than the caller takes.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What the caller takes, in bytes.
        limit: u64,
    },
    /// Listing the folder.
    #[error("list folder {}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file could not be written, renamed or removed. Nothing is visible under its name that was not there before,
/// except after [`WriteError::SyncFolder`], when the change may or may not survive a loss of power.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The name is not plain.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Making the temporary file.
    #[error("create a temporary file in {}", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing bytes.
    #[error("write {}", path.display())]
    Write {
        /// The temporary file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bringing the bytes to stable storage.
    #[error("sync {}", path.display())]
    Sync {
        /// The temporary file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Giving the file its name.
    #[error("rename to {}", path.display())]
    Rename {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Removing the file.
    #[error("remove {}", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bringing the folder's list of names to stable storage.
    #[error("sync folder {}", path.display())]
    SyncFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk or the user's quota is full.
    #[error("disk full: write {}", path.display())]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file that holds a secret could not be read or made.
#[derive(Debug, Error)]
pub enum SecretError {
    /// Others than the owner may read or write it.
    #[error("{} can be read by others (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not as long as the secret.
    #[error("{} holds {found} bytes instead of {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// How long it is, in bytes; at most one more than expected.
        found: u64,
        /// How long it should be, in bytes.
        expected: u64,
    },
    /// There is one already, and it is never overwritten.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Reading it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Writing it.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Returns the code of a change that failed while there was room.
fn failed(source: &io::Error) -> Code {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => Code::ReadOnlyDisk,
        _ => Code::StoreFailed,
    }
}

impl OpenError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::DiskFull { .. } => Code::DiskFull,
            Self::Create { source, .. }
            | Self::NotWritable { source, .. }
            | Self::Clean { source, .. }
            | Self::Sync { source, .. } => failed(source),
            Self::Name(_) | Self::NotAFolder { .. } => Code::StoreFailed,
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(self.code(), self)
    }
}

impl LockError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Held { .. } => Code::FolderInUse,
            Self::Lock { source, .. } => failed(source),
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(self.code(), self)
    }
}

impl ReadError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::FileTooLarge,
            Self::Name(_) | Self::Open { .. } | Self::Read { .. } | Self::List { .. } => {
                Code::StoreFailed
            }
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(self.code(), self)
    }
}

impl WriteError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::DiskFull { .. } => Code::DiskFull,
            Self::Create { source, .. }
            | Self::Write { source, .. }
            | Self::Sync { source, .. }
            | Self::Rename { source, .. }
            | Self::Remove { source, .. }
            | Self::SyncFolder { source, .. } => failed(source),
            Self::Name(_) => Code::StoreFailed,
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(self.code(), self)
    }
}

impl SecretError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Exposed { .. } | Self::Length { .. } | Self::Exists { .. } => Code::KeyFile,
            Self::Read(error) => error.code(),
            Self::Write(error) => error.code(),
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(self.code(), self)
    }
}

/// Tells whether the disk or a quota is full (ENOSPC, EDQUOT).
pub(crate) fn is_full(source: &io::Error) -> bool {
    matches!(
        source.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Picks the variant for a failed write: a full disk is told apart from everything else.
pub(crate) fn write_error(
    path: &Path,
    source: io::Error,
    otherwise: fn(PathBuf, io::Error) -> WriteError,
) -> WriteError {
    let path = path.to_owned();
    if is_full(&source) {
        WriteError::DiskFull { path, source }
    } else {
        otherwise(path, source)
    }
}
