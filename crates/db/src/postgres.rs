//! The handle to a schema of a PostgreSQL server: opening, reading, writing, how it fares.
//!
//! The pool is our own: it counts who waits, backs off, and gives its tasks to the supervisor, none of which the usual
//! ones do. Connections are made directly: a proxy that shares connections between transactions loses our settings.

mod address;
mod fault;
mod limits;
mod migrate;
mod pool;
mod session;
mod tls;
mod transaction;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use runtime::{Shutdown, Supervisor, TaskGroup};
use tokio::time::{self, Instant};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::migrate::check_numbering;
use crate::{Fault, Migration, OpenError, ReadError, WriteError};

pub use fault::{Loss, Refusal};
pub use limits::PostgresLimits;
pub use transaction::Transaction;

use address::Address;
use migrate::NotYet;
use pool::Pool;
use session::{Opener, Role};
use tls::Tls;

/// What a handle may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads and writes, and brings the schema up to date.
    ReadWrite,
    /// Reads, and waits until somebody else has brought the schema up to date.
    ReadOnly,
}

/// Which server, and which part of it.
#[derive(Clone, Copy)]
pub struct PostgresConfig<'a> {
    /// The address: `postgres://user:password@host:5432/database?sslmode=require`. It is never shown.
    pub url: &'a str,
    /// The schema that holds the tables, in lower-case letters and underscores. It is made when it is missing.
    pub schema: &'static str,
    /// The steps that make the tables.
    pub migrations: &'a [Migration],
    /// What the handle may do.
    pub access: Access,
    /// Its bounds.
    pub limits: PostgresLimits,
}

/// A handle to a schema of a server, cheap to clone. Connections end when the last handle goes.
///
/// After the process was asked to end, connections are still made for those who have work to finish, and none is kept.
#[derive(Clone)]
pub struct Postgres {
    shared: Arc<Shared>,
}

struct Shared {
    readers: Pool,
    writer: Option<Pool>,
    limits: PostgresLimits,
    place: String,
    schema_version: u32,
    closed: Shutdown,
    tasks: TaskGroup,
}

/// How a handle fares, as far as its last calls tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether the last try to connect succeeded; a server that went away unnoticed shows at the next call.
    pub is_reachable: bool,
    /// Tries to connect that failed since the last success.
    pub failures: u32,
    /// Why the last of them failed.
    pub loss: Option<Loss>,
    /// Connections that wait for work.
    pub idle: usize,
    /// Connections at work.
    pub busy: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
}

impl Postgres {
    /// Connects and brings the schema up to date, or waits until somebody else has, as [`Access`] says.
    ///
    /// A server that is not there yet is tried again until [`PostgresLimits::start_ms_max`] is over.
    ///
    /// # Errors
    /// [`OpenError`]: [`Address`](OpenError::Address) when the address is wrong, [`Refused`](OpenError::Refused) when
    /// the server does not take the password, [`Unreachable`](OpenError::Unreachable) when it did not answer in time,
    /// [`Empty`](OpenError::Empty) for a reader when nobody has written yet, [`NotMigrated`](OpenError::NotMigrated)
    /// when nobody brought the schema up to date, and those of the migrations.
    ///
    /// # Panics
    /// When the schema's name is not of lower-case letters and underscores.
    ///
    /// # Cancel safety
    /// May be dropped; a migration that was under way is finished or undone by the server.
    pub async fn connect(
        config: PostgresConfig<'_>,
        tasks: &Supervisor,
    ) -> Result<Self, OpenError> {
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(
            !config.schema.is_empty() && config.schema.chars().all(is_name),
            "the name of a schema is of lower-case letters and underscores"
        );
        let schema_version = check_numbering(config.migrations)?;
        let address = Address::parse(config.url, &config.limits)?;
        let tls = Tls::new(&address)?;
        let group = tasks.group("postgres");
        let opener = Opener {
            address,
            tls,
            schema: config.schema,
            limits: config.limits,
            role: Role::Reader,
            tasks: group.clone(),
        };
        start(&opener, &config, schema_version).await?;

        let (shutdown, closed) = (tasks.shutdown(), Shutdown::new());
        let pool = |role, len| {
            let opener = opener.with_role(role);
            Pool::new(opener, len, shutdown.clone(), closed.clone())
        };
        let shared = Arc::new(Shared {
            readers: pool(Role::Reader, config.limits.connections_max),
            writer: (config.access == Access::ReadWrite).then(|| pool(Role::Writer, 1)),
            limits: config.limits,
            place: opener.address.to_string(),
            schema_version,
            closed: closed.clone(),
            tasks: group.clone(),
        });
        let watched = Arc::downgrade(&shared);
        group.spawn(async move {
            tokio::select! {
                () = shutdown.requested() => {}
                () = closed.requested() => {}
            }
            if let Some(shared) = watched.upgrade() {
                shared.pools().for_each(Pool::close_idle);
            }
        });
        Ok(Self { shared })
    }

    /// Returns the version of the newest migration, which is the schema's.
    #[must_use]
    pub fn schema_version(&self) -> u32 {
        self.shared.schema_version
    }

    /// Returns where the database is, without a password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.shared.place
    }

    /// Runs `work` with a snapshot: its statements see one state of the database, whatever is written meanwhile.
    ///
    /// Where a single statement is enough, [`Postgres::query`] costs less.
    ///
    /// # Errors
    /// [`ReadError::Refused`] with the error of `work`, or [`ReadError::Fault`]: [`Fault::Unreachable`] also when it
    /// took longer than [`PostgresLimits::transaction_ms_max`], [`Fault::Overloaded`] when too many wait.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn read<W, F, T, E>(&self, work: W) -> Result<T, ReadError<E>>
    where
        W: FnOnce(Transaction) -> F,
        F: Future<Output = Result<T, E>>,
        E: Error + 'static,
    {
        let lease = self.shared.readers.lend().await.map_err(ReadError::Fault)?;
        transaction::read(lease, self.shared.limits.transaction_ms_max, work).await
    }

    /// Runs one statement that reads, in one round trip, and returns its rows; bound them with LIMIT.
    ///
    /// # Errors
    /// [`Fault`], as with [`Postgres::read`].
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn query(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        let lease = self.shared.readers.lend().await?;
        let limit_ms = self.shared.limits.transaction_ms_max;
        let transaction = Transaction::of(&lease);
        let answer = transaction.query(sql, values);
        match time::timeout(Duration::from_millis(limit_ms), answer).await {
            Ok(answer) => answer,
            Err(_) => {
                lease.cut();
                Err(Fault::Unreachable(Loss::Deadline(limit_ms)))
            }
        }
    }

    /// Runs `work` in a transaction on the connection that writes, and returns what it returned once that is committed.
    ///
    /// Writes of one handle run one after the other. The transaction sees one state of the database; when another
    /// process changed what it changes, it fails with [`Fault::Conflict`].
    ///
    /// # Errors
    /// [`WriteError::Refused`] with the error of `work`, whose changes are undone, or [`WriteError::Fault`]. After
    /// [`Fault::OutcomeUnknown`] the changes are there as a whole or not at all; after any other fault they are not.
    /// [`Fault::ReadOnly`] when the handle was opened for reading; [`Fault::TransactionEnded`] when a statement failed
    /// and `work` returned Ok all the same.
    ///
    /// # Cancel safety
    /// A future that is dropped before its commit has changed nothing; one that is dropped later may have.
    pub async fn write<W, F, T, E>(&self, work: W) -> Result<T, WriteError<E>>
    where
        W: FnOnce(Transaction) -> F,
        F: Future<Output = Result<T, E>>,
        E: Error + 'static,
    {
        let Some(writer) = &self.shared.writer else {
            return Err(WriteError::Fault(Fault::ReadOnly));
        };
        let lease = writer.lend().await.map_err(WriteError::Fault)?;
        transaction::write(lease, self.shared.limits.transaction_ms_max, work).await
    }

    /// Returns how the handle fares, without asking the server.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut health = Health {
            is_reachable: true,
            failures: 0,
            loss: None,
            idle: 0,
            busy: 0,
            waiting: 0,
        };
        for state in self.shared.pools().map(Pool::state) {
            health.idle += state.idle;
            health.busy += state.busy;
            health.waiting += state.waiting;
            if state.failures > health.failures {
                health.failures = state.failures;
                health.loss = state.loss;
            }
        }
        health.is_reachable = health.failures == 0;
        health
    }

    /// Asks the server whether it is there, on a connection that reads and on the one that writes.
    ///
    /// # Errors
    /// [`Fault`] when it is not.
    pub async fn ping(&self) -> Result<(), Fault> {
        for pool in self.shared.pools() {
            self.ping_one(pool).await?;
        }
        Ok(())
    }

    /// Waits until the server is there, trying again with growing pauses.
    ///
    /// # Errors
    /// [`Fault::Closed`] when the handle was closed.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn reachable(&self) -> Result<(), Fault> {
        for pool in self.shared.pools() {
            while let Err(fault) = self.ping_one(pool).await {
                if matches!(fault, Fault::Closed) {
                    return Err(fault);
                }
                let pause = Duration::from_millis(self.shared.limits.retry_delay_ms_min.max(1));
                futures::join!(pool.pause_over(), time::sleep(pause));
            }
        }
        Ok(())
    }

    async fn ping_one(&self, pool: &Pool) -> Result<(), Fault> {
        let lease = pool.lend().await?;
        let limit_ms = self.shared.limits.connect_ms_max;
        let answer = lease.session.client.batch_execute("");
        match time::timeout(Duration::from_millis(limit_ms), answer).await {
            Ok(answer) => answer.map_err(Fault::from),
            Err(_) => {
                lease.cut();
                Err(Fault::Unreachable(Loss::Deadline(limit_ms)))
            }
        }
    }

    /// Ends the connections, and waits until those at work have finished.
    ///
    /// All handles get [`Fault::Closed`] from then on. Closing twice is fine.
    pub async fn close(&self) {
        self.shared.closed.request();
        self.shared.pools().for_each(Pool::close);
        let patience = Duration::from_millis(self.shared.limits.transaction_ms_max);
        if time::timeout(patience, self.shared.tasks.empty())
            .await
            .is_err()
        {
            tracing::warn!(place = %self.shared.place, "connections to the database did not end in time");
        }
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Postgres")
            .field("place", &self.shared.place)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn pools(&self) -> impl Iterator<Item = &Pool> {
        std::iter::once(&self.readers).chain(&self.writer)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.closed.request();
    }
}

/// How long a reader of an empty database waits for a writer that starts at the same moment.
const EMPTY_WAIT_MAX: Duration = Duration::from_secs(1);

/// Tries until the schema is there, or until it is clear that it will not be.
async fn start(opener: &Opener, config: &PostgresConfig<'_>, wanted: u32) -> Result<(), OpenError> {
    let limits = &config.limits;
    let began = Instant::now();
    let deadline = began + Duration::from_millis(limits.start_ms_max);
    let migrator = opener.with_role(Role::Migrator);
    for attempt in 1.. {
        let result = match config.access {
            Access::ReadWrite => migrate::migrate(&migrator, config.migrations).await,
            Access::ReadOnly => migrate::check_only(opener, config.migrations, wanted).await,
        };
        let reason = match result {
            Ok(()) => return Ok(()),
            Err(NotYet::Never(error)) => return Err(error),
            Err(reason) => reason,
        };
        let next = Instant::now() + limits.retry_delay(attempt);
        // The writer may be starting at this moment; nobody waits long for one that may never come.
        let deadline = match &reason {
            NotYet::Empty => deadline.min(began + EMPTY_WAIT_MAX),
            NotYet::Again(_) | NotYet::Older(_) | NotYet::Never(_) => deadline,
        };
        if next > deadline {
            let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Err(given_up(opener, reason, waited, wanted));
        }
        if attempt == 1 {
            let is_empty = matches!(reason, NotYet::Empty);
            tracing::warn!(place = %opener.address, is_empty, "waiting for the database");
        }
        time::sleep_until(next).await;
    }
    unreachable!("the deadline comes before the last number")
}

fn given_up(opener: &Opener, reason: NotYet, waited_ms: u64, wanted: u32) -> OpenError {
    match reason {
        NotYet::Again(source) => OpenError::Unreachable {
            place: opener.address.to_string(),
            waited_ms,
            source,
        },
        NotYet::Empty => OpenError::Empty {
            place: opener.address.to_string(),
        },
        NotYet::Older(found) => OpenError::NotMigrated { found, wanted },
        NotYet::Never(error) => error,
    }
}
