//! What can go wrong with a database, told apart by what a person can do about it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Code, Problem};
use rusqlite::ErrorCode;
use thiserror::Error;

use crate::{Loss, Refusal};

/// Free bytes below which an I/O error is put down to a full disk: SQLite extends its files by less than this.
const FREE_BYTES_MIN: u64 = 64 * 1_024;

/// Why the store could not do what it was asked; the request itself was not looked at or was in order.
#[derive(Clone, Debug, Error)]
pub enum Fault {
    /// No space is left. Nothing was half-written; writing works again when space is there.
    #[error("the disk is full")]
    DiskFull,
    /// The file is damaged or is no database.
    #[error("the database is damaged")]
    Corrupt(#[source] Arc<rusqlite::Error>),
    /// The operating system could not read or write.
    #[error("the operating system could not read or write the database")]
    Io(#[source] Arc<rusqlite::Error>),
    /// A commit failed with an I/O error earlier, so the file takes nothing more until it is opened again.
    #[error(
        "an earlier commit failed, so the database takes no more writes until it is opened again"
    )]
    Poisoned,
    /// The closure ended the transaction that it was given.
    #[error("the transaction ended inside of a write")]
    TransactionEnded,
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// Anything else that SQLite refuses.
    #[error("the database refused a statement")]
    Sql(#[source] Arc<rusqlite::Error>),
    /// The server cannot be reached, is starting or ending, or did not answer in time. Nothing was changed.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Loss),
    /// The connection was lost while the commit was on its way: the write is there as a whole or not at all.
    #[error("the connection was lost during the commit, so the write may be there or not")]
    OutcomeUnknown(#[source] Loss),
    /// More callers wait for a connection than may, or this one waited longer than it may.
    #[error("too many callers wait for the database")]
    Overloaded,
    /// Another transaction came in between, and the server gave up this one. Nothing was changed.
    #[error("another transaction came in between")]
    Conflict,
    /// The handle or the server only reads.
    #[error("this access to the database may only read")]
    ReadOnly,
    /// The server has a fault of its own, such as a damaged table.
    #[error("the database server failed")]
    Server(#[source] Box<Refusal>),
    /// The server refuses the statement; it will do so again.
    #[error("the database refused a statement")]
    Statement(#[source] Box<Refusal>),
}

impl Fault {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::DiskFull => Code::DiskFull,
            Self::Closed => Code::ShuttingDown,
            Self::Unreachable(_) | Self::OutcomeUnknown(_) => Code::DatabaseUnreachable,
            Self::Overloaded => Code::Overloaded,
            Self::Conflict => Code::Unavailable,
            Self::Corrupt(_)
            | Self::Io(_)
            | Self::Poisoned
            | Self::TransactionEnded
            | Self::Sql(_)
            | Self::ReadOnly
            | Self::Server(_)
            | Self::Statement(_) => Code::StoreFailed,
        }
    }

    /// Returns whether nothing was changed and the same may work a moment later.
    ///
    /// [`Fault::OutcomeUnknown`] is none of these: ask the database what it holds before trying again.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Overloaded | Self::Conflict => true,
            Self::DiskFull
            | Self::Corrupt(_)
            | Self::Io(_)
            | Self::Poisoned
            | Self::TransactionEnded
            | Self::Closed
            | Self::Sql(_)
            | Self::OutcomeUnknown(_)
            | Self::ReadOnly
            | Self::Server(_)
            | Self::Statement(_) => false,
        }
    }

    /// Returns whether the file or its disk is at fault, and not a statement.
    #[must_use]
    pub(crate) const fn is_of_the_world(&self) -> bool {
        match self {
            Self::DiskFull
            | Self::Corrupt(_)
            | Self::Io(_)
            | Self::Poisoned
            | Self::Closed
            | Self::Unreachable(_)
            | Self::OutcomeUnknown(_)
            | Self::Overloaded
            | Self::Conflict
            | Self::ReadOnly
            | Self::Server(_) => true,
            Self::TransactionEnded | Self::Sql(_) | Self::Statement(_) => false,
        }
    }

    /// Puts an I/O error down to a full disk when the disk of `path` has no space left.
    ///
    /// SQLite says "full" only where a plain write failed; growing the shared index fails with an I/O error.
    pub(crate) fn refine(self, path: &Path) -> Self {
        if !matches!(self, Self::Io(_)) {
            return self;
        }
        let has_space = rustix::fs::statvfs(path).map_or(true, |disk| {
            disk.f_bavail.saturating_mul(disk.f_frsize) >= FREE_BYTES_MIN
        });
        if has_space { self } else { Self::DiskFull }
    }

    /// Finds the fault in an error of a closure, when a file or its disk caused it.
    pub(crate) fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let fault = error
                .downcast_ref::<Self>()
                .cloned()
                .or_else(|| error.downcast_ref::<rusqlite::Error>().map(fault_of));
            if let Some(fault) = fault.filter(Self::is_of_the_world) {
                return Some(fault);
            }
            next = error.source();
        }
        None
    }
}

/// Tells what an error is without owning it. SQLite's own errors keep their text; others are never of the world.
fn fault_of(error: &rusqlite::Error) -> Fault {
    let copy = match error {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone())
        }
        rusqlite::Error::SqlInputError {
            error,
            msg,
            sql,
            offset,
            ..
        } => rusqlite::Error::SqlInputError {
            error: *error,
            msg: msg.clone(),
            sql: sql.clone(),
            offset: *offset,
        },
        _ => rusqlite::Error::InvalidQuery,
    };
    Fault::from(copy)
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(Arc::new(error))
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Io(Arc::new(error)),
            Some(_) | None => Self::Sql(Arc::new(error)),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::new(fault.code(), fault.to_string())
    }
}

/// Why a write was not done. Nothing of it is in the database, except perhaps after [`Fault::OutcomeUnknown`].
#[derive(Clone, Debug, Error)]
pub enum WriteError<E> {
    /// The closure returned this; its own changes were undone.
    #[error(transparent)]
    Refused(E),
    /// The store failed; an error of the closure that a full or broken disk caused is told as this.
    #[error(transparent)]
    Fault(Fault),
}

/// Why a read gave nothing.
#[derive(Clone, Debug, Error)]
pub enum ReadError<E> {
    /// The closure returned this.
    #[error(transparent)]
    Refused(E),
    /// The store failed; an error of the closure that a full or broken disk caused is told as this.
    #[error(transparent)]
    Fault(Fault),
}

impl<E: Into<Fault>> From<WriteError<E>> for Fault {
    fn from(error: WriteError<E>) -> Self {
        match error {
            WriteError::Refused(error) => error.into(),
            WriteError::Fault(fault) => fault,
        }
    }
}

impl<E: Into<Fault>> From<ReadError<E>> for Fault {
    fn from(error: ReadError<E>) -> Self {
        match error {
            ReadError::Refused(error) => error.into(),
            ReadError::Fault(fault) => fault,
        }
    }
}

/// Why a database could not be opened. It was not changed, except by migrations that went before the one that failed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another handle of this one, has the file open.
    #[error("{} is in use{}", path.display(), holder.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    FolderInUse {
        /// The database.
        path: PathBuf,
        /// The process that has it open, when it wrote down its id.
        holder: Option<u32>,
    },
    /// The folder, the file or its lock could not be made.
    #[error("prepare {}", path.display())]
    Prepare {
        /// What was to be made or opened.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file could not be opened as a database.
    #[error("open {}", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// Why.
        source: Fault,
    },
    /// A setting that durability depends on was not accepted.
    #[error("database setting {name} is {found}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What the database answered.
        found: String,
    },
    /// A newer version wrote this file.
    #[error("schema {found} is newer than {known}, the newest known here")]
    Newer {
        /// The schema version of the file.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A migration was changed after it had been applied to this file.
    #[error("migration {version} ({name}) was edited after its release")]
    Edited {
        /// Its version.
        version: u32,
        /// Its name.
        name: String,
    },
    /// The migrations are not numbered 1, 2, 3 and so on.
    #[error("migration {found} stands where {wanted} belongs")]
    Numbering {
        /// The version that belongs there.
        wanted: u32,
        /// The version that stands there.
        found: u32,
    },
    /// A migration failed; the schema is as it was before it.
    #[error("apply migration {version} ({name})")]
    Migrate {
        /// Its version.
        version: u32,
        /// Its name.
        name: String,
        /// Why.
        source: Fault,
    },
    /// A thread could not be started.
    #[error("start a database thread")]
    Thread(#[source] std::io::Error),
    /// The address of a server cannot be used. It is not repeated here: it may hold a password.
    #[error("the database's address cannot be used: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The server did not answer within the time that opening may take.
    #[error("no database at {place} within {waited_ms} ms")]
    Unreachable {
        /// Where, without a password.
        place: String,
        /// How long it was tried, in milliseconds.
        waited_ms: u64,
        /// What came of the last try.
        source: Fault,
    },
    /// The server answers and refuses: a wrong password, an unknown database, a certificate that is not to be trusted.
    #[error("{place} refuses")]
    Refused {
        /// Where, without a password.
        place: String,
        /// What the server says, or what is wrong with it.
        source: Box<Refusal>,
    },
    /// The server is older than the oldest that can be used.
    #[error("PostgreSQL {found} is too old, it must be {wanted} or newer")]
    ServerVersion {
        /// The server's major version.
        found: u32,
        /// The oldest major version that can be used.
        wanted: u32,
    },
    /// The database is empty, and whoever opens it may only read.
    #[error(
        "the database at {place} is empty: the process that writes to it has not been there yet, start it first"
    )]
    Empty {
        /// Where, without a password.
        place: String,
    },
    /// A reader waited in vain for the process that writes to make the schema.
    #[error("the schema is at version {found}, and version {wanted} is needed")]
    NotMigrated {
        /// The schema version of the database.
        found: u32,
        /// The version that belongs to this program.
        wanted: u32,
    },
}

impl OpenError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::FolderInUse { .. } => Code::FolderInUse,
            Self::Newer { .. } => Code::StoreNewer,
            Self::Edited { .. } | Self::Numbering { .. } => Code::Bug,
            Self::Prepare { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull => Code::DiskFull,
                _ => Code::StoreFailed,
            },
            Self::Open { source, .. } | Self::Migrate { source, .. } => source.code(),
            Self::Setting { .. } | Self::Thread(_) => Code::StoreFailed,
            Self::Address { .. } | Self::Refused { .. } | Self::ServerVersion { .. } => {
                Code::Config
            }
            Self::Unreachable { .. } => Code::DatabaseUnreachable,
            Self::Empty { .. } | Self::NotMigrated { .. } => Code::Unavailable,
        }
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        let mut detail = error.to_string();
        let mut source = Error::source(&error);
        while let Some(cause) = source {
            detail = format!("{detail}: {cause}");
            source = cause.source();
        }
        Self::new(error.code(), detail)
    }
}

#[cfg(test)]
mod tests;
