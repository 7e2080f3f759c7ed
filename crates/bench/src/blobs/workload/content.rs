//! Content that nothing can pack and nobody has twice: SplitMix64 (Steele, Lea, Flood 2014) from a seed.

use bytes::Bytes;

/// Makes content.
#[derive(Clone, Debug)]
pub(crate) struct Content(u64);

impl Content {
    /// Starts one client's content.
    pub(crate) fn of(seed: u64, client: usize) -> Self {
        let mut content = Self(seed);
        let first = content.next();
        Self(first ^ (client as u64).wrapping_mul(0xA076_1D64_78BD_642F))
    }

    /// Makes the next blob.
    pub(crate) fn blob(&mut self, bytes: usize) -> Bytes {
        let mut blob = vec![0; bytes];
        for piece in blob.chunks_mut(8) {
            piece.copy_from_slice(&self.next().to_le_bytes()[..piece.len()]);
        }
        blob.into()
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
