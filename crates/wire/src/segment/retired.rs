//! The list of segments that are gone on purpose, so that one which is gone by accident is noticed.
//!
//! Ranges that touch are one, so the list stays short although segments retire all the time.

use thiserror::Error;

use super::{
    ALIGN_BYTES, Lsn, SEGMENT_BYTES_MAX, SEGMENT_HEAD_BYTES, crc, crc_append, u32_at, u64_at,
};

const MAGIC: [u8; 7] = *b"CHRETIR";
const VERSION: u8 = 1;

/// Bytes before the ranges.
const PREAMBLE_BYTES: usize = 16;

/// Bytes of one range.
const RANGE_BYTES: usize = 40;

/// Most ranges that a list may have; 2.5 MiB.
pub const RETIRED_RANGES_MAX: usize = 65_536;

/// Segments in a row that are gone, with the numbers of their log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetiredRange {
    /// The first segment.
    pub first_segment: u64,
    /// The last segment.
    pub last_segment: u64,
    /// The number of the first log record that was in them.
    pub first_lsn: Lsn,
    /// The number of the last one; `first_lsn - 1` when there were none.
    pub last_lsn: Lsn,
    /// Where the log records of the segment before the first one end; see [`super::SegmentHead::previous_end`].
    pub previous_end: u32,
}

/// All segments that are gone on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    ranges: Vec<RetiredRange>,
}

/// These bytes are no list of retired segments, or the list cannot take a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RetiredError {
    /// They do not start as such a list does.
    #[error("no list of retired segments starts here")]
    Magic,
    /// They are of a version that this code does not know.
    #[error(
        "the list of retired segments has format version {found}, and this program knows version {VERSION}"
    )]
    Version {
        /// Its version.
        found: u8,
    },
    /// The length or the checksum does not fit.
    #[error("the list of retired segments is damaged")]
    Crc,
    /// Two ranges overlap, touch, or do not follow each other; or one runs backwards.
    #[error("the list of retired segments is out of order")]
    Order,
    /// It has as many ranges as it may.
    #[error("the list of retired segments is full at {RETIRED_RANGES_MAX} ranges")]
    Full,
}

impl Retired {
    /// Returns the ranges in order.
    #[must_use]
    pub fn ranges(&self) -> &[RetiredRange] {
        &self.ranges
    }

    /// Returns the range in which a segment lies.
    #[must_use]
    pub fn find(&self, segment: u64) -> Option<&RetiredRange> {
        let after = self
            .ranges
            .partition_point(|range| range.first_segment <= segment);
        let range = &self.ranges[after.checked_sub(1)?];
        (segment <= range.last_segment).then_some(range)
    }

    /// Adds a segment, or segments in a row.
    ///
    /// # Errors
    ///
    /// [`RetiredError::Order`] when one of them is in the list or the numbers of the log records do not fit in between
    /// their neighbours', [`RetiredError::Full`].
    pub fn add(&mut self, range: RetiredRange) -> Result<(), RetiredError> {
        let place = self
            .ranges
            .partition_point(|other| other.first_segment < range.first_segment);
        let mut ranges = self.ranges.clone();
        ranges.insert(place, range);
        let mut merged: Vec<RetiredRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last)
                    if last.last_segment.checked_add(1) == Some(range.first_segment)
                        && last.last_lsn.checked_add(1) == Some(range.first_lsn) =>
                {
                    last.last_segment = range.last_segment;
                    last.last_lsn = range.last_lsn;
                }
                _ => merged.push(range),
            }
        }
        if merged.len() > RETIRED_RANGES_MAX {
            return Err(RetiredError::Full);
        }
        check(&merged)?;
        self.ranges = merged;
        Ok(())
    }

    /// Returns its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREAMBLE_BYTES + RANGE_BYTES * self.ranges.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        let count = u32::try_from(self.ranges.len()).expect("at most RETIRED_RANGES_MAX");
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        for range in &self.ranges {
            bytes.extend_from_slice(&range.first_segment.to_le_bytes());
            bytes.extend_from_slice(&range.last_segment.to_le_bytes());
            bytes.extend_from_slice(&range.first_lsn.to_le_bytes());
            bytes.extend_from_slice(&range.last_lsn.to_le_bytes());
            bytes.extend_from_slice(&range.previous_end.to_le_bytes());
            bytes.extend_from_slice(&[0; 4]);
        }
        let sum = checksum(&bytes);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a list.
    ///
    /// # Errors
    ///
    /// [`RetiredError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RetiredError> {
        if bytes.len() < PREAMBLE_BYTES || bytes[0..7] != MAGIC {
            return Err(RetiredError::Magic);
        }
        if u32_at(bytes, 12) != checksum(bytes) {
            return Err(RetiredError::Crc);
        }
        if bytes[7] != VERSION {
            return Err(RetiredError::Version { found: bytes[7] });
        }
        let count = u32_at(bytes, 8) as usize;
        let body = &bytes[PREAMBLE_BYTES..];
        if count > RETIRED_RANGES_MAX || body.len() != count * RANGE_BYTES {
            return Err(RetiredError::Crc);
        }
        let mut ranges = Vec::with_capacity(count);
        for range in body.chunks_exact(RANGE_BYTES) {
            if u32_at(range, 36) != 0 {
                return Err(RetiredError::Order);
            }
            ranges.push(RetiredRange {
                first_segment: u64_at(range, 0),
                last_segment: u64_at(range, 8),
                first_lsn: u64_at(range, 16),
                last_lsn: u64_at(range, 24),
                previous_end: u32_at(range, 32),
            });
        }
        check(&ranges)?;
        Ok(Self { ranges })
    }
}

/// Checks that ranges are right in themselves, in order, and as few as possible.
fn check(ranges: &[RetiredRange]) -> Result<(), RetiredError> {
    let is_right = |range: &RetiredRange| {
        let previous_end = u64::from(range.previous_end);
        range.first_segment >= 1
            && range.first_segment <= range.last_segment
            && range.first_lsn >= 1
            && range.first_lsn - 1 <= range.last_lsn
            && previous_end >= SEGMENT_HEAD_BYTES as u64
            && previous_end <= SEGMENT_BYTES_MAX
            && previous_end.is_multiple_of(ALIGN_BYTES)
    };
    let follow = |pair: &[RetiredRange]| {
        let [first, second] = pair else { return true };
        first.last_segment < second.first_segment
            && first.last_lsn < second.first_lsn
            && !(first.last_segment + 1 == second.first_segment
                && first.last_lsn + 1 == second.first_lsn)
    };
    if ranges.iter().all(is_right) && ranges.windows(2).all(follow) {
        Ok(())
    } else {
        Err(RetiredError::Order)
    }
}

/// Returns the checksum over everything with the checksum's own field as zero.
fn checksum(bytes: &[u8]) -> u32 {
    let sum = crc_append(crc(&bytes[..12]), &[0; 4]);
    crc_append(sum, &bytes[PREAMBLE_BYTES..])
}
