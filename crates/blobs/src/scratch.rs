//! What unit tests share: small limits, and damage at a place of a blob.

use std::io::IoSlice;
use std::sync::Arc;

use base::ContentHash;
use disk::Disk;

use crate::core::{file_of, outboard_of};
use crate::groups::groups_of;
use crate::rows::Place;
use crate::{Blobs, Limits};

/// A part of a stored blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its bytes.
    Bytes,
    /// The list of its groups.
    Groups,
}

/// Limits with which a store is quickly made.
pub(crate) fn limits() -> Limits {
    Limits {
        blob_bytes_max: 10_000_000,
        file_tasks_max: 4,
        first_segment_bytes: 4 * 1_024 * 1_024,
        segment_bytes: 4 * 1_024 * 1_024,
        ..Limits::default()
    }
}

/// Returns where a part of a blob is on the disk.
pub(crate) fn place_of(blobs: &Blobs, hash: &ContentHash, part: Part) -> (String, u64) {
    let row = blobs.core().view.blob(hash.as_bytes()).unwrap().unwrap();
    match (row.place, part) {
        (Place::Nowhere, _) => panic!("the blob is nowhere"),
        (Place::Log(record), Part::Groups) => segment(record.segment, record.offset, 64 + 24),
        (Place::Log(record), Part::Bytes) => {
            let groups = row.root.map_or(0, |_| groups_of(row.bytes) * 32);
            segment(record.segment, record.offset, 64 + 24 + groups)
        }
        (Place::File(_), Part::Groups) => (outboard_of(hash), 0),
        (Place::File(_), Part::Bytes) => (file_of(hash), 0),
    }
}

fn segment(number: u64, record: u32, offset: u64) -> (String, u64) {
    (format!("log/{number:08}.seg"), u64::from(record) + offset)
}

/// Flips one bit of a part of a blob.
pub(crate) fn flip(blobs: &Blobs, hash: &ContentHash, part: Part, index: u64) {
    let (path, offset) = place_of(blobs, hash, part);
    flip_at(&blobs.core().disk, &path, offset + index);
}

/// Flips one bit of a file.
pub(crate) fn flip_at(disk: &Arc<dyn Disk>, path: &str, offset: u64) {
    let file = disk.open(path).unwrap().unwrap();
    let mut byte = [0];
    assert_eq!(file.read_at(offset, &mut byte).unwrap(), 1);
    byte[0] ^= 4;
    file.write_at(offset, &[IoSlice::new(&byte)]).unwrap();
}
