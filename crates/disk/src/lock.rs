//! One data folder has one owner: an advisory lock that ends with the process that holds it.

use std::fmt;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use crate::{Folder, LockError};

/// The lock's file. A plain name never starts with a dot, so nobody else can have it.
const LOCK_NAME: &str = ".lock";

/// Longest text that is read from a lock file, in bytes.
const HOLDER_BYTES_MAX: u64 = 32;

/// Held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
}

/// Who holds a lock, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; `None` when it has only just taken the lock.
    pub pid: Option<u32>,
    /// Its name, as `ps` shows it; `None` when the process belongs to another machine or container.
    pub name: Option<String>,
}

impl Folder {
    /// Takes the folder for this process alone.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] when another process (or another part of this one) has it; it says who.
    pub fn lock(&self) -> Result<Lock, LockError> {
        let failed = |source| LockError::Lock {
            path: self.path().to_owned(),
            source,
        };
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path().join(LOCK_NAME))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    path: self.path().to_owned(),
                    holder: Holder::read(&file),
                });
            }
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        // The pid is a courtesy for the one who is refused: a full disk must not keep a doorway from starting.
        let noted = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        drop(noted);
        Ok(Lock { _file: file })
    }
}

impl Holder {
    fn read(file: &fs::File) -> Self {
        let mut text = String::new();
        if file
            .take(HOLDER_BYTES_MAX)
            .read_to_string(&mut text)
            .is_err()
        {
            return Self::default();
        }
        let Ok(pid) = text.trim().parse::<u32>() else {
            return Self::default();
        };
        let name = fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()
            .map(|name| name.trim().to_owned());
        Self {
            pid: Some(pid),
            name,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.name) {
            (Some(pid), Some(name)) => write!(formatter, "process {pid} ({name})"),
            (Some(pid), None) => write!(formatter, "process {pid}"),
            (None, _) => formatter.write_str("another process"),
        }
    }
}

#[cfg(test)]
mod tests;
