//! A blob on its way in: hashed and written as it arrives, visible only when it is complete.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use base::{ContentHash, ContentHasher};
use bytes::Bytes;
use disk::{Folder, Mode, Staged, WriteError};

use crate::digests::Digester;
use crate::store::{Inner, Place};
use crate::{Blobs, PutError};

/// How much is collected before it is written, in bytes.
const BUFFER_BYTES: usize = 256 * 1_024;

/// A blob that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// A blob that arrives in chunks. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Upload {
    inner: Arc<Inner>,
    announced: Option<u64>,
    received: u64,
    buffer: Vec<Bytes>,
    buffered: usize,
    /// `None` after a failure, and while a call that was dropped still works on it.
    draft: Option<Draft>,
}

/// What has been written.
struct Draft {
    staged: Staged,
    hasher: ContentHasher,
    digester: Digester,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.staged.fmt(formatter)
    }
}

impl Blobs {
    /// Starts to store a blob; `announced` is its length in bytes, when it is known.
    ///
    /// # Errors
    ///
    /// [`PutError::TooLarge`] when it is announced to be larger than allowed; [`PutError::Write`] when the disk fails
    /// or is full.
    pub async fn upload(&self, announced: Option<u64>) -> Result<Upload, PutError> {
        let limit = self.inner.limits.blob_bytes_max;
        if announced.is_some_and(|announced| announced > limit) {
            return Err(PutError::TooLarge { limit });
        }
        let inner = Arc::clone(&self.inner);
        let staged = self
            .inner
            .files
            .run(move || inner.folder.stage(Mode::Private));
        let draft = Draft {
            staged: staged.await?,
            hasher: ContentHasher::new(),
            digester: Digester::default(),
        };
        Ok(Upload {
            inner: Arc::clone(&self.inner),
            announced,
            received: 0,
            buffer: Vec::new(),
            buffered: 0,
            draft: Some(draft),
        })
    }

    /// Stores bytes that are in memory.
    ///
    /// # Errors
    ///
    /// As [`Upload::write`] and [`Upload::finish`].
    pub async fn put(&self, bytes: Bytes) -> Result<Stored, PutError> {
        let mut upload = self.upload(Some(bytes.len() as u64)).await?;
        upload.write(bytes).await?;
        upload.finish(None).await
    }
}

impl Upload {
    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// [`PutError::TooLarge`], [`PutError::Length`] when there are more than announced, [`PutError::Write`] when the
    /// disk fails or is full. After an error the upload is broken off.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the upload is broken off.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), PutError> {
        self.received += chunk.len() as u64;
        let limit = self.inner.limits.blob_bytes_max;
        let refused = match self.announced {
            _ if self.received > limit => Some(PutError::TooLarge { limit }),
            Some(announced) if self.received > announced => Some(self.wrong_length(announced)),
            _ => None,
        };
        if let Some(error) = refused {
            self.draft = None;
            return Err(error);
        }
        self.buffered += chunk.len();
        self.buffer.push(chunk);
        if self.buffered < BUFFER_BYTES {
            return Ok(());
        }
        let mut draft = self.draft.take().ok_or(PutError::BrokenOff)?;
        let chunks = self.take_buffer();
        let written = self.inner.files.run(move || {
            draft.append(&chunks)?;
            Ok::<_, WriteError>(draft)
        });
        self.draft = Some(written.await?);
        Ok(())
    }

    /// Returns how many bytes were added.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Makes the blob visible, and returns when it is on stable storage. With `expected`, only if it has that hash.
    ///
    /// # Errors
    ///
    /// [`PutError`]; the blob is not visible then, unless it was there before.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the blob is either stored or it is not, never in part.
    pub async fn finish(mut self, expected: Option<ContentHash>) -> Result<Stored, PutError> {
        if let Some(announced) = self.announced
            && announced != self.received
        {
            return Err(self.wrong_length(announced));
        }
        let mut draft = self.draft.take().ok_or(PutError::BrokenOff)?;
        let chunks = self.take_buffer();
        let inner = Arc::clone(&self.inner);
        let stored = self.inner.files.run(move || {
            draft.append(&chunks)?;
            inner.commit(draft, expected)
        });
        stored.await
    }

    fn take_buffer(&mut self) -> Vec<Bytes> {
        self.buffered = 0;
        std::mem::take(&mut self.buffer)
    }

    const fn wrong_length(&self, announced: u64) -> PutError {
        PutError::Length {
            announced,
            received: self.received,
        }
    }
}

impl Draft {
    fn append(&mut self, chunks: &[Bytes]) -> Result<(), WriteError> {
        for chunk in chunks {
            self.hasher.update(chunk);
            self.digester.update(chunk);
            self.staged.append(chunk)?;
        }
        Ok(())
    }
}

impl Inner {
    /// Gives a draft its name, unless the blob is there already.
    fn commit(&self, draft: Draft, expected: Option<ContentHash>) -> Result<Stored, PutError> {
        let (hash, bytes) = (draft.hasher.finish(), draft.staged.len());
        if let Some(expected) = expected
            && expected != hash
        {
            return Err(PutError::HashDiffers {
                expected,
                actual: hash,
            });
        }
        let place = Place::of(&hash);
        let _held = self
            .folder_lock(&hash)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let folder = match self.folder.find_subfolder(&place.folder)? {
            Some(folder) => folder,
            None => self.folder.subfolder(&place.folder)?,
        };
        let before = folder.file_len(&place.name)?;
        if before == Some(bytes) {
            if self.cache.digests(&hash).is_none() {
                self.keep_digests(&hash, draft.digester.finish());
            }
            return Ok(Stored {
                hash,
                bytes,
                is_new: false,
            });
        }
        commit_or_remove(draft.staged, &folder, &place.name)?;
        self.cache.close(&hash);
        self.keep_digests(&hash, draft.digester.finish());
        // A file of another length was damaged, and is whole again now.
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
        match before {
            Some(damaged) => {
                self.bytes_total.fetch_sub(damaged, Ordering::Relaxed);
            }
            None => {
                self.blobs_total.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(Stored {
            hash,
            bytes,
            is_new: before.is_none(),
        })
    }
}

/// Commits a file; when the folder cannot be synced, its name is taken back, so that it is not believed in later.
fn commit_or_remove(staged: Staged, folder: &Folder, name: &str) -> Result<(), WriteError> {
    let committed = staged.commit_into(folder, name);
    if let Err(WriteError::SyncFolder { .. }) = &committed {
        // The first error is the one to tell.
        drop(folder.remove(name));
    }
    committed
}
