//! One chunk of an upload: from the socket into its file, acknowledged when it is on stable storage.
//!
//! A chunk without a checksum counts as far as it came, whatever broke it off. While it comes, what has come is
//! acknowledged again and again, so that a killed process loses no more than a checkpoint.
//! A chunk with a checksum counts as a whole or not at all.

use std::sync::Arc;

use base::{Code, Problem};
use blobs::Blobs;
use bytes::Bytes;
use disk::DiskFile;
use http_kit::BodyReader;
use runtime::Shutdown;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use storage_core::upload::{
    Algorithm, Append, AppendError, EndError, Ended, Phase, TookError, Turn, Upload,
};

use super::{Cut, Held, Slot, Uploads, over, stage};

/// How much is collected before it is written, in bytes.
const BUFFER_BYTES: usize = 256 * 1_024;

/// A chunk that arrives.
pub(crate) struct Incoming {
    pub(crate) append: Append,
    pub(crate) reader: BodyReader,
}

/// Computes the checksum of a chunk.
enum Hasher {
    None,
    Sha1(Sha1),
    Sha256(Sha256),
}

/// A chunk on its way.
struct Chunk<'a> {
    uploads: &'a Uploads,
    slot: &'a Slot,
    blobs: &'a Blobs,
    file: Arc<dyn DiskFile>,
    /// `None` when the chunk has ended.
    turn: Option<Turn>,
    /// Bytes of this turn that are in the file.
    written: u64,
    buffer: Vec<Bytes>,
    buffered: usize,
    hasher: Hasher,
}

/// Why a chunk goes no further.
enum Stop {
    /// Something is wrong with the body or the disk; what came before counts.
    Broken(Problem),
    /// The upload is somebody else's now, or over: its file is to be left alone.
    Fenced(Problem),
}

/// What comes after an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// More of the chunk.
    GoOn,
    /// Nothing: the body has come to its end.
    End,
    /// Nothing: the body was broken off.
    GiveUp,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Broken(problem)
    }
}

impl Uploads {
    /// Appends a chunk.
    ///
    /// # Errors
    /// What the protocol says of a chunk that does not fit, what is wrong with the body, or what the disk says. What
    /// had come counts all the same, unless the chunk has a checksum.
    ///
    /// # Cancel safety
    /// Not to be dropped half-way: others would have to wait until the sender counts as gone.
    pub(crate) async fn append(
        &self,
        slot: &Slot,
        blobs: &Blobs,
        incoming: Incoming,
        shutdown: &Shutdown,
    ) -> Result<(), Problem> {
        let Incoming { append, mut reader } = incoming;
        let announced = append.announced.or(reader.announced());
        let append = Append {
            announced,
            ..append
        };
        let Some(turn) = self.begin(slot, blobs, &append).await? else {
            return Ok(());
        };
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let opened = self.0.files.run(move || stage.bytes(&id)).await;
        let mut chunk = Chunk {
            uploads: self,
            slot,
            blobs,
            file: opened.map_err(|error| stage::problem(&error))?,
            turn: Some(turn),
            written: 0,
            buffer: Vec::new(),
            buffered: 0,
            hasher: Hasher::new(&append),
        };
        match chunk.receive(&mut reader, shutdown).await {
            Ok(()) if chunk.turn.is_none() => Ok(()),
            Ok(()) => chunk.acknowledge(Then::End).await,
            Err(Stop::Fenced(problem)) => Err(problem),
            Err(Stop::Broken(problem)) => {
                if chunk.turn.is_some()
                    && let Err(error) = chunk.acknowledge(Then::GiveUp).await
                {
                    tracing::info!(problem = %error, "what came of a chunk does not count");
                }
                // What broke it off is the thing to tell.
                Err(problem)
            }
        }
    }

    /// Begins a chunk; nothing is to be done for one of no bytes behind the last.
    async fn begin(
        &self,
        slot: &Slot,
        blobs: &Blobs,
        append: &Append,
    ) -> Result<Option<Turn>, Problem> {
        let mut held = slot.lock().await;
        let turn = match held.begin(self.now(), append, &self.0.limits) {
            Err(AppendError::Complete) if append.announced == Some(0) => return Ok(None),
            begun => begun.map_err(|error| refusal(&error))?,
        };
        let wanted = match held.length().known() {
            Some(bytes) => bytes,
            None => append.offset + append.announced.unwrap_or(0),
        };
        if let Err(problem) = self.grow(blobs, slot, wanted) {
            // Nothing came, so that nothing is to be written down.
            held.end(self.now(), turn, 0, Ended::Broken, &self.0.limits)
                .ok();
            return Err(problem);
        }
        Ok(Some(turn))
    }
}

impl Chunk<'_> {
    /// Takes the body, to its end.
    async fn receive(&mut self, reader: &mut BodyReader, shutdown: &Shutdown) -> Result<(), Stop> {
        loop {
            let Some(arrived) = shutdown.race(reader.chunk()).await else {
                let code = Code::ShuttingDown;
                return Err(Problem::new(code, code.title()).into());
            };
            let Some(bytes) = arrived? else {
                return self.flush().await;
            };
            self.hasher.update(&bytes);
            self.buffered += bytes.len();
            self.buffer.push(bytes);
            if self.buffered < BUFFER_BYTES {
                self.stay().await?;
                continue;
            }
            self.flush().await?;
            let is_due = self.written >= self.uploads.0.checkpoint_bytes;
            if is_due && matches!(self.hasher, Hasher::None) {
                self.acknowledge(Then::GoOn).await?;
                if self.turn.is_none() {
                    // Everything is there; whatever follows is too much.
                    return match reader.chunk().await? {
                        None => Ok(()),
                        Some(_) => {
                            Err(Problem::new(Code::BodyTooLarge, "the upload is complete").into())
                        }
                    };
                }
            }
        }
    }

    /// Says that the sender is still there.
    async fn stay(&self) -> Result<(), Stop> {
        let mut held = self.slot.lock().await;
        self.take(&mut held, 0)
    }

    /// Lets bytes in, if the upload is still the sender's and has room for them.
    fn take(&self, held: &mut Upload, bytes: u64) -> Result<(), Stop> {
        let uploads = self.uploads;
        let Some(turn) = &self.turn else {
            return Err(Stop::Fenced(fenced(held)));
        };
        match held.took(uploads.now(), turn, bytes, &uploads.0.limits) {
            Ok(()) => Ok(()),
            Err(TookError::Fenced(_)) => Err(Stop::Fenced(fenced(held))),
            Err(error @ TookError::TooLong { .. }) => {
                Err(Problem::new(Code::BodyTooLarge, error.to_string()).into())
            }
        }
    }

    /// Writes what was collected.
    async fn flush(&mut self) -> Result<(), Stop> {
        let pieces = std::mem::take(&mut self.buffer);
        let bytes = std::mem::take(&mut self.buffered) as u64;
        if bytes == 0 {
            return Ok(());
        }
        let offset = self.turn.as_ref().map_or(0, Turn::from) + self.written;
        self.uploads.grow(self.blobs, self.slot, offset + bytes)?;
        let mut held = self.slot.lock().await;
        self.take(&mut held, bytes)?;
        let file = Arc::clone(&self.file);
        let written = self.uploads.0.files.run(move || {
            let written = stage::write(file.as_ref(), offset, &pieces);
            drop(held);
            written
        });
        written.await.map_err(|error| stage::problem(&error))?;
        self.written += bytes;
        Ok(())
    }

    /// Syncs the file, moves the offset, and writes that down, in this order. The turn is over then, unless the chunk
    /// goes on and the upload is not complete.
    async fn acknowledge(&mut self, then: Then) -> Result<(), Problem> {
        let uploads = self.uploads;
        let mut held = self.slot.lock().await;
        if let Err(Stop::Fenced(problem) | Stop::Broken(problem)) = self.take(&mut held, 0) {
            self.turn = None;
            return Err(problem);
        }
        let turn = self.turn.take().expect("bytes are taken in with a turn");
        let stored = std::mem::take(&mut self.written);
        let end = turn.from() + stored;
        let mut held = self.sync(held).await?;
        let digest = std::mem::replace(&mut self.hasher, Hasher::None).finish();
        let ended = match then {
            Then::GoOn | Then::End => Ended::Whole {
                digest: digest.as_deref(),
            },
            Then::GiveUp => Ended::Broken,
        };
        let ended = held.end(uploads.now(), turn, stored, ended, &uploads.0.limits);
        let (offset, outcome) = match ended {
            Ok(progress) => (progress.offset, Ok(())),
            Err(EndError::Mismatch { offset }) => {
                let code = Code::UploadChecksum;
                (offset, Err(Problem::new(code, code.title())))
            }
            Err(EndError::Fenced(_)) => return Err(fenced(&held)),
        };
        let is_longer = offset < end || then == Then::GiveUp;
        let cut = is_longer.then(|| Cut {
            file: Arc::clone(&self.file),
            len: offset,
        });
        let mut held = uploads.save(self.slot, held, cut).await?;
        outcome?;
        if then == Then::GoOn && held.phase() == Phase::Receiving {
            let again = Append {
                offset,
                announced: None,
                length: None,
                checksum: None,
            };
            let begun = held.begin(uploads.now(), &again, &uploads.0.limits);
            self.turn = Some(begun.map_err(|error| refusal(&error))?);
        }
        Ok(())
    }

    /// Brings the bytes to stable storage. When that fails nobody knows what of them is there: the upload is over.
    async fn sync(&self, held: Held) -> Result<Held, Problem> {
        let file = Arc::clone(&self.file);
        let synced = self.uploads.0.files.run(move || (file.sync(), held));
        let (synced, mut held) = synced.await;
        let Err(error) = synced else {
            return Ok(held);
        };
        let problem = stage::problem(&error);
        if held.terminate().is_ok() {
            self.slot.close();
            self.uploads.remove(self.slot, held).await?;
        }
        Err(problem)
    }
}

impl Hasher {
    fn new(append: &Append) -> Self {
        match append.checksum.map(|checksum| checksum.algorithm()) {
            None => Self::None,
            Some(Algorithm::Sha1) => Self::Sha1(Sha1::new()),
            Some(Algorithm::Sha256) => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Option<Vec<u8>> {
        match self {
            Self::None => None,
            Self::Sha1(hasher) => Some(hasher.finalize().to_vec()),
            Self::Sha256(hasher) => Some(hasher.finalize().to_vec()),
        }
    }
}

/// Tells a sender that the upload is no longer theirs.
fn fenced(upload: &Upload) -> Problem {
    if upload.phase() == Phase::Ended {
        over()
    } else {
        Problem::new(Code::UploadBusy, "somebody else sends to this upload now")
    }
}

/// Tells why a chunk is not taken.
fn refusal(error: &AppendError) -> Problem {
    let code = match error {
        AppendError::Conflict { .. } => Code::UploadOffset,
        AppendError::TooLong { .. } | AppendError::LengthTooLong { .. } | AppendError::Complete => {
            Code::BodyTooLarge
        }
        AppendError::LengthChanged { .. } => Code::UploadHeader,
        AppendError::Busy { .. } => Code::UploadBusy,
        AppendError::Expired | AppendError::Ended => Code::UploadOver,
    };
    Problem::new(code, error.to_string())
}
