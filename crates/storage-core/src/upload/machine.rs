//! The upload itself.

use base::{ContentHash, Duration};
use thiserror::Error;

use super::{
    Append, AppendError, Checksum, CreateError, Creation, EndError, Ended, Fenced, Length, Limits,
    Metadata, Progress, RestoreError, Snapshot, SnapshotPhase, TookError, Turn,
};
use crate::clock::SlowTime;

/// One upload; see the module's documentation.
#[derive(Clone, Debug)]
pub struct Upload {
    length: Length,
    offset: u64,
    metadata: Metadata,
    expires_at: SlowTime,
    phase: Phase,
    chunk: Option<Chunk>,
    next_turn: u64,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Bytes are missing.
    Receiving,
    /// All bytes are there and nobody stores them yet.
    Complete,
    /// They are being stored.
    Finishing,
    /// They are stored.
    Stored(ContentHash),
    /// It was ended, or what it held was refused.
    Ended,
}

/// How storing the bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// They are a blob on stable storage.
    Stored(ContentHash),
    /// It failed; trying again may help.
    Failed,
    /// They are not what was promised; trying again does not help.
    Refused,
}

/// An upload cannot be ended at this moment: 423, its bytes are being stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes of the upload are being stored")]
pub struct TerminateError;

/// The chunk that is coming.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    turn: u64,
    /// How many bytes were let in.
    taken: u64,
    announced: Option<u64>,
    checksum: Option<Checksum>,
    /// From when on it may be taken over.
    until: SlowTime,
}

impl Upload {
    /// Creates an upload.
    ///
    /// # Errors
    /// When it would be too long.
    pub fn create(now: SlowTime, creation: Creation, limits: &Limits) -> Result<Self, CreateError> {
        let Creation { length, metadata } = creation;
        if let Some(bytes) = length.known().filter(|bytes| limits.bytes_max < *bytes) {
            return Err(CreateError::TooLong {
                bytes,
                bytes_max: limits.bytes_max,
            });
        }
        let mut upload = Self {
            length,
            offset: 0,
            metadata,
            expires_at: now + limits.expires_after,
            phase: Phase::Receiving,
            chunk: None,
            next_turn: 0,
        };
        upload.complete();
        Ok(upload)
    }

    /// Goes on after a restart, with what was written down and the length of the staged file, which is cut to
    /// [`Upload::offset`] if it is longer.
    ///
    /// # Errors
    /// When bytes that were acknowledged are missing.
    pub fn restore(snapshot: Snapshot, staged_bytes: u64) -> Result<Self, RestoreError> {
        let Snapshot {
            length,
            offset,
            metadata,
            expires_at,
            phase,
        } = snapshot;
        let is_whole = length == Length::Known(offset);
        let is_beyond = length.known().is_some_and(|length| length < offset);
        let phase = match phase {
            SnapshotPhase::Receiving if is_whole => Phase::Complete,
            SnapshotPhase::Receiving if !is_beyond => Phase::Receiving,
            SnapshotPhase::Complete if is_whole => Phase::Complete,
            SnapshotPhase::Stored(hash) if is_whole => Phase::Stored(hash),
            SnapshotPhase::Ended if !is_beyond => Phase::Ended,
            _ => return Err(RestoreError::Inconsistent),
        };
        let needs_bytes = matches!(phase, Phase::Receiving | Phase::Complete);
        if needs_bytes && staged_bytes < offset {
            return Err(RestoreError::Lost {
                offset,
                staged_bytes,
            });
        }
        Ok(Self {
            length,
            offset,
            metadata,
            expires_at,
            phase,
            chunk: None,
            next_turn: 0,
        })
    }

    /// Returns what is to be written down: after the creation, after each chunk, after it was stored or ended.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            length: self.length,
            offset: self.offset,
            metadata: self.metadata.clone(),
            expires_at: self.expires_at,
            phase: match self.phase {
                Phase::Receiving => SnapshotPhase::Receiving,
                Phase::Complete | Phase::Finishing => SnapshotPhase::Complete,
                Phase::Stored(hash) => SnapshotPhase::Stored(hash),
                Phase::Ended => SnapshotPhase::Ended,
            },
        }
    }

    /// Lets somebody append a chunk, if it fits where the upload is.
    ///
    /// # Errors
    /// When it does not fit, when somebody else is appending, or when there is nothing to append to.
    pub fn begin(
        &mut self,
        now: SlowTime,
        append: &Append,
        limits: &Limits,
    ) -> Result<Turn, AppendError> {
        if self.phase == Phase::Ended {
            return Err(AppendError::Ended);
        }
        if self.is_expired(now) {
            return Err(AppendError::Expired);
        }
        if append.offset != self.offset {
            return Err(AppendError::Conflict {
                offset: self.offset,
            });
        }
        if self.phase != Phase::Receiving {
            return Err(AppendError::Complete);
        }
        if let Some(retry_after) = self.busy_for(now) {
            return Err(AppendError::Busy { retry_after });
        }
        let length = self.told(append.length, limits)?;
        let whole = length.known().unwrap_or(limits.bytes_max);
        let room = whole.saturating_sub(self.offset);
        if let Some(announced) = append.announced.filter(|announced| room < *announced) {
            return Err(AppendError::TooLong { announced, room });
        }
        self.length = length;
        let number = self.next_turn;
        self.next_turn += 1;
        self.chunk = Some(Chunk {
            turn: number,
            taken: 0,
            announced: append.announced,
            checksum: append.checksum,
            until: now + limits.turn_for,
        });
        Ok(Turn {
            number,
            from: self.offset,
        })
    }

    /// Lets bytes of a chunk in, before they are written; keeps the turn alive. No bytes keep it alive, too.
    ///
    /// # Errors
    /// When they go beyond the end, or the turn was taken over; then they are not written.
    pub fn took(
        &mut self,
        now: SlowTime,
        turn: &Turn,
        bytes: u64,
        limits: &Limits,
    ) -> Result<(), TookError> {
        let whole = self.length.known().unwrap_or(limits.bytes_max);
        let room = whole.saturating_sub(self.offset);
        let chunk = current(&mut self.chunk, turn)?;
        let room = room
            .min(chunk.announced.unwrap_or(u64::MAX))
            .saturating_sub(chunk.taken);
        if room < bytes {
            return Err(TookError::TooLong { room });
        }
        chunk.taken += bytes;
        chunk.until = chunk.until.max(now + limits.turn_for);
        Ok(())
    }

    /// Ends a chunk. `stored` is how many of its bytes are on stable storage, in a row from its beginning; more than
    /// were let in count as those that were.
    ///
    /// # Errors
    /// When the chunk does not count.
    pub fn end(
        &mut self,
        now: SlowTime,
        turn: Turn,
        stored: u64,
        ended: Ended<'_>,
        limits: &Limits,
    ) -> Result<Progress, EndError> {
        let chunk = *current(&mut self.chunk, &turn)?;
        self.chunk = None;
        let stored = stored.min(chunk.taken);
        let is_all = stored == chunk.taken && chunk.announced.is_none_or(|bytes| bytes == stored);
        let counted = match (chunk.checksum, ended) {
            (None, Ended::Whole { .. } | Ended::Broken) => stored,
            (Some(checksum), Ended::Whole { digest }) if is_all => {
                if !digest.is_some_and(|digest| checksum.matches(digest)) {
                    return Err(EndError::Mismatch {
                        offset: self.offset,
                    });
                }
                stored
            }
            (Some(_), Ended::Whole { .. } | Ended::Broken) => 0,
        };
        self.offset += counted;
        if counted > 0 {
            self.expires_at = self.expires_at.max(now + limits.expires_after);
        }
        self.complete();
        Ok(Progress {
            offset: self.offset,
            is_complete: self.phase != Phase::Receiving,
        })
    }

    /// Returns how many bytes are to be hashed and stored as a blob, when all are there and nobody does it yet.
    pub fn poll_finish(&mut self) -> Option<u64> {
        if self.phase != Phase::Complete {
            return None;
        }
        self.phase = Phase::Finishing;
        Some(self.offset)
    }

    /// Notes how storing the bytes ended. Does nothing when nobody was asked to.
    pub fn finished(&mut self, now: SlowTime, finish: Finish, limits: &Limits) {
        if self.phase != Phase::Finishing {
            return;
        }
        self.expires_at = self.expires_at.max(now + limits.expires_after);
        self.phase = match finish {
            Finish::Stored(hash) => Phase::Stored(hash),
            Finish::Failed => Phase::Complete,
            Finish::Refused => Phase::Ended,
        };
    }

    /// Ends the upload; whoever is appending is told so. A blob that it has become stays.
    ///
    /// # Errors
    /// While its bytes are being stored.
    pub fn terminate(&mut self) -> Result<(), TerminateError> {
        if self.phase == Phase::Finishing {
            return Err(TerminateError);
        }
        self.chunk = None;
        self.phase = Phase::Ended;
        Ok(())
    }

    /// Returns whether it is to be forgotten, its staged file with it.
    #[must_use]
    pub fn is_expired(&self, now: SlowTime) -> bool {
        let is_used = self.phase == Phase::Finishing || self.busy_for(now).is_some();
        !is_used && self.expires_at <= now
    }

    /// Returns how long it is kept, if nothing more is heard; `Upload-Expires` says this from now on.
    #[must_use]
    pub const fn expires_in(&self, now: SlowTime) -> Duration {
        self.expires_at.since(now)
    }

    /// Returns for how long nobody may take over from whoever is appending; none when nobody is.
    #[must_use]
    pub fn busy_for(&self, now: SlowTime) -> Option<Duration> {
        let chunk = self.chunk.filter(|chunk| now < chunk.until)?;
        Some(chunk.until.since(now))
    }

    /// Returns how many bytes are acknowledged (`Upload-Offset`).
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how long it will be.
    #[must_use]
    pub const fn length(&self) -> Length {
        self.length
    }

    /// Returns what was said about it.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns how far it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the length after a chunk told it, or did not.
    fn told(&self, told: Option<u64>, limits: &Limits) -> Result<Length, AppendError> {
        let Some(bytes) = told else {
            return Ok(self.length);
        };
        if self.length.known().is_some_and(|length| length != bytes) || bytes < self.offset {
            return Err(AppendError::LengthChanged { bytes });
        }
        if limits.bytes_max < bytes {
            return Err(AppendError::LengthTooLong {
                bytes,
                bytes_max: limits.bytes_max,
            });
        }
        Ok(Length::Known(bytes))
    }

    fn complete(&mut self) {
        if self.phase == Phase::Receiving && self.length == Length::Known(self.offset) {
            self.phase = Phase::Complete;
        }
    }
}

/// Returns the chunk that is coming, if it comes by this turn.
fn current<'a>(chunk: &'a mut Option<Chunk>, turn: &Turn) -> Result<&'a mut Chunk, Fenced> {
    chunk
        .as_mut()
        .filter(|chunk| chunk.turn == turn.number)
        .ok_or(Fenced)
}
