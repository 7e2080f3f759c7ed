//! What was pushed and is not written yet: heads and small bodies in one buffer, large bodies as they came.

use std::io::IoSlice;

use bytes::Bytes;
use wire::segment::{ALIGN_BYTES, Lsn, RECORD_HEAD_BYTES, RecordHead, crc_append};

use super::Part;

/// Parts of a body up to this size are copied: one buffer is cheaper to write than many.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// Largest buffer that is kept for the next batch.
const KEPT_BYTES_MAX: usize = 8 << 20;

/// Zeros behind a batch, so that the end of what was written can be told from the torn beginning of more.
const TERMINATOR: [u8; RECORD_HEAD_BYTES] = [0; RECORD_HEAD_BYTES];

/// Where a part of the batch lies in memory.
#[derive(Debug)]
enum Piece {
    /// Up to this place in the buffer.
    Copied {
        end: usize,
    },
    Shared(Bytes),
}

/// Log records that go into one segment, one after the other, with one sync.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The segment that it begins; `None` when it goes on in the one that is being written.
    pub(super) begins: Option<Begin>,
    /// Where it starts in the segment.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// The last number before it; all up to there is stable when this is written.
    pub(super) stable: Lsn,
    /// Its last number.
    pub(super) last: Lsn,
    /// It is nothing but a mark.
    pub(super) is_mark: bool,
    heads: Vec<(usize, RecordHead)>,
    buffer: Vec<u8>,
    pieces: Vec<Piece>,
}

/// A segment that is begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) number: u64,
    pub(super) bytes: u64,
}

impl Chunk {
    pub(super) fn new(begins: Option<Begin>, start: u64, stable: Lsn, buffer: Vec<u8>) -> Self {
        Self {
            begins,
            start,
            end: start,
            stable,
            last: stable,
            is_mark: false,
            heads: Vec::new(),
            buffer,
            pieces: Vec::new(),
        }
    }

    /// Adds a log record with the next number; its checksum and number are filled in here.
    pub(super) fn add(&mut self, mut head: RecordHead, body: &[Part<'_>]) -> Lsn {
        self.last += 1;
        head.lsn = self.last;
        head.since_sync =
            u32::try_from(head.lsn - self.stable).expect("a batch has far less than 2^32");
        head.body_crc = body
            .iter()
            .fold(0, |sum, part| crc_append(sum, part.bytes()));
        self.heads.push((self.buffer.len(), head));
        self.buffer.extend_from_slice(&[0; RECORD_HEAD_BYTES]);
        for part in body {
            match part {
                Part::Shared(bytes) if bytes.len() > COPIED_BYTES_MAX => {
                    self.close_piece();
                    self.pieces.push(Piece::Shared(Bytes::clone(bytes)));
                }
                part => self.buffer.extend_from_slice(part.bytes()),
            }
        }
        let bare = RECORD_HEAD_BYTES as u64 + u64::from(head.body_len);
        let padding = bare.next_multiple_of(ALIGN_BYTES) - bare;
        self.buffer.resize(
            self.buffer.len() + usize::try_from(padding).expect("below 8"),
            0,
        );
        self.end += head.span();
        head.lsn
    }

    /// Fills in the heads and returns everything to be written, with zeros behind it as far as `room` reaches.
    pub(super) fn parts(&mut self, seed: u32, room: u64) -> Vec<IoSlice<'_>> {
        self.close_piece();
        for (place, head) in &self.heads {
            self.buffer[*place..*place + RECORD_HEAD_BYTES]
                .copy_from_slice(&head.encode_seeded(seed));
        }
        let mut parts = Vec::with_capacity(self.pieces.len() + 1);
        let mut start = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Copied { end } => {
                    parts.push(IoSlice::new(&self.buffer[start..*end]));
                    start = *end;
                }
                Piece::Shared(bytes) => parts.push(IoSlice::new(bytes)),
            }
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        parts.push(IoSlice::new(&TERMINATOR[..TERMINATOR.len().min(room)]));
        parts
    }

    /// Returns the buffer for the next batch, emptied.
    pub(super) fn into_buffer(mut self) -> Vec<u8> {
        self.buffer.clear();
        if self.buffer.capacity() > KEPT_BYTES_MAX {
            return Vec::new();
        }
        self.buffer
    }

    /// Ends the piece that was being copied.
    fn close_piece(&mut self) {
        let end = self.buffer.len();
        let start = self
            .pieces
            .iter()
            .rev()
            .find_map(|piece| match piece {
                Piece::Copied { end } => Some(*end),
                Piece::Shared(_) => None,
            })
            .unwrap_or(0);
        if start < end {
            self.pieces.push(Piece::Copied { end });
        }
    }
}
