//! Walks the bytes of a segment that is wholly in memory: for browsers, tools and tests.

use thiserror::Error;

use super::record::MAGIC;
use super::{
    ALIGN_BYTES, Course, HeadError, Misfit, RECORD_HEAD_BYTES, RecordError, RecordHead,
    SEGMENT_HEAD_BYTES, SegmentHead, array, crc,
};

/// A place where the walk could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("at offset {offset}: {kind}")]
pub struct Fault {
    /// Where the log record starts or should start.
    pub offset: u64,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// What is wrong with a log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// No head can be read.
    #[error(transparent)]
    Head(#[from] RecordError),
    /// It is whole and does not belong here.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// It reaches beyond the end of the segment.
    #[error("the log record reaches beyond the end of the segment")]
    Beyond,
    /// The checksum of the body does not fit.
    #[error("the body of the log record is damaged")]
    Body,
    /// The bytes behind the body are not zero.
    #[error("the padding of the log record is damaged")]
    Padding,
}

/// A log record with the offset of its head, and its body.
type Whole<'a> = (u64, RecordHead, &'a [u8]);

/// Walks from log record to log record; ends where nothing was written, at the end of the bytes, or after a fault.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    seed: u32,
    course: Course,
    is_over: bool,
}

impl<'a> Reader<'a> {
    /// Reads the segment's head and stands before the first log record.
    ///
    /// # Errors
    ///
    /// [`HeadError`]; too few bytes are [`HeadError::Magic`].
    pub fn new(bytes: &'a [u8]) -> Result<(SegmentHead, Self), HeadError> {
        let Some(head) = bytes.first_chunk::<SEGMENT_HEAD_BYTES>() else {
            return Err(HeadError::Magic);
        };
        let head = SegmentHead::decode(head)?;
        let reader = Self {
            bytes,
            offset: SEGMENT_HEAD_BYTES,
            seed: head.id().seed(),
            course: Course::of(&head),
            is_over: false,
        };
        Ok((head, reader))
    }

    /// Returns where the next log record starts or would start.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset as u64
    }

    /// Returns where the walk stands.
    #[must_use]
    pub const fn course(&self) -> &Course {
        &self.course
    }

    fn step(&mut self) -> Result<Option<Whole<'a>>, FaultKind> {
        let rest = &self.bytes[self.offset..];
        let Some(head) = rest.first_chunk::<RECORD_HEAD_BYTES>() else {
            return Ok(None);
        };
        let head = match RecordHead::decode_seeded(head, self.seed) {
            Ok(head) => head,
            Err(RecordError::Empty) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        self.course.check(&head)?;
        let body_end = RECORD_HEAD_BYTES + head.body_len as usize;
        let end = body_end.next_multiple_of(ALIGN_BYTES as usize);
        let Some(record) = rest.get(..end) else {
            return Err(FaultKind::Beyond);
        };
        let body = &record[RECORD_HEAD_BYTES..body_end];
        if crc(body) != head.body_crc {
            return Err(FaultKind::Body);
        }
        if record[body_end..].iter().any(|byte| *byte != 0) {
            return Err(FaultKind::Padding);
        }
        let offset = self.offset as u64;
        self.course.pass(&head);
        self.offset += end;
        Ok(Some((offset, head, body)))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Whole<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        match self.step() {
            Ok(Some(found)) => Some(Ok(found)),
            Ok(None) => {
                self.is_over = true;
                None
            }
            Err(kind) => {
                self.is_over = true;
                Some(Err(Fault {
                    offset: self.offset as u64,
                    kind,
                }))
            }
        }
    }
}

/// Looks for the next head of a log record at or after `from`, at multiples of 8, whatever comes before it.
///
/// The offset of `bytes` in the segment must be a multiple of 8 as well.
#[must_use]
pub fn find_head(bytes: &[u8], from: usize, seed: u32) -> Option<(usize, RecordHead)> {
    let start = from.next_multiple_of(ALIGN_BYTES as usize);
    let mut offset = start;
    while offset + RECORD_HEAD_BYTES <= bytes.len() {
        if bytes[offset..offset + 4] == MAGIC
            && let Ok(head) = RecordHead::decode_seeded(&array(bytes, offset), seed)
        {
            return Some((offset, head));
        }
        offset += ALIGN_BYTES as usize;
    }
    None
}
