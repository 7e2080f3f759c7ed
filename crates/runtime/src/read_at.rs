//! Bytes of a known length that are read at positions, wherever they lie.
//!
//! It is here so that a store and an HTTP answer can be joined without knowing each other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::Blocking;

/// Bytes that never change while they are read.
///
/// [`ReadAt::read_at`] blocks; run it on a [`Blocking`], or use [`ReadAt::cached`] and then [`ReadAt::fetch`], which do
/// not block.
pub trait ReadAt: Send + Sync + 'static {
    /// Returns how many bytes there are.
    fn len(&self) -> u64;

    /// Tells whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads bytes from `offset` into `buffer` and returns how many; 0 only at the end or for an empty buffer.
    ///
    /// # Errors
    ///
    /// Whatever keeps the bytes from being read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Returns bytes from `offset` that are in memory, at least one and at most `len_max`; `None` when they have to be
    /// read. Neither blocks nor copies.
    fn cached(&self, _offset: u64, _len_max: usize) -> Option<Bytes> {
        None
    }

    /// Returns bytes from `offset`, at least one and at most `len_max`, none only at the end. Does not block: what does
    /// is run on `files`, unless the source has threads of its own.
    ///
    /// # Errors
    ///
    /// Whatever keeps the bytes from being read.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped.
    fn fetch(
        self: Arc<Self>,
        offset: u64,
        len_max: usize,
        files: Blocking,
    ) -> Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>> {
        Box::pin(async move {
            files
                .run(move || {
                    let left = self.len().saturating_sub(offset);
                    let count = usize::try_from(left).map_or(len_max, |left| left.min(len_max));
                    let mut buffer = vec![0; count];
                    let mut filled = 0;
                    while filled < count {
                        match self.read_at(offset + filled as u64, &mut buffer[filled..])? {
                            0 => break,
                            more => filled += more,
                        }
                    }
                    buffer.truncate(filled);
                    Ok(buffer.into())
                })
                .await
        })
    }
}

/// Bytes in memory.
impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        Vec::len(self) as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(copy(self, offset, buffer))
    }
}

/// Bytes in memory that are shared.
impl ReadAt for Bytes {
    fn len(&self) -> u64 {
        Bytes::len(self) as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(copy(self, offset, buffer))
    }

    fn cached(&self, offset: u64, len_max: usize) -> Option<Bytes> {
        let first = usize::try_from(offset).ok()?;
        let left = Bytes::len(self).checked_sub(first)?;
        let count = left.min(len_max);
        (count > 0).then(|| self.slice(first..first + count))
    }
}

impl ReadAt for disk::File {
    fn len(&self) -> u64 {
        disk::File::len(self)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        disk::File::read_at(self, offset, buffer).map_err(io::Error::other)
    }
}

/// Copies what there is from `offset`.
fn copy(bytes: &[u8], offset: u64, buffer: &mut [u8]) -> usize {
    let rest = usize::try_from(offset)
        .ok()
        .and_then(|offset| bytes.get(offset..))
        .unwrap_or_default();
    let count = rest.len().min(buffer.len());
    buffer[..count].copy_from_slice(&rest[..count]);
    count
}

#[cfg(test)]
mod tests;
