//! What a disk can do, and nothing more: the border at which a faulty disk takes the place of a real one.
//!
//! Paths are names joined by `/`, below one folder that the disk was opened with.
//! Every name is plain: it never leads out of its folder and never starts with a dot.
//!
//! What survives a loss of power: bytes that a successful [`DiskFile::sync`] covered, and names that a successful
//! [`Disk::sync_folder`] covered.
//! Of everything else any part may survive, sector by sector.

use std::fmt;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use crate::block::{BLOCK_ALIGN, Block};
use crate::name;

/// Where state lies: one folder with names below it. All calls may block.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a folder and those above it, and brings their names to stable storage; `""` is the disk's own folder.
    ///
    /// # Errors
    ///
    /// As the system tells; `InvalidInput` for a path that is not plain.
    fn make_folder(&self, folder: &str) -> io::Result<()>;

    /// Returns the names of files and folders in a folder, sorted; none when the folder is missing.
    ///
    /// # Errors
    ///
    /// As the system tells; `InvalidInput` for a path that is not plain.
    fn names(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Makes an empty file that its owner alone may read (0600).
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when there is one; `InvalidInput` for a path that is not plain; else as the system tells.
    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// As [`Disk::create`], for a large file that is written once with [`DiskFile::write_block`] and not read soon.
    ///
    /// # Errors
    ///
    /// As [`Disk::create`].
    fn create_direct(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.create(path)
    }

    /// Opens a file for reading and writing; `None` when there is none.
    ///
    /// # Errors
    ///
    /// As the system tells; `InvalidInput` for a path that is not plain.
    fn open(&self, path: &str) -> io::Result<Option<Arc<dyn DiskFile>>>;

    /// Returns the length of a file in bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// As the system tells; `InvalidInput` for a path that is not plain.
    fn file_len(&self, path: &str) -> io::Result<Option<u64>>;

    /// Gives a file another name, in place of the file that had it. Open files stay open.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such file; `InvalidInput` for a path that is not plain; else as the system tells.
    fn rename(&self, source: &str, target: &str) -> io::Result<()>;

    /// Gives a file a second name, without copying it; each name can then be removed alone.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when the second name is taken, `NotFound` when there is no such file, `Unsupported` where a file
    /// has one name only; `InvalidInput` for a path that is not plain; else as the system tells.
    fn link(&self, source: &str, target: &str) -> io::Result<()> {
        check_file(source)?;
        check_file(target)?;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Removes a file. Open files stay readable.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such file; `InvalidInput` for a path that is not plain; else as the system tells.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Brings the names in a folder to stable storage.
    ///
    /// # Errors
    ///
    /// As the system tells; after it nobody knows which names are stable.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Returns how many bytes this process may still write.
    ///
    /// # Errors
    ///
    /// As the system tells.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Returns where a path is, for messages only.
    fn path(&self, path: &str) -> PathBuf;
}

/// An open file. All calls may block; different threads may use it at the same time.
#[allow(
    clippy::len_without_is_empty,
    reason = "asking the system can fail, and nobody asks whether a file is empty"
)]
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Returns the length in bytes.
    ///
    /// # Errors
    ///
    /// As the system tells.
    fn len(&self) -> io::Result<u64>;

    /// Reads bytes from `offset` and returns how many; 0 only at the end or for an empty buffer.
    ///
    /// # Errors
    ///
    /// As the system tells.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all parts one after the other from `offset` on; the file grows when they reach beyond its end.
    ///
    /// # Errors
    ///
    /// As the system tells; some of the bytes may have been written.
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()>;

    /// As [`DiskFile::write_at`]; past the system's cache, when the file was made with [`Disk::create_direct`] and the
    /// file system can. Then the bytes cost no memory and no copy, and the first reader waits for the disk. They are no
    /// more stable than others before the next [`DiskFile::sync`].
    ///
    /// # Errors
    ///
    /// `InvalidInput` when `offset` is no multiple of [`BLOCK_ALIGN`]; else as [`DiskFile::write_at`].
    fn write_block(&self, offset: u64, block: &Block) -> io::Result<()> {
        check_block(offset)?;
        self.write_at(offset, &[IoSlice::new(block)])
    }

    /// Cuts the file, or lets it grow by zeros.
    ///
    /// # Errors
    ///
    /// As the system tells.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Takes the space for a file of at least `len` bytes, so that writing into it cannot run out of space; new bytes
    /// are zero. Where the file system cannot do that, the file only grows.
    ///
    /// # Errors
    ///
    /// `StorageFull` or `QuotaExceeded` when there is no space; else as the system tells.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Brings the bytes and the length to stable storage (fdatasync(2)).
    ///
    /// # Errors
    ///
    /// As the system tells. What was written since the last success may be lost for good, although later calls
    /// succeed: do not try again.
    fn sync(&self) -> io::Result<()>;

    /// Asks the system to begin writing these bytes; a hint, without effect where there is no such call.
    ///
    /// # Errors
    ///
    /// As the system tells.
    fn start_write_back(&self, offset: u64, len: u64) -> io::Result<()>;
}

/// Fills a buffer from `offset` on.
///
/// # Errors
///
/// `UnexpectedEof` when the file ends before; else as the system tells.
pub fn read_exact_at(file: &dyn DiskFile, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        let count = file.read_at(offset + done as u64, &mut buffer[done..])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        done += count;
    }
    Ok(())
}

/// Checks a path of a file: at least one name, each plain.
pub(crate) fn check_file(path: &str) -> io::Result<()> {
    path.split('/').try_for_each(|name| {
        name::check(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    })
}

/// Checks a path of a folder: a path as of a file, or empty.
pub(crate) fn check_folder(folder: &str) -> io::Result<()> {
    if folder.is_empty() {
        Ok(())
    } else {
        check_file(folder)
    }
}

/// Checks where a block is written to.
pub(crate) fn check_block(offset: u64) -> io::Result<()> {
    if offset.is_multiple_of(BLOCK_ALIGN as u64) {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// Returns the folder of a path, `""` at the top.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
