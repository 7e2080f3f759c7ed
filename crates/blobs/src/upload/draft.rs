//! An upload that is too large for memory: written to a file and hashed as it comes.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use base::{ContentHash, ContentHasher};
use bytes::Bytes;
use disk::log::group::{Answer, answer};
use storage_core::quota::{Announced, Reservation};

use super::{BUFFER_BYTES, Put, Stored, check_hash};
use crate::core::Core;
use crate::files::Temporary;
use crate::groups::{GroupHasher, Groups, Root};
use crate::writer::{Command, Link};
use crate::{Blobs, PutError, WriteError};

/// From how many bytes on SHA-256 has a thread of its own.
const TWO_THREADS_BYTES: u64 = 8 * 1_024 * 1_024;

/// How many pieces may wait for the hashing thread.
const PIECES_MAX: usize = 16;

/// What has been written to a file.
pub(super) struct Draft {
    file: Temporary,
    hasher: Hasher,
    groups: GroupHasher,
    room: Room,
}

/// SHA-256, here or on a thread of its own.
enum Hasher {
    Here(ContentHasher),
    There {
        pieces: SyncSender<Bytes>,
        thread: JoinHandle<ContentHash>,
    },
}

/// Room that is reserved in a namespace; given back when it is dropped.
pub(super) struct Room {
    core: Arc<Core>,
    namespace: u16,
    reservation: Option<Reservation>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(formatter)
    }
}

impl Draft {
    pub(super) fn new(blobs: &Blobs) -> Result<Self, PutError> {
        let room = Room::admit(blobs, Announced::Unknown)?;
        let core = blobs.core();
        let file = Temporary::create(&core.disk);
        Ok(Self {
            file: file.map_err(|source| {
                core.write_failed("make a file in", crate::files::TEMPORARY, source)
            })?,
            hasher: Hasher::Here(ContentHasher::new()),
            groups: GroupHasher::default(),
            room,
        })
    }

    pub(super) fn append(&mut self, chunks: &[Bytes]) -> Result<(), PutError> {
        for chunk in chunks {
            for start in (0..chunk.len()).step_by(BUFFER_BYTES) {
                let piece = chunk.slice(start..chunk.len().min(start + BUFFER_BYTES));
                self.append_piece(piece)?;
            }
        }
        Ok(())
    }

    fn append_piece(&mut self, piece: Bytes) -> Result<(), PutError> {
        self.room.grow(self.file.len() + piece.len() as u64)?;
        if self.file.len() >= TWO_THREADS_BYTES {
            self.hasher.move_over();
        }
        self.hasher.update(&piece);
        let parts = [piece];
        let core = &self.room.core;
        let written = self.file.append(&parts);
        written.map_err(|source| core.write_failed("write", self.file.path(), source))?;
        self.groups.update(&parts[0]);
        Ok(())
    }

    /// Syncs the file and makes what the writer is told.
    pub(super) fn finish(
        self,
        blobs: &Blobs,
        put: Put,
    ) -> Result<(Command, Answer<Result<Stored, PutError>>), PutError> {
        let Self {
            file,
            hasher,
            groups,
            mut room,
        } = self;
        let core = blobs.core();
        let synced = file.sync();
        let hash = hasher.finish();
        check_hash(put.expected, hash)?;
        synced.map_err(|source| core.write_failed("sync", file.path(), source))?;
        let (groups, root) = groups.finish();
        let outboard = outboard(core, &hash, file.len(), &groups, &root);
        let (promise, answer) = answer();
        let command = Command::Link(Box::new(Link {
            namespace: blobs.namespace,
            hash,
            bytes: file.len(),
            root,
            file,
            outboard,
            reservation: room.reservation.take(),
            keep: put.keep(),
            promise,
        }));
        Ok((command, answer))
    }
}

/// Writes the list of groups; without it, it is taken again when the blob is read.
fn outboard(
    core: &Core,
    hash: &ContentHash,
    bytes: u64,
    groups: &Groups,
    root: &Root,
) -> Option<Temporary> {
    let mut file = Temporary::create(&core.disk).ok()?;
    file.append(&[Bytes::from(groups.encode(hash, bytes, root))])
        .ok()?;
    Some(file)
}

impl Hasher {
    fn update(&mut self, piece: &Bytes) {
        match self {
            Self::Here(hasher) => hasher.update(piece),
            // The thread ends before its sender only when it fails; then joining it says so.
            Self::There { pieces, .. } => drop(pieces.send(piece.clone())),
        }
    }

    /// Goes on on a thread of its own, if there can be one.
    fn move_over(&mut self) {
        let Self::Here(hasher) = self else { return };
        let mut moved = hasher.clone();
        let (pieces, work) = sync_channel::<Bytes>(PIECES_MAX);
        let thread = thread::Builder::new()
            .name("blobs-hash".to_owned())
            .spawn(move || {
                for piece in work {
                    moved.update(&piece);
                }
                moved.finish()
            });
        if let Ok(thread) = thread {
            *self = Self::There { pieces, thread };
        }
    }

    fn finish(self) -> ContentHash {
        match self {
            Self::Here(hasher) => hasher.finish(),
            Self::There { pieces, thread } => {
                drop(pieces);
                match thread.join() {
                    Ok(hash) => hash,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        }
    }
}

impl Room {
    pub(super) fn admit(blobs: &Blobs, announced: Announced) -> Result<Self, PutError> {
        let core = Arc::clone(blobs.core());
        let namespace = blobs.namespace;
        let reservation = match core.space().room_mut(namespace) {
            Some(room) => room.books.admit(announced)?,
            None => return Err(PutError::Write(WriteError::Namespaces)),
        };
        Ok(Self {
            core,
            namespace,
            reservation: Some(reservation),
        })
    }

    fn grow(&mut self, bytes: u64) -> Result<(), PutError> {
        let mut space = self.core.space();
        if let (Some(room), Some(reservation)) =
            (space.room_mut(self.namespace), &mut self.reservation)
        {
            room.books.grow(reservation, bytes)?;
        }
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut space = self.core.space();
        if let Some(reservation) = self.reservation.take() {
            space.give_back(self.namespace, reservation);
        }
    }
}
