//! Bytes of a known length that are read at positions, wherever they lie.
//!
//! It is here so that a store and an HTTP answer can be joined without knowing each other.

use std::io;

/// Bytes that never change while they are read.
///
/// Its methods block; run them on a [`crate::Blocking`].
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
}

/// Bytes in memory.
impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        Vec::len(self) as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
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
