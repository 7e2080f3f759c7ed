//! A folder that holds state: opening it, reading from it, and replacing files in it atomically.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::error::{is_full, write_error};
use crate::staged::{self, Staged};
use crate::{File, OpenError, ReadError, WriteError, name};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The owner alone: 0600.
    Private,
    /// Whoever the process's umask admits, at most 0644.
    Plain,
}

/// An open folder. Cheap to clone; it is a path that was checked.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Mode {
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Plain => 0o644,
        }
    }
}

impl Folder {
    /// Opens a folder, making it (and those above it) with mode 0700 when it is missing.
    ///
    /// Temporaries that a killed process left in it are removed; those of a living process stay.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when it cannot be made, is something else, is not writable, or the disk is full.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        create(path)?;
        let folder = Self {
            path: path.to_owned(),
        };
        folder.check_writable()?;
        staged::remove_stale(path)?;
        // What a killed process had renamed is visible; from here on it is durable as well.
        sync_folder(path).map_err(|source| OpenError::Sync {
            path: path.to_owned(),
            source,
        })?;
        Ok(folder)
    }

    /// Opens a folder inside of this one, making it when it is missing.
    ///
    /// # Errors
    ///
    /// As [`Folder::open`]; also when `name` is not plain.
    pub fn subfolder(&self, name: &str) -> Result<Self, OpenError> {
        name::check(name)?;
        Self::open(self.path.join(name))
    }

    /// Opens a folder inside of this one when it is there; makes nothing and removes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Name`] when `name` is not plain, [`OpenError::NotAFolder`] when it is something else.
    pub fn find_subfolder(&self, name: &str) -> Result<Option<Self>, OpenError> {
        name::check(name)?;
        let path = self.path.join(name);
        if path.is_dir() {
            Ok(Some(Self { path }))
        } else if path.exists() {
            Err(OpenError::NotAFolder { path })
        } else {
            Ok(None)
        }
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what tells this folder from every other one on this machine, a copy of it included: the numbers of its
    /// device and of its inode (stat(2)).
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the folder is gone.
    pub fn identity(&self) -> Result<(u64, u64), ReadError> {
        use std::os::unix::fs::MetadataExt as _;
        let path = &self.path;
        let metadata = std::fs::metadata(path).map_err(|source| ReadError::Open {
            path: path.clone(),
            source,
        })?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Reads a file, at most `limit` bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the name is not plain, or the file cannot be read or is larger than `limit`.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        self.open_file(name)?
            .map(|mut file| file.read_all(limit))
            .transpose()
    }

    /// Opens a file for reading at positions; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the name is not plain or the file cannot be opened.
    pub fn open_file(&self, name: &str) -> Result<Option<File>, ReadError> {
        name::check(name)?;
        File::open(self.path.join(name))
    }

    /// Tells whether a file or folder of that name is there.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the name is not plain or the folder cannot be searched.
    pub fn contains(&self, name: &str) -> Result<bool, ReadError> {
        name::check(name)?;
        let path = self.path.join(name);
        path.try_exists()
            .map_err(|source| ReadError::Open { path, source })
    }

    /// Returns the length of a file in bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the name is not plain or the folder cannot be searched.
    pub fn file_len(&self, name: &str) -> Result<Option<u64>, ReadError> {
        name::check(name)?;
        let path = self.path.join(name);
        match fs::metadata(&path) {
            Ok(meta) => Ok(meta.is_file().then_some(meta.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ReadError::Open { path, source }),
        }
    }

    /// Moves a file into another folder of the same file system, replacing what has that name there.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the name is not plain or the file cannot be moved.
    pub fn move_into(
        &self,
        name: &str,
        target: &Self,
        target_name: &str,
    ) -> Result<(), WriteError> {
        name::check(name)?;
        name::check(target_name)?;
        let path = target.path.join(target_name);
        fs::rename(self.path.join(name), &path).map_err(|source| {
            write_error(&path, source, |path, source| WriteError::Rename {
                path,
                source,
            })
        })?;
        target.sync()?;
        self.sync()
    }

    /// Returns the names of everything in it, sorted, without temporaries and the lock.
    ///
    /// Holds all names in memory: keep folders small by fanning out.
    ///
    /// # Errors
    ///
    /// [`ReadError::List`] when the folder cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, ReadError> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                if let Ok(name) = entry?.file_name().into_string()
                    && !name.starts_with('.')
                {
                    names.push(name);
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        list().map_err(|source| ReadError::List {
            path: self.path.clone(),
            source,
        })
    }

    /// Replaces a file as a whole: readers see the old or the new bytes, before and after a loss of power.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; the old file is untouched unless it is [`WriteError::SyncFolder`].
    pub fn write_atomic(&self, name: &str, bytes: &[u8], mode: Mode) -> Result<(), WriteError> {
        name::check(name)?;
        let mut staged = self.stage(mode)?;
        staged.append(bytes)?;
        staged.commit(name)
    }

    /// Replaces a file that can be made again, without waiting for stable storage. While this machine has power,
    /// readers see the old or the new bytes; after a loss of power they may see neither, so the bytes must be such that
    /// their reader can tell.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; the old file is untouched.
    pub fn write_derived(&self, name: &str, bytes: &[u8], mode: Mode) -> Result<(), WriteError> {
        name::check(name)?;
        let mut staged = self.stage(mode)?;
        staged.append(bytes)?;
        staged.show(name)
    }

    /// Starts a file that gets its name when it is complete.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the temporary cannot be made.
    pub fn stage(&self, mode: Mode) -> Result<Staged, WriteError> {
        Staged::create(self, mode)
    }

    /// Removes a file for good; tells whether there was one.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the name is not plain or the file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, WriteError> {
        name::check(name)?;
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Ok(()) => self.sync().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(WriteError::Remove { path, source }),
        }
    }

    /// Brings the folder's list of names to stable storage.
    pub(crate) fn sync(&self) -> Result<(), WriteError> {
        sync_folder(&self.path).map_err(|source| {
            write_error(&self.path, source, |path, source| WriteError::SyncFolder {
                path,
                source,
            })
        })
    }

    fn check_writable(&self) -> Result<(), OpenError> {
        rustix::fs::access(
            &self.path,
            Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK,
        )
        .map_err(|error| OpenError::NotWritable {
            path: self.path.clone(),
            source: error.into(),
        })
    }
}

/// Makes a folder and those above it, syncing each one's parent, so that it is still there after a loss of power.
fn create(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Ok(());
    }
    if path.exists() {
        return Err(OpenError::NotAFolder {
            path: path.to_owned(),
        });
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if parent != path {
        create(parent)?;
    }
    let made = match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| sync_folder(parent)),
    };
    made.map_err(|source| {
        let path = path.to_owned();
        if is_full(&source) {
            OpenError::DiskFull { path, source }
        } else {
            OpenError::Create { path, source }
        }
    })
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests;
