//! Files of the person that are written: below one folder, under a temporary name until they are whole and right.
//!
//! # Invariants
//! * Below the folder no symbolic link is followed, so nothing outside of it is written, whoever put links there.
//! * A file has its name only when all its bytes are there; what is half there is `.<name>.<hash>.part` beside it.
//! * Two processes do not write the same half file.
//!
//! It blocks: call it on a thread that may wait.

#![allow(
    clippy::disallowed_methods,
    reason = "files that the person asked for belong to them: they are no state of ours"
)]

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Code, ContentHash, ContentHasher, Problem};
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::blob::tally::Stop;

/// How much is read at once, in bytes.
const STEP_BYTES: usize = 1024 * 1024;

/// Longest part of a file's name in the name of its half, in bytes.
const NAME_BYTES_MAX: usize = 150;

/// A folder into which is written. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Root(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    folder: OwnedFd,
    path: PathBuf,
}

/// A place for one file.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    root: Root,
    /// Folders below the root, and the name.
    path: String,
}

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    File {
        bytes: u64,
        is_executable: bool,
    },
    Folder,
    /// A link, a device or whatever else.
    Other,
}

/// A file that is half there.
pub(crate) struct Half {
    folder: OwnedFd,
    file: File,
    name: String,
    half_name: String,
    shown: String,
    /// Bytes that are there.
    pub(crate) len: u64,
    /// Those of them that came just now; the others an earlier command left.
    pub(crate) fresh: u64,
    /// The hash of them.
    pub(crate) hasher: ContentHasher,
}

impl Root {
    /// Opens a folder, making it and those above it when it is missing.
    pub(crate) fn make(path: &Path) -> Result<Self, Problem> {
        std::fs::create_dir_all(path).map_err(|error| refused(&path.display(), &error))?;
        Self::open(path)?.ok_or_else(|| refused(&path.display(), &"it is gone again"))
    }

    /// Opens a folder when it is there.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Problem> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(folder) => Ok(Some(Self(Arc::new(Opened {
                folder,
                path: path.to_owned(),
            })))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(refused(&path.display(), &error)),
        }
    }

    /// Names a place below it; `path` has no `..` and does not begin with a slash.
    pub(crate) fn spot(&self, path: &str) -> Spot {
        Spot {
            root: self.clone(),
            path: path.to_owned(),
        }
    }

    /// Makes a folder below it, and those above.
    pub(crate) fn folder(&self, path: &str) -> Result<(), Problem> {
        self.spot(path).descend(path, true).map(|_| ())
    }

    /// Brings everything in it to the disk.
    pub(crate) fn sync(&self) -> Result<(), Problem> {
        let synced = rustix::fs::syncfs(&self.0.folder);
        synced.map_err(|error| failed(&self.0.path.display().to_string(), error.into()))
    }
}

impl Spot {
    /// Returns the path as the person knows it.
    pub(crate) fn shown(&self) -> String {
        self.root.0.path.join(&self.path).display().to_string()
    }

    fn parts(&self) -> (&str, &str) {
        self.path.rsplit_once('/').unwrap_or(("", &self.path))
    }

    /// Opens the folder at a path below the root, link by link; nothing when it is not there.
    fn descend(&self, path: &str, may_make: bool) -> Result<Option<OwnedFd>, Problem> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let told = |error: Errno| self.astray(error);
        let root = rustix::io::fcntl_dupfd_cloexec(&self.root.0.folder, 0);
        let mut folder = root.map_err(told)?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            assert!(part != "." && part != "..", "a path was checked before");
            let mut opened = rustix::fs::openat(&folder, part, flags, Mode::empty());
            if may_make && matches!(opened, Err(Errno::NOENT)) {
                match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(told(error)),
                }
                opened = rustix::fs::openat(&folder, part, flags, Mode::empty());
            }
            folder = match opened {
                Ok(folder) => folder,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(told(error)),
            };
        }
        Ok(Some(folder))
    }

    /// Looks what is there.
    pub(crate) fn look(&self) -> Result<Found, Problem> {
        let (folder, name) = self.parts();
        let Some(folder) = self.descend(folder, false)? else {
            return Ok(Found::Nothing);
        };
        let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(self.astray(error)),
        };
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Found::File {
                bytes: u64::try_from(stat.st_size).unwrap_or_default(),
                is_executable: stat.st_mode & 0o100 != 0,
            },
            FileType::Directory => Found::Folder,
            _ => Found::Other,
        })
    }

    /// Hashes the file that is there; nothing when there is none.
    pub(crate) fn hash(
        &self,
        stop: &Stop,
        on_bytes: &dyn Fn(u64),
    ) -> Result<Option<ContentHash>, Problem> {
        let (folder, name) = self.parts();
        let Some(folder) = self.descend(folder, false)? else {
            return Ok(None);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(failed(&self.shown(), error.into())),
        };
        let mut hasher = ContentHasher::new();
        hash_into(&file, &mut hasher, stop, on_bytes)
            .map_err(|error| told(&self.shown(), error))?;
        Ok(Some(hasher.finish()))
    }

    /// Makes the file that is there executable, or takes that away.
    pub(crate) fn set_executable(&self, is_executable: bool) -> Result<(), Problem> {
        let (folder, name) = self.parts();
        let Some(folder) = self.descend(folder, false)? else {
            return Ok(());
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, name, flags, Mode::empty());
        let file = file.map_err(|error| self.astray(error))?;
        set_executable(&file, is_executable).map_err(|error| failed(&self.shown(), error))
    }

    /// Opens the half of a file that an earlier command left, or begins one; what is there is hashed.
    pub(crate) fn half(
        &self,
        hash: &ContentHash,
        stop: &Stop,
        on_bytes: &dyn Fn(u64),
    ) -> Result<Half, Problem> {
        let (folder, name) = self.parts();
        let folder = self.descend(folder, true)?;
        let folder = folder.ok_or_else(|| refused(&self.shown(), &"its folder is gone"))?;
        let mut end = name.len().min(NAME_BYTES_MAX);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let half_name = format!(".{}.{}.part", &name[..end], &hash.to_string()[..16]);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &half_name, flags, Mode::from_raw_mode(0o666));
        let file = File::from(file.map_err(|error| self.astray(error))?);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let detail = "another command fetches this file at the moment";
                return Err(Problem::new(Code::FolderInUse, detail).at(self.shown(), 0));
            }
            Err(error) => return Err(failed(&self.shown(), error.into())),
        }
        let mut half = Half {
            folder,
            file,
            name: name.to_owned(),
            half_name,
            shown: self.shown(),
            len: 0,
            fresh: 0,
            hasher: ContentHasher::new(),
        };
        let len = hash_into(&half.file, &mut half.hasher, stop, on_bytes);
        half.len = len.map_err(|error| told(&half.shown, error))?;
        Ok(half)
    }

    /// Says why a path cannot be walked.
    fn astray(&self, error: Errno) -> Problem {
        match error {
            Errno::LOOP | Errno::NOTDIR => {
                let detail = "a link or a file is in the way where a folder should be; nothing is written through it";
                refused(&self.shown(), &detail)
            }
            error => failed(&self.shown(), error.into()),
        }
    }
}

impl Half {
    /// Adds bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let written = self.file.write_all_at(bytes, self.len);
        written.map_err(|error| failed(&self.shown, error))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.fresh += bytes.len() as u64;
        Ok(())
    }

    /// Throws away what is there.
    pub(crate) fn reset(&mut self) -> Result<(), Problem> {
        let cut = self.file.set_len(0);
        cut.map_err(|error| failed(&self.shown, error))?;
        self.len = 0;
        self.fresh = 0;
        self.hasher = ContentHasher::new();
        Ok(())
    }

    /// Takes the half away when nothing of it is there, so that what cannot be had leaves nothing behind.
    pub(crate) fn tidy(self) -> Result<(), Problem> {
        if self.len > 0 {
            return Ok(());
        }
        match rustix::fs::unlinkat(&self.folder, &self.half_name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(failed(&self.shown, error.into())),
        }
    }

    /// Gives the file its name, replacing what has it; `is_synced` waits until it is on the disk.
    pub(crate) fn commit(self, is_executable: bool, is_synced: bool) -> Result<(), Problem> {
        let fault = |error: io::Error| failed(&self.shown, error);
        // A half that an earlier command left may be longer than the blob.
        self.file.set_len(self.len).map_err(fault)?;
        set_executable(&self.file, is_executable).map_err(fault)?;
        if is_synced {
            self.file.sync_all().map_err(fault)?;
        }
        let renamed = rustix::fs::renameat(&self.folder, &self.half_name, &self.folder, &self.name);
        match renamed {
            Ok(()) => {}
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                return Err(refused(&self.shown, &"a folder is in the way"));
            }
            Err(error) => return Err(fault(error.into())),
        }
        if is_synced {
            rustix::fs::fsync(&self.folder).map_err(|error| fault(error.into()))?;
        }
        Ok(())
    }
}

/// Gives a file the executable bits that its readable bits allow, or takes them.
fn set_executable(file: impl std::os::fd::AsFd, is_executable: bool) -> io::Result<()> {
    let mode = rustix::fs::fstat(&file)?.st_mode & 0o777;
    let wanted = if is_executable {
        mode | ((mode & 0o444) >> 2)
    } else {
        mode & !0o111
    };
    if wanted != mode {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(wanted))?;
    }
    Ok(())
}

/// Why bytes could not be hashed.
enum Unhashed {
    Stopped(Problem),
    Io(io::Error),
}

/// Hashes a file from its beginning; returns its length.
fn hash_into(
    mut file: &File,
    hasher: &mut ContentHasher,
    stop: &Stop,
    on_bytes: &dyn Fn(u64),
) -> Result<u64, Unhashed> {
    let len = file.metadata().map_err(Unhashed::Io)?.len();
    let step = usize::try_from(len).map_or(STEP_BYTES, |len| len.clamp(1, STEP_BYTES));
    let (mut step, mut total) = (vec![0; step], 0);
    loop {
        stop.check().map_err(Unhashed::Stopped)?;
        match file.read(&mut step) {
            Ok(0) => return Ok(total),
            Ok(count) => {
                hasher.update(&step[..count]);
                total += count as u64;
                on_bytes(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Unhashed::Io(error)),
        }
    }
}

fn told(shown: &str, error: Unhashed) -> Problem {
    match error {
        Unhashed::Stopped(problem) => problem,
        Unhashed::Io(error) => failed(shown, error),
    }
}

/// Writes bytes to standard output; tells whether somebody still reads.
pub(crate) fn print(bytes: &[u8]) -> Result<bool, Problem> {
    match io::stdout().write_all(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(failed("standard output", error)),
    }
}

fn failed(shown: &str, error: io::Error) -> Problem {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::StoreFailed,
    };
    Problem::new(code, error.to_string()).at(shown, 0)
}

/// Says that something of the person's is in the way.
pub(crate) fn refused(shown: &dyn std::fmt::Display, why: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::PlaceTaken, why.to_string()).at(shown.to_string(), 0)
}

#[cfg(test)]
mod tests;
