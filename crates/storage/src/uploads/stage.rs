//! Where uploads lie: a file with the bytes and a file with the state of each, in the folder `uploads` on the disk of the
//! blobs, so that what is complete becomes a blob without being written again. Blocks.
//!
//! # Invariants
//!
//! * A state that names an offset is written after the bytes up to there are on stable storage.
//! * A state is replaced as a whole.

use std::io::{self, IoSlice};
use std::sync::Arc;

use base::{Code, Problem};
use bytes::Bytes;
use disk::{Disk, DiskFile};

use super::kept::{self, Kept};
use crate::replace::{read, replace};

/// The folder of all uploads.
const FOLDER: &str = "uploads";

/// The files of uploads.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    disk: Arc<dyn Disk>,
}

/// What lies in the folder under one id.
pub(crate) struct Found {
    pub(crate) id: String,
    /// What was written down; nothing when that is not there.
    pub(crate) state: Option<Vec<u8>>,
    /// How many bytes are staged.
    pub(crate) staged_bytes: u64,
}

impl Stage {
    /// Opens the folder, making it when it is missing, and throws away what was being replaced.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> io::Result<Self> {
        disk.make_folder(FOLDER)?;
        let stage = Self { disk };
        for name in stage.disk.names(FOLDER)? {
            if name.ends_with(".new") {
                stage.disk.remove(&format!("{FOLDER}/{name}"))?;
            }
        }
        Ok(stage)
    }

    /// Returns everything that lies there.
    pub(crate) fn find(&self) -> io::Result<Vec<Found>> {
        let names = self.disk.names(FOLDER)?;
        let mut ids: Vec<&str> = names
            .iter()
            .filter_map(|name| Some(name.split_once('.')?.0))
            .collect();
        ids.dedup();
        ids.into_iter().map(|id| self.found(id)).collect()
    }

    fn found(&self, id: &str) -> io::Result<Found> {
        let state = match read(self.disk.as_ref(), &state_path(id), kept::BYTES_MAX) {
            // Ours are never so long: it is no state, and is told as such.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Some(Vec::new()),
            state => state?,
        };
        Ok(Found {
            id: id.to_owned(),
            state,
            staged_bytes: self.disk.file_len(&bytes_path(id))?.unwrap_or(0),
        })
    }

    /// Makes the files of a new upload.
    pub(crate) fn create(&self, id: &str, kept: &Kept) -> io::Result<()> {
        drop(self.disk.create(&bytes_path(id))?);
        self.save(id, kept)
    }

    /// Writes a state down.
    pub(crate) fn save(&self, id: &str, kept: &Kept) -> io::Result<()> {
        let name = format!("{id}.state");
        replace(self.disk.as_ref(), FOLDER, &name, &kept.encode())
    }

    /// Opens the bytes of an upload.
    pub(crate) fn bytes(&self, id: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(&bytes_path(id))?;
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Removes the bytes of an upload; its state stays.
    pub(crate) fn remove_bytes(&self, id: &str) -> io::Result<()> {
        gone(self.disk.remove(&bytes_path(id)))
    }

    /// Removes everything of an upload, the state last, so that bytes without a state are never taken for a new one's.
    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        self.remove_bytes(id)?;
        gone(self.disk.remove(&state_path(id)))
    }

    /// Returns how many bytes may still be written.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
}

/// Writes pieces one after the other from `offset` on.
pub(crate) fn write(file: &dyn DiskFile, offset: u64, pieces: &[Bytes]) -> io::Result<()> {
    let parts: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    file.write_at(offset, &parts)
}

/// Returns what a fault of the disk is called; paths of this machine go to the log alone.
pub(crate) fn problem(error: &io::Error) -> Problem {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        io::ErrorKind::ReadOnlyFilesystem => Code::ReadOnlyDisk,
        _ => Code::StoreFailed,
    };
    tracing::warn!(%code, %error, "the files of an upload cannot be written or read");
    let cause = blobs::cause_of(code);
    Problem::new(
        code,
        format!("the upload could not be written or read: {cause}"),
    )
}

/// What is not there is gone.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Returns where the bytes of an upload lie.
pub(crate) fn bytes_path(id: &str) -> String {
    format!("{FOLDER}/{id}.part")
}

fn state_path(id: &str) -> String {
    format!("{FOLDER}/{id}.state")
}
