//! One connection: opened, asked what it is, set up, and its prepared statements.
//!
//! # Invariants
//! * A session that is given out has our deadlines, our search path and UTF-8.
//! * The task that moves its bytes ends soon after the session is dropped, also when the server does not answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use runtime::{Shutdown, TaskGroup};
use tokio::time;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use super::address::Address;
use super::fault::{Loss, Refusal};
use super::limits::PostgresLimits;
use super::tls::Tls;
use crate::{Fault, OpenError};

/// The oldest major version of the server that is known to do.
const VERSION_MIN: u32 = 15;

/// How long a connection that nobody uses any more may take to say goodbye.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads; the server refuses everything else.
    Reader,
    /// Writes.
    Writer,
    /// Changes the schema, which may take long.
    Migrator,
}

/// Opens connections of one role.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) address: Address,
    pub(crate) tls: Tls,
    pub(crate) schema: &'static str,
    pub(crate) limits: PostgresLimits,
    pub(crate) role: Role,
    pub(crate) tasks: TaskGroup,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoSession {
    /// Nobody answers; a moment later somebody may.
    Lost(Loss),
    /// The server refuses; somebody has to change something.
    Refused(Box<Refusal>),
    /// The server is too old; this is its major version.
    Version(u32),
    /// A setting is not what it must be.
    Setting(&'static str, String),
}

/// An open connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    statements_len_max: usize,
    /// Counts the leases, so that a transaction can tell that its own has ended.
    turn: AtomicU64,
    end: Shutdown,
}

impl Opener {
    /// Returns an opener of another role for the same server.
    pub(crate) fn with_role(&self, role: Role) -> Self {
        Self {
            role,
            ..self.clone()
        }
    }

    /// Opens a connection and sets it up, within the limit for one try.
    pub(crate) async fn open(&self) -> Result<Session, NoSession> {
        let limit_ms = self.limits.connect_ms_max;
        time::timeout(Duration::from_millis(limit_ms), self.connect())
            .await
            .unwrap_or(Err(NoSession::Lost(Loss::Deadline(limit_ms))))
    }

    async fn connect(&self) -> Result<Session, NoSession> {
        let (client, connection) = self.address.config.connect(self.tls.clone()).await?;
        let end = Shutdown::new();
        self.tasks.spawn(drive(connection, end.clone()));
        let session = Session {
            client,
            statements: Mutex::default(),
            statements_len_max: self.limits.statements_len_max,
            turn: AtomicU64::new(0),
            end,
        };
        let answers = session.client.simple_query(&self.settings()).await?;
        let row = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let value = |column| row.and_then(|row| row.get(column)).unwrap_or_default();
        // 150004 is 15.4.
        let version = value(0).parse::<u32>().unwrap_or(0) / 10_000;
        if version < VERSION_MIN {
            return Err(NoSession::Version(version));
        }
        if value(1) != "UTF8" {
            return Err(NoSession::Setting("server_encoding", value(1).to_owned()));
        }
        if self.role != Role::Reader && value(2) == "off" {
            // A commit that is acknowledged must survive a crash of the server.
            let sql = "SET synchronous_commit = on";
            session.client.batch_execute(sql).await?;
        }
        Ok(session)
    }

    /// The statements that set a connection up, and the question what it is.
    fn settings(&self) -> String {
        let limits = &self.limits;
        let (statement_ms, lock_ms, idle_ms) = match self.role {
            Role::Reader | Role::Writer => (
                limits.statement_ms_max,
                limits.lock_ms_max,
                limits.transaction_ms_max,
            ),
            Role::Migrator => (limits.migration_ms_max, limits.migration_ms_max, 0),
        };
        let read_only = if self.role == Role::Reader {
            "on"
        } else {
            "off"
        };
        format!(
            "SET client_min_messages = error;
             SET timezone = 'UTC';
             SET search_path = {schema}, public;
             SET statement_timeout = {statement_ms};
             SET lock_timeout = {lock_ms};
             SET idle_in_transaction_session_timeout = {idle_ms};
             SET default_transaction_isolation = 'repeatable read';
             SET default_transaction_read_only = {read_only};
             SELECT current_setting('server_version_num'), current_setting('server_encoding'),
                    current_setting('synchronous_commit')",
            schema = self.schema,
        )
    }
}

impl Session {
    /// Returns whether the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.end.is_requested() || self.client.is_closed()
    }

    /// Ends the connection, whoever still holds it.
    pub(crate) fn cut(&self) {
        self.end.request();
    }

    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    /// Ends the turn of whoever used the session.
    pub(crate) fn end_turn(&self) {
        self.turn.fetch_add(1, Ordering::AcqRel);
    }

    /// Sends ROLLBACK without waiting: the server does it before whatever is sent later.
    pub(crate) fn roll_back(&self) {
        drop(self.client.batch_execute("ROLLBACK").now_or_never());
    }

    /// Returns the statement, prepared once per connection.
    pub(crate) async fn prepared(&self, sql: &'static str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements();
        if statements.len() < self.statements_len_max {
            statements.insert(sql, statement.clone());
        }
        Ok(statement)
    }

    /// Takes an answer as it is; a statement that no longer fits the schema is prepared anew the next time.
    pub(crate) fn judge<T>(
        &self,
        sql: &'static str,
        answer: Result<T, tokio_postgres::Error>,
    ) -> Result<T, Fault> {
        answer.map_err(|error| {
            let is_stale = error.code().is_some_and(|state| {
                *state == SqlState::FEATURE_NOT_SUPPORTED
                    || *state == SqlState::INVALID_SQL_STATEMENT_NAME
            });
            if is_stale {
                self.statements().remove(sql);
            }
            Fault::from(error)
        })
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Statement>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end.request();
    }
}

/// Moves the bytes of a connection until it ends; gives it a moment to say goodbye when it is no longer wanted.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>, end: Shutdown) {
    let farewell = async {
        end.requested().await;
        time::sleep(FAREWELL).await;
    };
    tokio::select! {
        result = connection => {
            if let Err(error) = result {
                tracing::debug!(error = %base::told(&error), "a connection to the database broke");
            }
        }
        () = farewell => tracing::debug!("a connection to the database was cut"),
    }
}

impl From<tokio_postgres::Error> for NoSession {
    fn from(error: tokio_postgres::Error) -> Self {
        match Fault::from(error) {
            Fault::Unreachable(loss) => Self::Lost(loss),
            Fault::Statement(refusal) | Fault::Server(refusal) => Self::Refused(refusal),
            other => Self::Refused(Box::new(Refusal::ours(other.to_string()))),
        }
    }
}

impl NoSession {
    /// Says what this means for a statement that needed the connection.
    pub(crate) fn loss(self) -> Loss {
        match self {
            Self::Lost(loss) => loss,
            Self::Refused(refusal) => Loss::Refused(refusal),
            Self::Version(found) => Loss::Refused(Box::new(Refusal::ours(format!(
                "PostgreSQL {found} is too old, it must be {VERSION_MIN} or newer"
            )))),
            Self::Setting(name, found) => Loss::Refused(Box::new(Refusal::ours(format!(
                "its setting {name} is {found}"
            )))),
        }
    }

    /// Says what this means for opening: a loss that may pass, or an error that will not.
    pub(crate) fn at_start(self, address: &Address) -> Result<Loss, OpenError> {
        match self {
            Self::Lost(loss) => Ok(loss),
            Self::Refused(source) => Err(OpenError::Refused {
                place: address.to_string(),
                source,
            }),
            Self::Version(found) => Err(OpenError::ServerVersion {
                found,
                wanted: VERSION_MIN,
            }),
            Self::Setting(name, found) => Err(OpenError::Setting { name, found }),
        }
    }
}
