//! One blob that is open for reading.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use base::ContentHash;
use bytes::Bytes;
use runtime::{Blocking, ReadAt};

use crate::view::Found;
use crate::{Blobs, CHUNK_BYTES, ReadError};

/// An open blob. Cheap to clone; as long as there is one, the store's folder stays taken.
///
/// It is read chunk by chunk, [`CHUNK_BYTES`] each. A chunk that comes from the disk is compared with the blob's hash
/// before anybody sees it; then it is in memory, and shared by all who read it.
#[derive(Clone, Debug)]
pub struct Blob {
    blobs: Blobs,
    hash: ContentHash,
    found: Found,
}

impl Blob {
    pub(crate) const fn new(blobs: Blobs, hash: ContentHash, found: Found) -> Self {
        Self { blobs, hash, found }
    }

    /// Returns its hash.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Returns its length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.found.bytes
    }

    /// Tells whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.found.bytes == 0
    }

    /// Returns the chunk `index`, counted from 0; no bytes behind the end. However many ask for a chunk that is not
    /// in memory, it is read once. Does not block.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when the bytes on disk are not those of the blob, [`ReadError::Gone`] when it was removed
    /// meanwhile, others when the disk fails.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn chunk(&self, index: u64) -> Result<Bytes, ReadError> {
        let key = (self.hash, index);
        let core = self.blobs.core();
        if self.place_of(index).1 == 0 {
            return Ok(Bytes::new());
        }
        if let Some(chunk) = core.cache.chunk(&key) {
            return Ok(chunk);
        }
        if self.len() > CHUNK_BYTES as u64 && core.cache.checks(&self.hash).is_none() {
            let blob = self.clone();
            let take = move || blob.blobs.checks_of(&blob.hash).map_err(Arc::new);
            core.cache
                .check_flights
                .join(self.hash, &core.files, take)
                .await?;
        }
        let blob = self.clone();
        let load = move || blob.blobs.load(&blob.hash, index).map_err(Arc::new);
        Ok(core
            .cache
            .chunk_flights
            .join(key, &core.files, load)
            .await?)
    }

    /// Returns bytes from `offset` that are in memory: at least one, at most `len_max`, never beyond the end of their
    /// chunk. Neither blocks nor copies.
    #[must_use]
    pub fn cached(&self, offset: u64, len_max: usize) -> Option<Bytes> {
        let index = offset / CHUNK_BYTES as u64;
        let chunk = self.blobs.core().cache.chunk(&(self.hash, index))?;
        Some(part(&chunk, offset, len_max)).filter(|part| !part.is_empty())
    }

    fn place_of(&self, index: u64) -> (u64, usize) {
        place_of(self.len(), index)
    }
}

/// Returns where a chunk of a blob begins and how many bytes it has.
pub(crate) fn place_of(len: u64, index: u64) -> (u64, usize) {
    let offset = index.saturating_mul(CHUNK_BYTES as u64);
    let left = len.saturating_sub(offset);
    (
        offset,
        usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES)),
    )
}

impl ReadAt for Blob {
    fn len(&self) -> u64 {
        self.found.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.len() || buffer.is_empty() {
            return Ok(0);
        }
        let index = offset / CHUNK_BYTES as u64;
        let chunk = self
            .blobs
            .load(&self.hash, index)
            .map_err(io::Error::other)?;
        let part = part(&chunk, offset, buffer.len());
        buffer[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }

    fn cached(&self, offset: u64, len_max: usize) -> Option<Bytes> {
        Self::cached(self, offset, len_max)
    }

    fn fetch(
        self: Arc<Self>,
        offset: u64,
        len_max: usize,
        _files: Blocking,
    ) -> Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>> {
        Box::pin(async move {
            let chunk = self.chunk(offset / CHUNK_BYTES as u64).await;
            chunk
                .map(|chunk| part(&chunk, offset, len_max))
                .map_err(io::Error::other)
        })
    }
}

/// Cuts what is asked for out of the chunk in which it begins; no copy.
fn part(chunk: &Bytes, offset: u64, len_max: usize) -> Bytes {
    let inside = usize::try_from(offset % CHUNK_BYTES as u64).expect("a chunk fits into memory");
    let first = inside.min(chunk.len());
    let last = first.saturating_add(len_max).min(chunk.len());
    chunk.slice(first..last)
}

#[cfg(test)]
mod tests;
