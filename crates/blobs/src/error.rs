//! What can go wrong with blobs, one enum per operation.

use std::sync::Arc;

use base::{Code, ContentHash, Problem};
use thiserror::Error;

/// The store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Opening its folder or one inside of it.
    #[error(transparent)]
    Folder(#[from] disk::OpenError),
    /// Another process has it.
    #[error(transparent)]
    Lock(#[from] disk::LockError),
    /// Counting what is there.
    #[error(transparent)]
    Count(#[from] disk::ReadError),
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
    /// Writing it.
    #[error(transparent)]
    Write(#[from] disk::WriteError),
    /// Making the folder that it belongs into.
    #[error(transparent)]
    Folder(#[from] disk::OpenError),
    /// Looking whether it is there already.
    #[error(transparent)]
    Find(#[from] disk::ReadError),
    /// The upload failed before, or a call on it was dropped half-way.
    #[error("the upload was broken off")]
    BrokenOff,
}

/// A blob could not be read, listed or verified.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Reading it.
    #[error(transparent)]
    Read(#[from] disk::ReadError),
    /// Opening the folder in which it lies.
    #[error(transparent)]
    Folder(#[from] disk::OpenError),
    /// Moving a damaged blob out of the way.
    #[error(transparent)]
    Move(#[from] disk::WriteError),
    /// Its bytes on disk do not have its hash. It lies in the folder `damaged` now.
    #[error("blob {hash} is damaged")]
    Damaged {
        /// The blob.
        hash: ContentHash,
    },
    /// What made the reading fail that many waited for.
    #[error(transparent)]
    Shared(#[from] Arc<ReadError>),
}

impl OpenError {
    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Folder(error) => error.problem(),
            Self::Lock(error) => error.problem(),
            Self::Count(error) => error.problem(),
        }
    }
}

impl PutError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::BodyTooLarge,
            Self::Length { .. } | Self::BrokenOff => Code::BodyLength,
            Self::HashDiffers { .. } => Code::DigestMismatch,
            Self::Write(error) => error.code(),
            Self::Folder(error) => error.code(),
            Self::Find(error) => error.code(),
        }
    }

    /// Returns it as told to a person who sent the blob: no paths of this machine.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = match self {
            Self::Write(_) | Self::Folder(_) | Self::Find(_) => {
                "the blob was not stored".to_owned()
            }
            Self::TooLarge { .. }
            | Self::Length { .. }
            | Self::HashDiffers { .. }
            | Self::BrokenOff => self.to_string(),
        };
        Problem::new(self.code(), detail)
    }
}

impl ReadError {
    /// Returns it as told to a person who asked for the blob: no paths of this machine.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = match self {
            Self::Damaged { hash } => format!("the blob {hash} is damaged"),
            Self::Shared(error) => return error.problem(),
            Self::Read(_) | Self::Folder(_) | Self::Move(_) => "the blob could not be read".into(),
        };
        Problem::new(Code::StoreFailed, detail)
    }
}
