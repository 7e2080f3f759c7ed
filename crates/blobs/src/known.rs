//! Where blobs are that were asked for lately, so that the index is not asked again.
//!
//! Who looks takes no lock and writes nothing, so that readers do not wait for each other, nor for the memory of another
//! core: a place is read twice, and what was written meanwhile is not believed. Each blob has two places to be at; a third
//! one that belongs there takes the older place.
//!
//! # Invariants
//!
//! * What is in here was true after the last change that was published: a lookup that was under way while something
//!   changed is not kept.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use disk::log::Position;

use crate::rows::Place;
use crate::view::Found;

/// Into how many parts it is cut, so that those who write do not wait for each other.
const PARTS: usize = 64;

/// Places of a part.
const PLACES: usize = 2_048;

/// Places at which a blob can be.
const WAYS: usize = 2;

/// Words of a place that are always looked at: they lie together.
const WORDS: usize = 7;

/// Where it is in the bits of a word: what kind of place, whether there is a root, and how safe it is.
const KIND_SHIFT: u32 = 62;
const ROOT_BIT: u64 = 1 << 61;
const TIER_SHIFT: u32 = 56;
const BYTES_MASK: u64 = (1 << TIER_SHIFT) - 1;

/// The places of blobs.
#[derive(Debug)]
pub(crate) struct Known {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    /// Made when the first blob is kept.
    slots: OnceLock<Box<[Slot]>>,
    /// How often something changed.
    changes: AtomicU64,
    /// Held by who writes; which way is taken next.
    next: Mutex<usize>,
}

/// One place. Its version is odd while it is written.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Slot {
    version: AtomicU64,
    words: [AtomicU64; WORDS],
    root: [AtomicU64; 4],
}

/// What a place says, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    words: [u64; WORDS],
    root: [u64; 4],
}

/// When a lookup began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(u64);

impl Known {
    pub(crate) fn new() -> Self {
        let part = || Part {
            slots: OnceLock::new(),
            changes: AtomicU64::new(0),
            next: Mutex::new(0),
        };
        Self {
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
        }
    }

    pub(crate) fn get(&self, namespace: u16, hash: &[u8; 32]) -> Option<Found> {
        let slots = self.part(hash).slots.get()?;
        let hashed = words_of(hash);
        let mut ways = ways_of(hash).map(|way| &slots[way]);
        ways.find_map(|slot| slot.read(namespace, &hashed))
    }

    /// Begins a lookup.
    pub(crate) fn begin(&self, hash: &[u8; 32]) -> Begun {
        Begun(self.part(hash).changes.load(Ordering::SeqCst))
    }

    /// Keeps what a lookup found, unless something changed since it began.
    pub(crate) fn keep(&self, begun: Begun, namespace: u16, hash: &[u8; 32], found: Found) {
        let part = self.part(hash);
        let hashed = words_of(hash);
        let Some(written) = Written::of(namespace, &hashed, &found) else {
            return;
        };
        let mut next = part.held();
        if part.changes.load(Ordering::SeqCst) != begun.0 {
            return;
        }
        let slots = part
            .slots
            .get_or_init(|| std::iter::repeat_with(Slot::default).take(PLACES).collect());
        let mut ways = ways_of(hash).map(|way| &slots[way]);
        let free = ways.find(|slot| slot.is_of(namespace, &hashed) || slot.is_empty());
        let slot = free.unwrap_or_else(|| {
            *next = (*next + 1) % WAYS;
            &slots[ways_of(hash).start + *next]
        });
        slot.write(&written);
    }

    /// Forgets a blob of a namespace.
    pub(crate) fn forget(&self, namespace: u16, hash: &[u8; 32]) {
        self.forget_of(hash, |slot, hashed| slot.is_of(namespace, hashed));
    }

    /// Forgets a blob in all namespaces.
    pub(crate) fn forget_all(&self, hash: &[u8; 32]) {
        self.forget_of(hash, Slot::is_of_any);
    }

    fn forget_of(&self, hash: &[u8; 32], is_it: impl Fn(&Slot, &[u64; 4]) -> bool) {
        let part = self.part(hash);
        let held = part.held();
        part.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(slots) = part.slots.get() {
            let hashed = words_of(hash);
            for slot in ways_of(hash).map(|way| &slots[way]) {
                if is_it(slot, &hashed) {
                    slot.write(&Written::EMPTY);
                }
            }
        }
        drop(held);
    }

    fn part(&self, hash: &[u8; 32]) -> &Part {
        &self.parts[usize::from(hash[30]) % PARTS]
    }
}

impl Part {
    fn held(&self) -> MutexGuard<'_, usize> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Returns what is said of a blob here; `None` when it is another one's place, or is being written.
    fn read(&self, namespace: u16, hashed: &[u64; 4]) -> Option<Found> {
        let before = self.version.load(Ordering::Acquire);
        if before % 2 == 1 || self.words[0].load(Ordering::Relaxed) != hashed[0] {
            return None;
        }
        let words: [u64; WORDS] =
            std::array::from_fn(|index| self.words[index].load(Ordering::Relaxed));
        let root = match words[6] & ROOT_BIT {
            0 => [0; 4],
            _ => std::array::from_fn(|index| self.root[index].load(Ordering::Relaxed)),
        };
        // What was read before this fence is from before what is read behind it.
        fence(Ordering::Acquire);
        if self.version.load(Ordering::Relaxed) != before || words[..4] != hashed[..] {
            return None;
        }
        Written { words, root }.read(namespace)
    }

    /// Writes; the part is held.
    fn write(&self, written: &Written) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Who sees a word of this sees the odd version, too.
        fence(Ordering::Release);
        for (word, value) in self.words.iter().zip(written.words) {
            word.store(value, Ordering::Relaxed);
        }
        for (word, value) in self.root.iter().zip(written.root) {
            word.store(value, Ordering::Relaxed);
        }
        self.version.store(version + 2, Ordering::Release);
    }

    /// Tells whether this is the place of a blob; the part is held.
    fn is_of(&self, namespace: u16, hashed: &[u64; 4]) -> bool {
        self.is_of_any(hashed)
            && self.words[4].load(Ordering::Relaxed) >> 48 == u64::from(namespace)
    }

    fn is_of_any(&self, hashed: &[u64; 4]) -> bool {
        !self.is_empty()
            && (self.words.iter().zip(hashed))
                .all(|(word, expected)| word.load(Ordering::Relaxed) == *expected)
    }

    fn is_empty(&self) -> bool {
        self.words[6].load(Ordering::Relaxed) >> KIND_SHIFT == 0
    }
}

impl Written {
    const EMPTY: Self = Self {
        words: [0; WORDS],
        root: [0; 4],
    };

    /// Writes down what was found; `None` when there are larger numbers in it than there is room for.
    fn of(namespace: u16, hashed: &[u64; 4], found: &Found) -> Option<Self> {
        let (kind, record) = match found.place {
            Place::Nowhere => return None,
            Place::Log(record) => (1, record),
            Place::File(record) => (2, record),
        };
        if record.segment >> 48 != 0 || found.bytes > BYTES_MASK || found.tier >= 1 << 5 {
            return None;
        }
        let [first, second, third, fourth] = *hashed;
        let root = found.root.map_or(0, |_| ROOT_BIT);
        Some(Self {
            words: [
                first,
                second,
                third,
                fourth,
                u64::from(namespace) << 48 | record.segment,
                u64::from(record.offset) << 32 | u64::from(record.body_len),
                kind << KIND_SHIFT | root | u64::from(found.tier) << TIER_SHIFT | found.bytes,
            ],
            root: found.root.as_ref().map_or([0; 4], words_of),
        })
    }

    /// Reads what was written for a namespace.
    fn read(&self, namespace: u16) -> Option<Found> {
        let [_, _, _, _, segment, place, rest] = self.words;
        if segment >> 48 != u64::from(namespace) {
            return None;
        }
        let record = Position {
            segment: segment & ((1 << 48) - 1),
            offset: (place >> 32) as u32,
            body_len: place as u32,
        };
        let place = match rest >> KIND_SHIFT {
            1 => Place::Log(record),
            2 => Place::File(record),
            _ => return None,
        };
        Some(Found {
            place,
            bytes: rest & BYTES_MASK,
            root: (rest & ROOT_BIT != 0).then(|| bytes_of(&self.root)),
            tier: (rest >> TIER_SHIFT) as u8 & 0x1F,
        })
    }
}

fn words_of(hash: &[u8; 32]) -> [u64; 4] {
    let (words, _) = hash.as_chunks::<8>();
    std::array::from_fn(|index| u64::from_le_bytes(words[index]))
}

fn bytes_of(words: &[u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
    bytes
}

/// Returns the places at which a blob can be.
fn ways_of(hash: &[u8; 32]) -> std::ops::Range<usize> {
    let start = usize::from(u16::from_le_bytes([hash[28], hash[29]])) * WAYS % PLACES;
    start..start + WAYS
}

#[cfg(test)]
mod tests;
