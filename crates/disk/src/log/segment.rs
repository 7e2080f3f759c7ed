//! One segment: its file, what is committed in it, and how files of the log are named.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use wire::segment::{Lsn, RECORD_HEAD_BYTES, RecordHead, SEGMENT_HEAD_BYTES, SegmentHead, crc};

use super::shared::Shared;
use super::{Corrupt, Position, ReadLogError, SegmentStat};
use crate::medium::{DiskFile, read_exact_at};

/// Name of the list of retired segments.
pub(super) const RETIRED_NAME: &str = "retired";

/// Name of that list while it is written.
pub(super) const RETIRED_NEW_NAME: &str = "retired.new";

/// What a file in the folder of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Segment(u64),
    Spare(u64),
    /// A spare that was not finished.
    Unfinished(u64),
}

impl Name {
    /// Reads a name; `None` for one that is not a segment's.
    pub(super) fn read(name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let read = |digits: &str| digits.parse::<u64>().ok();
        let found = match (stem.strip_prefix("spare-"), ending) {
            (Some(serial), "seg") => Self::Spare(read(serial)?),
            (Some(serial), "new") => Self::Unfinished(read(serial)?),
            (None, "seg") => Self::Segment(read(stem)?),
            _ => return None,
        };
        (found.to_string() == name).then_some(found)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(number) => write!(formatter, "{number:08}.seg"),
            Self::Spare(serial) => write!(formatter, "spare-{serial:08}.seg"),
            Self::Unfinished(serial) => write!(formatter, "spare-{serial:08}.new"),
        }
    }
}

/// A segment of the log.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) head: SegmentHead,
    pub(super) seed: u32,
    pub(super) file: Arc<dyn DiskFile>,
    end: AtomicU64,
    last_lsn: AtomicU64,
    is_quarantined: AtomicBool,
}

impl Segment {
    pub(super) fn new(head: SegmentHead, file: Arc<dyn DiskFile>) -> Self {
        Self {
            head,
            seed: head.id().seed(),
            file,
            end: AtomicU64::new(SEGMENT_HEAD_BYTES as u64),
            last_lsn: AtomicU64::new(head.first_lsn - 1),
            is_quarantined: AtomicBool::new(false),
        }
    }

    /// Returns where the committed log records end.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(super) fn last_lsn(&self) -> Lsn {
        self.last_lsn.load(Ordering::Acquire)
    }

    pub(super) fn set_end(&self, end: u64, last_lsn: Lsn) {
        self.last_lsn.store(last_lsn, Ordering::Release);
        self.end.store(end, Ordering::Release);
    }

    pub(super) fn quarantine(&self) {
        self.is_quarantined.store(true, Ordering::Relaxed);
    }

    pub(super) fn stat(&self, is_sealed: bool) -> SegmentStat {
        SegmentStat {
            number: self.head.number,
            first_lsn: self.head.first_lsn,
            last_lsn: self.last_lsn(),
            used_bytes: self.end(),
            bytes: self.head.bytes,
            is_sealed,
            is_quarantined: self.is_quarantined.load(Ordering::Relaxed),
        }
    }

    pub(super) fn read(
        &self,
        offset: u64,
        buffer: &mut [u8],
        shared: &Shared,
    ) -> Result<(), ReadLogError> {
        read_exact_at(&*self.file, offset, buffer).map_err(|source| ReadLogError::Io {
            path: shared.path(&Name::Segment(self.head.number).to_string()),
            source,
        })
    }

    /// Describes damage at a place of this segment.
    pub(super) fn corrupt(&self, at: &Position, lsn: Lsn, what: String) -> Corrupt {
        Corrupt {
            segment: self.head.number,
            offset: u64::from(at.offset),
            lsn,
            what,
        }
    }

    /// Checks a head with its body, without padding.
    pub(super) fn verify(&self, at: &Position, bytes: &[u8]) -> Result<RecordHead, Corrupt> {
        let Some((head, body)) = bytes.split_first_chunk::<RECORD_HEAD_BYTES>() else {
            return Err(self.corrupt(at, 0, "too few bytes".to_owned()));
        };
        let head = RecordHead::decode_seeded(head, self.seed)
            .map_err(|error| self.corrupt(at, 0, error.to_string()))?;
        if head.body_len != at.body_len {
            let what = format!("the body has {} bytes, not {}", head.body_len, at.body_len);
            return Err(self.corrupt(at, head.lsn, what));
        }
        if crc(body) != head.body_crc {
            let what = "the body of the log record is damaged".to_owned();
            return Err(self.corrupt(at, head.lsn, what));
        }
        Ok(head)
    }
}
