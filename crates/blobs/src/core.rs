//! What all parts of a store share.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use base::ContentHash;
use disk::log::{CommitError, Log};
use disk::{Disk, DiskFile};
use runtime::{Blocking, Clock};
use tokio::sync::{Semaphore, watch};

use crate::cache::Cache;
use crate::index::IndexError;
use crate::known::Known;
use crate::pieces::Pieces;
use crate::space::Space;
use crate::tally::Counters;
use crate::view::{Found, View};
use crate::{Limits, Opening, ReadError, WriteError};

/// The folder of the log.
pub(crate) const LOG: &str = "log";

/// The folder of blobs that are files of their own.
pub(crate) const LARGE: &str = "large";

/// Where damaged files go, so that they can be looked at; the store no longer has them.
pub(crate) const DAMAGED: &str = "damaged";

/// The shared parts of a store.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) view: View,
    pub(crate) known: Known,
    pub(crate) cache: Cache,
    pub(crate) files: Blocking,
    pub(crate) pieces: Pieces,
    /// Places for uploads that take memory.
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) counters: Counters,
    pub(crate) opening: Opening,
    /// The slow clock as of the last batch, in microseconds.
    pub(crate) slow: AtomicU64,
    /// Up to which record the index knows of everything.
    pub(crate) flushed: Flushed,
    /// Where the scrub goes on.
    pub(crate) scrub: Mutex<Option<[u8; 32]>>,
    space: Mutex<Space>,
    poisoned: watch::Sender<bool>,
}

/// How far the index is.
#[derive(Debug)]
pub(crate) struct Flushed {
    state: Mutex<Flush>,
    changed: Condvar,
    told: watch::Sender<u64>,
}

/// How the last checkpoint ended.
#[derive(Clone, Copy, Debug)]
struct Flush {
    lsn: u64,
    has_failed: bool,
}

/// Returns the path of a blob that is a file.
pub(crate) fn file_of(hash: &ContentHash) -> String {
    let hash = hash.to_string();
    format!("{LARGE}/{}/{hash}", &hash[..2])
}

/// Returns the path of the list of its groups.
pub(crate) fn outboard_of(hash: &ContentHash) -> String {
    format!("{}.groups", file_of(hash))
}

/// Returns where it goes when it is damaged.
pub(crate) fn damaged_of(hash: &ContentHash) -> String {
    format!("{DAMAGED}/{hash}")
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            disk,
            log,
            limits,
            clock,
            view,
            opening,
            space,
            flushed,
            scrub,
            slow,
        } = parts;
        let is_poisoned = log.is_poisoned();
        Self {
            disk,
            log,
            limits,
            clock,
            view,
            known: Known::new(),
            cache: Cache::new(limits.cache_bytes_max),
            files: Blocking::new(limits.file_tasks_max),
            pieces: Pieces::default(),
            uploads: Arc::new(Semaphore::new(
                limits.uploads_max.clamp(1, Semaphore::MAX_PERMITS),
            )),
            counters: Counters::default(),
            opening,
            slow: AtomicU64::new(slow),
            flushed: Flushed::new(flushed),
            scrub: Mutex::new(scrub),
            space: Mutex::new(space),
            poisoned: watch::Sender::new(is_poisoned),
        }
    }

    /// Returns the counts; held shortly.
    pub(crate) fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a blob that may be read in a namespace.
    pub(crate) fn find(
        &self,
        namespace: u16,
        hash: &ContentHash,
    ) -> Result<Option<Found>, IndexError> {
        let hash = hash.as_bytes();
        if let Some(found) = self.known.get(namespace, hash) {
            return Ok(Some(found));
        }
        // What is published in between is not kept under what was true before.
        let begun = self.known.begin(hash);
        let found = self.view.find(namespace, hash)?;
        if let Some(found) = found {
            self.known.keep(begun, namespace, hash, found);
        }
        Ok(found)
    }

    /// Opens the file of a blob, or finds it open; `None` when it is gone.
    pub(crate) fn open_file(
        &self,
        hash: &ContentHash,
    ) -> Result<Option<Arc<dyn DiskFile>>, ReadError> {
        if let Some(file) = self.cache.file(hash) {
            return Ok(Some(file));
        }
        let path = file_of(hash);
        let file = self
            .disk
            .open(&path)
            .map_err(|source| self.read_failed("open", &path, source))?;
        if let Some(file) = &file {
            self.cache.keep_file(*hash, file);
        }
        Ok(file)
    }

    /// Removes the file of a blob that nobody has any more.
    pub(crate) fn remove_file(&self, hash: &ContentHash) {
        self.cache.close(hash);
        for path in [file_of(hash), outboard_of(hash)] {
            match self.disk.remove(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // It is an orphan until the next start.
                Err(error) => {
                    tracing::warn!(target: "blobs::event::not_removed", %hash, %error, "a file could not be removed")
                }
            }
        }
    }

    /// Says that nothing is written any more.
    pub(crate) fn poison(&self, error: &CommitError) {
        tracing::error!(target: "blobs::event::poisoned", %error, "the store has stopped: the disk did not keep what was written");
        self.poisoned.send_replace(true);
    }

    pub(crate) fn poisoned(&self) -> watch::Receiver<bool> {
        self.poisoned.subscribe()
    }

    pub(crate) fn read_failed(
        &self,
        attempt: &'static str,
        path: &str,
        source: io::Error,
    ) -> ReadError {
        self.counters.count_read_failure();
        ReadError::Disk {
            attempt,
            path: self.disk.path(path),
            source,
        }
    }

    pub(crate) fn write_failed(
        &self,
        attempt: &'static str,
        path: &str,
        source: io::Error,
    ) -> WriteError {
        WriteError::Disk {
            attempt,
            path: self.disk.path(path),
            source: Arc::new(source),
        }
    }
}

/// What a store is made of when it was opened.
pub(crate) struct Parts {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) view: View,
    pub(crate) opening: Opening,
    pub(crate) space: Space,
    pub(crate) flushed: u64,
    pub(crate) scrub: Option<[u8; 32]>,
    pub(crate) slow: u64,
}

impl Flushed {
    fn new(lsn: u64) -> Self {
        Self {
            state: Mutex::new(Flush {
                lsn,
                has_failed: false,
            }),
            changed: Condvar::new(),
            told: watch::Sender::new(lsn),
        }
    }

    /// Says that the index knows of everything up to a record.
    pub(crate) fn reached(&self, lsn: u64) {
        *self.held() = Flush {
            lsn,
            has_failed: false,
        };
        self.changed.notify_all();
        self.told.send_replace(lsn);
    }

    /// Says that a checkpoint could not be written.
    pub(crate) fn failed(&self) {
        self.held().has_failed = true;
        self.changed.notify_all();
        // Who waits looks again.
        self.told.send_modify(|_| {});
    }

    pub(crate) fn lsn(&self) -> u64 {
        self.held().lsn
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.held().has_failed
    }

    /// Waits until a checkpoint was written or has failed; tells whether it was written.
    pub(crate) fn wait_beyond(&self, lsn: u64) -> bool {
        let mut state = self.held();
        while state.lsn <= lsn && !state.has_failed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.lsn > lsn
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    fn held(&self) -> MutexGuard<'_, Flush> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Returns the last blob that the scrub has checked.
    pub(crate) fn scrub_after(&self) -> Option<ContentHash> {
        let scrub = self.scrub.lock().unwrap_or_else(PoisonError::into_inner);
        scrub.map(ContentHash::from_bytes)
    }
}
