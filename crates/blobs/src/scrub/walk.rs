//! The log, read from its start: what is damaged there and who needs it.
//!
//! A damaged place that a row points to is written again from the row. Whether anybody needs one to which no row points,
//! such as the record of a removal, is told by the count of what a segment is needed for: when everything that can be
//! read in it makes up the count, nothing else in it matters.

use std::collections::VecDeque;
use std::sync::Arc;

use base::ContentHash;
use bytes::Bytes;
use disk::log::{Corrupt, Position, ReadLogError, Walk, Walked};
use storage_core::scrub::Fault;
use wire::blobs::{BLOB_HEAD_BYTES, Body, Kind};
use wire::segment::RecordHead;

use crate::core::Core;
use crate::groups::groups_of;
use crate::index::IndexError;
use crate::rows::{BlobRow, NameRow, Place, lease_key, span_of, tag_key};
use crate::{Blobs, ReadError, WriteError};

/// How many rows are looked at at once for the one that points to a place.
const PAGE: usize = 65_536;

/// How often a segment is counted anew when it changed under the count.
const COUNTS_MAX: u32 = 3;

/// Bytes before the key's name: what it is, and the namespace.
const KEY_HEAD_BYTES: usize = 3;

/// Reads the segments that there were when it was made.
#[derive(Debug)]
pub(super) struct LogReader {
    /// Segments that are left, and how far each was written.
    segments: VecDeque<(u64, u64)>,
    walk: Option<Walk>,
    /// What was found and not told yet.
    places: Vec<Damage>,
}

/// What reading on came to.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: u64,
    pub(super) places: Vec<Damage>,
    pub(super) is_end: bool,
}

/// A damaged place.
#[derive(Clone, Debug)]
pub(super) struct Damage {
    segment: u64,
    offset: u64,
    /// The head of the record, when it is whole.
    head: Option<RecordHead>,
}

/// Whose record it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Blob(ContentHash, BlobRow),
    Member(u16, ContentHash, Position),
    Tag(u16, String, Position),
    Lease(u16, ContentHash, String, Position),
    Namespace(u16, String, Position),
}

impl LogReader {
    pub(super) fn new(core: &Core) -> Self {
        let segments = core.log.segments().into_iter();
        Self {
            segments: segments
                .map(|stat| (stat.number, stat.used_bytes))
                .collect(),
            walk: None,
            places: Vec::new(),
        }
    }

    /// Reads about so many bytes on. Blocks.
    pub(super) fn read(&mut self, core: &Core, bytes_max: u64) -> Result<Piece, ReadLogError> {
        let mut bytes = 0;
        while bytes < bytes_max {
            let Some((segment, used)) = self.segments.front().copied() else {
                break;
            };
            let walk = match &mut self.walk {
                Some(walk) => walk,
                None => match core.log.walk(segment) {
                    Ok(walk) => self.walk.insert(walk),
                    Err(_) => {
                        self.segments.pop_front();
                        continue;
                    }
                },
            };
            match walk.next() {
                // What came since is read the next time.
                Ok(Some(walked)) if u64::from(walked.at.offset) >= used => self.leave(),
                Ok(Some(Walked { at, head, body })) => {
                    bytes += span_of(at);
                    if body.is_err() {
                        self.places.push(Damage {
                            segment,
                            offset: u64::from(at.offset),
                            head: Some(head),
                        });
                    }
                }
                Err(ReadLogError::Corrupt(Corrupt { offset, .. })) => {
                    bytes += 64;
                    self.places.push(Damage {
                        segment,
                        offset,
                        head: None,
                    });
                }
                Err(error @ ReadLogError::Io { .. }) => {
                    core.counters.count_read_failure();
                    return Err(error);
                }
                Ok(None)
                | Err(ReadLogError::Gone | ReadLogError::NotCommitted | ReadLogError::Beyond) => {
                    self.leave();
                }
            }
        }
        core.counters.count_scrubbed(bytes);
        Ok(Piece {
            bytes,
            places: std::mem::take(&mut self.places),
            is_end: self.segments.is_empty(),
        })
    }

    fn leave(&mut self) {
        self.walk = None;
        self.segments.pop_front();
    }
}

impl Damage {
    fn is_at(&self, record: Position) -> bool {
        record.segment == self.segment && u64::from(record.offset) == self.offset
    }

    fn fault(&self, what: String, is_mended: bool) -> Fault {
        Fault {
            segment: self.segment,
            offset: self.offset,
            what,
            is_mended,
        }
    }
}

impl Owner {
    fn name(&self) -> String {
        match self {
            Self::Blob(hash, _) => format!("the record of blob {hash}"),
            Self::Member(_, hash, _) => format!("the state of blob {hash}"),
            Self::Tag(_, name, _) => format!("the tag {name}"),
            Self::Lease(_, hash, _, _) => format!("a lease of blob {hash}"),
            Self::Namespace(_, name, _) => format!("the namespace {name}"),
        }
    }
}

impl Blobs {
    /// Writes again what stands at a damaged place; nothing when nobody needs it, or when it is a blob that is told as
    /// damaged itself.
    pub(super) async fn mend(&self, damage: Damage) -> Result<Option<Fault>, ReadError> {
        let (core, place) = (Arc::clone(self.core()), damage.clone());
        let owner = move || core.owner_of(&place);
        let Some(owner) = self.core().files.run(owner).await? else {
            let (core, segment) = (Arc::clone(self.core()), damage.segment);
            let is_needed = move || core.lacks(segment);
            let is_needed = self.core().files.run(is_needed).await?;
            let what = "a record that nobody can read any more";
            return Ok(is_needed.then(|| damage.fault(what.to_owned(), false)));
        };
        let what = owner.name();
        let Some(written) = self.rewrite(owner).await? else {
            return Ok(None);
        };
        let is_mended = written.unwrap_or_else(|error| {
            tracing::warn!(target: "blobs::event::record_unmended", %error, "a damaged record could not be written again");
            false
        });
        Ok(Some(damage.fault(what, is_mended)))
    }

    /// Writes a record again; nothing when it is a blob whose bytes are damaged, which is set aside.
    async fn rewrite(&self, owner: Owner) -> Result<Option<Result<bool, WriteError>>, ReadError> {
        let weight = 256;
        Ok(Some(match owner {
            Owner::Blob(hash, row) => match row.place {
                Place::Nowhere => Ok(false),
                Place::File(record) => {
                    self.ask(weight, move |writer, appender| {
                        writer.rewrite_link(&hash, record, appender)
                    })
                    .await
                }
                Place::Log(record) => {
                    let blobs = self.clone();
                    let read = move || blobs.read_for_rewrite(&hash, &row, record);
                    let Some(bytes) = self.core().files.run(read).await? else {
                        return Ok(None);
                    };
                    self.ask(weight + bytes.len(), move |writer, appender| {
                        writer.rewrite_blob(&hash, record, &bytes, appender)
                    })
                    .await
                }
            },
            Owner::Member(namespace, hash, record) => {
                self.ask(weight, move |writer, appender| {
                    writer.rewrite_member(namespace, &hash, record, appender)
                })
                .await
            }
            Owner::Tag(namespace, name, record) => {
                self.ask(weight + name.len(), move |writer, appender| {
                    writer.rewrite_tag(namespace, &name, record, appender)
                })
                .await
            }
            Owner::Lease(namespace, hash, holder, record) => {
                self.ask(weight + holder.len(), move |writer, appender| {
                    writer.rewrite_lease(namespace, &hash, &holder, record, appender)
                })
                .await
            }
            Owner::Namespace(number, _, record) => {
                self.ask(weight, move |writer, appender| {
                    writer.rewrite_namespace(number, record, appender)
                })
                .await
            }
        }))
    }

    /// Reads the bytes of a blob in the log, past what its record says of itself; sets it aside when they are wrong.
    fn read_for_rewrite(
        &self,
        hash: &ContentHash,
        row: &BlobRow,
        record: Position,
    ) -> Result<Option<Bytes>, ReadError> {
        let groups = row.root.map_or(0, |_| groups_of(row.bytes) * 32);
        let before = u32::try_from(BLOB_HEAD_BYTES as u64 + groups).unwrap_or(u32::MAX);
        let mut bytes = vec![0; usize::try_from(row.bytes).unwrap_or(usize::MAX)];
        match self.core().log.read_body_at(&record, before, &mut bytes) {
            Ok(()) if ContentHash::of(&bytes) == *hash => return Ok(Some(Bytes::from(bytes))),
            Err(error @ ReadLogError::Io { .. }) => return Err(error.into()),
            // It was moved meanwhile.
            Err(ReadLogError::Gone) => return Ok(None),
            Ok(()) | Err(_) => {}
        }
        self.set_aside(hash, row.place);
        Ok(None)
    }
}

impl Core {
    /// Finds the row that points to a damaged place.
    fn owner_of(&self, damage: &Damage) -> Result<Option<Owner>, IndexError> {
        let Some(head) = &damage.head else {
            return self.owner_anywhere(damage);
        };
        let hash = ContentHash::from_bytes(head.key);
        match Kind::find(head.kind) {
            Some(Kind::Blob | Kind::Link) => {
                let row = self.view.blob(&head.key)?;
                let row = row.filter(|row| row.record().is_some_and(|at| damage.is_at(at)));
                Ok(row.map(|row| Owner::Blob(hash, row)))
            }
            Some(Kind::Member) => {
                let row = self.view.member(head.stream, &head.key)?;
                let row = row.filter(|row| row.is_own && damage.is_at(row.record));
                Ok(row.map(|row| Owner::Member(head.stream, hash, row.record)))
            }
            Some(Kind::Tag | Kind::Lease) => self.name_at(damage, head.stream),
            Some(Kind::Namespace) => Ok(self.namespace_at(damage)),
            Some(Kind::Purge | Kind::Untag | Kind::Damaged) | None => Ok(None),
        }
    }

    /// Looks through all rows: the place does not say what it is about.
    fn owner_anywhere(&self, damage: &Damage) -> Result<Option<Owner>, IndexError> {
        if let Some(owner) = self.namespace_at(damage) {
            return Ok(Some(owner));
        }
        let namespaces = self.space().namespaces.len();
        for namespace in 0..u16::try_from(namespaces).unwrap_or(u16::MAX) {
            if let Some(owner) = self.name_at(damage, namespace)? {
                return Ok(Some(owner));
            }
            let found = self.view.members(namespace, None, 1, |row| {
                row.is_own && damage.is_at(row.record)
            })?;
            if let Some((hash, row)) = found.first() {
                let hash = ContentHash::from_bytes(*hash);
                return Ok(Some(Owner::Member(namespace, hash, row.record)));
            }
        }
        let mut after = None;
        loop {
            let page = self.view.blobs(after, PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(None);
            };
            after = Some(*last);
            for (hash, row) in page {
                if row.record().is_some_and(|at| damage.is_at(at)) {
                    return Ok(Some(Owner::Blob(ContentHash::from_bytes(hash), row)));
                }
            }
        }
    }

    fn namespace_at(&self, damage: &Damage) -> Option<Owner> {
        let space = self.space();
        let mut rooms = (0_u16..).zip(&space.namespaces);
        rooms.find_map(|(number, room)| {
            let record = room.record.filter(|at| damage.is_at(*at))?;
            Some(Owner::Namespace(number, room.name.to_string(), record))
        })
    }

    /// Finds a tag or a lease of a namespace.
    fn name_at(&self, damage: &Damage, namespace: u16) -> Result<Option<Owner>, IndexError> {
        for prefix in [
            tag_key(namespace, ""),
            lease_key(namespace, &[0; 32], "")[..KEY_HEAD_BYTES].to_vec(),
        ] {
            let mut after = Vec::new();
            loop {
                let page = self.view.names(&prefix, &after, PAGE)?;
                let Some((last, _)) = page.last() else {
                    break;
                };
                after.clone_from(last);
                for (key, row) in page {
                    let owner = match row {
                        NameRow::Tag { record, .. } if damage.is_at(record) => {
                            let name = String::from_utf8_lossy(&key[KEY_HEAD_BYTES..]);
                            Owner::Tag(namespace, name.into_owned(), record)
                        }
                        NameRow::Lease { record, .. } if damage.is_at(record) => {
                            let (hash, holder) = key[KEY_HEAD_BYTES..]
                                .split_first_chunk::<32>()
                                .ok_or(IndexError::Damaged)?;
                            let hash = ContentHash::from_bytes(*hash);
                            let holder = String::from_utf8_lossy(holder).into_owned();
                            Owner::Lease(namespace, hash, holder, record)
                        }
                        NameRow::Tag { .. } | NameRow::Lease { .. } | NameRow::Back => continue,
                    };
                    return Ok(Some(owner));
                }
            }
        }
        Ok(None)
    }

    /// Tells whether a segment is needed for more than can be read in it. While it changes all the time, yes.
    fn lacks(&self, segment: u64) -> Result<bool, ReadError> {
        let needed = || {
            self.space()
                .segments
                .get(&segment)
                .map_or(0, |used| used.live)
        };
        for _ in 0..COUNTS_MAX {
            let before = needed();
            let readable = self.readable_bytes(segment)?;
            if needed() == before {
                return Ok(readable < before);
            }
        }
        Ok(true)
    }

    /// Counts the bytes of records of a segment that are needed and can be read, with heads.
    fn readable_bytes(&self, segment: u64) -> Result<u64, ReadError> {
        let mut walk = match self.log.walk(segment) {
            Ok(walk) => walk,
            Err(ReadLogError::Gone) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = 0;
        loop {
            match walk.next() {
                Ok(Some(Walked {
                    at,
                    head,
                    body: Ok(body),
                })) => {
                    if self.counts(at, &head, &body)? {
                        bytes += span_of(at);
                    }
                }
                Ok(Some(_)) | Err(ReadLogError::Corrupt(_)) => {}
                Ok(None)
                | Err(ReadLogError::Gone | ReadLogError::NotCommitted | ReadLogError::Beyond) => {
                    return Ok(bytes);
                }
                Err(error @ ReadLogError::Io { .. }) => return Err(error.into()),
            }
        }
    }

    /// Tells whether a record is among those that a segment is needed for; see `Draft::apply`.
    fn counts(&self, at: Position, head: &RecordHead, body: &Bytes) -> Result<bool, IndexError> {
        let Ok(decoded) = Body::decode(head.kind, body) else {
            return Ok(false);
        };
        Ok(match decoded {
            Body::Blob(_) | Body::Link(_) => {
                let row = self.view.blob(&head.key)?;
                row.is_some_and(|row| row.record() == Some(at))
            }
            Body::Member(_) => {
                let row = self.view.member(head.stream, &head.key)?;
                row.is_some_and(|row| row.is_own && row.record == at)
            }
            Body::Tag(tag) => {
                let row = self.view.name(&tag_key(head.stream, tag.name))?;
                matches!(row, Some(NameRow::Tag { record, .. }) if record == at)
            }
            Body::Lease(lease) if lease.until > 0 => {
                let key = lease_key(head.stream, &head.key, lease.holder);
                let row = self.view.name(&key)?;
                matches!(row, Some(NameRow::Lease { record, .. }) if record == at)
            }
            Body::Namespace(_) => {
                let space = self.space();
                let room = space.room(head.stream);
                room.is_some_and(|room| room.record == Some(at))
            }
            Body::Lease(_) | Body::Purge | Body::Untag(_) => true,
            Body::Damaged => false,
        })
    }
}
