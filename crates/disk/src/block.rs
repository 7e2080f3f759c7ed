//! Memory from which a device can take bytes itself: it begins at a multiple of what devices ask for.

use std::fmt;
use std::ops::Deref;

/// What the place of a block in a file must be a multiple of, in bytes; its place in memory is one, too.
///
/// It is a page of memory and the largest sector of a disk.
pub const BLOCK_ALIGN: usize = 4_096;

/// Bytes for [`DiskFile::write_block`](crate::DiskFile::write_block), to be filled again and again.
pub struct Block {
    memory: Box<[u8]>,
    /// Where it begins in the memory.
    start: usize,
    len: usize,
    bytes_max: usize,
}

impl Block {
    /// Makes an empty block with room for `bytes_max` bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let memory = vec![0; bytes_max + BLOCK_ALIGN].into_boxed_slice();
        let start = memory.as_ptr().align_offset(BLOCK_ALIGN);
        Self {
            // The language may leave it open where the memory is; then it is written through the cache.
            start: if start < BLOCK_ALIGN { start } else { 0 },
            memory,
            len: 0,
            bytes_max,
        }
    }

    /// Replaces what it holds by these parts, one after the other.
    ///
    /// # Panics
    ///
    /// When they are longer than there is room for.
    pub fn fill<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) {
        let room = &mut self.memory[self.start..self.start + self.bytes_max];
        self.len = 0;
        for part in parts {
            room[self.len..self.len + part.len()].copy_from_slice(part);
            self.len += part.len();
        }
    }

    /// Makes a block that no device takes.
    #[cfg(test)]
    pub(crate) fn misaligned(bytes_max: usize) -> Self {
        let mut block = Self::new(bytes_max);
        block.start += 1;
        block
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Block")
            .field("len", &self.len)
            .field("bytes_max", &self.bytes_max)
            .finish_non_exhaustive()
    }
}
