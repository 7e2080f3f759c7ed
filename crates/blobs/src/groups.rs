//! BLAKE3 of a blob, cut into groups of 16 KiB, so that a piece can be checked without the rest.
//!
//! The chaining value of a group is a node of BLAKE3's own tree: the root over all groups is the ordinary BLAKE3 hash
//! of the bytes. A list of chaining values is believed only when it leads to a root that is known.
//!
//! On disk the list of a blob that is a file of its own is an *outboard*: the eight bytes `CHgrps` `0x00` `0x01`, the
//! blob's SHA-256 (32 bytes), its length (8 bytes, little endian), its root (32 bytes), and the chaining values. It is
//! derived: one that does not check out is made again.

use std::sync::Arc;

use base::ContentHash;
pub(crate) use blake3::hazmat::ChainingValue;
use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use wire::blobs::GROUP_BYTES;

use crate::CHUNK_BYTES;

/// A BLAKE3 hash.
pub(crate) type Root = [u8; 32];

/// How an outboard starts; the last byte is the version of its format.
const MAGIC: &[u8; 8] = b"CHgrps\x00\x01";

/// Bytes of an outboard before its list.
const HEAD_BYTES: usize = MAGIC.len() + 32 + 8 + 32;

/// How many groups make a chunk.
const GROUPS_OF_CHUNK: usize = CHUNK_BYTES / GROUP_BYTES;

/// The chaining values of a blob's groups, in order. A blob of at most one group has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups(Vec<ChainingValue>);

/// What a blob's chunks are compared with: a chaining value for each, taken from groups that lead to its root.
#[derive(Clone, Debug)]
pub(crate) struct Checks(Arc<[ChainingValue]>);

/// Takes the groups of bytes as they come.
pub(crate) struct GroupHasher {
    hasher: blake3::Hasher,
    /// How much of the present group was added.
    filled: usize,
    list: Vec<ChainingValue>,
    bytes: u64,
}

/// Returns how many groups a blob has, when it has more than one.
pub(crate) const fn groups_of(bytes: u64) -> u64 {
    match bytes.div_ceil(GROUP_BYTES as u64) {
        0 | 1 => 0,
        more => more,
    }
}

/// Returns how many bytes the outboard of a blob of `bytes` bytes has; `None` when no machine could hold it.
pub(crate) fn outboard_bytes(bytes: u64) -> Option<u64> {
    groups_of(bytes)
        .checked_mul(32)?
        .checked_add(HEAD_BYTES as u64)
}

impl Groups {
    /// Takes the groups of bytes that are in memory, and their root.
    pub(crate) fn of(bytes: &[u8]) -> (Self, Root) {
        if bytes.len() <= GROUP_BYTES {
            return (Self::default(), *blake3::hash(bytes).as_bytes());
        }
        let list = bytes.chunks(GROUP_BYTES).enumerate();
        let list = list.map(|(number, group)| subtree_of(group, (number * GROUP_BYTES) as u64));
        let groups = Self(list.collect());
        let root = groups.root().expect("there is more than one group");
        (groups, root)
    }

    /// Takes the list of a blob of several groups; returns what it leads to, too.
    pub(crate) fn of_list(list: Vec<ChainingValue>) -> (Self, Root) {
        let groups = Self(list);
        let root = groups.root().expect("there is more than one group");
        (groups, root)
    }

    /// Reads a list that is stored as it is.
    pub(crate) fn read(list: &[u8]) -> Option<Self> {
        let (list, rest) = list.as_chunks::<32>();
        rest.is_empty().then(|| Self(list.to_vec()))
    }

    /// Returns the list as bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the hash of the whole; `None` when there are fewer than two groups.
    pub(crate) fn root(&self) -> Option<Root> {
        if self.0.len() < 2 {
            return None;
        }
        let (left, right) = self.0.split_at(left_of(self.0.len()));
        Some(merge_subtrees_root(&merged(left), &merged(right), Mode::Hash).into())
    }

    /// Returns what the chunks of a blob of several chunks are compared with, when the groups lead to its root.
    pub(crate) fn checks(&self, root: &Root) -> Option<Checks> {
        if self.root()? != *root {
            return None;
        }
        Some(Checks(self.0.chunks(GROUPS_OF_CHUNK).map(merged).collect()))
    }

    /// Writes the outboard of the blob `hash`.
    pub(crate) fn encode(&self, hash: &ContentHash, bytes: u64, root: &Root) -> Vec<u8> {
        let mut outboard = Vec::with_capacity(HEAD_BYTES + self.0.len() * 32);
        outboard.extend_from_slice(MAGIC);
        outboard.extend_from_slice(hash.as_bytes());
        outboard.extend_from_slice(&bytes.to_le_bytes());
        outboard.extend_from_slice(root);
        outboard.extend_from_slice(self.bytes());
        outboard
    }

    /// Reads the outboard of the blob `hash`; `None` when it is damaged or of something else.
    pub(crate) fn decode(
        hash: &ContentHash,
        bytes: u64,
        root: &Root,
        outboard: &[u8],
    ) -> Option<Self> {
        let expect = Self::default().encode(hash, bytes, root);
        let groups = Self::read(outboard.strip_prefix(&expect[..])?)?;
        let is_right = groups.0.len() as u64 == groups_of(bytes) && groups.root()? == *root;
        is_right.then_some(groups)
    }
}

impl Checks {
    /// Tells whether these are the bytes of a chunk.
    pub(crate) fn admit(&self, index: u64, chunk: &[u8]) -> bool {
        let expect = usize::try_from(index)
            .ok()
            .and_then(|index| self.0.get(index));
        expect.is_some_and(|expect| subtree_of(chunk, index * CHUNK_BYTES as u64) == *expect)
    }

    /// Returns how much memory the list takes, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        (self.0.len() * 32 + 128) as u64
    }
}

impl Default for GroupHasher {
    fn default() -> Self {
        Self {
            hasher: blake3::Hasher::new(),
            filled: 0,
            list: Vec::new(),
            bytes: 0,
        }
    }
}

impl GroupHasher {
    /// Adds bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A group that is full is closed when the next one begins: the last of all may be the root.
            if self.filled == GROUP_BYTES {
                self.close();
            }
            let (now, later) = bytes.split_at(bytes.len().min(GROUP_BYTES - self.filled));
            self.hasher.update(now);
            self.filled += now.len();
            self.bytes += now.len() as u64;
            bytes = later;
        }
    }

    /// Returns the groups of all bytes that were added, and their root.
    pub(crate) fn finish(mut self) -> (Groups, Root) {
        if self.list.is_empty() {
            return (Groups::default(), *self.hasher.finalize().as_bytes());
        }
        self.list.push(self.hasher.finalize_non_root());
        let groups = Groups(self.list);
        let root = groups.root().expect("there is more than one group");
        (groups, root)
    }

    fn close(&mut self) {
        self.list.push(self.hasher.finalize_non_root());
        self.hasher = blake3::Hasher::new();
        self.hasher.set_input_offset(self.bytes);
        self.filled = 0;
    }
}

/// Takes the groups of bytes that lie at `offset`, the beginning of a group, of something longer.
pub(crate) fn list_of(bytes: &[u8], offset: u64) -> impl Iterator<Item = ChainingValue> {
    let groups = bytes.chunks(GROUP_BYTES).enumerate();
    groups.map(move |(number, group)| subtree_of(group, offset + (number * GROUP_BYTES) as u64))
}

/// Returns the chaining value of bytes that lie at `offset` of something longer.
fn subtree_of(bytes: &[u8], offset: u64) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// Returns how many of `count` groups are to the left of their root: the largest power of two below.
const fn left_of(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// Merges groups that are not all of a blob.
fn merged(groups: &[ChainingValue]) -> ChainingValue {
    match groups {
        [one] => *one,
        more => {
            let (left, right) = more.split_at(left_of(more.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests;
