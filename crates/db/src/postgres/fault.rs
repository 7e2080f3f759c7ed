//! What PostgreSQL and the way to it can answer, as [`Fault`]s: by SQLSTATE where the server speaks, by kind where it
//! does not.
//!
//! Texts of the server are kept without their details, which may quote what people wrote.
//! Source of the classes: PostgreSQL's documentation, appendix A, "PostgreSQL error codes".

use std::error::Error as _;
use std::io;

use thiserror::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::Fault;

/// Why a server is not to be reached at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Loss {
    /// There was no connection, or it broke; the text says what the operating system or the library says.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// There was no answer within the deadline, in milliseconds.
    #[error("no answer within {0} ms")]
    Deadline(u64),
    /// The server is starting, ending, or has no place for one more connection.
    #[error("the server is not available: {0}")]
    Unavailable(Box<Refusal>),
    /// The server gave up a statement that took longer than it may.
    #[error("a statement took too long: {0}")]
    Statement(Box<Refusal>),
    /// The server took the connection and then refused it, as with a password that was changed.
    #[error("the server refuses: {0}")]
    Refused(Box<Refusal>),
}

/// What the server, or the library that speaks with it, says against a statement or a connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}{}", state.as_ref().map(|state| format!(" (SQLSTATE {state})")).unwrap_or_default())]
pub struct Refusal {
    /// The five characters of SQLSTATE, when the server spoke.
    pub state: Option<String>,
    /// What it says, without details that quote values.
    pub message: String,
    /// The constraint that did not hold, when one did not.
    pub constraint: Option<String>,
}

impl Refusal {
    /// Makes a refusal of our own.
    pub(crate) fn ours(message: impl Into<String>) -> Self {
        Self {
            state: None,
            message: message.into(),
            constraint: None,
        }
    }

    fn of_server(error: &DbError) -> Self {
        Self {
            state: Some(error.code().code().to_owned()),
            message: error.message().to_owned(),
            constraint: error.constraint().map(str::to_owned),
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            return of_server(refusal);
        }
        if is_broken(&error) {
            return Self::Unreachable(Loss::Broken(base::told(&error)));
        }
        Self::Statement(Box::new(Refusal::ours(base::told(&error))))
    }
}

/// Tells faults of the server apart by the class of their SQLSTATE.
fn of_server(error: &DbError) -> Fault {
    let refusal = Box::new(Refusal::of_server(error));
    let state = error.code();
    if *state == SqlState::QUERY_CANCELED || *state == SqlState::LOCK_NOT_AVAILABLE {
        return Fault::Unreachable(Loss::Statement(refusal));
    }
    if *state == SqlState::DISK_FULL {
        return Fault::DiskFull;
    }
    if *state == SqlState::READ_ONLY_SQL_TRANSACTION {
        return Fault::ReadOnly;
    }
    if *state == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT {
        return Fault::Unreachable(Loss::Unavailable(refusal));
    }
    match state.code().get(..2) {
        // Connections; insufficient resources; the operator's doing.
        Some("08" | "53" | "57") => Fault::Unreachable(Loss::Unavailable(refusal)),
        // Serialization failures and deadlocks.
        Some("40") => Fault::Conflict,
        // What the server meets outside of itself, and what it finds damaged or wrong within.
        Some("58" | "XX") => Fault::Server(refusal),
        // A statement inside of a transaction that has failed or ended.
        Some("25") => Fault::TransactionEnded,
        _ => Fault::Statement(refusal),
    }
}

/// Whether the connection is gone, as against a value or statement that the library does not take.
fn is_broken(error: &tokio_postgres::Error) -> bool {
    if error.is_closed() {
        return true;
    }
    let Some(cause) = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
    else {
        return false;
    };
    let is_certificate = cause
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>());
    let is_our_own = matches!(
        cause.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
    );
    !is_certificate && !is_our_own
}

/// What an error in answer to a commit means for what was committed.
pub(crate) fn of_commit(error: tokio_postgres::Error) -> Fault {
    let is_known = error.as_db_error().is_some_and(|refusal| {
        let has_ended_connection = refusal.parsed_severity() != Some(Severity::Error);
        let is_unclear = *refusal.code() == SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN;
        !has_ended_connection && !is_unclear
    });
    let fault = Fault::from(error);
    if is_known {
        return fault;
    }
    match fault {
        Fault::Unreachable(loss) => Fault::OutcomeUnknown(loss),
        Fault::Server(refusal) | Fault::Statement(refusal) => {
            Fault::OutcomeUnknown(Loss::Unavailable(refusal))
        }
        other => Fault::OutcomeUnknown(Loss::Broken(other.to_string())),
    }
}
