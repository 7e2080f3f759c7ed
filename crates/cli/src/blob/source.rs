//! A file of the person, on its way to a store: hashed first, then read again in pieces while it is sent.
//!
//! Invariant: what is sent is what was hashed; a file that changes in between is a problem and never a wrong blob.
//! It blocks: call it on a thread that may wait.

#![allow(
    clippy::disallowed_methods,
    reason = "a file to store belongs to the person and is only read: it is no state of ours"
)]

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Code, ContentHash, ContentHasher, Problem};
use bytes::Bytes;
use rustix::fs::OFlags;

use crate::blob::tally::Stop;
use crate::publish::source::reason;

/// How much is read and hashed at once, in bytes.
const STEP_BYTES: usize = 1024 * 1024;

/// What tells a file from what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
    written: (i64, i64),
}

/// Whether a symbolic link is the file that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// The person named it.
    Follow,
    /// It was found in a folder.
    Refuse,
}

/// A file as it was when it was looked at. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Source(Arc<Looked>);

#[derive(Debug)]
struct Looked {
    path: PathBuf,
    /// How the person knows it.
    shown: String,
    links: Links,
    stamp: Stamp,
    is_executable: bool,
}

impl Source {
    /// Looks at a file.
    pub(crate) fn look(path: &Path, shown: String, links: Links) -> Result<Self, Problem> {
        let looked = open(path, links).and_then(|file| file.metadata());
        let meta = looked.map_err(|error| unreadable(&shown, &error))?;
        if !meta.is_file() {
            let detail = "this is neither a file nor a folder";
            return Err(Problem::new(Code::SourceUnreadable, detail).at(shown, 0));
        }
        Ok(Self(Arc::new(Looked {
            path: path.to_owned(),
            shown,
            links,
            stamp: Stamp::of(&meta),
            is_executable: meta.mode() & 0o100 != 0,
        })))
    }

    /// Returns its length in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.stamp.bytes
    }

    /// Returns how the person knows it.
    pub(crate) fn shown(&self) -> &str {
        &self.0.shown
    }

    /// Returns whether its owner may run it.
    pub(crate) fn is_executable(&self) -> bool {
        self.0.is_executable
    }

    /// Hashes it; `on_bytes` is told how much was read.
    pub(crate) fn hash(&self, stop: &Stop, on_bytes: &dyn Fn(u64)) -> Result<ContentHash, Problem> {
        let file = self.open()?;
        let mut hasher = ContentHasher::new();
        let step = usize::try_from(self.bytes()).map_or(STEP_BYTES, |len| len.min(STEP_BYTES));
        let mut step = vec![0; step.max(1)];
        let mut offset = 0;
        loop {
            stop.check()?;
            let count = read_at(&file, &mut step, offset).map_err(|error| self.failed(&error))?;
            if count == 0 {
                break;
            }
            hasher.update(&step[..count]);
            offset += count as u64;
            on_bytes(count as u64);
        }
        if offset != self.bytes() || self.stamp_of(&file)? != self.0.stamp {
            return Err(self.changed());
        }
        Ok(hasher.finish())
    }

    /// Reads `len` bytes from `offset` on.
    pub(crate) fn piece(&self, offset: u64, len: usize) -> Result<Bytes, Problem> {
        let file = self.open()?;
        let mut piece = vec![0; len];
        let mut filled = 0;
        while filled < len {
            let count = read_at(&file, &mut piece[filled..], offset + filled as u64);
            match count.map_err(|error| self.failed(&error))? {
                0 => return Err(self.changed()),
                count => filled += count,
            }
        }
        Ok(piece.into())
    }

    /// Says that it is no longer what was hashed.
    pub(crate) fn changed(&self) -> Problem {
        let detail = "it changed while it was read; run the command again when it is at rest";
        Problem::new(Code::SourceUnreadable, detail).at(self.shown(), 0)
    }

    fn open(&self) -> Result<File, Problem> {
        let file = open(&self.0.path, self.0.links).map_err(|error| self.failed(&error))?;
        if self.stamp_of(&file)? == self.0.stamp {
            Ok(file)
        } else {
            Err(self.changed())
        }
    }

    fn stamp_of(&self, file: &File) -> Result<Stamp, Problem> {
        let meta = file.metadata().map_err(|error| self.failed(&error))?;
        Ok(Stamp::of(&meta))
    }

    fn failed(&self, error: &io::Error) -> Problem {
        unreadable(self.shown(), error)
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            changed: (meta.ctime(), meta.ctime_nsec()),
            written: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// Opens a file without waiting for whoever writes to a pipe of that name.
fn open(path: &Path, links: Links) -> io::Result<File> {
    let mut flags = OFlags::NONBLOCK;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn unreadable(shown: &str, error: &io::Error) -> Problem {
    Problem::new(Code::SourceUnreadable, reason(error)).at(shown, 0)
}

#[cfg(test)]
mod tests;
