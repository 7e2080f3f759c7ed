//! What the log says and the index does not say yet, in memory.
//!
//! Changes go into the *active* layer. From time to time it becomes the *frozen* one, which is written into the index
//! and then dropped, while a new active layer takes what comes.
//!
//! # Invariants
//!
//! * What is in a layer is on stable storage in the log.
//! * A newer layer wins over an older one, and any layer over the index.
//! * Only the writer puts in; anybody may look.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwap;

use crate::rows::{BlobRow, MemberRow, NameRow, Writer};

mod kept;

pub(crate) use kept::Kept;

/// Into how many parts a layer is cut, so that who looks does not wait for who looks elsewhere.
const PARTS: usize = 64;

/// For how many rows a new layer has room at most.
const ROOM_ROWS_MAX: u64 = 500_000;

/// Hashes that are used as keys spread by themselves; a secret keeps others from choosing where they land.
#[derive(Clone, Debug)]
pub(crate) struct Spread(u64);

impl Default for Spread {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes eight bytes of a hash.
#[derive(Debug)]
pub(crate) struct Spreader {
    secret: u64,
    state: u64,
}

/// One layer.
#[derive(Debug)]
pub(crate) struct Layer {
    parts: Vec<RwLock<Part>>,
    names: RwLock<BTreeMap<Vec<u8>, Option<NameRow>>>,
    rows: AtomicU64,
}

/// What changed of some of the blobs.
#[derive(Debug)]
pub(crate) struct Part {
    blobs: HashMap<[u8; 32], Kept, Spread>,
    /// Where changes are written before they are kept.
    scratch: Writer,
}

/// The layers of a store.
#[derive(Debug)]
pub(crate) struct Layers {
    present: ArcSwap<Present>,
    /// Held while the layers change places.
    change: Mutex<()>,
    spread: Spread,
}

/// The layers at one moment.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) active: Arc<Layer>,
    pub(crate) frozen: Option<Arc<Layer>>,
}

/// A layer that is held, so that all of it can be read in order.
pub(crate) struct Held<'a> {
    parts: Vec<RwLockReadGuard<'a, Part>>,
    pub(crate) names: RwLockReadGuard<'a, BTreeMap<Vec<u8>, Option<NameRow>>>,
}

impl Spread {
    /// Starts with a secret of this process.
    pub(crate) fn new() -> Self {
        let state = std::collections::hash_map::RandomState::new();
        Self(state.hash_one(0_u8))
    }
}

impl BuildHasher for Spread {
    type Hasher = Spreader;

    fn build_hasher(&self) -> Spreader {
        Spreader {
            secret: self.0,
            state: 0,
        }
    }
}

impl Hasher for Spreader {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        // A multiplication whose halves are folded together mixes every bit with the secret.
        let product =
            u128::from(word ^ self.secret) * u128::from(0x9E37_79B9_7F4A_7C15_u64 ^ self.state);
        self.state = (product as u64) ^ (product >> 64) as u64;
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, _len: usize) {
        // The lengths of arrays: always the same.
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

impl Layer {
    /// Makes an empty layer with room for `rows`.
    fn new(spread: &Spread, rows: u64) -> Self {
        let room = usize::try_from(rows).unwrap_or_default() / PARTS;
        let part = || {
            RwLock::new(Part {
                blobs: HashMap::with_capacity_and_hasher(room, spread.clone()),
                scratch: Writer::default(),
            })
        };
        Self {
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
            names: RwLock::default(),
            rows: AtomicU64::new(0),
        }
    }

    /// Returns how many changes were put in.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(crate) fn blob(&self, hash: &[u8; 32]) -> Option<Option<BlobRow>> {
        read(self.part(hash)).blobs.get(hash)?.blob()
    }

    pub(crate) fn member(&self, namespace: u16, hash: &[u8; 32]) -> Option<Option<MemberRow>> {
        read(self.part(hash)).blobs.get(hash)?.member(namespace)
    }

    pub(crate) fn name(&self, key: &[u8]) -> Option<Option<NameRow>> {
        read(&self.names).get(key).copied()
    }

    pub(crate) fn put(
        &self,
        hash: [u8; 32],
        blob: Option<Option<BlobRow>>,
        members: &[(u16, Option<MemberRow>)],
    ) {
        let mut part = write(self.part(&hash));
        let Part { blobs, scratch } = &mut *part;
        match blobs.entry(hash) {
            Entry::Vacant(place) => {
                place.insert(Kept::of(scratch, blob, members));
            }
            Entry::Occupied(mut place) => {
                let (before, others) = place.get().parts();
                let is_replaced = |namespace| members.iter().any(|(of, _)| *of == namespace);
                let mut all: Vec<_> = others.filter(|(of, _)| !is_replaced(*of)).collect();
                all.extend_from_slice(members);
                let kept = Kept::of(scratch, blob.or(before), &all);
                place.insert(kept);
            }
        }
        drop(part);
        self.rows.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn put_name(&self, key: Vec<u8>, row: Option<NameRow>) {
        write(&self.names).insert(key, row);
        self.rows.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what it says of the members of a namespace after `after`, in the order of their hashes.
    pub(crate) fn members(
        &self,
        namespace: u16,
        after: Option<&[u8; 32]>,
    ) -> BTreeMap<[u8; 32], Option<MemberRow>> {
        self.collect(after, |kept| kept.member(namespace))
    }

    /// Returns what it says of blobs after `after`, in the order of their hashes.
    pub(crate) fn blobs(&self, after: Option<&[u8; 32]>) -> BTreeMap<[u8; 32], Option<BlobRow>> {
        self.collect(after, Kept::blob)
    }

    fn collect<R>(
        &self,
        after: Option<&[u8; 32]>,
        find: impl Fn(&Kept) -> Option<Option<R>>,
    ) -> BTreeMap<[u8; 32], Option<R>> {
        let mut found = BTreeMap::new();
        for part in &self.parts {
            let part = read(part);
            let blobs = part.blobs.iter();
            let blobs = blobs.filter(|(hash, _)| after.is_none_or(|after| *hash > after));
            found.extend(blobs.filter_map(|(hash, kept)| Some((*hash, find(kept)?))));
        }
        found
    }

    /// Returns what it says of all members, in no order.
    pub(crate) fn each_member(&self, mut look: impl FnMut(u16, &[u8; 32], Option<&MemberRow>)) {
        for part in &self.parts {
            for (hash, kept) in &read(part).blobs {
                for (namespace, row) in kept.members() {
                    look(namespace, hash, row.as_ref());
                }
            }
        }
    }

    /// Returns what it says of names that begin with `prefix` and come after `after`.
    pub(crate) fn names(&self, prefix: &[u8], after: &[u8]) -> BTreeMap<Vec<u8>, Option<NameRow>> {
        let names = read(&self.names);
        let start = if after > prefix { after } else { prefix };
        let from = names.range(start.to_vec()..);
        let from = from.take_while(|(key, _)| key.starts_with(prefix));
        let from = from.filter(|(key, _)| &key[..] > after);
        from.map(|(key, row)| (key.clone(), *row)).collect()
    }

    /// Holds all of it. As long as it is held, nothing can be put in.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held {
            parts: self.parts.iter().map(read).collect(),
            names: read(&self.names),
        }
    }

    fn part(&self, hash: &[u8; 32]) -> &RwLock<Part> {
        &self.parts[usize::from(hash[31]) % PARTS]
    }
}

impl Held<'_> {
    /// Returns what changed of blobs, in the order of their hashes.
    pub(crate) fn blobs(&self) -> Vec<(&[u8; 32], &Kept)> {
        let parts = self.parts.iter().flat_map(|part| &part.blobs);
        // The first bytes decide nearly always, and lie together.
        let mut sorted: Vec<_> = parts
            .map(|(hash, kept)| (u64::from_be_bytes(first_of(hash)), hash, kept))
            .collect();
        sorted.sort_unstable_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
        sorted
            .into_iter()
            .map(|(_, hash, kept)| (hash, kept))
            .collect()
    }
}

impl Layers {
    pub(crate) fn new() -> Self {
        let spread = Spread::new();
        Self {
            present: ArcSwap::from_pointee(Present {
                active: Arc::new(Layer::new(&spread, 0)),
                frozen: None,
            }),
            change: Mutex::new(()),
            spread,
        }
    }

    /// Returns the layers as they are now.
    pub(crate) fn present(&self) -> arc_swap::Guard<Arc<Present>> {
        self.present.load()
    }

    /// Makes the active layer the frozen one; `None` while another one is frozen.
    pub(crate) fn freeze(&self) -> Option<Arc<Layer>> {
        let _held = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.present.load_full();
        if present.frozen.is_some() {
            return None;
        }
        let frozen = Arc::clone(&present.active);
        self.present.store(Arc::new(Present {
            // As much will come as came before.
            active: Arc::new(Layer::new(&self.spread, frozen.rows().min(ROOM_ROWS_MAX))),
            frozen: Some(Arc::clone(&frozen)),
        }));
        Some(frozen)
    }

    /// Drops the frozen layer: the index says the same.
    pub(crate) fn drop_frozen(&self) {
        let _held = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.present.load_full();
        self.present.store(Arc::new(Present {
            active: Arc::clone(&present.active),
            frozen: None,
        }));
    }
}

impl Present {
    /// Returns the layers, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Arc<Layer>> {
        std::iter::once(&self.active).chain(&self.frozen)
    }
}

fn first_of(hash: &[u8; 32]) -> [u8; 8] {
    *hash.first_chunk().expect("a hash is longer")
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
