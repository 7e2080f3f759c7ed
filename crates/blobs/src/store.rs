//! The store: where a blob lies, what is there, and how much of it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base::ContentHash;
use disk::{Folder, Lock};
use runtime::Blocking;

use crate::cache::Cache;
use crate::{Blob, OpenError, ReadError};

/// How many folders the blobs are spread over: one per first byte of the hash.
pub(crate) const FOLDERS: usize = 256;

/// What the store allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How large a blob may be, in bytes.
    pub blob_bytes_max: u64,
    /// How many threads may wait for the disk at once; more work waits for its turn.
    pub file_tasks_max: usize,
    /// How many bytes of blobs are kept in memory, with what it takes to find them. What is being sent is shared with
    /// it, and counts as long as it is kept.
    pub cache_bytes_max: u64,
}

/// The blobs in a folder. Cheap to clone; all clones are the same store.
#[derive(Clone, Debug)]
pub struct Blobs {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) folder: Folder,
    pub(crate) limits: Limits,
    pub(crate) files: Blocking,
    /// Held while a blob of that folder appears or goes, so that each is counted once.
    pub(crate) folder_locks: Vec<Mutex<()>>,
    pub(crate) bytes_total: AtomicU64,
    pub(crate) blobs_total: AtomicU64,
    pub(crate) cache: Cache,
    _lock: Lock,
}

/// Where a blob lies.
pub(crate) struct Place {
    pub(crate) folder: String,
    pub(crate) name: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            blob_bytes_max: 1_024 * 1_024 * 1_024,
            file_tasks_max: 16,
            cache_bytes_max: 64 * 1_024 * 1_024,
        }
    }
}

impl Place {
    pub(crate) fn of(hash: &ContentHash) -> Self {
        let mut folder = hash.to_string();
        let name = folder.split_off(2);
        Self { folder, name }
    }
}

impl Blobs {
    /// Opens the store in `folder`, making it when it is missing, and counts what is there: one look at each blob's
    /// length, so this takes seconds for a million of them. Blocks.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the folder cannot be used or another process has it.
    pub fn open(folder: &Path, limits: Limits) -> Result<Self, OpenError> {
        let folder = Folder::open(folder)?;
        let lock = folder.lock()?;
        let (mut bytes_total, mut blobs_total) = (0, 0);
        for first in 0..FOLDERS {
            let name = format!("{first:02x}");
            if folder.find_subfolder(&name)?.is_none() {
                continue;
            }
            let inside = folder.subfolder(&name)?;
            for name in inside.names()? {
                bytes_total += inside.file_len(&name)?.unwrap_or(0);
                blobs_total += 1;
            }
        }
        let inner = Inner {
            folder,
            limits,
            files: Blocking::new(limits.file_tasks_max),
            folder_locks: (0..FOLDERS).map(|_| Mutex::default()).collect(),
            bytes_total: AtomicU64::new(bytes_total),
            blobs_total: AtomicU64::new(blobs_total),
            cache: Cache::new(limits.cache_bytes_max),
            _lock: lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Opens a blob for reading; `None` when it is not there. Of blobs that were opened lately nothing is waited for.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails, or the blob is seen to be damaged.
    pub async fn get(&self, hash: &ContentHash) -> Result<Option<Blob>, ReadError> {
        let (inner, hash) = (Arc::clone(&self.inner), *hash);
        let file = match self.inner.cache.file(&hash) {
            Some(file) => Some(file),
            None => self.inner.files.run(move || inner.open(hash)).await?,
        };
        Ok(file.map(|file| Blob::new(Arc::clone(&self.inner), hash, file)))
    }

    /// Tells whether a blob is there.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails.
    pub async fn contains(&self, hash: &ContentHash) -> Result<bool, ReadError> {
        let (inner, hash) = (Arc::clone(&self.inner), *hash);
        let len = self.inner.files.run(move || inner.len_of(&hash));
        Ok(len.await?.is_some())
    }

    /// Returns how many bytes all blobs have together.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        self.inner.bytes_total.load(Ordering::Relaxed)
    }

    /// Returns how many blobs there are.
    #[must_use]
    pub fn blobs_total(&self) -> u64 {
        self.inner.blobs_total.load(Ordering::Relaxed)
    }

    /// Returns what the store allows.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Returns how many bytes of blobs are in memory, with what it takes to find them.
    #[must_use]
    pub fn cached_bytes(&self) -> u64 {
        self.inner.cache.bytes()
    }

    /// Returns how many chunks were read from the disk since the store was opened.
    #[must_use]
    pub fn chunks_read_total(&self) -> u64 {
        self.inner.cache.chunks_read_total()
    }

    /// Returns how many blobs were hashed as a whole since the store was opened, to take their digests.
    #[must_use]
    pub fn blobs_hashed_total(&self) -> u64 {
        self.inner.cache.blobs_hashed_total()
    }

    /// Returns the threads on which blobs are read, for those who send them on.
    #[must_use]
    pub fn files(&self) -> &Blocking {
        &self.inner.files
    }
}

impl Inner {
    /// Opens the file that has a blob's name now.
    pub(crate) fn find(&self, hash: &ContentHash) -> Result<Option<Arc<disk::File>>, ReadError> {
        let place = Place::of(hash);
        let Some(folder) = self.folder.find_subfolder(&place.folder)? else {
            return Ok(None);
        };
        Ok(folder.open_file(&place.name)?.map(Arc::new))
    }

    pub(crate) fn len_of(&self, hash: &ContentHash) -> Result<Option<u64>, ReadError> {
        let place = Place::of(hash);
        match self.folder.find_subfolder(&place.folder)? {
            Some(folder) => Ok(folder.file_len(&place.name)?),
            None => Ok(None),
        }
    }

    /// Returns the lock of the folder that a blob belongs into.
    pub(crate) fn folder_lock(&self, hash: &ContentHash) -> &Mutex<()> {
        &self.folder_locks[usize::from(hash.as_bytes()[0])]
    }
}

#[cfg(test)]
mod tests;
