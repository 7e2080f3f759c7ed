//! Temporary files: written until they get a name, gone when they get none.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use disk::{Disk, DiskFile};

/// The folder of temporary files. What is in it at the start is left over.
pub(crate) const TEMPORARY: &str = "tmp";

/// How much room is taken on the disk before the bytes come, in bytes. Not all that was announced: whoever announces
/// much may send nothing.
const AHEAD_BYTES: u64 = 64 * 1_024 * 1_024;

/// Counts names, so that each is used once.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A file without a name of its own. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Temporary {
    disk: Arc<dyn Disk>,
    path: String,
    file: Arc<dyn DiskFile>,
    len: u64,
    /// For how many bytes room was taken on the disk.
    reserved: u64,
    has_name: bool,
}

impl Temporary {
    pub(crate) fn create(disk: &Arc<dyn Disk>) -> io::Result<Self> {
        Self::create_with(disk, |path| disk.create(path))
    }

    /// Makes a file that is written in blocks.
    pub(crate) fn create_large(disk: &Arc<dyn Disk>) -> io::Result<Self> {
        Self::create_with(disk, |path| disk.create_direct(path))
    }

    fn create_with(
        disk: &Arc<dyn Disk>,
        create: impl Fn(&str) -> io::Result<Arc<dyn DiskFile>>,
    ) -> io::Result<Self> {
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = format!("{TEMPORARY}/{number}");
            match create(&path) {
                Ok(file) => {
                    return Ok(Self {
                        disk: Arc::clone(disk),
                        path,
                        file,
                        len: 0,
                        reserved: 0,
                        has_name: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives a file that lies on the disk a second name here, so that it stays under its own one as it is.
    ///
    /// Its bytes must not be changed any more.
    pub(crate) fn link(disk: &Arc<dyn Disk>, source: &str) -> io::Result<Self> {
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = format!("{TEMPORARY}/{number}");
            match disk.link(source, &path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            let file = disk.open(&path)?.ok_or(io::ErrorKind::NotFound)?;
            let len = file.len()?;
            return Ok(Self {
                disk: Arc::clone(disk),
                path,
                file,
                len,
                reserved: len,
                has_name: false,
            });
        }
    }

    /// Takes room on the disk for the bytes up to `end` of a file that will have `len` bytes, when it has none yet.
    pub(crate) fn reserve(&mut self, end: u64, len: u64) -> io::Result<()> {
        if end <= self.reserved {
            return Ok(());
        }
        let reserved = len.min(end.max(self.reserved + AHEAD_BYTES));
        self.file.allocate(reserved)?;
        self.reserved = reserved;
        Ok(())
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// Returns how many bytes were appended, or lay in the file when it came.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Returns its path, for messages.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn append(&mut self, parts: &[Bytes]) -> io::Result<()> {
        let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        self.file.write_at(self.len, &slices)?;
        self.len += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        Ok(())
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Gives it a name. The folder is not synced.
    pub(crate) fn rename(&mut self, path: &str) -> io::Result<()> {
        self.disk.rename(&self.path, path)?;
        self.has_name = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.has_name {
            // Left over, it goes at the next start.
            drop(self.disk.remove(&self.path));
        }
    }
}
