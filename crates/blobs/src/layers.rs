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

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwap;

use crate::rows::{BlobRow, MemberRow, NameRow};

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

/// A blob of a namespace.
pub(crate) type MemberKey = (u16, [u8; 32]);

/// Changes by key; `None` says that the row is gone.
type Changes<K, R> = HashMap<K, Option<R>, Spread>;

/// One layer.
#[derive(Debug)]
pub(crate) struct Layer {
    parts: Vec<RwLock<Part>>,
    names: RwLock<BTreeMap<Vec<u8>, Option<NameRow>>>,
    rows: AtomicU64,
}

#[derive(Debug)]
struct Part {
    blobs: Changes<[u8; 32], BlobRow>,
    members: Changes<MemberKey, MemberRow>,
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

/// All rows of a layer, for the index, in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) blobs: Vec<([u8; 32], Option<BlobRow>)>,
    pub(crate) members: Vec<(MemberKey, Option<MemberRow>)>,
    pub(crate) names: Vec<(Vec<u8>, Option<NameRow>)>,
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
                blobs: HashMap::with_capacity_and_hasher(room / 2, spread.clone()),
                members: HashMap::with_capacity_and_hasher(room / 2, spread.clone()),
            })
        };
        Self {
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
            names: RwLock::default(),
            rows: AtomicU64::new(0),
        }
    }

    /// Returns how many rows were put in, about.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(crate) fn blob(&self, hash: &[u8; 32]) -> Option<Option<BlobRow>> {
        read(self.part(hash)).blobs.get(hash).copied()
    }

    pub(crate) fn member(&self, namespace: u16, hash: &[u8; 32]) -> Option<Option<MemberRow>> {
        read(self.part(hash))
            .members
            .get(&(namespace, *hash))
            .copied()
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
        if let Some(blob) = blob {
            part.blobs.insert(hash, blob);
        }
        for (namespace, member) in members {
            part.members.insert((*namespace, hash), *member);
        }
        drop(part);
        self.rows
            .fetch_add(1 + members.len() as u64, Ordering::Relaxed);
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
        let mut found = BTreeMap::new();
        for part in &self.parts {
            let part = read(part);
            let members = part.members.iter();
            let members = members.filter(|((of, hash), _)| {
                *of == namespace && after.is_none_or(|after| hash > after)
            });
            found.extend(members.map(|((_, hash), row)| (*hash, *row)));
        }
        found
    }

    /// Returns what it says of blobs after `after`, in the order of their hashes.
    pub(crate) fn blobs(&self, after: Option<&[u8; 32]>) -> BTreeMap<[u8; 32], Option<BlobRow>> {
        let mut found = BTreeMap::new();
        for part in &self.parts {
            let part = read(part);
            let blobs = part
                .blobs
                .iter()
                .filter(|(hash, _)| after.is_none_or(|after| *hash > after));
            found.extend(blobs.map(|(hash, row)| (*hash, *row)));
        }
        found
    }

    /// Returns what it says of all members, in no order.
    pub(crate) fn each_member(&self, mut look: impl FnMut(u16, &[u8; 32], Option<&MemberRow>)) {
        for part in &self.parts {
            for ((namespace, hash), row) in &read(part).members {
                look(*namespace, hash, row.as_ref());
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

    /// Returns all of it.
    pub(crate) fn sorted(&self) -> Sorted {
        let mut sorted = Sorted::default();
        for part in &self.parts {
            let part = read(part);
            sorted
                .blobs
                .extend(part.blobs.iter().map(|(key, row)| (*key, *row)));
            sorted
                .members
                .extend(part.members.iter().map(|(key, row)| (*key, *row)));
        }
        sorted.blobs.sort_unstable_by_key(|(key, _)| *key);
        sorted.members.sort_unstable_by_key(|(key, _)| *key);
        let names = read(&self.names);
        sorted.names = names.iter().map(|(key, row)| (key.clone(), *row)).collect();
        sorted
    }

    fn part(&self, hash: &[u8; 32]) -> &RwLock<Part> {
        &self.parts[usize::from(hash[31]) % PARTS]
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

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
