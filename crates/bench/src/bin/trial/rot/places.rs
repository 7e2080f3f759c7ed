//! Where the bytes of each kind lie in the files of a store.
//!
//! The log is read with the codec that also browsers use, and not with the engine that is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::ContentHash;
use wire::blobs::{BLOB_HEAD_BYTES, Body, DIGEST_BYTES};
use wire::segment::{RECORD_HEAD_BYTES, Reader, RecordHead, SEGMENT_HEAD_BYTES, STREAM_OF_LOG};

use super::{Content, Way};

/// How many records at the end of the log are left alone: what nothing later vouches for may be a torn tail.
const LAST: usize = 12;

/// In pieces of how many bytes it is looked whether something was written.
const CELL_BYTES: usize = 64;

/// Fields of a record's head: name, where, how many bytes.
const FIELDS: [(&str, usize, usize); 10] = [
    ("magic", 0, 4),
    ("kind", 4, 1),
    ("flags", 5, 1),
    ("stream", 6, 2),
    ("body length", 8, 4),
    ("since sync", 12, 4),
    ("number", 16, 8),
    ("checksum of the body", 24, 4),
    ("checksum of the head", 28, 4),
    ("key", 32, 32),
];

/// A kind of byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    SegmentHead,
    /// A field of a record's head.
    RecordHead(usize),
    BlobHead,
    SmallBody,
    ChunkBody,
    GroupValues,
    GroupBody,
    Manifest,
    Link,
    Tag,
    Member,
    Lease,
    Namespace,
    LargeFile,
    OutboardHead,
    OutboardList,
    Index,
    Format,
}

/// Bytes of one kind that lie together, or one of them.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The file, below the store's folder.
    pub(super) file: PathBuf,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) mask: u8,
    /// The blob that is hurt; `None` where it is none, or more than one.
    pub(super) victim: Option<ContentHash>,
    /// Whether only the victim may suffer.
    pub(super) is_confined: bool,
}

impl Kind {
    /// Returns all kinds, in their order.
    pub(super) fn all() -> Vec<Self> {
        let mut kinds = vec![Self::SegmentHead];
        kinds.extend((0..FIELDS.len()).map(Self::RecordHead));
        kinds.extend([
            Self::BlobHead,
            Self::SmallBody,
            Self::ChunkBody,
            Self::GroupValues,
            Self::GroupBody,
            Self::Manifest,
            Self::Link,
            Self::Tag,
            Self::Member,
            Self::Lease,
            Self::Namespace,
            Self::LargeFile,
            Self::OutboardHead,
            Self::OutboardList,
            Self::Index,
            Self::Format,
        ]);
        kinds
    }

    pub(super) fn name(self) -> String {
        let name = match self {
            Self::RecordHead(field) => return format!("record head: {}", FIELDS[field].0),
            Self::SegmentHead => "segment head",
            Self::BlobHead => "blob head in the body",
            Self::SmallBody => "small body",
            Self::ChunkBody => "body of one chunk",
            Self::GroupValues => "group values",
            Self::GroupBody => "group-verified body",
            Self::Manifest => "folder manifest",
            Self::Link => "link record",
            Self::Tag => "tag record",
            Self::Member => "member record",
            Self::Lease => "lease record",
            Self::Namespace => "namespace record",
            Self::LargeFile => "large file",
            Self::OutboardHead => "group file: head",
            Self::OutboardList => "group file: list",
            Self::Index => "index page",
            Self::Format => "format",
        };
        name.to_owned()
    }

    /// Tells whether nobody need notice: a page of the index may not be used.
    pub(super) const fn may_be_harmless(self) -> bool {
        matches!(self, Self::Index)
    }

    /// Tells whether no read of a blob shows it, so that it is for a scrub to find: then it is looked for first.
    pub(super) const fn is_beside_bytes(self) -> bool {
        matches!(
            self,
            Self::Tag
                | Self::Member
                | Self::Lease
                | Self::Namespace
                | Self::OutboardHead
                | Self::OutboardList
        )
    }

    /// Tells whether a scrub that comes first has to find it, when the store was opened in this way: what lies in the
    /// log is told at the opening where the index is made again.
    pub(super) const fn is_for_scrub(self, way: Way) -> bool {
        match self {
            Self::SegmentHead | Self::Index | Self::Format => false,
            Self::LargeFile | Self::OutboardHead | Self::OutboardList => true,
            Self::RecordHead(_)
            | Self::BlobHead
            | Self::SmallBody
            | Self::ChunkBody
            | Self::GroupValues
            | Self::GroupBody
            | Self::Manifest
            | Self::Link
            | Self::Tag
            | Self::Member
            | Self::Lease
            | Self::Namespace => matches!(way, Way::Index),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} at {}, mask {}",
            self.file.display(),
            self.offset,
            self.mask
        )?;
        match self.victim {
            Some(hash) => write!(formatter, ", of blob {hash}"),
            None => Ok(()),
        }
    }
}

impl Place {
    fn new(file: &Path, offset: u64, bytes: u64, victim: Option<ContentHash>) -> Self {
        Self {
            file: file.to_owned(),
            offset,
            bytes,
            mask: 0,
            victim,
            is_confined: true,
        }
    }

    /// Turns the bit over.
    pub(super) fn flip(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(&self.file);
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path);
        let file = file.with_context(|| format!("open {}", path.display()))?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.offset)?;
        byte[0] ^= self.mask;
        file.write_all_at(&byte, self.offset)?;
        Ok(())
    }
}

/// Bytes of each kind.
pub(super) type Places = BTreeMap<Kind, Vec<Place>>;

/// A record of the log: its file, where it begins, its head, its body.
type Record = (PathBuf, u64, RecordHead, Vec<u8>);

/// Finds the bytes of each kind.
pub(super) fn find(folder: &Path, content: &Content) -> anyhow::Result<Places> {
    let mut places = Places::new();
    let mut records = Vec::new();
    let names = std::fs::read_dir(folder.join("log"))?;
    let mut names: Vec<_> = names.collect::<Result<_, _>>()?;
    names.sort_by_key(std::fs::DirEntry::file_name);
    for entry in names {
        let file = Path::new("log").join(entry.file_name());
        let bytes = std::fs::read(entry.path())?;
        let Ok((_, reader)) = Reader::new(&bytes) else {
            continue;
        };
        let before = records.len();
        for record in reader {
            let (offset, head, body) = record.with_context(|| format!("{}", file.display()))?;
            records.push((file.clone(), offset, head, body.to_vec()));
        }
        if records.len() > before {
            let head = Place {
                is_confined: false,
                ..Place::new(&file, 0, SEGMENT_HEAD_BYTES as u64, None)
            };
            places.entry(Kind::SegmentHead).or_default().push(head);
        }
    }
    let count = records.len().saturating_sub(LAST);
    for number in current(&records) {
        if number < count && records[number].2.stream != STREAM_OF_LOG {
            add_record(&records[number], content, &mut places);
        }
    }
    files(folder, content, &mut places)?;
    Ok(places)
}

/// Leaves out what a later record says anew: nobody needs it, and nobody need notice.
fn current(records: &[Record]) -> Vec<usize> {
    let mut said = BTreeSet::new();
    let mut current = Vec::new();
    for (number, (_, _, head, body)) in records.iter().enumerate().rev() {
        let name = match Body::decode(head.kind, body) {
            Ok(Body::Tag(tag)) => tag.name.to_owned(),
            Ok(Body::Lease(lease)) => lease.holder.to_owned(),
            Ok(_) | Err(_) => String::new(),
        };
        if said.insert((head.kind, head.stream, head.key, name)) {
            current.push(number);
        }
    }
    current
}

/// Adds the bytes of one record.
fn add_record((file, offset, head, body): &Record, content: &Content, places: &mut Places) {
    let key = ContentHash::from_bytes(head.key);
    let Ok(decoded) = Body::decode(head.kind, body) else {
        return;
    };
    let victim = content.blobs.contains_key(&key).then_some(key);
    let mut add = |kind, at: usize, bytes: usize| {
        let place = Place::new(file, offset + at as u64, bytes as u64, victim);
        places.entry(kind).or_default().push(place);
    };
    for (field, (_, at, bytes)) in FIELDS.iter().enumerate() {
        add(Kind::RecordHead(field), *at, *bytes);
    }
    let start = RECORD_HEAD_BYTES;
    match decoded {
        Body::Blob(blob) => {
            let groups = usize::from(blob.groups) * DIGEST_BYTES;
            let data = BLOB_HEAD_BYTES + groups;
            let kind = match (groups, blob.bytes as usize) {
                _ if content.manifest == Some(key) => Kind::Manifest,
                (0, _) => Kind::SmallBody,
                (_, bytes) if bytes <= blobs::CHUNK_BYTES => Kind::ChunkBody,
                _ => Kind::GroupBody,
            };
            add(Kind::BlobHead, start, BLOB_HEAD_BYTES);
            add(kind, start + data, body.len() - data);
            if kind == Kind::GroupBody {
                add(Kind::GroupValues, start + BLOB_HEAD_BYTES, groups);
            }
        }
        Body::Link(_) => add(Kind::Link, start, body.len()),
        Body::Tag(_) => add(Kind::Tag, start, body.len()),
        Body::Member(_) => add(Kind::Member, start, body.len()),
        Body::Lease(_) => add(Kind::Lease, start, body.len()),
        Body::Namespace(_) => add(Kind::Namespace, start, body.len()),
        _ => {}
    }
}

/// Finds the bytes that do not lie in the log.
fn files(folder: &Path, content: &Content, places: &mut Places) -> anyhow::Result<()> {
    const OUTBOARD_HEAD_BYTES: u64 = 80;
    for hash in content.blobs.keys() {
        let name = hash.to_string();
        let file = Path::new("large").join(&name[..2]).join(&name);
        let Ok(metadata) = std::fs::metadata(folder.join(&file)) else {
            continue;
        };
        let place = Place::new(&file, 0, metadata.len(), Some(*hash));
        places.entry(Kind::LargeFile).or_default().push(place);
        let outboard = Path::new("large")
            .join(&name[..2])
            .join(format!("{name}.groups"));
        let bytes = std::fs::metadata(folder.join(&outboard))
            .context("the groups of a large file")?
            .len();
        let head = Place::new(&outboard, 0, OUTBOARD_HEAD_BYTES, Some(*hash));
        places.entry(Kind::OutboardHead).or_default().push(head);
        let list = Place::new(
            &outboard,
            OUTBOARD_HEAD_BYTES,
            bytes - OUTBOARD_HEAD_BYTES,
            Some(*hash),
        );
        places.entry(Kind::OutboardList).or_default().push(list);
    }
    for (kind, name) in [(Kind::Index, "index.redb"), (Kind::Format, "format")] {
        let bytes = std::fs::read(folder.join(name))?;
        for (cell, bytes) in bytes.chunks(CELL_BYTES).enumerate() {
            // Most of the index is room that nothing was written to.
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            let offset = cell * CELL_BYTES;
            let place = Place {
                is_confined: false,
                ..Place::new(Path::new(name), offset as u64, bytes.len() as u64, None)
            };
            places.entry(kind).or_default().push(place);
        }
    }
    Ok(())
}
