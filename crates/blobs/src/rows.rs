//! What is known of a blob, of its membership in a namespace, and of a name: rows of the index.
//!
//! Rows of blobs and members lie in blocks that have a checksum. A row of a name lies alone, and ends with a CRC-32C over
//! its key and itself. So a flipped bit in the index is found when the row is read.
//!
//! # Invariants
//!
//! * What was written is read as it was; a row that was changed, or lies under another key, is no row.

use base::{ContentHash, Timestamp};
use disk::log::Position;
use wire::blobs::{Accepted, Member};

use crate::groups::Root;

/// What is stored under a hash, whichever namespaces it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobRow {
    pub(crate) place: Place,
    pub(crate) bytes: u64,
    /// Its BLAKE3 hash, when it has more than one group.
    pub(crate) root: Option<Root>,
    /// In how many namespaces it is, trash included.
    pub(crate) members: u32,
}

/// Where the bytes of a blob are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere any more: they were damaged.
    Nowhere,
    /// In the body of this record.
    Log(Position),
    /// In a file of their own, to which this record links.
    File(Position),
}

/// A blob in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberRow {
    /// The record that says so last.
    pub(crate) record: Position,
    /// Whether that record says nothing else: it is not the one with the bytes.
    pub(crate) is_own: bool,
    /// Whether the bytes were damaged.
    pub(crate) is_damaged: bool,
    pub(crate) state: Member,
}

/// A row under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRow {
    /// A tag.
    Tag {
        hash: ContentHash,
        at: Timestamp,
        is_folder: bool,
        record: Position,
    },
    /// A lease until a time of the slow clock.
    Lease {
        until: u64,
        is_folder: bool,
        record: Position,
    },
    /// The way from a blob to its tags; and under [`damaged_key`] nothing but that it is there.
    Back,
}

/// Bytes that a record takes in the log, with its head and what fills it up.
pub(crate) const fn span_of(record: Position) -> u64 {
    64 + (record.body_len as u64).next_multiple_of(8)
}

/// The key of a blob in a namespace.
pub(crate) fn member_key(namespace: u16, hash: &[u8; 32]) -> [u8; 34] {
    let mut key = [0; 34];
    key[..2].copy_from_slice(&namespace.to_be_bytes());
    key[2..].copy_from_slice(hash);
    key
}

/// The key of a tag.
pub(crate) fn tag_key(namespace: u16, name: &str) -> Vec<u8> {
    [b"t", &namespace.to_be_bytes()[..], name.as_bytes()].concat()
}

/// The key of a lease; without a holder the beginning of the keys of all leases of the blob.
pub(crate) fn lease_key(namespace: u16, hash: &[u8; 32], holder: &str) -> Vec<u8> {
    [b"l", &namespace.to_be_bytes()[..], hash, holder.as_bytes()].concat()
}

/// The key of the way from a blob to one of its tags; without a name the beginning of all.
pub(crate) fn back_key(namespace: u16, hash: &[u8; 32], name: &str) -> Vec<u8> {
    [b"h", &namespace.to_be_bytes()[..], hash, name.as_bytes()].concat()
}

/// The key that says that a blob is damaged in a namespace, and not in the trash.
pub(crate) fn damaged_key(namespace: u16, hash: &[u8; 32]) -> Vec<u8> {
    [b"d", &namespace.to_be_bytes()[..], hash].concat()
}

impl MemberRow {
    /// Tells whether the namespace should be able to read the blob, and its bytes are damaged.
    pub(crate) const fn is_lost(&self) -> bool {
        self.is_damaged && self.state.trashed.is_none()
    }

    /// Tells whether the blob can be read in the namespace.
    pub(crate) const fn is_visible(&self) -> bool {
        self.state.trashed.is_none() && !self.is_damaged
    }

    /// Tells whether it waits for more than to be accepted.
    pub(crate) const fn is_queued(&self) -> bool {
        self.is_visible() && self.state.tier == 0
    }
}

impl BlobRow {
    /// Returns the record that says where the bytes are.
    pub(crate) const fn record(&self) -> Option<Position> {
        match self.place {
            Place::Nowhere => None,
            Place::Log(record) | Place::File(record) => Some(record),
        }
    }

    /// Writes the row behind what is there.
    pub(crate) fn write(&self, row: &mut Writer) {
        let (kind, record) = match self.place {
            Place::Nowhere => (0, None),
            Place::Log(record) => (1, Some(record)),
            Place::File(record) => (2, Some(record)),
        };
        row.byte(kind | u8::from(self.root.is_some()) << 2);
        if let Some(record) = record {
            row.record(record);
        }
        row.u64(self.bytes);
        row.u64(u64::from(self.members));
        row.0
            .extend_from_slice(self.root.as_ref().map_or(&[], |root| &root[..]));
    }

    /// Reads a row and goes on behind it; `None` when there is none.
    pub(crate) fn read(fields: &mut Reader<'_>) -> Option<Self> {
        let kind = fields.byte()?;
        let place = match kind & 3 {
            0 => Place::Nowhere,
            1 => Place::Log(fields.record()?),
            2 => Place::File(fields.record()?),
            _ => return None,
        };
        Some(Self {
            place,
            bytes: fields.u64()?,
            members: fields.u64()?.try_into().ok()?,
            root: match kind & 4 {
                0 => None,
                _ => Some(fields.array()?),
            },
        })
    }
}

impl MemberRow {
    /// Writes the row behind what is there.
    pub(crate) fn write(&self, row: &mut Writer) {
        row.record(self.record);
        let flags = u8::from(self.is_own)
            | u8::from(self.is_damaged) << 1
            | u8::from(self.state.trashed.is_some()) << 2;
        row.byte(flags);
        row.byte(self.state.tier);
        row.u64(self.state.bytes);
        row.u64(self.state.accepted_lsn);
        row.time(self.state.accepted.at);
        row.u64(self.state.accepted.slow);
        // Most are touched when they are accepted and never again.
        row.u64(self.state.touched.wrapping_sub(self.state.accepted_lsn));
        row.u64(self.state.touched_at.wrapping_sub(self.state.accepted.slow));
        if let Some((generation, at)) = self.state.trashed {
            row.u64(generation);
            row.u64(at);
        }
    }

    /// Reads a row and goes on behind it; `None` when there is none.
    pub(crate) fn read(fields: &mut Reader<'_>) -> Option<Self> {
        let record = fields.record()?;
        let flags = fields.byte()?;
        let tier = fields.byte()?;
        let bytes = fields.u64()?;
        let accepted_lsn = fields.u64()?;
        let accepted = Accepted {
            at: fields.time()?,
            slow: fields.u64()?,
        };
        let touched = fields.u64()?.wrapping_add(accepted_lsn);
        let touched_at = fields.u64()?.wrapping_add(accepted.slow);
        let trashed = match flags & 4 {
            0 => None,
            _ => Some((fields.u64()?, fields.u64()?)),
        };
        Some(Self {
            record,
            is_own: flags & 1 != 0,
            is_damaged: flags & 2 != 0,
            state: Member {
                bytes,
                accepted_lsn,
                accepted,
                touched,
                touched_at,
                trashed,
                tier,
            },
        })
    }
}

impl NameRow {
    pub(crate) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut row = Writer::new(64);
        match self {
            Self::Tag {
                hash,
                at,
                is_folder,
                record,
            } => {
                row.byte(1);
                row.0.extend_from_slice(hash.as_bytes());
                row.time(*at);
                row.byte(u8::from(*is_folder));
                row.record(*record);
            }
            Self::Lease {
                until,
                is_folder,
                record,
            } => {
                row.byte(2);
                row.u64(*until);
                row.byte(u8::from(*is_folder));
                row.record(*record);
            }
            Self::Back => row.byte(3),
        }
        row.seal(key)
    }

    pub(crate) fn decode(key: &[u8], row: &[u8]) -> Option<Self> {
        let mut fields = Reader::open(key, row)?;
        Some(match fields.byte()? {
            1 => Self::Tag {
                hash: ContentHash::from_bytes(fields.array()?),
                at: fields.time()?,
                is_folder: fields.byte()? != 0,
                record: fields.record()?,
            },
            2 => Self::Lease {
                until: fields.u64()?,
                is_folder: fields.byte()? != 0,
                record: fields.record()?,
            },
            3 => Self::Back,
            _ => return None,
        })
    }
}

/// Writes the fields of a row.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn new(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Writes a number in as few bytes as it needs: seven bits in each, the lowest first (LEB128).
    pub(crate) fn u64(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    pub(crate) fn time(&mut self, time: Timestamp) {
        self.0.extend_from_slice(&time.as_micros().to_le_bytes());
    }

    pub(crate) fn record(&mut self, record: Position) {
        self.u64(record.segment);
        self.u64(u64::from(record.offset));
        self.u64(u64::from(record.body_len));
    }

    /// Ends the row.
    pub(crate) fn seal(mut self, key: &[u8]) -> Vec<u8> {
        let sum = sum_of(key, &self.0);
        self.0.extend_from_slice(&sum);
        self.0
    }
}

/// Reads the fields of a row.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// Starts with the first field; `None` when this is not what was written under the key.
    pub(crate) fn open(key: &[u8], row: &'a [u8]) -> Option<Self> {
        let (fields, sum) = row.split_last_chunk::<4>()?;
        (sum_of(key, fields) == *sum).then_some(Self(fields))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        self.array().map(|time| Timestamp(i64::from_le_bytes(time)))
    }

    pub(crate) fn record(&mut self) -> Option<Position> {
        Some(Position {
            segment: self.u64()?,
            offset: self.u64()?.try_into().ok()?,
            body_len: self.u64()?.try_into().ok()?,
        })
    }
}

/// Returns the checksum of what lies under a key.
pub(crate) fn sum_of(key: &[u8], row: &[u8]) -> [u8; 4] {
    let key = wire::segment::crc(key);
    (wire::segment::crc(row) ^ key.rotate_left(11)).to_le_bytes()
}

#[cfg(test)]
mod tests;
