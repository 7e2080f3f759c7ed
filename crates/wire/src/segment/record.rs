//! The 64 bytes before each body: what it is, how long, and how far the log was stable when it was written.

use thiserror::Error;

use super::{
    BODY_BYTES_MAX, KIND_MARK, Lsn, RECORD_HEAD_BYTES, STREAM_OF_LOG, SegmentId, array, crc_append,
    span, u16_at, u32_at, u64_at,
};

/// First bytes of every log record.
pub(super) const MAGIC: [u8; 4] = *b"CHRC";

/// Flag: compaction wrote this log record again; its first form had a smaller number.
pub const FLAG_MOVED: u8 = 1;

/// The head of a log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// What the body is; the owner of the stream decides.
    pub kind: u8,
    /// [`FLAG_MOVED`] or 0.
    pub flags: u8,
    /// Whose it is; [`STREAM_OF_LOG`] is the log's own.
    pub stream: u16,
    /// Bytes of the body, at most [`BODY_BYTES_MAX`].
    pub body_len: u32,
    /// How far back the last log record lies that was known to be on stable storage when this one was written; at
    /// least 1.
    pub since_sync: u32,
    /// Its number.
    pub lsn: Lsn,
    /// CRC-32C of the body.
    pub body_crc: u32,
    /// What the owner finds it by, such as the SHA-256 of the body.
    pub key: [u8; 32],
}

/// These bytes are no head of a log record of this segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// They are all zero: nothing was written here.
    #[error("nothing is written here")]
    Empty,
    /// They do not start as a log record does.
    #[error("no log record starts here")]
    Magic,
    /// The checksum does not fit: damaged, or of another use of the file.
    #[error("the head of the log record is damaged")]
    Crc,
    /// The checksum fits, and a field has a value that no writer gives it.
    #[error("the head of the log record has a wrong {field}")]
    Field {
        /// Which one.
        field: &'static str,
    },
}

impl RecordHead {
    /// Returns its bytes in a segment.
    #[must_use]
    pub fn encode(&self, segment: &SegmentId) -> [u8; RECORD_HEAD_BYTES] {
        self.encode_seeded(segment.seed())
    }

    /// Does what [`RecordHead::encode`] does, with [`SegmentId::seed`] computed before.
    #[must_use]
    pub fn encode_seeded(&self, seed: u32) -> [u8; RECORD_HEAD_BYTES] {
        let mut bytes = [0; RECORD_HEAD_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = self.kind;
        bytes[5] = self.flags;
        bytes[6..8].copy_from_slice(&self.stream.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.body_len.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.since_sync.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.lsn.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.body_crc.to_le_bytes());
        bytes[32..64].copy_from_slice(&self.key);
        let sum = crc_append(seed, &bytes);
        bytes[28..32].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a head.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(
        bytes: &[u8; RECORD_HEAD_BYTES],
        segment: &SegmentId,
    ) -> Result<Self, RecordError> {
        Self::decode_seeded(bytes, segment.seed())
    }

    /// Does what [`RecordHead::decode`] does, with [`SegmentId::seed`] computed before.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode_seeded(bytes: &[u8; RECORD_HEAD_BYTES], seed: u32) -> Result<Self, RecordError> {
        if bytes[0..4] != MAGIC {
            let is_empty = bytes.iter().all(|byte| *byte == 0);
            return Err(if is_empty {
                RecordError::Empty
            } else {
                RecordError::Magic
            });
        }
        let mut summed = *bytes;
        summed[28..32].fill(0);
        if u32_at(bytes, 28) != crc_append(seed, &summed) {
            return Err(RecordError::Crc);
        }
        let head = Self {
            kind: bytes[4],
            flags: bytes[5],
            stream: u16_at(bytes, 6),
            body_len: u32_at(bytes, 8),
            since_sync: u32_at(bytes, 12),
            lsn: u64_at(bytes, 16),
            body_crc: u32_at(bytes, 24),
            key: array(bytes, 32),
        };
        head.check()?;
        Ok(head)
    }

    /// Returns how many bytes it takes with its body and the padding.
    #[must_use]
    pub const fn span(&self) -> u64 {
        span(self.body_len)
    }

    /// Returns the number of the last log record that was known to be on stable storage when this one was written.
    #[must_use]
    pub const fn stable(&self) -> Lsn {
        self.lsn.saturating_sub(self.since_sync as u64)
    }

    /// Tells whether compaction wrote it again.
    #[must_use]
    pub const fn is_moved(&self) -> bool {
        self.flags & FLAG_MOVED != 0
    }

    /// Tells whether it is a mark: see [`KIND_MARK`].
    #[must_use]
    pub const fn is_mark(&self) -> bool {
        self.stream == STREAM_OF_LOG && self.kind == KIND_MARK
    }

    fn check(&self) -> Result<(), RecordError> {
        let since_sync = u64::from(self.since_sync);
        let fields = [
            ("number", self.lsn > 0 && self.lsn < Lsn::MAX),
            (
                "distance to what is stable",
                since_sync >= 1 && since_sync <= self.lsn,
            ),
            ("length", self.body_len <= BODY_BYTES_MAX),
            ("set of flags", self.flags & !FLAG_MOVED == 0),
        ];
        match fields.into_iter().find(|(_, is_right)| !is_right) {
            Some((field, _)) => Err(RecordError::Field { field }),
            None => Ok(()),
        }
    }
}
