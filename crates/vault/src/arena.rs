//! The memory in which unlocked keys lie: of fixed size, locked into RAM where the system allows it, wiped.
//!
//! A key is not encrypted once more while it lies here: whoever can read this memory could read that key, too.

use region::LockGuard;
use zeroize::Zeroize as _;

use crate::core::sessions::Place;
use crate::envelope::Secret;

/// Bytes of one place.
const PLACE_BYTES: usize = 32;

/// Places for seeds.
pub(crate) struct Arena {
    /// Dropped before the bytes, because it unlocks them.
    lock: Option<LockGuard>,
    bytes: Box<[u8]>,
}

impl Arena {
    /// Takes memory for as many places. Where the system does not let it be locked, it is used unlocked.
    pub(crate) fn new(places: u32) -> Self {
        let bytes = vec![0; places as usize * PLACE_BYTES].into_boxed_slice();
        let lock = region::lock(bytes.as_ptr(), bytes.len()).ok();
        Self { lock, bytes }
    }

    /// Tells whether the memory never reaches a swap disk.
    pub(crate) const fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Puts a seed into a place.
    pub(crate) fn put(&mut self, place: Place, seed: &Secret) {
        self.place(place).copy_from_slice(seed.as_slice());
    }

    /// Copies a seed out of a place.
    pub(crate) fn get(&mut self, place: Place) -> Secret {
        let mut seed = Secret::default();
        seed.copy_from_slice(self.place(place));
        seed
    }

    /// Wipes places.
    pub(crate) fn wipe(&mut self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            self.place(place).zeroize();
        }
    }

    /// Tells whether nothing lies anywhere.
    #[cfg(test)]
    pub(crate) fn is_blank(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }

    fn place(&mut self, place: Place) -> &mut [u8] {
        let start = place as usize * PLACE_BYTES;
        &mut self.bytes[start..start + PLACE_BYTES]
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}
