//! One transaction: what a caller may do inside of it, and how it ends.
//!
//! # Invariants
//! * A statement runs inside of its transaction or not at all: a handle that outlives it is refused.
//! * A write whose closure returned Ok is acknowledged only when the server said that it committed; a transaction in
//!   which a statement failed unseen is not committed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{self, Instant};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::fault::{self, Loss};
use super::pool::Lease;
use super::session::Session;
use crate::{Fault, ReadError, WriteError};

const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE";

/// A savepoint can only be made inside of a transaction in which nothing has failed. Without it, the server would
/// answer the commit of a failed transaction with a rollback and no error.
const COMMIT: &str = "SAVEPOINT nothing_failed; COMMIT";

/// A transaction that is under way, given to the closures of [`Postgres`](crate::Postgres).
///
/// Statements that wait at the same time, as with `futures::join!`, travel together (pipelining). Each text is prepared
/// once per connection.
pub struct Transaction {
    session: Arc<Session>,
    turn: u64,
}

impl Transaction {
    pub(crate) fn of(lease: &Lease<'_>) -> Self {
        Self {
            session: Arc::clone(&lease.session),
            turn: lease.session.turn(),
        }
    }

    /// Runs a statement and returns all its rows; bound them with LIMIT.
    ///
    /// # Errors
    /// [`Fault::Statement`] when the statement or its values are wrong, otherwise what the world did. After any error
    /// the transaction can no longer be committed.
    pub async fn query(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        let session = self.session()?;
        let statement = session.prepared(sql).await?;
        session.judge(sql, session.client.query(&statement, values).await)
    }

    /// Runs a statement that gives one row or none.
    ///
    /// # Errors
    /// As [`Transaction::query`], and [`Fault::Statement`] when there are several rows.
    pub async fn query_opt(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Fault> {
        let session = self.session()?;
        let statement = session.prepared(sql).await?;
        session.judge(sql, session.client.query_opt(&statement, values).await)
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`Transaction::query`], and [`Fault::Statement`] when there is another number of rows.
    pub async fn query_one(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, Fault> {
        let session = self.session()?;
        let statement = session.prepared(sql).await?;
        session.judge(sql, session.client.query_one(&statement, values).await)
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// As [`Transaction::query`].
    pub async fn execute(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Fault> {
        let session = self.session()?;
        let statement = session.prepared(sql).await?;
        session.judge(sql, session.client.execute(&statement, values).await)
    }

    /// The session, as long as it is this transaction's.
    fn session(&self) -> Result<&Session, Fault> {
        if self.session.turn() == self.turn {
            Ok(&self.session)
        } else {
            Err(Fault::TransactionEnded)
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transaction")
            .finish_non_exhaustive()
    }
}

/// Runs `work` with a snapshot. BEGIN travels together with the first statement, and nobody waits for the end.
pub(crate) async fn read<W, F, T, E>(
    mut lease: Lease<'_>,
    limit_ms: u64,
    work: W,
) -> Result<T, ReadError<E>>
where
    W: FnOnce(Transaction) -> F,
    F: Future<Output = Result<T, E>>,
    E: Error + 'static,
{
    lease.begin();
    let session = Arc::clone(&lease.session);
    let work = work(Transaction::of(&lease));
    // Polled in this order, so BEGIN is sent first. The session itself is read-only should it fail.
    let both = async { futures::join!(session.client.batch_execute(BEGIN_READ), work) };
    match time::timeout(Duration::from_millis(limit_ms), both).await {
        Err(_) => {
            lease.cut();
            Err(ReadError::Fault(Fault::Unreachable(Loss::Deadline(
                limit_ms,
            ))))
        }
        Ok((Err(error), _)) => Err(ReadError::Fault(error.into())),
        Ok((Ok(()), Ok(value))) => Ok(value),
        Ok((Ok(()), Err(error))) => Err(match Fault::find(&error) {
            Some(fault) => ReadError::Fault(fault),
            None => ReadError::Refused(error),
        }),
    }
}

/// Runs `work` in a transaction and commits it.
pub(crate) async fn write<W, F, T, E>(
    mut lease: Lease<'_>,
    limit_ms: u64,
    work: W,
) -> Result<T, WriteError<E>>
where
    W: FnOnce(Transaction) -> F,
    F: Future<Output = Result<T, E>>,
    E: Error + 'static,
{
    lease.begin();
    let deadline = Instant::now() + Duration::from_millis(limit_ms);
    let session = Arc::clone(&lease.session);
    let transaction = Transaction::of(&lease);
    let body = async {
        session.client.batch_execute(BEGIN_WRITE).await?;
        Ok::<_, tokio_postgres::Error>(work(transaction).await)
    };
    let value = match time::timeout_at(deadline, body).await {
        Err(_) => {
            lease.cut();
            return Err(WriteError::Fault(Fault::Unreachable(Loss::Deadline(
                limit_ms,
            ))));
        }
        Ok(Err(error)) => return Err(WriteError::Fault(error.into())),
        Ok(Ok(Err(error))) => {
            return Err(match Fault::find(&error) {
                Some(fault) => WriteError::Fault(fault),
                None => WriteError::Refused(error),
            });
        }
        Ok(Ok(Ok(value))) => value,
    };
    commit(&mut lease, deadline, limit_ms)
        .await
        .map_err(WriteError::Fault)?;
    Ok(value)
}

async fn commit(lease: &mut Lease<'_>, deadline: Instant, limit_ms: u64) -> Result<(), Fault> {
    // A commit that cannot even be sent did not happen.
    if lease.session.is_closed() {
        return Err(Fault::Unreachable(Loss::Broken(
            "before the commit".to_owned(),
        )));
    }
    match time::timeout_at(deadline, lease.session.client.batch_execute(COMMIT)).await {
        Ok(Ok(())) => {
            lease.committed();
            Ok(())
        }
        Ok(Err(error)) => Err(fault::of_commit(error)),
        Err(_) => {
            lease.cut();
            Err(Fault::OutcomeUnknown(Loss::Deadline(limit_ms)))
        }
    }
}
