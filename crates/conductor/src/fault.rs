//! What can go wrong with a cell, told apart by what the caller can do about it.

use std::error::Error as _;

use base::{Code, Problem};
use chain::{Record, Rejection, SignError};
use thiserror::Error;

use crate::{AppId, CellId, ConductorId};

/// Why an engine did not do what it was asked.
#[derive(Clone, Debug, Error)]
pub enum Fault {
    /// No app has this name.
    #[error("there is no app {0}")]
    UnknownApp(AppId),
    /// The cell is not hosted here.
    #[error("cell {0} is not hosted here")]
    UnknownCell(CellId),
    /// The app has another cell.
    #[error("app {app} hosts another cell, {cell}")]
    AppTaken {
        /// The app.
        app: AppId,
        /// Its cell.
        cell: CellId,
    },
    /// Another app has the cell.
    #[error("the cell belongs to another app, {app}")]
    CellTaken {
        /// That app.
        app: AppId,
    },
    /// The engine hosts as many cells as it may.
    #[error("this engine hosts {limit} cells, which is all it may")]
    Capacity {
        /// The limit.
        limit: u32,
    },
    /// The engine lacks what this needs.
    #[error("this engine cannot do that: {0}")]
    Unsupported(&'static str),
    /// The cell is not enabled.
    #[error("cell {0} is not enabled")]
    Disabled(CellId),
    /// The engine has no signer for this cell.
    #[error("this engine holds no signer for cell {0}")]
    NoSigner(CellId),
    /// The signer is another agent's.
    #[error("the signer belongs to another agent than the cell's")]
    ForeignSigner,
    /// The signer refused; nothing from this place on was written, and nothing is left to be finished.
    #[error("the signer refused record {seq}: {source}")]
    Refused {
        /// The place that was not signed.
        seq: u32,
        /// Why.
        source: SignError,
    },
    /// The signer could not be reached. The batch is kept, and the next write or provision finishes it first:
    /// look at the chain before writing the same again.
    #[error("record {seq} waits for its signature: {source}")]
    Pending {
        /// The place that waits.
        seq: u32,
        /// Why.
        source: SignError,
    },
    /// A record does not continue the chain.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The author signed two different records for one place: a proof of it, for anybody.
    #[error("two different records at place {}", stored.action().action_seq())]
    Fork {
        /// The record that is stored.
        stored: Box<Record>,
        /// The one that was sent.
        offered: Box<Record>,
    },
    /// Records are missing before the first one that was sent.
    #[error("records are missing: send the chain from {wanted}")]
    Gap {
        /// The sequence number to send from.
        wanted: u32,
    },
    /// The chain was closed.
    #[error("the chain was closed and takes no more records")]
    Closed,
    /// No records were sent.
    #[error("no records were sent")]
    Empty,
    /// More was sent in one request than is taken at once.
    #[error("at most {limit} at once")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// What is stored at this place is not what was stored there.
    #[error("record {seq} is damaged on disk")]
    Damaged {
        /// The place.
        seq: u32,
    },
    /// A signed call was refused.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// The store failed.
    #[error("the store of the chains failed")]
    Store(#[source] db::Fault),
    /// A conductor in another process could not do it, and says why.
    #[error("the conductor says: {0}")]
    Elsewhere(String),
    /// The conductor cannot be reached; nothing was asked of it.
    #[error("conductor {conductor} cannot be reached: {reason}")]
    Unreachable {
        /// Which.
        conductor: ConductorId,
        /// Why.
        reason: String,
    },
    /// The conductor was asked and did not answer: a change may have been made.
    /// Look at the chain before asking for the same again.
    #[error("conductor {conductor} was asked and gave no answer")]
    Lost {
        /// Which.
        conductor: ConductorId,
    },
    /// The conductor answered something that is no answer.
    #[error("conductor {conductor} answers what nobody understands: {reason}")]
    Garbled {
        /// Which.
        conductor: ConductorId,
        /// What.
        reason: String,
    },
}

/// Why a signed call was refused. The words of the authorisation are Holochain's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallFault {
    /// The bytes are not the parameters of a call.
    #[error("call cannot be read")]
    Malformed,
    /// The call is longer than anything that is taken.
    #[error("call is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: u32,
    },
    /// The signature is not the provenance's over these bytes.
    #[error("the signature of the call does not fit")]
    AuthenticationFailed,
    /// The caller is not the cell's own agent; this engine knows no capability grants.
    #[error("Call was not authorized with reason BadCapGrant")]
    BadCapGrant,
    /// The call is too old.
    #[error("Call was not authorized with reason BadNonce(\"Expired\")")]
    NonceExpired,
    /// The call expires more than five minutes from now.
    #[error("Call was not authorized with reason BadNonce(\"Future\")")]
    NonceFuture,
    /// The call was made before.
    #[error("Call was not authorized with reason BadNonce(\"Duplicate\")")]
    NonceDuplicate,
    /// More calls of this agent are remembered than may be.
    #[error("more than {limit} calls in five minutes")]
    TooManyCalls {
        /// The limit.
        limit: u32,
    },
    /// There is no such zome.
    #[error("there is no zome {0:?}")]
    UnknownZome(String),
    /// There is no such function.
    #[error("there is no function {0:?}")]
    UnknownFunction(String),
    /// The payload is not what the function takes.
    #[error("payload cannot be read: {0}")]
    Payload(String),
}

/// Why an embedded engine could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its database could not be opened.
    #[error("open the store of the conductor")]
    Store(#[from] db::OpenError),
}

impl Fault {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::UnknownApp(_) | Self::UnknownCell(_) => Code::NotFound,
            // Whoever makes cells keeps the names apart.
            Self::AppTaken { .. } | Self::CellTaken { .. } | Self::ForeignSigner | Self::Empty => {
                Code::Bug
            }
            Self::Capacity { .. }
            | Self::Unsupported(_)
            | Self::Disabled(_)
            | Self::NoSigner(_)
            | Self::Pending { .. } => Code::Unavailable,
            Self::Refused { source, .. } => match source {
                SignError::Foreign => Code::ForeignAuthor,
                SignError::Equivocation { .. } => Code::ChainFork,
                SignError::Unavailable(_) => Code::Unavailable,
            },
            Self::Rejected(rejection) => rejection.code(),
            Self::Fork { .. } => Code::ChainFork,
            Self::Gap { .. } => Code::ChainGap,
            Self::Closed => Code::ChainClosed,
            Self::TooMany { .. } => Code::BodyTooLarge,
            Self::Damaged { .. } => Code::StoreFailed,
            Self::Call(call) => call.code(),
            Self::Store(fault) => fault.code(),
            Self::Elsewhere(_) => Code::StoreFailed,
            Self::Unreachable { .. } | Self::Lost { .. } => Code::Unavailable,
            Self::Garbled { .. } => Code::ServerAnswer,
        }
    }
}

impl CallFault {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed | Self::Payload(_) => Code::MalformedBody,
            Self::TooLong { .. } => Code::BodyTooLarge,
            Self::AuthenticationFailed => Code::BadSignature,
            Self::BadCapGrant => Code::TokenForeign,
            Self::NonceExpired | Self::NonceFuture | Self::NonceDuplicate => Code::ChallengeInvalid,
            Self::TooManyCalls { .. } => Code::Unavailable,
            Self::UnknownZome(_) | Self::UnknownFunction(_) => Code::NotFound,
        }
    }
}

impl OpenError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
        }
    }
}

impl From<db::Fault> for Fault {
    fn from(fault: db::Fault) -> Self {
        Self::Store(fault)
    }
}

impl From<db::rusqlite::Error> for Fault {
    fn from(error: db::rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<db::WriteError<Self>> for Fault {
    fn from(error: db::WriteError<Self>) -> Self {
        match error {
            db::WriteError::Refused(fault) => fault,
            db::WriteError::Fault(fault) => Self::Store(fault),
        }
    }
}

impl From<db::ReadError<Self>> for Fault {
    fn from(error: db::ReadError<Self>) -> Self {
        match error {
            db::ReadError::Refused(fault) => fault,
            db::ReadError::Fault(fault) => Self::Store(fault),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let detail = match fault.source() {
            Some(source) if matches!(fault, Fault::Store(_)) => format!("{fault}: {source}"),
            Some(_) | None => fault.to_string(),
        };
        Self::new(fault.code(), detail)
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => error.into(),
        }
    }
}
