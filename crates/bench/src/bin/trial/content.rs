//! Bytes and lengths that are drawn from a number.
//!
//! Invariant: the same number gives the same bytes. From [`OWN_BYTES`] on, another number gives other bytes.

use bytes::Bytes;

/// From how many bytes on the bytes of two numbers differ.
pub(crate) const OWN_BYTES: usize = 16;

/// Every so many bytes the number and the place stand again.
const PAGE_BYTES: usize = 4_096;

/// Draws numbers: splitmix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// Returns a number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Returns a number within a range, both ends included.
    pub(crate) fn within(&mut self, lo: u64, hi: u64) -> u64 {
        lo + self.below(hi - lo + 1)
    }

    /// Draws one of several.
    pub(crate) fn choose<T: Copy>(&mut self, all: &[T]) -> T {
        let index = self.below(all.len() as u64);
        all[usize::try_from(index).expect("it is below the length")]
    }

    /// Draws the length of a blob: mostly short, now and then around an edge, seldom up to 3 MiB.
    pub(crate) fn blob_bytes(&mut self) -> usize {
        const KIB: u64 = 1_024;
        const MIB: u64 = 1_024 * KIB;
        let len = match self.below(100) {
            0..70 => self.within(OWN_BYTES as u64, 2 * KIB),
            70..72 => self.below(3),
            72..80 => self.choose(&[16 * KIB, 64 * KIB, 256 * KIB]) + self.within(0, 2) - 1,
            80..94 => self.within(2 * KIB, 48 * KIB),
            94..97 => self.within(64 * KIB, 600 * KIB),
            97..99 => MIB + self.within(0, 2) - 1,
            _ => self.within(MIB + 2, 3 * MIB),
        };
        usize::try_from(len).expect("it is at most 3 MiB")
    }
}

/// Makes the bytes of a number.
pub(crate) fn bytes(number: u64, len: usize) -> Bytes {
    let mut page = Vec::with_capacity(PAGE_BYTES);
    let mut draw = Draw::new(number);
    while page.len() < PAGE_BYTES.min(len.next_multiple_of(8)) {
        page.extend_from_slice(&draw.next().to_le_bytes());
    }
    let mut made = Vec::with_capacity(len.next_multiple_of(PAGE_BYTES));
    let mut place = 0_u64;
    while made.len() < len {
        let start = made.len();
        made.extend_from_slice(&page);
        let head = [number.to_le_bytes(), place.to_le_bytes()].concat();
        let head = &head[..head.len().min(page.len())];
        made[start..start + head.len()].copy_from_slice(head);
        place += 1;
    }
    made.truncate(len);
    Bytes::from(made)
}

/// Makes one number of several.
pub(crate) fn number(parts: &[u64]) -> u64 {
    let join = |sum: u64, part: &u64| mixed(sum.wrapping_add(*part)).wrapping_add(1);
    parts.iter().fold(0x5EED, join)
}

const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
