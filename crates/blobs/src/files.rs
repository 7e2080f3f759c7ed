//! Temporary files: written until they get a name, gone when they get none.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use disk::{Disk, DiskFile};

/// The folder of temporary files. What is in it at the start is left over.
pub(crate) const TEMPORARY: &str = "tmp";

/// How much is written before the system is asked to begin to bring it to the disk, in bytes.
const WRITE_BACK_BYTES: u64 = 4 * 1_024 * 1_024;

/// Counts names, so that each is used once.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A file without a name of its own. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Temporary {
    disk: Arc<dyn Disk>,
    path: String,
    file: Arc<dyn DiskFile>,
    len: u64,
    /// Up to where the system was asked to write.
    asked: u64,
    has_name: bool,
}

impl Temporary {
    pub(crate) fn create(disk: &Arc<dyn Disk>) -> io::Result<Self> {
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = format!("{TEMPORARY}/{number}");
            match disk.create(&path) {
                Ok(file) => {
                    return Ok(Self {
                        disk: Arc::clone(disk),
                        path,
                        file,
                        len: 0,
                        asked: 0,
                        has_name: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns how many bytes were written.
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
        let waiting = self.len - self.asked;
        if waiting >= WRITE_BACK_BYTES {
            self.file.start_write_back(self.asked, waiting)?;
            self.asked = self.len;
        }
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
