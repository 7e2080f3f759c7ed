//! An open file that is read at positions, and whole files with a limit.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::ReadError;

/// A file that is open for reading. It stays readable when it is renamed or removed.
#[derive(Debug)]
pub struct File {
    file: fs::File,
    path: PathBuf,
    len: u64,
}

impl File {
    pub(crate) fn open(path: PathBuf) -> Result<Option<Self>, ReadError> {
        let opened = fs::File::open(&path).and_then(|file| {
            let meta = file.metadata()?;
            if meta.is_file() {
                Ok((file, meta.len()))
            } else {
                Err(io::Error::other("not a plain file"))
            }
        });
        match opened {
            Ok((file, len)) => Ok(Some(Self { file, path, len })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ReadError::Open { path, source }),
        }
    }

    /// Returns the length in bytes that the file had when it was opened.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Tells whether the file was empty when it was opened.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the path under which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads bytes from `offset` into `buffer` and returns how many; 0 only at the end or for an empty buffer.
    ///
    /// # Errors
    ///
    /// [`ReadError::Read`] when the disk fails.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        // The kernel refuses positions that no file can have (pread(2)); to us they lie behind the end.
        if i64::try_from(offset.saturating_add(buffer.len() as u64)).is_err() {
            return Ok(0);
        }
        loop {
            match self.file.read_at(buffer, offset) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ReadError::Read {
                        path: self.path.clone(),
                        source,
                    });
                }
            }
        }
    }

    /// Reads everything, at most `limit` bytes.
    pub(crate) fn read_all(&mut self, limit: u64) -> Result<Vec<u8>, ReadError> {
        let too_large = || ReadError::TooLarge {
            path: self.path.clone(),
            limit,
        };
        if self.len > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(self.len).unwrap_or(0));
        (&self.file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| ReadError::Read {
                path: self.path.clone(),
                source,
            })?;
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        Ok(bytes)
    }

    pub(crate) const fn as_file(&self) -> &fs::File {
        &self.file
    }
}

/// Reads a file that a person named, at most `limit` bytes; `None` when there is none.
///
/// For files outside of a [`crate::Folder`], such as a configuration.
///
/// # Errors
///
/// [`ReadError`] when it cannot be opened or read, is not a plain file or is larger than `limit`.
pub fn read_path(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
    File::open(path.to_owned())?
        .map(|mut file| file.read_all(limit))
        .transpose()
}
