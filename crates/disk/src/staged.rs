//! A file that is written under a temporary name and becomes visible when it is complete.
//!
//! # Invariants
//!
//! * A temporary is locked by the one who writes it, for as long as it is written; so one that is not locked is stale.
//! * Its name starts with [`PREFIX`], which no plain name does.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::write_error;
use crate::{Folder, Mode, OpenError, WriteError, name};

/// How the names of temporaries start.
const PREFIX: &str = ".staged-";

/// How often a fresh temporary may be taken for a stale one by somebody else before it is given up.
const CREATE_TRIES_MAX: u32 = 100;

/// Makes the names of one process's temporaries differ.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// A file without a name yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Staged {
    folder: Folder,
    file: fs::File,
    path: PathBuf,
    len: u64,
    is_visible: bool,
}

impl Staged {
    pub(crate) fn create(folder: &Folder, mode: Mode) -> Result<Self, WriteError> {
        for _ in 0..CREATE_TRIES_MAX {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let path = folder
                .path()
                .join(format!("{PREFIX}{}-{serial}", std::process::id()));
            match create_locked(&path, mode) {
                Ok(Some(file)) => {
                    return Ok(Self {
                        folder: folder.clone(),
                        file,
                        path,
                        len: 0,
                        is_visible: false,
                    });
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => {
                    return Err(write_error(folder.path(), source, |path, source| {
                        WriteError::Create { path, source }
                    }));
                }
            }
        }
        Err(WriteError::Create {
            path: folder.path().to_owned(),
            source: io::Error::other("no temporary name is free"),
        })
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; after it nothing but dropping makes sense.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.write_all(bytes).map_err(|source| {
            write_error(&self.path, source, |path, source| WriteError::Write {
                path,
                source,
            })
        })?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Returns how many bytes were added.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Tells whether nothing was added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes the file visible under `name`, replacing what was there: sync, rename, sync of the folder.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; what was there before is untouched unless it is [`WriteError::SyncFolder`].
    pub fn commit(self, name: &str) -> Result<(), WriteError> {
        let folder = self.folder.clone();
        self.commit_into(&folder, name)
    }

    /// Does what [`Staged::commit`] does, in another folder of the same file system.
    ///
    /// # Errors
    ///
    /// As [`Staged::commit`].
    pub fn commit_into(mut self, folder: &Folder, name: &str) -> Result<(), WriteError> {
        name::check(name)?;
        self.sync()?;
        self.rename_into(folder, name)?;
        folder.sync()
    }

    /// Makes the file visible under `name` without waiting for stable storage.
    pub(crate) fn show(mut self, name: &str) -> Result<(), WriteError> {
        let folder = self.folder.clone();
        self.rename_into(&folder, name)
    }

    /// Makes the file visible under `name` only if that name is free; tells whether it was.
    pub(crate) fn commit_new(self, name: &str) -> Result<bool, WriteError> {
        name::check(name)?;
        self.sync()?;
        let target = self.folder.path().join(name);
        match fs::hard_link(&self.path, &target) {
            Ok(()) => self.folder.sync().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(write_error(&target, source, |path, source| {
                WriteError::Rename { path, source }
            })),
        }
    }

    fn rename_into(&mut self, folder: &Folder, name: &str) -> Result<(), WriteError> {
        let target = folder.path().join(name);
        fs::rename(&self.path, &target).map_err(|source| {
            write_error(&target, source, |path, source| WriteError::Rename {
                path,
                source,
            })
        })?;
        self.is_visible = true;
        Ok(())
    }

    fn sync(&self) -> Result<(), WriteError> {
        self.file.sync_all().map_err(|source| {
            write_error(&self.path, source, |path, source| WriteError::Sync {
                path,
                source,
            })
        })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_visible {
            // What cannot be removed now is removed at the next open.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Makes a temporary and locks it; `None` when somebody removed it as stale before it was locked.
fn create_locked(path: &Path, mode: Mode) -> io::Result<Option<fs::File>> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode.bits())
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(None),
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    let is_there = file.metadata()?.nlink() > 0;
    Ok(is_there.then_some(file))
}

/// Removes the temporaries that nobody writes any more.
pub(crate) fn remove_stale(folder: &Path) -> Result<(), OpenError> {
    let clean = |path: &Path, source| OpenError::Clean {
        path: path.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(|source| clean(folder, source))? {
        let entry = entry.map_err(|source| clean(folder, source))?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        match remove_if_stale(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(clean(&path, source)),
        }
    }
    Ok(())
}

fn remove_if_stale(path: &Path) -> io::Result<()> {
    let file = fs::File::open(path)?;
    match file.try_lock() {
        Ok(()) => fs::remove_file(path),
        Err(fs::TryLockError::WouldBlock) => Ok(()),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
