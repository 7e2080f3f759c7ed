//! The lock beside a database: one owner at a time, freed by the operating system when the owner dies.
//!
//! The lock file holds the owner's process id for the message that a second owner gets. It is never removed:
//! removing a locked file would let a third process lock a new file of the same name.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::OpenError;

/// Longest process id with its line end, in bytes.
const PID_BYTES_MAX: usize = 32;

/// Held as long as the database is open.
#[derive(Debug)]
pub(crate) struct FileLock {
    /// Closing it frees the lock.
    _file: OwnedFd,
}

impl FileLock {
    /// Makes the folder and the file of a database where they are missing, readable by their owner alone, and locks them.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        if let Some(folder) = database.parent() {
            make_folder(folder)?;
        }
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let file = open_private(&path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(OpenError::FolderInUse {
                    path: database.to_owned(),
                    holder: holder_of(&file),
                });
            }
            Err(errno) => return Err(prepare(&path, errno)),
        }
        let pid = format!("{}\n", std::process::id());
        rustix::fs::ftruncate(&file, 0).map_err(|errno| prepare(&path, errno))?;
        rustix::io::pwrite(&file, pid.as_bytes(), 0).map_err(|errno| prepare(&path, errno))?;
        drop(open_private(database)?);
        Ok(Self { _file: file })
    }
}

/// Reads the process id out of a lock file; its owner may not have written it yet.
fn holder_of(file: &OwnedFd) -> Option<u32> {
    let mut bytes = [0; PID_BYTES_MAX];
    let len = rustix::io::pread(file, &mut bytes, 0).ok()?;
    std::str::from_utf8(bytes.get(..len)?)
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Opens a file, making it for its owner alone when it is missing.
fn open_private(path: &Path) -> Result<OwnedFd, OpenError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| prepare(path, errno))
}

/// Makes a folder and those above it for their owner alone.
fn make_folder(folder: &Path) -> Result<(), OpenError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    match rustix::fs::mkdir(folder, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(prepare(folder, errno)),
    }
}

fn prepare(path: &Path, errno: Errno) -> OpenError {
    OpenError::Prepare {
        path: path.to_owned(),
        source: errno.into(),
    }
}
