//! Walks one segment of a log on a disk: verifies, replays, and tells a torn end from damage.
//!
//! A place where no log record can be read is damage when anything says that one had been on stable storage there: the
//! segment is not the last one, the owner's index is further, or a later log record of the segment was written when it
//! was stable already.
//! Else it is the end.

use std::collections::VecDeque;
use std::io;

use wire::segment::{
    Course, FaultKind, Lsn, RECORD_HEAD_BYTES, RecordError, RecordHead, SEGMENT_HEAD_BYTES,
    STREAM_OF_LOG, crc, find_head,
};

use super::segment::Segment;
use super::{Corrupt, OnCorruption, Position, TailState};
use crate::medium::{DiskFile, read_exact_at};

/// How much is read at once, unless a log record is longer.
const WINDOW_BYTES: usize = 1 << 20;

/// A part of a file in memory, which moves forward.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    start: u64,
    len: usize,
}

impl Window {
    /// Returns `len` bytes from `offset` on, both below `limit`, up to which the file is read ahead.
    pub(super) fn get(
        &mut self,
        file: &dyn DiskFile,
        offset: u64,
        len: usize,
        limit: u64,
    ) -> io::Result<&[u8]> {
        let is_inside = self.start <= offset && offset + len as u64 <= self.start + self.len as u64;
        if !is_inside {
            let ahead = usize::try_from(limit.saturating_sub(offset)).unwrap_or(usize::MAX);
            let wanted = ahead.min(WINDOW_BYTES).max(len);
            if self.bytes.len() < wanted {
                self.bytes.resize(wanted, 0);
            }
            self.len = 0;
            read_exact_at(file, offset, &mut self.bytes[..wanted])?;
            self.start = offset;
            self.len = wanted;
        }
        let place = usize::try_from(offset - self.start).expect("inside of the window");
        Ok(&self.bytes[place..place + len])
    }

    /// Forgets everything.
    pub(super) const fn clear(&mut self) {
        self.len = 0;
        self.start = 0;
    }
}

/// What the scan of one segment needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// Where the log records end and the last number, for a segment that is not the last one.
    pub(super) known: Option<(u64, Lsn)>,
    /// It is not the last one, whether or not its end is known.
    pub(super) is_sealed: bool,
    /// What the owner has.
    pub(super) after: Lsn,
    pub(super) on_corruption: OnCorruption,
}

/// What the scan of one segment found.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Where the log records end.
    pub(super) end: u64,
    /// The last number in it.
    pub(super) last: Lsn,
    /// Where the log records begin that nothing proves to be on stable storage.
    pub(super) unproven: u64,
    pub(super) tail: TailState,
    pub(super) corrupt: Vec<Corrupt>,
}

/// Why a scan stopped.
#[derive(Debug)]
pub(super) enum Stop {
    Io(io::Error),
    Corrupt(Corrupt),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A walk along one segment.
struct Scan<'a> {
    segment: &'a Segment,
    task: Task,
    /// Up to where log records can reach.
    limit: u64,
    offset: u64,
    course: Course,
    window: &'a mut Window,
    /// Numbers and places of log records that are not proven to be stable.
    unproven: VecDeque<(Lsn, u64)>,
    corrupt: Vec<Corrupt>,
}

/// What stands at a place.
enum Step {
    Record(RecordHead),
    End,
    Bad(FaultKind),
}

/// What stands behind a place where no log record can be read.
enum Later {
    /// Something that was written when that log record was on stable storage.
    Proves,
    /// More of the batch that was cut off; its first whole log record ends here.
    Unproven {
        end: u64,
    },
    Nothing,
}

/// Scans a segment and hands every verified log record above `task.after` to `replay`.
pub(super) fn scan(
    segment: &Segment,
    task: Task,
    window: &mut Window,
    replay: &mut dyn FnMut(Position, &RecordHead, &[u8]),
) -> Result<Scanned, Stop> {
    window.clear();
    let mut scan = Scan {
        segment,
        task,
        limit: task.known.map_or(segment.head.bytes, |(end, _)| end),
        offset: SEGMENT_HEAD_BYTES as u64,
        course: Course::of(&segment.head),
        window,
        unproven: VecDeque::new(),
        corrupt: Vec::new(),
    };
    loop {
        match scan.step(replay)? {
            Step::Record(head) => scan.pass(&head),
            Step::End => match scan.end()? {
                Some(tail) => return Ok(scan.finish(tail)),
                None => continue,
            },
            Step::Bad(kind) => match scan.bad(kind)? {
                Some(tail) => return Ok(scan.finish(tail)),
                None => continue,
            },
        }
    }
}

impl Scan<'_> {
    fn step(&mut self, replay: &mut dyn FnMut(Position, &RecordHead, &[u8])) -> Result<Step, Stop> {
        if self.offset + RECORD_HEAD_BYTES as u64 > self.limit {
            return Ok(Step::End);
        }
        let head = match self.head_at(self.offset)? {
            Ok(head) => head,
            Err(RecordError::Empty) => return Ok(Step::End),
            Err(error) => return Ok(Step::Bad(error.into())),
        };
        if let Err(misfit) = self.course.check(&head) {
            return Ok(Step::Bad(misfit.into()));
        }
        if self.offset + head.span() > self.limit {
            return Ok(Step::Bad(FaultKind::Beyond));
        }
        if head.lsn <= self.task.after {
            return Ok(Step::Record(head));
        }
        let len = match self.body(self.offset, &head)? {
            Ok(body) => body.len(),
            Err(kind) => return Ok(Step::Bad(kind)),
        };
        if head.stream != STREAM_OF_LOG {
            let at = Position {
                segment: self.segment.head.number,
                offset: u32::try_from(self.offset).expect("a segment has at most 1 GiB"),
                body_len: head.body_len,
            };
            let start = self.offset + RECORD_HEAD_BYTES as u64;
            let file = &*self.segment.file;
            replay(at, &head, self.window.get(file, start, len, self.limit)?);
        }
        Ok(Step::Record(head))
    }

    fn head_at(&mut self, offset: u64) -> Result<Result<RecordHead, RecordError>, Stop> {
        let file = &*self.segment.file;
        let bytes = self
            .window
            .get(file, offset, RECORD_HEAD_BYTES, self.limit)?;
        let bytes = bytes.first_chunk().expect("as many as asked for");
        Ok(RecordHead::decode_seeded(bytes, self.segment.seed))
    }

    /// Returns a body that fits its checksum and has zeros behind it.
    fn body(&mut self, offset: u64, head: &RecordHead) -> Result<Result<&[u8], FaultKind>, Stop> {
        let span = usize::try_from(head.span()).expect("a body has at most 2 MiB");
        let file = &*self.segment.file;
        let record = self.window.get(file, offset, span, self.limit)?;
        let (body, padding) = record[RECORD_HEAD_BYTES..].split_at(head.body_len as usize);
        Ok(if crc(body) != head.body_crc {
            Err(FaultKind::Body)
        } else if padding.iter().any(|byte| *byte != 0) {
            Err(FaultKind::Padding)
        } else {
            Ok(body)
        })
    }

    fn pass(&mut self, head: &RecordHead) {
        self.course.pass(head);
        self.unproven.push_back((head.lsn, self.offset));
        self.prove(head.stable());
        self.offset += head.span();
    }

    fn prove(&mut self, stable: Lsn) {
        while self.unproven.front().is_some_and(|(lsn, _)| *lsn <= stable) {
            self.unproven.pop_front();
        }
    }

    /// Judges a place where nothing is written, or where no log record fits.
    fn end(&mut self) -> Result<Option<TailState>, Stop> {
        if let Some((end, last)) = self.task.known {
            if self.offset == end && self.course.next() == last + 1 {
                return Ok(Some(TailState::Clean));
            }
            return self.damaged("the log record is missing".to_owned());
        }
        match self.later()? {
            Later::Proves => self.damaged("the log record is missing".to_owned()),
            Later::Unproven { end } => Ok(Some(self.torn(end))),
            Later::Nothing => Ok(Some(TailState::Clean)),
        }
    }

    /// Judges a place where no log record can be read although something is written.
    fn bad(&mut self, kind: FaultKind) -> Result<Option<TailState>, Stop> {
        if self.task.is_sealed {
            return self.damaged(kind.to_string());
        }
        match self.later()? {
            Later::Proves => self.damaged(kind.to_string()),
            Later::Unproven { end } => Ok(Some(self.torn(end))),
            Later::Nothing => {
                let span = match self.head_at(self.offset)? {
                    Ok(head) => head.span(),
                    Err(_) => RECORD_HEAD_BYTES as u64,
                };
                Ok(Some(self.torn(self.offset + span)))
            }
        }
    }

    fn torn(&self, end: u64) -> TailState {
        TailState::Torn {
            segment: self.segment.head.number,
            offset: self.offset,
            bytes: end.min(self.segment.head.bytes) - self.offset,
        }
    }

    /// Looks behind a place for what says whether its log record had been on stable storage.
    fn later(&mut self) -> Result<Later, Stop> {
        if self.course.next() <= self.task.after {
            return Ok(Later::Proves);
        }
        let course = self.course;
        let mut unproven = false;
        let found = self.find(self.offset, &mut |head| {
            unproven |= head.lsn > course.next() && head.stable() >= course.stable();
            course.is_proven_by(head)
        })?;
        if found.is_some() {
            return Ok(Later::Proves);
        }
        if !unproven {
            return Ok(Later::Nothing);
        }
        let first = self.find(self.offset, &mut |head| head.lsn > course.next())?;
        let end = first.map_or(self.offset, |(offset, head)| offset + head.span());
        Ok(Later::Unproven { end })
    }

    /// Refuses, or notes the damage and goes on at the next whole log record; ends where there is none.
    fn damaged(&mut self, what: String) -> Result<Option<TailState>, Stop> {
        let corrupt = Corrupt {
            segment: self.segment.head.number,
            offset: self.offset,
            lsn: self.course.next(),
            what,
        };
        if self.task.on_corruption == OnCorruption::Refuse {
            return Err(Stop::Corrupt(corrupt));
        }
        self.corrupt.push(corrupt);
        self.segment.quarantine();
        self.unproven.clear();
        let course = self.course;
        let mut from = self.offset + 8;
        loop {
            let fits = &mut |head: &RecordHead| {
                head.lsn > course.next() && head.stable() >= course.stable()
            };
            let Some((offset, head)) = self.find(from, fits)? else {
                return Ok(Some(TailState::Clean));
            };
            if offset + head.span() <= self.limit && self.body(offset, &head)?.is_ok() {
                self.course.resume_at(&head);
                self.offset = offset;
                return Ok(None);
            }
            from = offset + 8;
        }
    }

    /// Looks for a head at or after an offset.
    fn find(
        &mut self,
        from: u64,
        fits: &mut dyn FnMut(&RecordHead) -> bool,
    ) -> Result<Option<(u64, RecordHead)>, Stop> {
        let file = &*self.segment.file;
        let mut offset = from;
        while offset + RECORD_HEAD_BYTES as u64 <= self.limit {
            let rest = usize::try_from(self.limit - offset).unwrap_or(usize::MAX);
            let len = rest.min(WINDOW_BYTES);
            let bytes = self.window.get(file, offset, len, self.limit)?;
            let mut place = 0;
            while let Some((found, head)) = find_head(bytes, place, self.segment.seed) {
                if fits(&head) {
                    return Ok(Some((offset + found as u64, head)));
                }
                place = found + 8;
            }
            if len == rest {
                break;
            }
            // Heads that reach beyond this window begin in its last bytes.
            offset += (len - RECORD_HEAD_BYTES + 8) as u64;
        }
        Ok(None)
    }

    fn finish(self, tail: TailState) -> Scanned {
        Scanned {
            end: self.offset,
            last: self.course.next() - 1,
            unproven: self
                .unproven
                .front()
                .map_or(self.offset, |(_, offset)| *offset),
            tail,
            corrupt: self.corrupt,
        }
    }
}
