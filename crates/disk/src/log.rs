//! The segment log: log records that are on stable storage before anybody is told that they are written.
//!
//! A log is a folder of segments, files of fixed size that are filled one after the other; `wire::segment` and the page
//! `docs/protocols/segment-log.md` say how they look.
//! One [`Appender`] writes, from whatever thread owns it; any number of threads read through [`Log`] and [`Tail`].
//!
//! # Invariants
//!
//! * [`Appender::commit`] returns success only after everything that was pushed is on stable storage.
//! * A segment gets its name only after the one before it is wholly on stable storage, and its head is. So only the
//!   last segment can have a torn end; damage anywhere else is told as damage.
//! * After a write or a sync failed nothing is acknowledged any more, ever, by this [`Log`]: it is poisoned. Only a disk
//!   that was full before a batch touched the log leaves it usable.
//! * What a crash left of a batch never comes back behind a new log record: the first commit of every life begins with
//!   a mark (see `wire::segment::Course`).
//!
//! It does not know what the bodies mean, nor which of them are still wanted: that is the owner's affair.

mod append;
mod error;
pub mod group;
mod open;
mod recycle;
mod scan;
mod segment;
mod shared;
mod spare;
mod stage;
mod tail;
mod walk;

use std::sync::Arc;

use bytes::Bytes;
use wire::segment::{Lsn, RECORD_HEAD_BYTES, RecordHead, SEGMENT_HEAD_BYTES};

use crate::Disk;

pub use append::Appender;
pub use error::{
    Attempt, CommitError, CopyError, OpenLogError, PushError, ReadLogError, RecycleError, TailError,
};
pub use spare::Preparer;
pub use tail::Tail;
pub use walk::{Walk, Walked};

use shared::Shared;

/// What a log is for, where it lies, and how much it may do at once.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The folder on the disk; made when it is missing.
    pub folder: String,
    /// What the log is for, padded with zeros; a log of another owner is refused.
    pub owner: [u8; 16],
    /// Size of the first segment in bytes, a multiple of 8.
    pub first_segment_bytes: u64,
    /// Size of all later segments in bytes, a multiple of 8.
    pub segment_bytes: u64,
    /// Most bytes that [`group`] commits at once, unless a single command has more.
    pub batch_bytes_max: usize,
    /// Most commands that [`group`] commits at once.
    pub batch_records_max: usize,
    /// Most segments that lie ready.
    pub spare_segments_max: usize,
    /// What opening does when it finds damage.
    pub on_corruption: OnCorruption,
}

/// What opening does when it finds damage that no crash explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCorruption {
    /// It fails, naming file, offset and number.
    Refuse,
    /// It goes on behind the damage, reports it, and writes nothing more into that segment.
    Quarantine,
}

/// Where a log record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the segment; never used twice.
    pub segment: u64,
    /// Where its head starts, in bytes from the start of the file.
    pub offset: u32,
    /// Bytes of its body.
    pub body_len: u32,
}

/// A log record to be written.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Whose it is; `wire::segment::STREAM_OF_LOG` is refused.
    pub stream: u16,
    /// What it is, within its stream.
    pub kind: u8,
    /// What the owner finds it by.
    pub key: [u8; 32],
    /// The body in parts, together at most `wire::segment::BODY_BYTES_MAX` bytes.
    pub body: &'a [Part<'a>],
}

/// A part of a body.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// It is copied.
    Slice(&'a [u8]),
    /// It is copied when it is small, and shared when it is large.
    Shared(&'a Bytes),
}

/// A log that was opened.
#[derive(Debug)]
pub struct Opened {
    /// For readers.
    pub log: Log,
    /// For the one writer.
    pub appender: Appender,
    /// What was found.
    pub recovery: Recovery,
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Log records that were handed to the owner.
    pub replayed: u64,
    /// Bytes of these, heads included.
    pub bytes: u64,
    /// The number of the last log record; 0 for a new log.
    pub last: Lsn,
    /// How the log ends.
    pub tail: TailState,
    /// Damage, in order; empty with [`OnCorruption::Refuse`].
    pub quarantined: Vec<Corrupt>,
    /// Damage that was mended: nothing is lost.
    pub mended: Vec<Corrupt>,
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailState {
    /// Behind the last log record nothing was ever written.
    Clean,
    /// A batch was cut off by a crash. It was never acknowledged, and what is left of it is void.
    Torn {
        /// The segment.
        segment: u64,
        /// Where the batch breaks off.
        offset: u64,
        /// About how many bytes were given up.
        bytes: u64,
    },
}

/// A damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// The segment.
    pub segment: u64,
    /// Where the damage begins, in bytes from the start of the file; 0 for the segment as a whole.
    pub offset: u64,
    /// The number of the log record that should be there; 0 when it is not known.
    pub lsn: Lsn,
    /// What is wrong.
    pub what: String,
}

/// What is known of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentStat {
    /// Its number.
    pub number: u64,
    /// The number of its first log record.
    pub first_lsn: Lsn,
    /// The number of its last log record; `first_lsn - 1` when it has none.
    pub last_lsn: Lsn,
    /// Bytes up to the end of its last log record, its head included.
    pub used_bytes: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Nothing will be added.
    pub is_sealed: bool,
    /// It has damage.
    pub is_quarantined: bool,
}

/// A log, for its readers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    shared: Arc<Shared>,
}

impl LogConfig {
    /// Returns the usual configuration: segments of 64 MiB after a first one of 4 MiB, batches of at most 4 MiB or
    /// 1,024 commands, two segments ready, and refusal of damaged logs.
    ///
    /// # Panics
    ///
    /// When `owner` is longer than 16 bytes.
    #[must_use]
    pub fn new(folder: impl Into<String>, owner: &str) -> Self {
        let mut padded = [0; 16];
        padded[..owner.len()].copy_from_slice(owner.as_bytes());
        Self {
            folder: folder.into(),
            owner: padded,
            first_segment_bytes: 4 << 20,
            segment_bytes: 64 << 20,
            batch_bytes_max: 4 << 20,
            batch_records_max: 1024,
            spare_segments_max: 2,
            on_corruption: OnCorruption::Refuse,
        }
    }
}

impl Log {
    /// Opens a log, making it when it is missing: hands every log record with a number above `after` to `replay`, in
    /// order and verified, and is then ready to append.
    ///
    /// `after` is how far the owner's own index is; it must have been [committed](Log::committed).
    ///
    /// # Errors
    ///
    /// [`OpenLogError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        config: LogConfig,
        after: Lsn,
        replay: &mut dyn FnMut(Position, &RecordHead, &[u8]),
    ) -> Result<Opened, OpenLogError> {
        open::open(disk, config, after, replay)
    }

    /// Returns the number of the last log record that is on stable storage.
    #[must_use]
    pub fn committed(&self) -> Lsn {
        self.shared.committed()
    }

    /// Reads a log record and verifies it.
    ///
    /// # Errors
    ///
    /// [`ReadLogError`].
    pub fn read(&self, at: &Position) -> Result<(RecordHead, Bytes), ReadLogError> {
        let segment = self.shared.find(at)?;
        let len = RECORD_HEAD_BYTES + at.body_len as usize;
        let mut bytes = vec![0; len];
        segment.read(u64::from(at.offset), &mut bytes, &self.shared)?;
        match segment.verify(at, &bytes) {
            Ok(head) => Ok((head, Bytes::from(bytes).slice(RECORD_HEAD_BYTES..))),
            Err(corrupt) => Err(self.shared.gone_or(&segment, corrupt)),
        }
    }

    /// Reads a piece of a body, from `offset` in it, without verifying it: the caller does, by a hash of its own.
    ///
    /// # Errors
    ///
    /// [`ReadLogError`]; [`ReadLogError::Beyond`] when the body ends before.
    pub fn read_body_at(
        &self,
        at: &Position,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<(), ReadLogError> {
        let table = self.shared.table();
        let segment = shared::Shared::look(&table, at)?;
        if u64::from(offset) + buffer.len() as u64 > u64::from(at.body_len) {
            return Err(ReadLogError::Beyond);
        }
        let start = u64::from(at.offset) + RECORD_HEAD_BYTES as u64 + u64::from(offset);
        segment.read(start, buffer, &self.shared)
    }

    /// Reads on behind a number.
    #[must_use]
    pub fn tail(&self, after: Lsn) -> Tail {
        Tail::new(Arc::clone(&self.shared), after)
    }

    /// Calls `told` after every commit with the number that is on stable storage now, from the thread that committed;
    /// it must not wait for anything.
    pub fn watch(&self, told: Box<dyn Fn(Lsn) + Send + Sync>) {
        self.shared.watch(told);
    }

    /// Returns what is known of every segment, in order.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentStat> {
        self.shared.segments()
    }

    /// Returns the bytes of all files of the log, the segments that lie ready included.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        let segments: u64 = self.segments().iter().map(|segment| segment.bytes).sum();
        segments + self.shared.spares.bytes()
    }

    /// Returns how many commits waited for stable storage so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.shared.syncs()
    }

    /// Tells whether a write or a sync failed; then nothing is acknowledged any more.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.shared.poison().is_some()
    }

    /// Returns what makes segments ready ahead of need, for a thread of the caller's.
    #[must_use]
    pub fn preparer(&self) -> Preparer {
        Preparer::new(Arc::clone(&self.shared))
    }
}

impl<'a> From<&'a Bytes> for Part<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl<'a> From<&'a [u8]> for Part<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Slice(bytes)
    }
}

impl Part<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Position {
    /// Returns where the log record ends, padding included.
    pub(crate) const fn end(&self) -> u64 {
        self.offset as u64 + wire::segment::span(self.body_len)
    }

    /// Tells whether a log record can lie there at all.
    pub(crate) const fn is_possible(&self) -> bool {
        self.offset as usize >= SEGMENT_HEAD_BYTES
            && self.offset.is_multiple_of(8)
            && self.body_len <= wire::segment::BODY_BYTES_MAX
    }
}

#[cfg(test)]
mod tests;
