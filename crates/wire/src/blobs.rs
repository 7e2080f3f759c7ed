//! Bodies of the records that a blob store keeps in its segment log.
//!
//! The head of a record ([`crate::segment::RecordHead`]) says the kind, the namespace (`stream`) and a key; what else
//! there is to say is in the body and is read and written here. All integers are little endian. A body has one encoding:
//! reserved bytes are zero, and whatever follows the last field is refused.
//!
//! | kind | key | body |
//! |---|---|---|
//! | 1 blob | SHA-256 of the bytes | accepted (16), length u32, groups u16, 0 u16, groups × 32 bytes, the bytes |
//! | 2 link | SHA-256 of the bytes | accepted (16), length u64, BLAKE3 root (32) |
//! | 3 member | SHA-256 of the bytes | length u64, accepted number u64, accepted (16), touched u64, touched at u64, trashed u64, trashed at u64, tier u8, flags u8, 0 (6) |
//! | 4 purge | SHA-256 of the bytes | – |
//! | 5 tag | SHA-256 of the name | hash (32), tagged at i64, holds u8, name |
//! | 6 untag | SHA-256 of the name | name |
//! | 7 namespace | zeros | bytes at most u64, blobs at most u64, name |
//! | 8 damaged | SHA-256 of the bytes | – |
//! | 9 lease | SHA-256 of the bytes | until u64, holds u8, holder |
//!
//! "Accepted" is the time of day (i64, microseconds since 1970) and the store's slow clock (u64, microseconds).
//!
//! # Invariants
//!
//! * `decode(encode(record)) == record`, and no other bytes decode to the same record.
//!
//! It does not know what a record does to the state of a store, and checks neither names nor hashes.

use base::{ContentHash, Timestamp};
use thiserror::Error;

/// Bytes of data for which there is one BLAKE3 chaining value.
pub const GROUP_BYTES: usize = 16 * 1_024;

/// The largest blob that lies in the log, in bytes; a larger one is a file of its own.
pub const SMALL_BYTES_MAX: usize = 1_024 * 1_024;

/// The longest name of a tag, a namespace or a holder in a record, in bytes.
pub const NAME_BYTES_MAX: usize = 1_024;

/// Bytes of a blob record's body before the groups.
pub const BLOB_HEAD_BYTES: usize = 24;

/// Bytes of a chaining value and of a root.
pub const DIGEST_BYTES: usize = 32;

const LINK_BYTES: usize = 16 + 8 + DIGEST_BYTES;
const MEMBER_BYTES: usize = 72;

/// What a quota without a bound is written as.
const UNBOUNDED: u64 = u64::MAX;

/// The kind of a record, as it stands in its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The bytes of a blob, which makes it a member of the namespace.
    Blob = 1,
    /// A file that holds the bytes of a blob, which makes it a member of the namespace.
    Link = 2,
    /// The whole state of a blob in a namespace.
    Member = 3,
    /// A blob has left the namespace.
    Purge = 4,
    /// A name for a blob.
    Tag = 5,
    /// The name is gone.
    Untag = 6,
    /// A namespace, and what it may hold.
    Namespace = 7,
    /// The bytes that were stored are no longer right.
    Damaged = 8,
    /// A blob is kept until a moment.
    Lease = 9,
}

/// When a blob was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The time of day.
    pub at: Timestamp,
    /// The store's slow clock, in microseconds.
    pub slow: u64,
}

/// What stands before the bytes of a blob in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobHead {
    /// When it was accepted.
    pub accepted: Accepted,
    /// How many bytes it has.
    pub bytes: u32,
    /// How many chaining values stand before the bytes: one per [`GROUP_BYTES`], or none.
    pub groups: u16,
}

/// A blob in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// When it was accepted.
    pub accepted: Accepted,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its BLAKE3 hash.
    pub root: [u8; DIGEST_BYTES],
}

/// The whole state of a blob in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// How many bytes it has.
    pub bytes: u64,
    /// The number of the record with which it was accepted.
    pub accepted_lsn: u64,
    /// When it was accepted.
    pub accepted: Accepted,
    /// The generation of the last touch.
    pub touched: u64,
    /// When it was touched, by the slow clock.
    pub touched_at: u64,
    /// The generation in which it went into the trash, and when by the slow clock; `None` while it is live.
    pub trashed: Option<(u64, u64)>,
    /// How far its safety got: 0 accepted, 1 durable, 2 verified.
    pub tier: u8,
}

/// A name for a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// What it names.
    pub hash: ContentHash,
    /// When it was given.
    pub at: Timestamp,
    /// Whether it names a folder, whose files are kept with it.
    pub is_folder: bool,
    /// The name.
    pub name: &'a str,
}

/// A namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace<'a> {
    /// How many bytes it may hold.
    pub bytes_max: Option<u64>,
    /// How many blobs it may hold.
    pub blobs_max: Option<u64>,
    /// Its name.
    pub name: &'a str,
}

/// A blob is kept until a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease<'a> {
    /// Until when, by the slow clock; 0 ends it.
    pub until: u64,
    /// Whether it is a folder, whose files are kept with it.
    pub is_folder: bool,
    /// Who keeps it.
    pub holder: &'a str,
}

/// A record's body. Of a blob only what stands before its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Kind 1.
    Blob(BlobHead),
    /// Kind 2.
    Link(Link),
    /// Kind 3.
    Member(Member),
    /// Kind 4.
    Purge,
    /// Kind 5.
    Tag(Tag<'a>),
    /// Kind 6: the name.
    Untag(&'a str),
    /// Kind 7.
    Namespace(Namespace<'a>),
    /// Kind 8.
    Damaged,
    /// Kind 9.
    Lease(Lease<'a>),
}

/// A body is not one of a blob store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// No record has this kind.
    #[error("no record has the kind {kind}")]
    Kind {
        /// The kind.
        kind: u8,
    },
    /// It is shorter or longer than its kind says.
    #[error("a body of kind {kind} has the wrong length")]
    Length {
        /// The kind.
        kind: u8,
    },
    /// A field holds what it never holds.
    #[error("a body of kind {kind} is malformed")]
    Malformed {
        /// The kind.
        kind: u8,
    },
}

impl BlobHead {
    /// Returns where the bytes of the blob begin in the body.
    #[must_use]
    pub const fn data_offset(&self) -> usize {
        BLOB_HEAD_BYTES + self.groups as usize * DIGEST_BYTES
    }

    /// Writes what stands before the groups.
    #[must_use]
    pub fn encode(&self) -> [u8; BLOB_HEAD_BYTES] {
        let mut head = [0; BLOB_HEAD_BYTES];
        head[..8].copy_from_slice(&self.accepted.at.as_micros().to_le_bytes());
        head[8..16].copy_from_slice(&self.accepted.slow.to_le_bytes());
        head[16..20].copy_from_slice(&self.bytes.to_le_bytes());
        head[20..22].copy_from_slice(&self.groups.to_le_bytes());
        head
    }

    /// Reads what stands before the groups.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when these are not the first bytes of such a body.
    pub fn decode(head: &[u8; BLOB_HEAD_BYTES]) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(Kind::Blob, head);
        let decoded = Self {
            accepted: fields.accepted()?,
            bytes: fields.u32()?,
            groups: fields.u16()?,
        };
        let groups = (decoded.bytes as usize).div_ceil(GROUP_BYTES);
        let is_plain = decoded.groups == 0 || (usize::from(decoded.groups) == groups && groups > 1);
        if fields.u16()? != 0 || !is_plain {
            return Err(fields.malformed());
        }
        Ok(decoded)
    }
}

impl Kind {
    /// Finds the kind that a record's head tells.
    #[must_use]
    pub const fn find(kind: u8) -> Option<Self> {
        Some(match kind {
            1 => Self::Blob,
            2 => Self::Link,
            3 => Self::Member,
            4 => Self::Purge,
            5 => Self::Tag,
            6 => Self::Untag,
            7 => Self::Namespace,
            8 => Self::Damaged,
            9 => Self::Lease,
            _ => return None,
        })
    }
}

impl<'a> Body<'a> {
    /// Returns the kind for the record's head.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Blob(_) => Kind::Blob,
            Self::Link(_) => Kind::Link,
            Self::Member(_) => Kind::Member,
            Self::Purge => Kind::Purge,
            Self::Tag(_) => Kind::Tag,
            Self::Untag(_) => Kind::Untag,
            Self::Namespace(_) => Kind::Namespace,
            Self::Damaged => Kind::Damaged,
            Self::Lease(_) => Kind::Lease,
        }
    }

    /// Writes the body; of a blob only what stands before its groups.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(MEMBER_BYTES);
        match self {
            Self::Blob(head) => body.extend_from_slice(&head.encode()),
            Self::Link(link) => link.write(&mut body),
            Self::Member(member) => member.write(&mut body),
            Self::Purge | Self::Damaged => {}
            Self::Tag(tag) => {
                body.extend_from_slice(tag.hash.as_bytes());
                body.extend_from_slice(&tag.at.as_micros().to_le_bytes());
                body.push(u8::from(tag.is_folder));
                body.extend_from_slice(tag.name.as_bytes());
            }
            Self::Untag(name) => body.extend_from_slice(name.as_bytes()),
            Self::Namespace(namespace) => {
                for bound in [namespace.bytes_max, namespace.blobs_max] {
                    body.extend_from_slice(&bound.unwrap_or(UNBOUNDED).to_le_bytes());
                }
                body.extend_from_slice(namespace.name.as_bytes());
            }
            Self::Lease(lease) => {
                body.extend_from_slice(&lease.until.to_le_bytes());
                body.push(u8::from(lease.is_folder));
                body.extend_from_slice(lease.holder.as_bytes());
            }
        }
        body
    }

    /// Reads the body of a record of this kind.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is not one that [`Body::encode`] writes (and for a blob its groups and bytes).
    pub fn decode(kind: u8, body: &'a [u8]) -> Result<Self, DecodeError> {
        let kind = Kind::find(kind).ok_or(DecodeError::Kind { kind })?;
        let mut fields = Fields::new(kind, body);
        let decoded = match kind {
            Kind::Blob => {
                let head = BlobHead::decode(&fields.array()?)?;
                if body.len() != head.data_offset() + head.bytes as usize {
                    return Err(fields.wrong_length());
                }
                return Ok(Self::Blob(head));
            }
            Kind::Link => Self::Link(Link {
                accepted: fields.accepted()?,
                bytes: fields.u64()?,
                root: fields.array()?,
            }),
            Kind::Member => Self::Member(fields.member()?),
            Kind::Purge => Self::Purge,
            Kind::Damaged => Self::Damaged,
            Kind::Tag => Self::Tag(Tag {
                hash: ContentHash::from_bytes(fields.array()?),
                at: fields.time()?,
                is_folder: fields.flag()?,
                name: fields.name()?,
            }),
            Kind::Untag => Self::Untag(fields.name()?),
            Kind::Namespace => Self::Namespace(Namespace {
                bytes_max: fields.bound()?,
                blobs_max: fields.bound()?,
                name: fields.name()?,
            }),
            Kind::Lease => Self::Lease(Lease {
                until: fields.u64()?,
                is_folder: fields.flag()?,
                holder: fields.name()?,
            }),
        };
        fields.end().map(|()| decoded)
    }
}

impl Accepted {
    fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.at.as_micros().to_le_bytes());
        body.extend_from_slice(&self.slow.to_le_bytes());
    }
}

impl Link {
    fn write(&self, body: &mut Vec<u8>) {
        body.reserve(LINK_BYTES);
        self.accepted.write(body);
        body.extend_from_slice(&self.bytes.to_le_bytes());
        body.extend_from_slice(&self.root);
    }
}

impl Member {
    fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.bytes.to_le_bytes());
        body.extend_from_slice(&self.accepted_lsn.to_le_bytes());
        self.accepted.write(body);
        let (trashed, trashed_at) = self.trashed.unwrap_or_default();
        for number in [self.touched, self.touched_at, trashed, trashed_at] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.push(self.tier);
        body.push(u8::from(self.trashed.is_some()));
        body.extend_from_slice(&[0; 6]);
    }
}

/// Reads fields from the front of a body.
struct Fields<'a> {
    kind: Kind,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    const fn new(kind: Kind, rest: &'a [u8]) -> Self {
        Self { kind, rest }
    }

    const fn wrong_length(&self) -> DecodeError {
        DecodeError::Length {
            kind: self.kind as u8,
        }
    }

    const fn malformed(&self) -> DecodeError {
        DecodeError::Malformed {
            kind: self.kind as u8,
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (field, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(self.wrong_length())?;
        self.rest = rest;
        Ok(*field)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Result<Timestamp, DecodeError> {
        self.array()
            .map(|field| Timestamp(i64::from_le_bytes(field)))
    }

    fn accepted(&mut self) -> Result<Accepted, DecodeError> {
        Ok(Accepted {
            at: self.time()?,
            slow: self.u64()?,
        })
    }

    fn bound(&mut self) -> Result<Option<u64>, DecodeError> {
        Ok(Some(self.u64()?).filter(|bound| *bound != UNBOUNDED))
    }

    fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.malformed()),
        }
    }

    fn name(&mut self) -> Result<&'a str, DecodeError> {
        let name = std::mem::take(&mut self.rest);
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(self.wrong_length());
        }
        str::from_utf8(name).map_err(|_| self.malformed())
    }

    fn member(&mut self) -> Result<Member, DecodeError> {
        let (bytes, accepted_lsn) = (self.u64()?, self.u64()?);
        let accepted = self.accepted()?;
        let (touched, touched_at) = (self.u64()?, self.u64()?);
        let trashed = (self.u64()?, self.u64()?);
        let [tier] = self.array()?;
        let is_trashed = self.flag()?;
        let is_plain = is_trashed || trashed == (0, 0);
        if self.array::<6>()? != [0; 6] || tier > 2 || !is_plain {
            return Err(self.malformed());
        }
        Ok(Member {
            bytes,
            accepted_lsn,
            accepted,
            touched,
            touched_at,
            trashed: is_trashed.then_some(trashed),
            tier,
        })
    }

    const fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.wrong_length())
    }
}

#[cfg(test)]
mod tests;
