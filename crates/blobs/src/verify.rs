//! Whether a blob still has its hash.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use base::{ContentHash, ContentHasher};

use crate::store::{Inner, Place};
use crate::{Blobs, CHUNK_BYTES, ReadError};

/// Where damaged blobs go, so that they can be looked at; the store no longer has them.
const DAMAGED: &str = "damaged";

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The blob is whole.
    Whole,
    /// The bytes have another hash. The file lies in the folder `damaged` now, and the blob can be stored again.
    Damaged {
        /// The hash that the bytes have.
        actual: ContentHash,
    },
    /// There is no such blob.
    Missing,
}

impl Blobs {
    /// Reads a blob and compares its hash. One that is damaged is moved out of the way.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails.
    pub async fn verify(&self, hash: &ContentHash) -> Result<Verdict, ReadError> {
        let (inner, hash) = (Arc::clone(&self.inner), *hash);
        self.inner.files.run(move || inner.verify(hash)).await
    }
}

impl Inner {
    pub(crate) fn verify(&self, hash: ContentHash) -> Result<Verdict, ReadError> {
        let Some(file) = self.find(&hash)? else {
            return Ok(Verdict::Missing);
        };
        if hash_of(&file)? == hash {
            return Ok(Verdict::Whole);
        }
        let _held = self
            .folder_lock(&hash)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // It may have been replaced in the meantime.
        let Some(file) = self.find(&hash)? else {
            return Ok(Verdict::Missing);
        };
        let actual = hash_of(&file)?;
        if actual == hash {
            return Ok(Verdict::Whole);
        }
        let place = Place::of(&hash);
        if let Some(folder) = self.folder.find_subfolder(&place.folder)? {
            let damaged = self.folder.subfolder(DAMAGED)?;
            folder.move_into(&place.name, &damaged, &hash.to_string())?;
            self.forget(&hash);
            self.bytes_total.fetch_sub(file.len(), Ordering::Relaxed);
            self.blobs_total.fetch_sub(1, Ordering::Relaxed);
            tracing::error!(target: "blobs::event::blob_damaged", %hash, "a blob on disk is damaged");
        }
        Ok(Verdict::Damaged { actual })
    }
}

fn hash_of(file: &disk::File) -> Result<ContentHash, disk::ReadError> {
    let mut hasher = ContentHasher::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let count = file.read_at(offset, &mut buffer)?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..count]);
        offset += count as u64;
    }
}
