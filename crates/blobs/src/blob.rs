//! One blob that is open for reading.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use base::ContentHash;
use bytes::Bytes;
use runtime::{Blocking, ReadAt};

use crate::store::Inner;
use crate::{CHUNK_BYTES, ReadError};

/// An open blob. Cheap to clone; it stays readable until it is dropped, whatever happens to its name, and that long the
/// store's folder stays taken.
///
/// It is read chunk by chunk, [`CHUNK_BYTES`] each. A chunk that comes from the disk is compared with the blob's hash
/// before anybody sees it; then it is in memory, and shared by all who read it.
#[derive(Clone, Debug)]
pub struct Blob {
    store: Arc<Inner>,
    hash: ContentHash,
    file: Arc<disk::File>,
}

impl Blob {
    pub(crate) const fn new(store: Arc<Inner>, hash: ContentHash, file: Arc<disk::File>) -> Self {
        Self { store, hash, file }
    }

    /// Returns its hash.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Returns its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.file.len()
    }

    /// Tells whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.file.is_empty()
    }

    /// Returns the chunk `index`, counted from 0; no bytes behind the end. However many ask for a chunk that is not
    /// in memory, it is read once. Does not block.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when the bytes on disk are not those of the blob, others when the disk fails.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn chunk(&self, index: u64) -> Result<Bytes, ReadError> {
        let key = (self.hash, index);
        let cache = &self.store.cache;
        if self.place_of(index).1 == 0 {
            return Ok(Bytes::new());
        }
        if let Some(chunk) = cache.chunk(&key) {
            return Ok(chunk);
        }
        let files = &self.store.files;
        if !self.is_one_chunk() && cache.digests(&self.hash).is_none() {
            let blob = self.clone();
            let take = move || blob.store.digests_of(&blob).map_err(Arc::new);
            cache.digest_flights.join(self.hash, files, take).await?;
        }
        let blob = self.clone();
        let load = move || blob.store.load(&blob, index).map_err(Arc::new);
        Ok(cache.chunk_flights.join(key, files, load).await?)
    }

    /// Returns bytes from `offset` that are in memory: at least one, at most `len_max`, never beyond the end of their
    /// chunk. Neither blocks nor copies.
    #[must_use]
    pub fn cached(&self, offset: u64, len_max: usize) -> Option<Bytes> {
        let index = offset / CHUNK_BYTES as u64;
        let chunk = self.store.cache.chunk(&(self.hash, index))?;
        Some(part(&chunk, offset, len_max)).filter(|part| !part.is_empty())
    }

    /// Tells whether its hash is all that it takes to check it.
    pub(crate) fn is_one_chunk(&self) -> bool {
        self.len() <= CHUNK_BYTES as u64
    }

    /// Returns where a chunk begins and how many bytes it has.
    pub(crate) fn place_of(&self, index: u64) -> (u64, usize) {
        let offset = index.saturating_mul(CHUNK_BYTES as u64);
        let left = self.len().saturating_sub(offset);
        (
            offset,
            usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES)),
        )
    }

    pub(crate) fn file(&self) -> &disk::File {
        &self.file
    }
}

impl ReadAt for Blob {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.len() || buffer.is_empty() {
            return Ok(0);
        }
        let index = offset / CHUNK_BYTES as u64;
        let chunk = self.store.load(self, index).map_err(io::Error::other)?;
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
