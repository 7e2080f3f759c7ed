//! The projection in a schema of a PostgreSQL server, which several doorways may share.
//!
//! # Invariants
//! Writers come one after the other, whatever they believe about their lease: each takes the same lock first. So the
//! numbers of events have no gaps, and are committed in their order.
//! Whoever reads needs no lock and waits for no writer.
//!
//! It ranks what a search finds by its own measure; what is found is the same as in the other store.

mod columns;
mod gather;
mod grant;
mod queries;
mod rows;
mod schema;
mod text;
mod write;

use std::sync::Arc;

use api::DbSchemaView;
use chain::{AgentPubKey, Record};
use db::{
    Access, Migration, OpenError, Postgres, PostgresConfig, PostgresLimits, Transaction, WriteError,
};
use doorway_core::address::Address;
use doorway_core::event::Event;
use doorway_core::lease::{self, Request};
use doorway_core::projector::Cursor;
use runtime::{Blocking, Supervisor};
use tokio::sync::Semaphore;

use super::described::{self, CLAIMANTS_MAX};
use super::{
    Applied, Apply, ChainRows, Claimant, Found, Introduction, ListQuery, LogEnds, Named,
    ProjectionStore, Reply, Row, SearchQuery, Sight, StoreError, StoreHealth, VersionRow, Wanted,
};
use queries::ask;
use rows::{Value, failed, get, number};
use text::clean;

/// The schema that holds the tables.
const SCHEMA: &str = "doorway";

/// The tables, step by step; a released step is never edited.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "items, versions, records, words, events, lease",
    sql: include_str!("postgres/schema-1.sql"),
}];

/// The bounds of the connections. A batch of the longest pages takes seconds; a writer that vanished in the middle of
/// one keeps others from writing for as long as a transaction may take.
const LIMITS: PostgresLimits = PostgresLimits {
    connections_max: 8,
    waiting_len_max: 1_024,
    statements_len_max: 128,
    start_ms_max: 30_000,
    connect_ms_max: 5_000,
    acquire_ms_max: 5_000,
    statement_ms_max: 15_000,
    lock_ms_max: 5_000,
    transaction_ms_max: 30_000,
    migration_ms_max: 600_000,
    retry_delay_ms_min: 50,
    retry_delay_ms_max: 2_000,
};

/// A projection store on a server; cheap to clone.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    postgres: Postgres,
    /// Makes words of texts, away from the threads that must not wait.
    reading: Blocking,
    /// Batches come one after the other from here, so that a question about the lease waits for one of them at most.
    batches: Arc<Semaphore>,
}

impl PostgresStore {
    /// Connects to a server: whoever may write makes the tables, whoever only reads waits until they are there.
    ///
    /// # Errors
    /// [`OpenError`] when the address is wrong, the server refuses or does not answer in time, or the tables are newer
    /// than this program.
    ///
    /// # Cancel safety
    /// May be dropped.
    pub async fn connect(
        url: &str,
        access: Access,
        supervisor: &Supervisor,
    ) -> Result<Self, OpenError> {
        let config = PostgresConfig {
            url,
            schema: SCHEMA,
            migrations: MIGRATIONS,
            access,
            limits: LIMITS,
        };
        Ok(Self {
            postgres: Postgres::connect(config, supervisor).await?,
            reading: Blocking::new(1),
            batches: Arc::new(Semaphore::new(1)),
        })
    }

    /// Returns the connections, for what tells how they fare.
    #[must_use]
    pub const fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// Runs `work` in a transaction that writes.
    async fn write<T, F>(&self, work: impl FnOnce(Transaction) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.postgres
            .write(work)
            .await
            .map_err(|error| match error {
                WriteError::Refused(error) => error,
                WriteError::Fault(fault) => failed(fault),
            })
    }
}

/// What the first two parameters of a statement about visible rows stand for.
fn eyes(sight: &Sight) -> queries::Eyes {
    let (floor, key) = described::eyes(sight);
    (floor.into(), clean(&key).into_owned())
}

impl ProjectionStore for PostgresStore {
    fn cursors(&self) -> Reply<'_, Vec<(AgentPubKey, Cursor)>> {
        Box::pin(async move {
            let sql = "SELECT agent, seq, hash, at_us, is_closed FROM cursors";
            let found = ask(&self.postgres, sql, &[]).await?;
            found.iter().map(rows::cursor).collect()
        })
    }

    fn cursor<'a>(&'a self, agent: &'a AgentPubKey) -> Reply<'a, Option<Cursor>> {
        Box::pin(async move {
            let found = ask(&self.postgres, queries::CURSOR, &[&agent.to_string()]).await?;
            let cursor = found.first().map(rows::cursor).transpose()?;
            Ok(cursor.map(|(_, cursor)| cursor))
        })
    }

    fn apply(&self, apply: Apply) -> Reply<'_, Applied> {
        Box::pin(async move {
            let made = self.reading.run(move || {
                let columns: Vec<_> = apply.batch.changes.iter().map(columns::of).collect();
                (apply, columns)
            });
            let (apply, columns) = made.await;
            let turn = self.batches.acquire().await;
            let _turn = turn.expect("the semaphore is never closed");
            self.write(|tx| async move { write::apply(&tx, &apply, &columns).await })
                .await
        })
    }

    fn chain<'a>(
        &'a self,
        agent: &'a AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainRows> {
        Box::pin(
            async move { queries::chain(&self.postgres, &agent.to_string(), after, limit).await },
        )
    }

    fn claimants<'a>(&'a self, address: &'a Address) -> Reply<'a, Vec<Claimant>> {
        const SQL: &str = "SELECT agent, number FROM addresses
             WHERE kind = $1 AND course = $2 AND slug = $3 ORDER BY number, agent LIMIT $4";
        Box::pin(async move {
            let (course, slug) = (clean(&address.course), clean(&address.slug));
            let limit = i64::from(CLAIMANTS_MAX);
            let values: [Value<'_>; 4] = [&address.kind, &course, &slug, &limit];
            let found = ask(&self.postgres, SQL, &values).await?;
            let claimants = found.iter().map(|found| {
                Ok(Claimant {
                    agent: get(found, 0)?,
                    number: number(found, 1)?,
                })
            });
            claimants.collect()
        })
    }

    fn names_of<'a>(&'a self, hash: &'a str) -> Reply<'a, Vec<Named>> {
        Box::pin(queries::names_of(&self.postgres, hash))
    }

    fn events(&self, after: u64, limit: u32) -> Reply<'_, Vec<Event>> {
        const SQL: &str = "SELECT number, at_us, agent, seq, head, changes::text FROM events
             WHERE number > $1 ORDER BY number LIMIT $2";
        Box::pin(async move {
            let (after, limit) = (grant::signed(after), i64::from(limit));
            let found = ask(&self.postgres, SQL, &[&after, &limit]).await?;
            found.iter().map(rows::event).collect()
        })
    }

    fn log_ends(&self) -> Reply<'_, LogEnds> {
        const SQL: &str = "SELECT id, coalesce((SELECT min(number) FROM events), 1),
                coalesce((SELECT max(number) FROM events), 0) FROM log";
        Box::pin(async move {
            let found = ask(&self.postgres, SQL, &[]).await?;
            let found = found
                .first()
                .ok_or_else(|| StoreError::Damaged("log".to_owned()))?;
            let log: i64 = get(found, 0)?;
            Ok(LogEnds {
                log: log.cast_unsigned(),
                oldest: number(found, 1)?,
                newest: number(found, 2)?,
            })
        })
    }

    fn introduce<'a>(&'a self, introduction: &'a Introduction) -> Reply<'a, ()> {
        Box::pin(async move {
            self.write(|tx| async move { grant::introduce(&tx, introduction).await })
                .await
        })
    }

    fn introduction(&self) -> Reply<'_, Option<Introduction>> {
        Box::pin(async move {
            let found = ask(&self.postgres, grant::COMMUNITY, &[]).await?;
            found.first().map(grant::introduction).transpose()
        })
    }

    fn lease(&self, request: Request) -> Reply<'_, lease::Reply> {
        Box::pin(async move {
            self.write(|tx| async move { grant::ask(&tx, &request).await })
                .await
        })
    }

    fn find(&self, wanted: Wanted, sight: &Sight) -> Reply<'_, Option<Row>> {
        let sight = sight.clone();
        Box::pin(async move {
            let found = queries::find(&self.postgres, &wanted, &eyes(&sight)).await?;
            Ok(found.filter(|row| sight.admits(row)))
        })
    }

    fn newest<'a>(&'a self, id: &'a str, sight: &'a Sight) -> Reply<'a, Option<(Row, Record)>> {
        Box::pin(async move {
            let found = queries::newest(&self.postgres, id, &eyes(sight)).await?;
            Ok(found.filter(|(row, _)| sight.admits(row)))
        })
    }

    fn list(&self, query: ListQuery, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let sight = sight.clone();
        Box::pin(async move {
            let mut rows = queries::list(&self.postgres, &query, &eyes(&sight)).await?;
            rows.retain(|row| sight.admits(row));
            Ok(rows)
        })
    }

    fn search(&self, query: SearchQuery, sight: &Sight) -> Reply<'_, Found> {
        let sight = sight.clone();
        Box::pin(async move {
            let mut found = queries::search(&self.postgres, &query, &eyes(&sight)).await?;
            found.hits.retain(|(row, _)| sight.admits(row));
            Ok(found)
        })
    }

    fn versions(&self, id: &str) -> Reply<'_, Vec<VersionRow>> {
        let id = id.to_owned();
        Box::pin(async move { queries::versions(&self.postgres, &id).await })
    }

    fn version(&self, id: &str, seq: u32) -> Reply<'_, Option<VersionRow>> {
        let id = id.to_owned();
        Box::pin(async move { queries::version(&self.postgres, &id, seq).await })
    }

    fn pages_of(&self, course: &str, author: &str, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let (course, author, sight) = (course.to_owned(), author.to_owned(), sight.clone());
        Box::pin(async move {
            let eyes = eyes(&sight);
            let mut rows = queries::pages_of(&self.postgres, &course, &author, &eyes).await?;
            rows.retain(|row| sight.admits(row));
            Ok(rows)
        })
    }

    fn schema(&self) -> Reply<'_, DbSchemaView> {
        Box::pin(schema::schema(&self.postgres, SCHEMA))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            server: Some("PostgreSQL".to_owned()),
            is_reachable: self.postgres.health().is_reachable,
        }
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            self.postgres.close().await;
            Ok(())
        })
    }
}
