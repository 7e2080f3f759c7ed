//! An upload that is too large for memory: written to a file, piece by piece, and hashed as it comes.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use base::{ContentHash, ContentHasher};
use bytes::Bytes;
use disk::log::group::ask;
use storage_core::quota::{Announced, Reservation};

use super::{Put, check_hash};
use crate::core::Core;
use crate::files::{TEMPORARY, Temporary};
use crate::groups::{Groups, Root};
use crate::pieces::{PIECE_BYTES, Writing};
use crate::writer::{Command, Link, StoredAnswer};
use crate::{Blobs, PutError, WriteError};

/// What has been given on to be written to a file.
pub(super) struct Draft {
    /// Given up before the file goes.
    writing: Writing,
    file: Temporary,
    hasher: ContentHasher,
    /// How many bytes were hashed; all but the last piece are whole.
    bytes: u64,
    /// How many there will be, when that is known.
    announced: Option<u64>,
    room: Room,
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
    /// Makes the file. With `needs_room` what comes takes room of the namespace; without, the writer decides at the end.
    pub(super) fn new(
        blobs: &Blobs,
        announced: Option<u64>,
        needs_room: bool,
    ) -> Result<Self, PutError> {
        let room = match needs_room {
            true => Room::admit(blobs, Announced::Unknown)?,
            false => Room::none(blobs),
        };
        let core = blobs.core();
        let file = Temporary::create_large(&core.disk);
        let file = file.map_err(|source| core.write_failed("make a file in", TEMPORARY, source))?;
        Ok(Self {
            writing: Writing::new(Some(Arc::clone(file.file()))),
            file,
            hasher: ContentHasher::new(),
            bytes: 0,
            announced,
            room,
        })
    }

    /// Begins with a file that holds all bytes already; they are still to be hashed, with [`Draft::hash`].
    pub(super) fn of(blobs: &Blobs, file: Temporary, needs_room: bool) -> Result<Self, PutError> {
        let room = match needs_room {
            true => Room::admit(blobs, Announced::Bytes(file.len()))?,
            false => Room::none(blobs),
        };
        Ok(Self {
            file,
            writing: Writing::new(None),
            hasher: ContentHasher::new(),
            bytes: 0,
            announced: None,
            room,
        })
    }

    /// Hashes the next [`PIECE_BYTES`], or those at the end, of a file that holds them already.
    pub(super) fn hash(&mut self, piece: &Bytes) {
        self.give(vec![piece.clone()]);
    }

    /// Writes as many whole pieces as there are; returns what is left.
    pub(super) fn append(&mut self, chunks: Vec<Bytes>) -> Result<Vec<Bytes>, PutError> {
        let mut left: usize = chunks.iter().map(Bytes::len).sum();
        // What waits for the next piece counts, too.
        self.room.grow(self.bytes + left as u64)?;
        let mut chunks = VecDeque::from(chunks);
        while left >= PIECE_BYTES {
            self.append_piece(cut(&mut chunks))?;
            left -= PIECE_BYTES;
        }
        Ok(chunks.into())
    }

    /// Writes what is less than a piece, behind which nothing comes.
    pub(super) fn append_last(&mut self, chunks: Vec<Bytes>) -> Result<(), PutError> {
        if chunks.is_empty() {
            return Ok(());
        }
        self.append_piece(chunks)
    }

    fn append_piece(&mut self, chunks: Vec<Bytes>) -> Result<(), PutError> {
        let end = self.bytes + chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let reserved = match self.announced {
            Some(announced) => self.file.reserve(end, announced),
            None => Ok(()),
        };
        let checked = reserved.and_then(|()| self.writing.check());
        checked.map_err(|source| self.write_failed(source))?;
        self.give(chunks);
        Ok(())
    }

    /// Hashes a piece here, while the rest of the work on it is done elsewhere.
    fn give(&mut self, chunks: Vec<Bytes>) {
        let piece = self.writing.piece(self.bytes, chunks.clone());
        self.room.core.pieces.add(piece);
        for chunk in &chunks {
            self.hasher.update(chunk);
            self.bytes += chunk.len() as u64;
        }
    }

    fn write_failed(&self, source: io::Error) -> WriteError {
        let path = self.file.path();
        self.room.core.write_failed("write", path, source)
    }

    /// Syncs the file and makes what the writer is told.
    pub(super) fn finish(
        self,
        blobs: &Blobs,
        put: Put,
    ) -> Result<(Command, StoredAnswer), PutError> {
        let Self {
            file,
            writing,
            hasher,
            bytes,
            mut room,
            ..
        } = self;
        let core = blobs.core();
        let groups = writing
            .wait()
            .map_err(|source| core.write_failed("write", file.path(), source))?;
        let hash = hasher.finish();
        check_hash(put.expected, hash)?;
        file.sync()
            .map_err(|source| core.write_failed("sync", file.path(), source))?;
        let (groups, root) = Groups::of_list(groups);
        let outboard = outboard(core, &hash, bytes, &groups, &root);
        let (promise, answer) = ask(None);
        let command = Command::Link(Box::new(Link {
            namespace: blobs.namespace,
            hash,
            bytes,
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

/// Takes a piece from the front.
fn cut(chunks: &mut VecDeque<Bytes>) -> Vec<Bytes> {
    let (mut piece, mut missing) = (Vec::new(), PIECE_BYTES);
    while missing > 0
        && let Some(mut chunk) = chunks.pop_front()
    {
        if chunk.len() > missing {
            chunks.push_front(chunk.split_off(missing));
        }
        missing -= chunk.len();
        piece.push(chunk);
    }
    piece
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

    /// Takes no room: the namespace has the blob already, as far as is known.
    fn none(blobs: &Blobs) -> Self {
        Self {
            core: Arc::clone(blobs.core()),
            namespace: blobs.namespace,
            reservation: None,
        }
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
