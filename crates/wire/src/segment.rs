//! The segment log's bytes: heads of segments, heads of log records, what may follow what, and the list of retired
//! segments.
//!
//! A log is a folder of segments.
//! A segment is a file of fixed size: a head, then log records one after the other, then whatever was there before.
//! The page `docs/protocols/segment-log.md` gives every byte, with vectors.
//!
//! # Invariants
//!
//! * All integers are little endian; every log record starts at a multiple of 8 and is padded with zeros to one.
//! * The checksum of a log record's head is seeded with the segment's number, generation and salt, so that bytes of an
//!   earlier use of the file, or a body made by a stranger, are never taken for a log record.
//! * [`Course`] alone says which log record may come next; whoever walks a segment asks it.
//!
//! It does not know what streams, kinds, keys and bodies mean, except in the log's own stream ([`STREAM_OF_LOG`]).

mod course;
mod head;
mod reader;
mod record;
mod retired;

pub use course::{Course, Misfit};
pub use head::{HeadError, SegmentHead, SegmentId};
pub use reader::{Fault, FaultKind, Reader, find_head};
pub use record::{FLAG_MOVED, RecordError, RecordHead};
pub use retired::{RETIRED_RANGES_MAX, Retired, RetiredError, RetiredRange};

/// The number of a log record: from 1, without gaps over the whole log.
pub type Lsn = u64;

/// Bytes of a segment's head.
pub const SEGMENT_HEAD_BYTES: usize = 64;

/// Bytes of a log record's head.
pub const RECORD_HEAD_BYTES: usize = 64;

/// Largest body of a log record in bytes: 2 MiB.
pub const BODY_BYTES_MAX: u32 = 2 * 1024 * 1024;

/// Log records start at multiples of this many bytes.
pub const ALIGN_BYTES: u64 = 8;

/// Largest segment in bytes, 1 GiB: an offset fits into 32 bits with room to spare.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// The stream of what the log writes for itself; owners never see it.
pub const STREAM_OF_LOG: u16 = u16::MAX;

/// Kind of a mark in the log's own stream: what was written before and never synced ends here for good.
pub const KIND_MARK: u8 = 1;

/// Returns the checksum of these bytes: CRC-32C (Castagnoli; RFC 3720, appendix B.4).
#[must_use]
pub fn crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// Returns the checksum of bytes that come after others with the checksum `before`.
#[must_use]
pub fn crc_append(before: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(before, bytes)
}

/// Returns how many bytes a log record with such a body takes: head, body and padding.
#[must_use]
pub const fn span(body_len: u32) -> u64 {
    (RECORD_HEAD_BYTES as u64 + body_len as u64).next_multiple_of(ALIGN_BYTES)
}

/// Returns `N` bytes at an offset that is known to lie inside.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[offset..offset + N]);
    array
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(array(bytes, offset))
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(array(bytes, offset))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(array(bytes, offset))
}

#[cfg(test)]
mod tests;
