//! What is known of a blob, of its membership in a namespace, and of a name: rows of the index.
//!
//! A row ends with a CRC-32C over its key and itself, so that a flipped bit in the index is found when the row is read.
//!
//! # Invariants
//!
//! * `decode(key, encode(key, row)) == row`; a row that was changed, or lies under another key, is no row.

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
    /// The way from a blob to its tags.
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

impl MemberRow {
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

    pub(crate) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut row = Writer::new(64);
        let (kind, record) = match self.place {
            Place::Nowhere => (0, NO_RECORD),
            Place::Log(record) => (1, record),
            Place::File(record) => (2, record),
        };
        row.byte(kind);
        row.record(record);
        row.u64(self.bytes);
        row.u64(u64::from(self.members));
        row.0
            .extend_from_slice(self.root.as_ref().map_or(&[], |root| &root[..]));
        row.seal(key)
    }

    pub(crate) fn decode(key: &[u8], row: &[u8]) -> Option<Self> {
        let mut fields = Reader::open(key, row)?;
        let (kind, record) = (fields.byte()?, fields.record()?);
        let place = match kind {
            0 => Place::Nowhere,
            1 => Place::Log(record),
            2 => Place::File(record),
            _ => return None,
        };
        Some(Self {
            place,
            bytes: fields.u64()?,
            members: fields.u64()?.try_into().ok()?,
            root: match fields.0.is_empty() {
                true => None,
                false => Some(fields.array()?),
            },
        })
    }
}

impl MemberRow {
    pub(crate) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut row = Writer::new(110);
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
        row.seal(key)
    }

    pub(crate) fn decode(key: &[u8], row: &[u8]) -> Option<Self> {
        let mut fields = Reader::open(key, row)?;
        let (record, flags, tier) = (fields.record()?, fields.byte()?, fields.byte()?);
        let mut state = Member {
            bytes: fields.u64()?,
            accepted_lsn: fields.u64()?,
            accepted: Accepted {
                at: fields.time()?,
                slow: fields.u64()?,
            },
            touched: fields.u64()?,
            touched_at: fields.u64()?,
            trashed: None,
            tier,
        };
        state.touched = state.touched.wrapping_add(state.accepted_lsn);
        state.touched_at = state.touched_at.wrapping_add(state.accepted.slow);
        if flags & 4 != 0 {
            state.trashed = Some((fields.u64()?, fields.u64()?));
        }
        Some(Self {
            record,
            is_own: flags & 1 != 0,
            is_damaged: flags & 2 != 0,
            state,
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

/// Stands where there is no record.
const NO_RECORD: Position = Position {
    segment: 0,
    offset: 0,
    body_len: 0,
};

/// Writes the fields of a row.
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

fn sum_of(key: &[u8], row: &[u8]) -> [u8; 4] {
    let key = wire::segment::crc(key);
    (wire::segment::crc(row) ^ key.rotate_left(11)).to_le_bytes()
}

#[cfg(test)]
mod tests;
