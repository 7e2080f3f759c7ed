//! The disk of this machine, below one folder.
//!
//! # Invariants
//!
//! * Files are made with mode 0600 and folders with 0700.
//! * A file system that refuses to write past its cache is written through it, and nobody is told.
//! * No path of a caller leads out of the folder; links inside it that a steward made are followed for folders and
//!   never for files.

use std::fmt;
use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Advice, AtFlags, FallocateFlags, Mode as Bits, OFlags};
use rustix::io::Errno;

use crate::block::{BLOCK_ALIGN, Block};
use crate::medium::{Disk, DiskFile, check_block, check_file, check_folder, folder_of};
use crate::{Folder, Lock, LockError, OpenError};

/// Most buffers that one call of pwritev(2) takes (IOV_MAX on Linux).
const PARTS_MAX: usize = 1024;

/// A folder of this machine.
pub struct RealDisk {
    folder: Folder,
    root: OwnedFd,
}

/// An open file of this machine.
#[derive(Debug)]
struct RealFile {
    file: fs::File,
    /// The same file, past the cache.
    direct: Option<Direct>,
}

/// A file that is open a second time, with O_DIRECT (open(2)).
#[derive(Debug)]
struct Direct {
    file: fs::File,
    /// Some file systems say only when they are written to that they cannot.
    is_refused: AtomicBool,
}

impl RealDisk {
    /// Opens a folder, making it (and those above it) with mode 0700 when it is missing.
    ///
    /// # Errors
    ///
    /// As [`Folder::open`].
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        let folder = Folder::open(root)?;
        let root = rustix::fs::open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Bits::empty())
            .map_err(|error| OpenError::Create {
                path: root.to_owned(),
                source: error.into(),
            })?;
        Ok(Self { folder, root })
    }

    /// Takes the folder for this process alone.
    ///
    /// # Errors
    ///
    /// As [`Folder::lock`].
    pub fn lock(&self) -> Result<Lock, LockError> {
        self.folder.lock()
    }

    fn open_file(&self, path: &str, flags: OFlags) -> io::Result<fs::File> {
        check_file(path)?;
        let flags = flags | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(&self.root, path, flags, Bits::RUSR | Bits::WUSR)?;
        let file = fs::File::from(file);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a plain file"));
        }
        Ok(file)
    }

    fn open_folder(&self, folder: &str) -> io::Result<OwnedFd> {
        check_folder(folder)?;
        let path = if folder.is_empty() { "." } else { folder };
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.root, path, flags, Bits::empty())?)
    }
}

impl fmt::Debug for RealDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("RealDisk")
            .field(&self.folder.path())
            .finish()
    }
}

impl Disk for RealDisk {
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        check_folder(folder)?;
        if folder.is_empty() {
            return Ok(());
        }
        let above = folder_of(folder);
        match rustix::fs::mkdirat(&self.root, folder, Bits::RWXU) {
            Ok(()) => self.sync_folder(above),
            Err(Errno::EXIST) => self.open_folder(folder).map(drop),
            Err(Errno::NOENT) if !above.is_empty() => {
                self.make_folder(above)?;
                self.make_folder(folder)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let opened = match self.open_folder(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(opened)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str()
                && !name.starts_with('.')
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.open_file(path, OFlags::CREATE | OFlags::EXCL)?;
        Ok(Arc::new(RealFile { file, direct: None }))
    }

    fn create_direct(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.open_file(path, OFlags::CREATE | OFlags::EXCL)?;
        // Whatever is in its way, it can be written through the cache.
        let direct = self.open_file(path, OFlags::DIRECT).ok();
        let direct = direct.map(|file| Direct {
            file,
            is_refused: AtomicBool::new(false),
        });
        Ok(Arc::new(RealFile { file, direct }))
    }

    fn open(&self, path: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        match self.open_file(path, OFlags::empty()) {
            Ok(file) => Ok(Some(Arc::new(RealFile { file, direct: None }))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn file_len(&self, path: &str) -> io::Result<Option<u64>> {
        check_file(path)?;
        match rustix::fs::statat(&self.root, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
                Ok(is_file.then_some(u64::try_from(stat.st_size).unwrap_or(0)))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn rename(&self, source: &str, target: &str) -> io::Result<()> {
        check_file(source)?;
        check_file(target)?;
        Ok(rustix::fs::renameat(
            &self.root, source, &self.root, target,
        )?)
    }

    fn link(&self, source: &str, target: &str) -> io::Result<()> {
        check_file(source)?;
        check_file(target)?;
        let linked = rustix::fs::linkat(&self.root, source, &self.root, target, AtFlags::empty());
        match linked {
            // What a file system says that has no such names, such as FAT.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            linked => Ok(linked?),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        check_file(path)?;
        Ok(rustix::fs::unlinkat(&self.root, path, AtFlags::empty())?)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.open_folder(folder)?)?)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }
}

impl Direct {
    /// Writes as many of the bytes as can be written past the cache; returns how many.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        // A device takes whole sectors.
        let whole = bytes.len() - bytes.len() % BLOCK_ALIGN;
        let mut done = 0;
        while done < whole && !self.is_refused.load(Ordering::Relaxed) {
            let written = rustix::io::pwrite(&self.file, &bytes[done..whole], offset + done as u64);
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                // It asks for more than the alignment of a block, or cannot do it at all.
                Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {
                    self.is_refused.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn write_at(&self, mut offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        for parts in parts.chunks(PARTS_MAX) {
            let mut parts = parts.to_vec();
            let mut rest = &mut parts[..];
            // Takes away empty parts, so that a count of 0 means a full disk and nothing else.
            IoSlice::advance_slices(&mut rest, 0);
            while !rest.is_empty() {
                match rustix::io::pwritev(&self.file, rest, offset) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => {
                        offset += count as u64;
                        IoSlice::advance_slices(&mut rest, count);
                    }
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn write_block(&self, offset: u64, block: &Block) -> io::Result<()> {
        check_block(offset)?;
        let done = match &self.direct {
            Some(direct) => direct.write_at(offset, block)?,
            None => 0,
        };
        self.write_at(offset + done as u64, &[IoSlice::new(&block[done..])])
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let found = self.len()?;
        if len == 0 || len <= found {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => self.set_len(len),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn start_write_back(&self, offset: u64, len: u64) -> io::Result<()> {
        // Linux begins to write dirty pages when it is told that they are not needed, and keeps them until they are
        // written.
        match rustix::fs::fadvise(
            &self.file,
            offset,
            std::num::NonZeroU64::new(len),
            Advice::DontNeed,
        ) {
            Ok(()) | Err(Errno::NOSYS | Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
