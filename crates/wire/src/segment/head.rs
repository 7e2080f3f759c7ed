//! The first 64 bytes of a segment: which segment of which log it is, and where the one before it ends.

use thiserror::Error;

use super::{
    ALIGN_BYTES, SEGMENT_BYTES_MAX, SEGMENT_HEAD_BYTES, array, crc, crc_append, u32_at, u64_at,
};

/// First seven bytes of every segment, whatever its version.
const MAGIC: [u8; 7] = *b"CHSEGMT";

/// The version that this code writes and reads.
const VERSION: u8 = 1;

/// What tells one use of a segment's file from every other use of it, and of other files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentId {
    /// The segment's number, from 1; never used twice.
    pub number: u64,
    /// How often the file was used, this time included; from 1.
    pub generation: u32,
    /// Drawn at random for each use, and told to nobody: without it no stranger can make bytes that pass for a log
    /// record of this segment.
    pub salt: u32,
}

impl SegmentId {
    /// Returns the checksum with which the checksums of this segment's log records start.
    #[must_use]
    pub fn seed(&self) -> u32 {
        let mut bytes = [0; 16];
        bytes[0..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.generation.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        crc(&bytes)
    }
}

/// The head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHead {
    /// The segment's number, from 1; never used twice.
    pub number: u64,
    /// How often the file was used, this time included; from 1.
    pub generation: u32,
    /// Where the log records of segment `number - 1` end, as an offset in that file; 64 when it has none, and for the
    /// first segment.
    pub previous_end: u32,
    /// The number of its first log record, from 1.
    pub first_lsn: u64,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// What the log is for, padded with zeros, such as `blobs`.
    pub owner: [u8; 16],
    /// See [`SegmentId::salt`].
    pub salt: u32,
}

/// These bytes are no head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    /// They do not start as a segment does.
    #[error("no segment starts here")]
    Magic,
    /// They are whole, and of a version that this code does not know.
    #[error("the segment has format version {found}, and this program knows version {VERSION}")]
    Version {
        /// Its version.
        found: u8,
    },
    /// The checksum does not fit.
    #[error("the segment's head is damaged")]
    Crc,
    /// The checksum fits, and a field has a value that no writer gives it.
    #[error("the segment's head has a wrong {field}")]
    Field {
        /// Which one.
        field: &'static str,
    },
}

impl SegmentHead {
    /// Returns what seeds the checksums of its log records.
    #[must_use]
    pub const fn id(&self) -> SegmentId {
        SegmentId {
            number: self.number,
            generation: self.generation,
            salt: self.salt,
        }
    }

    /// Returns its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; SEGMENT_HEAD_BYTES] {
        let mut bytes = [0; SEGMENT_HEAD_BYTES];
        bytes[0..7].copy_from_slice(&MAGIC);
        bytes[7] = VERSION;
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.generation.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.previous_end.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_lsn.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[40..56].copy_from_slice(&self.owner);
        bytes[56..60].copy_from_slice(&self.salt.to_le_bytes());
        let sum = crc(&bytes[..60]);
        bytes[60..64].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a head.
    ///
    /// # Errors
    ///
    /// [`HeadError`]; [`HeadError::Version`] only when the checksum fits, because every version keeps the magic bytes
    /// and the checksum where they are.
    pub fn decode(bytes: &[u8; SEGMENT_HEAD_BYTES]) -> Result<Self, HeadError> {
        if bytes[0..7] != MAGIC {
            return Err(HeadError::Magic);
        }
        if u32_at(bytes, 60) != crc_append(0, &bytes[..60]) {
            return Err(HeadError::Crc);
        }
        if bytes[7] != VERSION {
            return Err(HeadError::Version { found: bytes[7] });
        }
        let head = Self {
            number: u64_at(bytes, 8),
            generation: u32_at(bytes, 16),
            previous_end: u32_at(bytes, 20),
            first_lsn: u64_at(bytes, 24),
            bytes: u64_at(bytes, 32),
            owner: array(bytes, 40),
            salt: u32_at(bytes, 56),
        };
        head.check()?;
        Ok(head)
    }

    /// Finds the one bit that is wrong in a damaged head, and returns the bytes with that bit turned back; `None` when
    /// more is wrong. Heads differ in so many bits that only one can have become these bytes in that way.
    #[must_use]
    pub fn mend(bytes: &[u8; SEGMENT_HEAD_BYTES]) -> Option<[u8; SEGMENT_HEAD_BYTES]> {
        let mut mended = *bytes;
        for bit in 0..SEGMENT_HEAD_BYTES * 8 {
            mended[bit / 8] ^= 1 << (bit % 8);
            if mended[0..7] == MAGIC && u32_at(&mended, 60) == crc(&mended[..60]) {
                return Some(mended);
            }
            mended[bit / 8] ^= 1 << (bit % 8);
        }
        None
    }

    fn check(&self) -> Result<(), HeadError> {
        let previous_end = u64::from(self.previous_end);
        let fields = [
            ("number", self.number > 0),
            ("generation", self.generation > 0),
            (
                "end of the segment before",
                previous_end >= SEGMENT_HEAD_BYTES as u64
                    && previous_end <= SEGMENT_BYTES_MAX
                    && previous_end.is_multiple_of(ALIGN_BYTES),
            ),
            ("first number", self.first_lsn > 0),
            (
                "size",
                self.bytes >= SEGMENT_HEAD_BYTES as u64
                    && self.bytes <= SEGMENT_BYTES_MAX
                    && self.bytes.is_multiple_of(ALIGN_BYTES),
            ),
        ];
        match fields.into_iter().find(|(_, is_right)| !is_right) {
            Some((field, _)) => Err(HeadError::Field { field }),
            None => Ok(()),
        }
    }
}
