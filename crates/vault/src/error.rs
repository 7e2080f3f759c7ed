//! Why something is not done, one enum per operation.

use base::{Code, Problem};
use chain::SignError as ChainError;
use disk::SecretError;
use disk::log::{CommitError, OpenLogError, PushError};
use thiserror::Error;

use crate::core::fence::Refusal;
use crate::core::slots::SlotRule;
use crate::envelope;
use crate::request::RequestError;

/// A vault could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its log.
    #[error("open the vault's log")]
    Log(#[from] OpenLogError),
    /// A log record of it.
    #[error("the vault's log cannot be understood: {0}")]
    Content(String),
    /// It was made under another server key.
    #[error("this is not the server key under which the vault was made")]
    ServerKey,
    /// Writing where it lies.
    #[error("write where the vault lies")]
    Commit(#[from] CommitError),
    /// Starting its threads.
    #[error("start the vault's threads")]
    Thread(#[source] std::io::Error),
}

/// The server key could not be had.
#[derive(Debug, Error)]
pub enum ServerKeyError {
    /// The file.
    #[error("read the server key")]
    Secret(#[from] SecretError),
    /// The service manager gave a folder, and the credential is not in it.
    #[error("there is no credential {0} of 32 bytes")]
    Missing(&'static str),
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Random(String),
}

/// Something was not signed.
#[derive(Clone, Debug, Error)]
pub enum SignError {
    /// It is nothing that the vault signs.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It must not be signed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key is locked.
    #[error("the key is locked")]
    Locked,
    /// The log was not written.
    #[error("write down what is to be signed")]
    Commit(#[from] CommitError),
    /// The log takes nothing.
    #[error("the vault's log takes nothing: {0}")]
    Log(#[from] PushError),
    /// What was signed before could not be read.
    #[error("what was signed before cannot be read just now")]
    History,
    /// There are too many at once.
    #[error("too many wait for the vault")]
    Busy,
    /// The vault has ended.
    #[error("the vault has ended")]
    Ended,
}

/// What is kept was not changed.
#[derive(Clone, Debug, Error)]
pub enum ChangeError {
    /// It must not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There would be too few or too many ways to unlock.
    #[error(transparent)]
    Slots(#[from] SlotRule),
    /// What a slot says publicly is too long.
    #[error("what a way to unlock says publicly has at most {0} bytes")]
    Hint(usize),
    /// There is no such way to unlock.
    #[error("there is no way to unlock with the number {0}")]
    NoSlot(u16),
    /// The key is here already.
    #[error("the vault keeps this key already")]
    Kept,
    /// What was given does not unlock the key.
    #[error(transparent)]
    Unlock(#[from] envelope::OpenError),
    /// The head that was told is not of this key, or not signed by it.
    #[error("this is no signed head of the agent's chain")]
    Head,
    /// The log was not written.
    #[error("write down the change")]
    Commit(#[from] CommitError),
    /// The log takes nothing.
    #[error("the vault's log takes nothing: {0}")]
    Log(#[from] PushError),
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Random(String),
    /// There are too many at once, or somebody else changed the same.
    #[error("somebody else changes the vault just now")]
    Busy,
    /// The vault has ended.
    #[error("the vault has ended")]
    Ended,
}

/// A key was not unlocked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnlockError {
    /// Nobody has it here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What was given does not unlock it.
    #[error(transparent)]
    Open(#[from] envelope::OpenError),
}

/// What was signed could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// Nobody has this key here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such place for this key.
    #[error("what was signed cannot be read there: {0}")]
    Read(String),
}

const fn code_of_refusal(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Unknown | Refusal::Retired => Code::NotFound,
        Refusal::Unconfirmed => Code::HeadUnconfirmed,
        Refusal::Equivocation { .. } | Refusal::Link { .. } => Code::ChainFork,
        Refusal::StaleEpoch { .. }
        | Refusal::Gap { .. }
        | Refusal::GrantEpoch { .. }
        | Refusal::Behind { .. } => Code::SignatureRefused,
        Refusal::Closed => Code::ChainClosed,
    }
}

impl OpenError {
    /// Returns it with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::Log(error) => return error.problem(),
            Self::Commit(error) => return error.problem(),
            Self::Content(_) => Code::BlobCorrupt,
            Self::ServerKey => Code::KeyFile,
            Self::Thread(_) => Code::Unavailable,
        };
        Problem::caused(code, self)
    }
}

impl ServerKeyError {
    /// Returns it with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Secret(error) => error.problem(),
            Self::Missing(_) => Problem::caused(Code::KeyFile, self),
            Self::Random(_) => Problem::caused(Code::Unavailable, self),
        }
    }
}

impl SignError {
    /// Returns it with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::Commit(error) => return error.problem(),
            Self::Refused(refusal) => code_of_refusal(*refusal),
            Self::Request(RequestError::Foreign) => Code::ForeignAuthor,
            Self::Request(_) => Code::SignatureRefused,
            Self::Locked => Code::KeyLocked,
            Self::Log(_) | Self::History => Code::StoreFailed,
            Self::Busy => Code::Overloaded,
            Self::Ended => Code::Unavailable,
        };
        Problem::caused(code, self)
    }
}

impl From<SignError> for ChainError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Request(RequestError::Foreign) => Self::Foreign,
            SignError::Refused(Refusal::Equivocation { seq } | Refusal::Link { seq }) => {
                Self::Equivocation { seq }
            }
            error => Self::Unavailable(error.problem().detail),
        }
    }
}

impl ChangeError {
    /// Returns it with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::Commit(error) => return error.problem(),
            Self::Refused(refusal) => code_of_refusal(*refusal),
            Self::Slots(_) | Self::Hint(_) | Self::Kept | Self::NoSlot(_) | Self::Head => {
                Code::SignatureRefused
            }
            Self::Unlock(_) => Code::DoesNotUnlock,
            Self::Log(_) => Code::StoreFailed,
            Self::Random(_) | Self::Ended => Code::Unavailable,
            Self::Busy => Code::Overloaded,
        };
        Problem::caused(code, self)
    }
}

impl UnlockError {
    /// Returns it with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::Refused(refusal) => code_of_refusal(*refusal),
            Self::Open(_) => Code::DoesNotUnlock,
        };
        Problem::caused(code, self)
    }
}

impl HistoryError {
    /// Returns it with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::Refused(refusal) => code_of_refusal(*refusal),
            Self::Read(_) => Code::MalformedCursor,
        };
        Problem::caused(code, self)
    }
}
