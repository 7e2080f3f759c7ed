//! A blob on its way in: hashed as it arrives, visible only when it is complete.
//!
//! What is at most 1 MiB stays in memory and goes into the log; what is more is written to a temporary file.

mod adopt;
mod draft;

use std::sync::Arc;

use base::{ContentHash, Duration, Timestamp};
use bytes::{Bytes, BytesMut};
use disk::log::group::ask;
use storage_core::gc::Holds;
use storage_core::quota::Announced;
use storage_core::tag::TagName;
use storage_core::tier::Tier;
use tokio::sync::OwnedSemaphorePermit;
use wire::blobs::{GROUP_BYTES, SMALL_BYTES_MAX};

use self::draft::{Draft, Room};
use crate::groups::{Groups, Root};
use crate::pieces::PIECE_BYTES;
use crate::writer::{Command, Hold, Keep, Put as SmallPut, StoredAnswer};
use crate::{Blobs, PutError, WriteError};

/// How many chunks are kept apart before they are made one.
const CHUNKS_MAX: usize = 1_024;

/// Up to how many bytes are hashed on the caller's thread, even where it must not wait.
const HASHED_HERE_BYTES: usize = 64 * 1_024;

/// Who holds the lease of a blob that was put with one.
const HOLDER: &str = "put";

/// A blob that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it was not there before.
    pub is_new: bool,
    /// How far it got.
    pub ack: Ack,
}

/// How far a blob got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// How safe it is.
    pub tier: Tier,
    /// When it was accepted.
    pub at: Timestamp,
    /// The number of the record with which it was accepted.
    pub lsn: u64,
}

/// What a blob must be, and what is to keep it.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// The hash that it must have.
    pub expected: Option<ContentHash>,
    /// A name for it.
    pub tag: Option<TagName>,
    /// Whether the tag and the lease keep what the folder names, too; `None` is the blob alone.
    pub holds: Option<Holds>,
    /// How long it is kept without a name.
    pub lease: Option<Duration>,
}

/// A blob that arrives in chunks. Dropped, it leaves nothing behind.
///
/// It has no thread of its own. In memory it takes at most 1 MiB and the last chunk; [`crate::Limits::uploads_max`]
/// says how many uploads may take more than 64 KiB at once.
#[derive(Debug)]
pub struct Upload {
    blobs: Blobs,
    announced: Option<u64>,
    received: u64,
    buffer: Vec<Bytes>,
    buffered: usize,
    /// Whether it takes room of the namespace while it comes.
    needs_room: bool,
    /// What came as one chunk of more than a piece; giving its memory back takes time.
    whole: Option<Bytes>,
    /// What lets it take more than a little memory.
    place: Option<OwnedSemaphorePermit>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// All of it is in the buffer.
    Memory,
    /// What is not in the buffer is in a file.
    File(Box<Draft>),
    /// A failure, or a call that was dropped while it worked on it.
    BrokenOff,
}

/// Chunks to be brought to the file of an upload.
struct Spill {
    state: State,
    chunks: Vec<Bytes>,
    announced: Option<u64>,
    needs_room: bool,
}

/// What was hashed.
struct Hashed {
    hash: ContentHash,
    groups: Groups,
    root: Root,
}

impl Put {
    fn keep(self) -> Keep {
        let is_folder = matches!(self.holds, Some(Holds::Folder));
        Keep {
            tag: self.tag.map(|tag| (tag, is_folder)),
            lease: self.lease.map(|span| Hold {
                span,
                holder: HOLDER.to_owned(),
                is_folder,
            }),
        }
    }
}

impl Blobs {
    /// Starts to store a blob; `announced` is its length in bytes, when it is known.
    ///
    /// # Errors
    ///
    /// [`PutError::TooLarge`] when it is announced to be larger than allowed; [`PutError::Quota`] when the namespace has
    /// no room for it.
    pub async fn upload(&self, announced: Option<u64>) -> Result<Upload, PutError> {
        self.upload_of(announced, None).await
    }

    /// As [`Blobs::upload`], of a blob whose hash is told before its bytes: one that the namespace has already takes no
    /// room while it comes.
    ///
    /// # Errors
    ///
    /// As [`Blobs::upload`]; [`PutError::Write`] when it cannot be found out what is there.
    pub async fn upload_of(
        &self,
        announced: Option<u64>,
        expected: Option<ContentHash>,
    ) -> Result<Upload, PutError> {
        let limit = self.limits().blob_bytes_max;
        if announced.is_some_and(|announced| announced > limit) {
            return Err(PutError::TooLarge { limit });
        }
        let mut upload = self.upload_blocking();
        upload.announced = announced;
        let is_small = announced.is_some_and(|announced| announced <= SMALL_BYTES_MAX as u64);
        if let (false, Some(expected)) = (is_small, expected) {
            upload.needs_room = !self.counts(&expected).await?;
        }
        let announced = announced.filter(|_| upload.needs_room && !is_small);
        if let Some(announced) = announced {
            // Refused before anything is sent; the writer decides again when all of it is there.
            drop(Room::admit(self, Announced::Bytes(announced))?);
        }
        Ok(upload)
    }

    pub(crate) fn upload_blocking(&self) -> Upload {
        Upload {
            blobs: self.clone(),
            announced: None,
            received: 0,
            buffer: Vec::new(),
            buffered: 0,
            needs_room: true,
            whole: None,
            place: None,
            state: State::Memory,
        }
    }

    /// Stores bytes that are in memory.
    ///
    /// # Errors
    ///
    /// As [`Upload::write`] and [`Upload::finish`].
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the blob is either stored or it is not, never in part.
    pub async fn put(&self, bytes: Bytes) -> Result<Stored, PutError> {
        self.put_with(bytes, Put::default()).await
    }

    /// Stores bytes that are in memory, and names them or keeps them for a time in the same step.
    ///
    /// # Errors
    ///
    /// As [`Upload::write`] and [`Upload::finish`].
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the blob is either stored or it is not, never in part.
    pub async fn put_with(&self, bytes: Bytes, put: Put) -> Result<Stored, PutError> {
        if bytes.len() <= HASHED_HERE_BYTES {
            return self.put_small(hashed(&bytes), bytes, put).await;
        }
        // Apart, so that what a small blob needs is small.
        let large = async {
            let len = bytes.len() as u64;
            let mut upload = self.upload_of(Some(len), put.expected).await?;
            upload.whole = (bytes.len() > PIECE_BYTES).then(|| bytes.clone());
            upload.write(bytes).await?;
            upload.finish_with(put).await
        };
        Box::pin(large).await
    }

    async fn put_small(&self, hashed: Hashed, bytes: Bytes, put: Put) -> Result<Stored, PutError> {
        let holds = put.holds;
        let (command, answer) = self.small(hashed, bytes, put)?;
        self.stored(command, answer, holds).await
    }

    /// Has the writer store a blob, and touches what it names when it is a folder that is held from now on.
    async fn stored(
        &self,
        command: Command,
        answer: StoredAnswer,
        holds: Option<Holds>,
    ) -> Result<Stored, PutError> {
        self.store.send(command).await?;
        let stored = answer
            .await
            .unwrap_or(Err(PutError::Write(WriteError::Closed)))?;
        if let Some(holds @ Holds::Folder) = holds {
            Box::pin(self.touch_children(stored.hash, holds)).await?;
        }
        Ok(stored)
    }

    fn small(
        &self,
        hashed: Hashed,
        bytes: Bytes,
        put: Put,
    ) -> Result<(Command, StoredAnswer), PutError> {
        check_hash(put.expected, hashed.hash)?;
        let limit = self.limits().blob_bytes_max;
        if bytes.len() as u64 > limit {
            return Err(PutError::TooLarge { limit });
        }
        let absence = self.core().view.absence(hashed.hash.as_bytes())?;
        let has_groups = hashed.groups.count() > 0;
        let (promise, answer) = ask(Some(SmallPut {
            namespace: self.namespace,
            hash: hashed.hash,
            bytes,
            groups: Bytes::copy_from_slice(hashed.groups.bytes()),
            root: has_groups.then_some(hashed.root),
            keep: put.keep(),
            absence,
        }));
        Ok((Command::Put(promise), answer))
    }
}

impl Upload {
    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// [`PutError::TooLarge`], [`PutError::Length`] when there are more than announced, [`PutError::Quota`] when the
    /// namespace is full, [`PutError::Write`] when the disk fails or is full. After an error the upload is broken off.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the upload is broken off.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), PutError> {
        self.wait_for_place(chunk.len()).await;
        let Some(chunks) = self.take(chunk)? else {
            return Ok(());
        };
        let (spill, blobs) = (self.spill(chunks), self.blobs.clone());
        let files = &self.blobs.core().files;
        let spilled = files.run(move || spill.run(&blobs)).await?;
        self.go_on(spilled);
        Ok(())
    }

    /// As [`Upload::write`], on a thread that may wait, and without a place.
    pub(crate) fn write_blocking(&mut self, chunk: Bytes) -> Result<(), PutError> {
        let Some(chunks) = self.take(chunk)? else {
            return Ok(());
        };
        let spilled = self.spill(chunks).run(&self.blobs)?;
        self.go_on(spilled);
        Ok(())
    }

    /// Waits until it may take the memory for one more chunk.
    async fn wait_for_place(&mut self, bytes: usize) {
        let needs_place = self.buffered + bytes > HASHED_HERE_BYTES;
        if !needs_place || self.place.is_some() || matches!(self.state, State::BrokenOff) {
            return;
        }
        // Dropped while it waits, it goes without the chunk.
        let state = std::mem::replace(&mut self.state, State::BrokenOff);
        let places = Arc::clone(&self.blobs.core().uploads);
        self.place = places.acquire_owned().await.ok();
        self.state = state;
    }

    /// Makes the next step; the upload is broken off until it has ended well.
    const fn spill(&mut self, chunks: Vec<Bytes>) -> Spill {
        Spill {
            state: std::mem::replace(&mut self.state, State::BrokenOff),
            chunks,
            announced: self.announced,
            needs_room: self.needs_room,
        }
    }

    fn go_on(&mut self, (state, rest): (State, Vec<Bytes>)) {
        self.state = state;
        self.buffered = rest.iter().map(Bytes::len).sum();
        self.buffer = rest;
    }

    /// Returns how many bytes were added.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Makes the blob visible, and returns when it is on stable storage. With `expected`, only if it has that hash.
    ///
    /// # Errors
    ///
    /// [`PutError`]; the blob is not visible then, unless it was there before.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the blob is either stored or it is not, never in part.
    pub async fn finish(self, expected: Option<ContentHash>) -> Result<Stored, PutError> {
        let put = Put {
            expected,
            ..Put::default()
        };
        self.finish_with(put).await
    }

    /// As [`Upload::finish`], and names the blob or keeps it for a time in the same step.
    ///
    /// # Errors
    ///
    /// As [`Upload::finish`].
    ///
    /// # Cancel safety
    ///
    /// As [`Upload::finish`].
    pub async fn finish_with(mut self, put: Put) -> Result<Stored, PutError> {
        self.check_length()?;
        let blobs = self.blobs.clone();
        if matches!(self.state, State::Memory) && self.buffered <= HASHED_HERE_BYTES {
            let bytes = joined(std::mem::take(&mut self.buffer));
            return blobs.put_small(hashed(&bytes), bytes, put).await;
        }
        let holds = put.holds;
        let files = &blobs.core().files;
        let prepared = {
            let blobs = blobs.clone();
            files.run(move || self.prepare(&blobs, put)).await
        };
        let (command, answer) = prepared?;
        blobs.stored(command, answer, holds).await
    }

    /// As [`Upload::finish`], on a thread that may wait.
    pub(crate) fn finish_blocking(self, expected: Option<ContentHash>) -> Result<Stored, PutError> {
        self.check_length()?;
        let blobs = self.blobs.clone();
        let put = Put {
            expected,
            ..Put::default()
        };
        let (command, answer) = self.prepare(&blobs, put)?;
        blobs.store.send_blocking(command)?;
        answer
            .wait()
            .unwrap_or(Err(PutError::Write(WriteError::Closed)))
    }

    /// Takes a chunk; returns what is to be written now, when that is anything.
    fn take(&mut self, chunk: Bytes) -> Result<Option<Vec<Bytes>>, PutError> {
        if matches!(self.state, State::BrokenOff) {
            return Err(PutError::BrokenOff);
        }
        self.received += chunk.len() as u64;
        let limit = self.blobs.limits().blob_bytes_max;
        let refused = match self.announced {
            _ if self.received > limit => Some(PutError::TooLarge { limit }),
            Some(announced) if self.received > announced => Some(self.wrong_length(announced)),
            _ => None,
        };
        if let Some(error) = refused {
            self.state = State::BrokenOff;
            self.buffer.clear();
            return Err(error);
        }
        self.buffered += chunk.len();
        self.buffer.push(chunk);
        if self.buffer.len() > CHUNKS_MAX {
            let chunks = std::mem::take(&mut self.buffer);
            self.buffer.push(joined(chunks));
        }
        let is_enough = match self.state {
            State::Memory => self.buffered > SMALL_BYTES_MAX,
            State::File(_) => self.buffered >= PIECE_BYTES,
            State::BrokenOff => false,
        };
        if !is_enough {
            return Ok(None);
        }
        self.buffered = 0;
        Ok(Some(std::mem::take(&mut self.buffer)))
    }

    fn check_length(&self) -> Result<(), PutError> {
        match self.announced {
            Some(announced)
                if announced != self.received && !matches!(self.state, State::BrokenOff) =>
            {
                Err(self.wrong_length(announced))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Brings all bytes to where they stay, and makes what the writer is told. Blocks.
    fn prepare(mut self, blobs: &Blobs, put: Put) -> Result<(Command, StoredAnswer), PutError> {
        let chunks = std::mem::take(&mut self.buffer);
        match self.state {
            State::BrokenOff => Err(PutError::BrokenOff),
            State::Memory => {
                let bytes = joined(chunks);
                blobs.small(hashed(&bytes), bytes, put)
            }
            State::File(mut draft) => {
                let rest = draft.append(chunks)?;
                draft.append_last(rest)?;
                let finished = draft.finish(blobs, put)?;
                if let Some(whole) = self.whole.take() {
                    blobs.core().pieces.free(whole);
                }
                Ok(finished)
            }
        }
    }

    const fn wrong_length(&self, announced: u64) -> PutError {
        PutError::Length {
            announced,
            received: self.received,
        }
    }
}

impl Spill {
    /// Writes whole pieces to the file, which begins now if there is none; returns what is left of the chunks. Blocks.
    fn run(self, blobs: &Blobs) -> Result<(State, Vec<Bytes>), PutError> {
        let mut draft = match self.state {
            State::File(draft) => draft,
            State::Memory => Box::new(Draft::new(blobs, self.announced, self.needs_room)?),
            State::BrokenOff => return Err(PutError::BrokenOff),
        };
        let rest = draft.append(self.chunks)?;
        Ok((State::File(draft), rest))
    }
}

fn hashed(bytes: &[u8]) -> Hashed {
    let hash = ContentHash::of(bytes);
    let (groups, root) = match bytes.len() > GROUP_BYTES {
        true => Groups::of(bytes),
        // Its SHA-256 is all that it takes to check it.
        false => (Groups::default(), [0; 32]),
    };
    Hashed { hash, groups, root }
}

fn check_hash(expected: Option<ContentHash>, actual: ContentHash) -> Result<(), PutError> {
    match expected {
        Some(expected) if expected != actual => Err(PutError::HashDiffers { expected, actual }),
        Some(_) | None => Ok(()),
    }
}

/// Makes one piece of several; no copy when there is one.
fn joined(mut chunks: Vec<Bytes>) -> Bytes {
    if chunks.len() <= 1 {
        return chunks.pop().unwrap_or_default();
    }
    let mut bytes = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        bytes.extend_from_slice(&chunk);
    }
    bytes.freeze()
}
