//! One blob that is open for reading.

use std::io;
use std::sync::Arc;

use base::ContentHash;
use runtime::ReadAt;

/// An open blob. Cheap to clone; it stays readable until it is dropped, whatever happens to the store.
///
/// Its reads block: run them on a [`runtime::Blocking`].
#[derive(Clone, Debug)]
pub struct Blob {
    hash: ContentHash,
    file: Arc<disk::File>,
}

impl Blob {
    pub(crate) fn new(hash: ContentHash, file: disk::File) -> Self {
        Self {
            hash,
            file: Arc::new(file),
        }
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

    pub(crate) fn read_chunk(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, disk::ReadError> {
        self.file.read_at(offset, buffer)
    }
}

impl ReadAt for Blob {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer).map_err(io::Error::other)
    }
}
