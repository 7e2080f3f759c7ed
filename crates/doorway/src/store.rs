//! The projection store: what readers see, in a form that can be asked. SQLite here; PostgreSQL behind the same trait.
//!
//! It holds all that a copy of a doorway needs: chains, items, claims on addresses, the log of events, the lease.
//! It decides nothing: what becomes of a record is [`doorway_core::projector::merge`]'s word, who may see what is
//! [`base::Reach`]'s. A store can be thrown away and made again from the chains.

mod described;
mod lexemes;
mod postgres;
mod sqlite;
mod words;

use std::future::Future;
use std::pin::Pin;

use api::DbSchemaView;
use base::{Code, Problem, Reach, Reader, Timestamp};
use chain::{AgentPubKey, Record};
use doorway_core::address::{Address, Claim};
use doorway_core::event::Event;
use doorway_core::lease;
use doorway_core::projector::{Batch, Cursor, Skip};
use thiserror::Error;

pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// An answer that a store is working on.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store has no answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk is full; nothing was changed.
    #[error("disk is full")]
    DiskFull,
    /// The store cannot do it.
    #[error("projection store: {0}")]
    Failed(String),
    /// A row does not hold what it should.
    #[error("projection store: row of {0} is damaged")]
    Damaged(String),
    /// The server of the store does not answer; trying again may help.
    #[error("projection store cannot be reached: {0}")]
    Unreachable(String),
    /// The write named an epoch that is not the one that was granted last; nothing was changed.
    #[error("projection store: {holder} writes under epoch {epoch}")]
    Fenced {
        /// Who holds the lease.
        holder: String,
        /// Its epoch.
        epoch: u64,
    },
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::DiskFull => Code::DiskFull,
            StoreError::Unreachable(_) => Code::DatabaseUnreachable,
            StoreError::Fenced { .. } => Code::NotTheWriter,
            StoreError::Failed(_) | StoreError::Damaged(_) => Code::StoreFailed,
        };
        Self::new(code, error.to_string())
    }
}

/// The store belongs to another community.
pub(crate) fn foreign() -> StoreError {
    StoreError::Failed("it belongs to another community".to_owned())
}

/// What a reader may see, in the form that a query takes: an owned [`Reader`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sight {
    /// The key that the reader proved.
    pub key: Option<String>,
    /// Whether the community's list holds that key.
    pub is_member: bool,
}

impl Sight {
    /// Somebody without a token.
    pub const ANONYMOUS: Self = Self {
        key: None,
        is_member: false,
    };

    /// Returns the reader for [`Reach::admits`].
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        self.key
            .as_deref()
            .map_or(Reader::Anonymous, |key| Reader::Agent {
                key,
                is_member: self.is_member,
            })
    }

    /// Returns whether the reader may see this row.
    #[must_use]
    pub fn admits(&self, row: &Row) -> bool {
        row.reach.admits(&self.reader(), &row.author)
    }
}

/// The newest version of an item, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The item's id: the text of its first action's hash.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Who wrote it.
    pub author: String,
    /// Sequence number of the newest version.
    pub seq: u32,
    /// Action hash of the newest version.
    pub action: String,
    /// Who may see it.
    pub reach: Reach,
    /// What it is called.
    pub title: String,
    /// Its place in addresses.
    pub slug: String,
    /// Slug of its course.
    pub course: String,
    /// What it is about.
    pub summary: String,
    /// The language it is written in.
    pub language: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// Words that describe it.
    pub tags: Vec<String>,
    /// When its first version was signed, in microseconds since 1970.
    pub created_at_us: i64,
    /// When its newest version was signed, in microseconds since 1970.
    pub changed_at_us: i64,
    /// Whether its author took it back.
    pub is_withdrawn: bool,
}

/// One version of an item.
#[derive(Clone, Debug)]
pub struct VersionRow {
    /// `create`, `update` or `delete`.
    pub change: String,
    /// Its sequence number.
    pub seq: u32,
    /// Its action hash.
    pub hash: String,
    /// When it was signed, in microseconds since 1970.
    pub at_us: i64,
    /// The record, for versions that have content.
    pub record: Option<Record>,
}

/// Which item is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By its id.
    Id(String),
    /// The first visible item of this kind at this place; `course` is empty for none.
    Place {
        /// The kind.
        kind: &'static str,
        /// Slug of the course.
        course: String,
        /// Its own slug.
        slug: String,
        /// Whose it must be; anybody's when it is empty.
        author: String,
    },
    /// The newest profile of an author.
    Profile(String),
}

/// Which items are wanted, newest first.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only this kind.
    pub kind: String,
    /// Only by this author.
    pub author: Option<String>,
    /// Only of this course; the empty text means of none.
    pub course: Option<String>,
    /// Start behind this item.
    pub after: Option<(i64, String)>,
    /// How many at most.
    pub limit: u32,
}

/// Words to look for.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// What the reader typed.
    pub text: String,
    /// How many matches to leave out.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How many items match, counted up to 1,000.
    pub total: u32,
    /// The items of this page with words around the match.
    pub hits: Vec<(Row, String)>,
}

/// A batch on its way into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apply {
    /// The epoch under which the lease is held.
    pub epoch: u64,
    /// When it is stored, by the doorway's clock.
    pub at: Timestamp,
    /// The batch.
    pub batch: Batch,
    /// The places of the batch's addresses in the order of arrival.
    pub claims: Vec<Claim>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is stored.
    Stored {
        /// What became known by it.
        event: Event,
        /// What was left out and why.
        skipped: Vec<(u32, Skip)>,
    },
    /// The store stood elsewhere; nothing was changed.
    Elsewhere(Option<Cursor>),
}

/// A page of a projected chain.
#[derive(Clone, Debug, Default)]
pub struct ChainRows {
    /// The records, in order, with every entry that is stored.
    pub records: Vec<Record>,
    /// How far the chain is projected.
    pub cursor: Option<Cursor>,
}

/// Somebody who used an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The author's key.
    pub agent: String,
    /// Smaller numbers came first.
    pub number: u64,
}

/// Something that names a blob, and with that says who may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Who wrote it.
    pub author: String,
    /// Who may see it.
    pub reach: Reach,
    /// What the blob is; empty when nobody said so.
    pub media_type: String,
}

/// How a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreHealth {
    /// Which server keeps it, such as `PostgreSQL`; nothing for a file of our own.
    pub server: Option<String>,
    /// Whether the server answered last.
    pub is_reachable: bool,
}

/// Where the log of events begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnds {
    /// Which log it is; a projection that was made anew has another one.
    pub log: u64,
    /// Number of the oldest event that is kept; one more than `newest` when there is none.
    pub oldest: u64,
    /// Number of the newest event; 0 when there was none.
    pub newest: u64,
}

/// Which community a store belongs to, told by its writer to copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Its name.
    pub name: String,
    /// The seed that gives it a DNA hash of its own.
    pub network_seed: String,
    /// Where its writer can be reached, without a slash at the end.
    pub origin: String,
}

/// Most events that are kept; a reader of the log who was away for longer starts from the chains.
pub const EVENTS_KEPT_MAX: u64 = 100_000;

/// Where the projection is kept.
pub trait ProjectionStore: Send + Sync {
    /// Returns how far each chain is projected.
    fn cursors(&self) -> Reply<'_, Vec<(AgentPubKey, Cursor)>>;

    /// Returns how far one chain is projected.
    fn cursor<'a>(&'a self, agent: &'a AgentPubKey) -> Reply<'a, Option<Cursor>>;

    /// Applies a batch in one transaction, exactly once. Its event gets the next number in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the lease is held under another epoch.
    fn apply(&self, apply: Apply) -> Reply<'_, Applied>;

    /// Returns records of a projected chain, those after `after`, at most `limit` (and at most 16 MiB of them).
    fn chain<'a>(
        &'a self,
        agent: &'a AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainRows>;

    /// Returns who used an address, in the order of arrival; at most 100.
    fn claimants<'a>(&'a self, address: &'a Address) -> Reply<'a, Vec<Claimant>>;

    /// Returns what names a blob, those for most people first; at most 100.
    fn names_of<'a>(&'a self, hash: &'a str) -> Reply<'a, Vec<Named>>;

    /// Returns events in order, those after the number `after`, at most `limit`.
    fn events(&self, after: u64, limit: u32) -> Reply<'_, Vec<Event>>;

    /// Returns where the log of events begins and ends.
    fn log_ends(&self) -> Reply<'_, LogEnds>;

    /// Tells copies which community this is.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the store belongs to another community.
    fn introduce<'a>(&'a self, introduction: &'a Introduction) -> Reply<'a, ()>;

    /// Returns which community this is, once its writer said so.
    fn introduction(&self) -> Reply<'_, Option<Introduction>>;

    /// Asks about the right to write. The store keeps the row of [`lease::GrantTable`], which decides by the store's
    /// own clock, in one transaction.
    fn lease(&self, request: lease::Request) -> Reply<'_, lease::Reply>;

    /// Finds one item that the reader may see.
    fn find(&self, wanted: Wanted, sight: &Sight) -> Reply<'_, Option<Row>>;

    /// Finds an item that the reader may see by its id, with the record of its newest version. A store on a server
    /// answers in one exchange.
    fn newest<'a>(&'a self, id: &'a str, sight: &'a Sight) -> Reply<'a, Option<(Row, Record)>> {
        Box::pin(async move {
            let Some(row) = self.find(Wanted::Id(id.to_owned()), sight).await? else {
                return Ok(None);
            };
            let version = self.version(&row.id, row.seq).await?;
            let record = version.and_then(|version| version.record);
            let record = record.ok_or_else(|| StoreError::Damaged(row.id.clone()))?;
            Ok(Some((row, record)))
        })
    }

    /// Lists items that the reader may see; returns one more than asked for when there are more.
    fn list(&self, query: ListQuery, sight: &Sight) -> Reply<'_, Vec<Row>>;

    /// Finds items that the reader may see by their words. Those that [`Self::unindexed`] counts are found by the words
    /// that they had before, if any.
    fn search(&self, query: SearchQuery, sight: &Sight) -> Reply<'_, Found>;

    /// Returns the versions of an item, oldest first; at most 1,000.
    fn versions(&self, id: &str) -> Reply<'_, Vec<VersionRow>>;

    /// Returns the record of one version.
    fn version(&self, id: &str, seq: u32) -> Reply<'_, Option<VersionRow>>;

    /// Returns the pages of a course that the reader may see, by id.
    fn pages_of(&self, course: &str, author: &str, sight: &Sight) -> Reply<'_, Vec<Row>>;

    /// Returns how many items wait to be indexed: those of big batches, see [`Batch::is_bulk`]. A store that indexes
    /// everything at once has none.
    fn unindexed(&self) -> Reply<'_, u64> {
        Box::pin(std::future::ready(Ok(0)))
    }

    /// Indexes at most `limit` of the items that wait, in one transaction; returns how many wait after that.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the lease is held under another epoch.
    fn index_words(&self, epoch: u64, limit: u32) -> Reply<'_, u64> {
        let _ = (epoch, limit);
        Box::pin(std::future::ready(Ok(0)))
    }

    /// Returns the store's own schema.
    fn schema(&self) -> Reply<'_, DbSchemaView>;

    /// Tells how the store is, without asking it.
    fn health(&self) -> StoreHealth;

    /// Finishes what was queued and closes the store.
    fn close(&self) -> Reply<'_, ()>;
}
