//! The index: what the log says, in a form in which it can be looked up. It is derived: without it the log is read again.
//!
//! It is a redb database in the file `index.redb`. A checkpoint writes a frozen layer, the counts and the number of the
//! last record that they know of in one transaction; at the start only what comes after that number is replayed.
//! Rows of blobs, of members and of the queue lie many in one (`packed`), so that a checkpoint costs about a page for
//! each block that it touches.
//!
//! # Invariants
//!
//! * What it says was true after the record whose number it carries.
//! * A row that does not fit its checksum is an error and never an answer.
//!
//! It does not know what a row means for a reader.

mod backend;
mod filter;
mod packed;
mod page;
mod write;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use base::Code;
use disk::Disk;
use redb::{Database, ReadOnlyTable, ReadableDatabase as _, TableDefinition};
use thiserror::Error;
use tokio::sync::watch;

use crate::layers::Layer;
use crate::rows::{BlobRow, MemberRow, NameRow, Reader, Writer, member_key};
use crate::space::Space;

use self::filter::Filter;
use self::packed::Packed;

pub(crate) use page::{NamePage, QueuePage, Waiting};

/// Its file.
pub(crate) const FILE: &str = "index.redb";

/// Says that it was found damaged, and is to be made again at the next start.
const MARK: &str = "index.damaged";

/// How much of it is kept in memory, in bytes.
const CACHE_BYTES: usize = 64 * 1_024 * 1_024;

/// The version of its tables. An index of another version is made again.
const VERSION: u64 = 3;

const BLOBS: Packed<32> = TableDefinition::new("blobs");
const MEMBERS: Packed<34> = TableDefinition::new("members");
const NAMES: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("names");
/// What waits, by the number of its record: the key of a member.
const QUEUE: Packed<8> = TableDefinition::new("queue");
const FILTER: TableDefinition<'static, u32, &[u8]> = TableDefinition::new("filter");
const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");

/// What stays of a checkpoint when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// All of it.
    Stable,
    /// Nothing, until one that is stable follows: while the index is made anew from the log.
    Loose,
}

/// The index of a store.
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    /// `None` while it could not be opened again after a failure.
    database: Mutex<Option<Database>>,
    tables: ArcSwapOption<Tables>,
    /// Which blobs the tables may have; `None` when that is not known.
    filter: ArcSwapOption<Filter>,
    /// Whether a page of it did not fit its checksum: then nothing that it says counts any more.
    is_damaged: Arc<AtomicBool>,
    told: watch::Sender<bool>,
    /// How often it changed.
    generation: AtomicU64,
}

/// The tables as of one checkpoint.
pub(crate) struct Tables {
    blobs: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    members: ReadOnlyTable<&'static [u8; 34], &'static [u8]>,
    names: ReadOnlyTable<&'static [u8], &'static [u8]>,
    queue: ReadOnlyTable<&'static [u8; 8], &'static [u8]>,
}

/// What a checkpoint says beside its rows.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    /// The number of the last record that it knows of.
    pub(crate) lsn: u64,
    pub(crate) space: Space,
    /// The slow clock, and the reading of the machine's clock that belongs to it.
    pub(crate) clock: (u64, Option<i64>),
    /// Where the scrub goes on.
    pub(crate) scrub: Option<[u8; 32]>,
}

/// The index cannot be used.
#[derive(Debug, Error)]
pub enum IndexError {
    /// Opening it, and it cannot be read as an index.
    #[error("open the index")]
    Open {
        /// What the database said.
        #[source]
        source: Box<redb::Error>,
    },
    /// Reading it.
    #[error("read the index")]
    Read {
        /// What the database said.
        #[source]
        source: Box<redb::Error>,
    },
    /// Writing a checkpoint.
    #[error("write the index")]
    Write {
        /// What the database said.
        #[source]
        source: Box<redb::Error>,
    },
    /// A page or a row does not fit its checksum.
    #[error("the index is damaged; it is made again at the next start")]
    Damaged,
    /// It failed before and could not be opened again yet.
    #[error("the index cannot be used until the disk allows it")]
    Closed,
}

impl IndexError {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Open { source } | Self::Read { source } | Self::Write { source } => {
                match &**source {
                    redb::Error::Io(source) => crate::error::code_of(source),
                    _ => Code::StoreFailed,
                }
            }
            Self::Damaged | Self::Closed => Code::StoreFailed,
        }
    }

    /// Tells whether its bytes are not what was written.
    fn is_damage(&self) -> bool {
        match self {
            Self::Damaged => true,
            Self::Open { source } | Self::Read { source } | Self::Write { source } => {
                matches!(
                    **source,
                    redb::Error::Corrupted(_) | redb::Error::LockPoisoned(_)
                )
            }
            Self::Closed => false,
        }
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Index").finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index, or makes an empty one; `None` as its meta says that it is empty.
    ///
    /// # Errors
    ///
    /// [`IndexError::Open`] when the file is not an index; then it is to be removed.
    pub(crate) fn open(disk: &Arc<dyn Disk>) -> Result<(Self, Option<Meta>), IndexError> {
        if disk.file_len(MARK).ok().flatten().is_some() {
            return Err(IndexError::Damaged);
        }
        let is_damaged = Arc::default();
        let (database, meta, tables, filter) = guarded(|| {
            let database = open_database(disk, &is_damaged)?;
            let meta = read_meta(&database)?;
            let (tables, filter) = match &meta {
                Some(meta) => (
                    Some(Arc::new(Tables::open(&database)?)),
                    write::read_filter(&database, meta.lsn)?,
                ),
                None => (None, Some(Filter::for_blobs(0))),
            };
            Ok((database, meta, tables, filter))
        })?;
        let index = Self {
            disk: Arc::clone(disk),
            database: Mutex::new(Some(database)),
            tables: ArcSwapOption::new(tables),
            filter: ArcSwapOption::new(filter.map(Arc::new)),
            is_damaged,
            told: watch::Sender::new(false),
            generation: AtomicU64::new(0),
        };
        Ok((index, meta))
    }

    /// Removes the index, so that it is made again.
    pub(crate) fn remove(disk: &Arc<dyn Disk>) -> io::Result<()> {
        for path in [FILE, MARK] {
            match disk.remove(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => disk.sync_folder("")?,
            }
        }
        Ok(())
    }

    pub(crate) fn with<T>(
        &self,
        look: impl FnOnce(&Tables) -> Result<Option<T>, IndexError>,
    ) -> Result<Option<T>, IndexError> {
        self.look(|tables| match tables {
            Some(tables) => look(tables),
            None => Ok(None),
        })
    }

    /// Finds a blob. Who asks for one after its layer went finds it here.
    pub(crate) fn blob(&self, hash: &[u8; 32]) -> Result<Option<BlobRow>, IndexError> {
        if !self.may_have(hash) {
            return Ok(None);
        }
        self.with(|tables| tables.blob(hash))
    }

    /// Finds a member. Who has a blob as a member has it as a blob.
    pub(crate) fn member(
        &self,
        namespace: u16,
        hash: &[u8; 32],
    ) -> Result<Option<MemberRow>, IndexError> {
        if !self.may_have(hash) {
            return Ok(None);
        }
        self.with(|tables| tables.member(namespace, hash))
    }

    fn may_have(&self, hash: &[u8; 32]) -> bool {
        let filter = self.filter.load();
        self.is_damaged() || filter.as_ref().is_none_or(|filter| filter.may_have(hash))
    }

    /// Looks into the tables as of the last checkpoint; there are none before the first.
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(Option<&Tables>) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let looked = guarded(|| look(self.tables.load().as_deref()));
        if self.is_damaged.load(Ordering::SeqCst) {
            self.note();
            return Err(IndexError::Damaged);
        }
        if looked.as_ref().is_err_and(IndexError::is_damage) {
            self.note();
        }
        looked
    }

    /// Returns a number that grows with each checkpoint.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Returns what tells that it was found damaged.
    pub(crate) fn damage(&self) -> watch::Receiver<bool> {
        self.told.subscribe()
    }

    /// Tells whether it was found damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::SeqCst)
    }

    /// Marks a damaged index, so that the next start makes it again.
    fn note(&self) {
        self.is_damaged.store(true, Ordering::SeqCst);
        self.told.send_replace(true);
        if let Ok(mark) = self.disk.create(MARK) {
            // A loss of power must not take it away. Should it, the damage is found once more.
            if let Err(error) = mark.sync().and_then(|()| self.disk.sync_folder("")) {
                tracing::warn!(target: "blobs::event::mark_unsynced", %error, "the mark of a damaged index may not last");
            }
            tracing::error!(target: "blobs::event::index_damaged", "the index is damaged; it is made again at the next start");
        }
    }

    /// Writes a layer and counts in one transaction.
    ///
    /// # Errors
    ///
    /// [`IndexError`]; the index says what it said before, as far as it can be opened again.
    pub(crate) fn write(
        &self,
        layer: &Layer,
        meta: &Meta,
        lasting: Lasting,
    ) -> Result<(), IndexError> {
        if self.is_damaged() {
            return Err(IndexError::Damaged);
        }
        let mut database = self.held();
        if database.is_none() {
            // It failed before; perhaps the disk has room again.
            *database = Some(guarded(|| open_database(&self.disk, &self.is_damaged))?);
        }
        let open = database.as_ref().ok_or(IndexError::Closed)?;
        let written = guarded(|| {
            write::write(open, &self.filter, layer, meta, lasting)?;
            Tables::open(open)
        });
        match written {
            Ok(tables) => {
                self.tables.store(Some(Arc::new(tables)));
                // Before the layer is dropped whose rows are in the tables now.
                self.generation.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            Err(error) => {
                if error.is_damage() || self.is_damaged.load(Ordering::SeqCst) {
                    self.note();
                }
                // After a failure the database answers nothing any more, until it is opened again.
                *database = None;
                let again = guarded(|| {
                    let again = open_database(&self.disk, &self.is_damaged)?;
                    let tables = Tables::open(&again)?;
                    Ok((again, tables))
                });
                if let Ok((again, tables)) = again {
                    self.tables.store(Some(Arc::new(tables)));
                    *database = Some(again);
                }
                Err(error)
            }
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Database>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn open(database: &Database) -> Result<Self, IndexError> {
        let transaction = database.begin_read().map_err(read_failed)?;
        Ok(Self {
            blobs: transaction.open_table(BLOBS).map_err(read_failed)?,
            members: transaction.open_table(MEMBERS).map_err(read_failed)?,
            names: transaction.open_table(NAMES).map_err(read_failed)?,
            queue: transaction.open_table(QUEUE).map_err(read_failed)?,
        })
    }

    pub(crate) fn blob(&self, hash: &[u8; 32]) -> Result<Option<BlobRow>, IndexError> {
        packed::get(&self.blobs, hash, BlobRow::read)
    }

    pub(crate) fn member(
        &self,
        namespace: u16,
        hash: &[u8; 32],
    ) -> Result<Option<MemberRow>, IndexError> {
        packed::get(&self.members, &member_key(namespace, hash), MemberRow::read)
    }

    pub(crate) fn name(&self, key: &[u8]) -> Result<Option<NameRow>, IndexError> {
        let row = self.names.get(key).map_err(read_failed)?;
        let row = row.map(|row| NameRow::decode(key, row.value()).ok_or(IndexError::Damaged));
        row.transpose()
    }
}

fn open_database(
    disk: &Arc<dyn Disk>,
    is_damaged: &Arc<AtomicBool>,
) -> Result<Database, IndexError> {
    let failed = |source: redb::Error| IndexError::Open {
        source: Box::new(source),
    };
    let file = match disk.open(FILE).map_err(|source| failed(source.into()))? {
        Some(file) => file,
        None => {
            let file = disk.create(FILE).map_err(|source| failed(source.into()))?;
            disk.sync_folder("")
                .map_err(|source| failed(source.into()))?;
            file
        }
    };
    let backend = backend::Backend::new(file, Arc::clone(is_damaged));
    let opened = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(backend);
    opened.map_err(|source| failed(source.into()))
}

/// Runs work on the database. The bytes of a damaged file can lead it astray, so that it panics.
fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(IndexError::Damaged))
}

fn read_meta(database: &Database) -> Result<Option<Meta>, IndexError> {
    let transaction = database.begin_read().map_err(read_failed)?;
    let table = match transaction.open_table(META) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(read_failed(error)),
    };
    let Some(row) = table.get("checkpoint").map_err(read_failed)? else {
        return Ok(None);
    };
    let space = table
        .get("space")
        .map_err(read_failed)?
        .ok_or(IndexError::Damaged)?;
    let space = Space::decode(space.value()).ok_or(IndexError::Damaged)?;
    Meta::decode(row.value(), space)
        .ok_or(IndexError::Damaged)
        .map(Some)
}

impl Meta {
    fn encode(&self) -> Vec<u8> {
        let mut row = Writer::new(80);
        row.u64(VERSION);
        row.u64(self.lsn);
        row.u64(self.clock.0);
        row.byte(u8::from(self.clock.1.is_some()));
        row.time(base::Timestamp(self.clock.1.unwrap_or_default()));
        row.0
            .extend_from_slice(self.scrub.as_ref().map_or(&[], |scrub| &scrub[..]));
        row.seal(b"checkpoint")
    }

    fn decode(row: &[u8], space: Space) -> Option<Self> {
        let mut fields = Reader::open(b"checkpoint", row)?;
        if fields.u64()? != VERSION {
            return None;
        }
        let lsn = fields.u64()?;
        let shown = fields.u64()?;
        let (has_last, last) = (fields.byte()? != 0, fields.time()?);
        Some(Self {
            lsn,
            space,
            clock: (shown, has_last.then_some(last.as_micros())),
            scrub: match fields.0.is_empty() {
                true => None,
                false => Some(fields.array()?),
            },
        })
    }
}

fn read_failed(source: impl Into<redb::Error>) -> IndexError {
    IndexError::Read {
        source: Box::new(source.into()),
    }
}

fn write_failed(source: impl Into<redb::Error>) -> IndexError {
    IndexError::Write {
        source: Box::new(source.into()),
    }
}
