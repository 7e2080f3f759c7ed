//! The projection store: what readers see, in a form that can be asked. SQLite here; PostgreSQL behind the same trait.
//!
//! It decides nothing: what becomes of a record is [`doorway_core::projector::merge`]'s word, who may see what is
//! [`base::Reach`]'s. A store can be thrown away and made again from the chains.

mod rows;
mod sqlite;
mod words;
mod write;

use std::future::Future;
use std::pin::Pin;

use api::DbSchemaView;
use base::{Code, Problem, Reach, Reader};
use chain::{AgentPubKey, Record};
use doorway_core::projector::{Batch, Cursor, Skip};
use thiserror::Error;

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
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::DiskFull => Code::DiskFull,
            StoreError::Failed(_) | StoreError::Damaged(_) => Code::StoreFailed,
        };
        Self::new(code, error.to_string())
    }
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

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is stored, and these rows are new or changed.
    Stored {
        /// The items that changed, by id.
        changed: Vec<String>,
        /// What was left out and why.
        skipped: Vec<(u32, Skip)>,
    },
    /// The store stood elsewhere; nothing was changed.
    Elsewhere(Option<Cursor>),
}

/// Where the projection is kept.
pub trait ProjectionStore: Send + Sync {
    /// Returns how far each chain is projected.
    fn cursors(&self) -> Reply<'_, Vec<(AgentPubKey, Cursor)>>;

    /// Applies a batch in one transaction, exactly once.
    fn apply(&self, batch: Batch) -> Reply<'_, Applied>;

    /// Finds one item that the reader may see.
    fn find(&self, wanted: Wanted, sight: &Sight) -> Reply<'_, Option<Row>>;

    /// Lists items that the reader may see; returns one more than asked for when there are more.
    fn list(&self, query: ListQuery, sight: &Sight) -> Reply<'_, Vec<Row>>;

    /// Finds items that the reader may see by their words.
    fn search(&self, query: SearchQuery, sight: &Sight) -> Reply<'_, Found>;

    /// Returns the versions of an item, oldest first; at most 1,000.
    fn versions(&self, id: &str) -> Reply<'_, Vec<VersionRow>>;

    /// Returns the record of one version.
    fn version(&self, id: &str, seq: u32) -> Reply<'_, Option<VersionRow>>;

    /// Returns the manifests that name a blob.
    fn manifests(&self, hash: &str) -> Reply<'_, Vec<Row>>;

    /// Returns the pages of a course that the reader may see, by id.
    fn pages_of(&self, course: &str, author: &str, sight: &Sight) -> Reply<'_, Vec<Row>>;

    /// Returns the store's own schema.
    fn schema(&self) -> Reply<'_, DbSchemaView>;
}
