//! Chance from one number.
//!
//! Parts of a simulation draw from dice of their own, made of a named seed each, so that one more draw in one part
//! does not change what happens in another.

use std::fmt;

use base::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// The number that a whole run is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

/// A source of chance that gives the same sequence for the same seed, on every machine.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Seed {
    /// Returns the seed of a part, such as `network`.
    #[must_use]
    pub fn named(self, part: &str) -> Self {
        // FNV-1a over the name (64 bit: offset basis and prime of the original), started from the mixed seed.
        let start = mix(self.0) ^ 0xcbf2_9ce4_8422_2325;
        let hash = part.bytes().fold(start, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(mix(hash))
    }

    /// Returns the dice of this seed.
    #[must_use]
    pub fn dice(self) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(self.0))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl Dice {
    /// Returns 64 even bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a number from 0 up to, not including, `end`.
    ///
    /// # Panics
    /// When `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "there is no number below 0");
        let wide = u128::from(self.bits()) * u128::from(end);
        (wide >> 64) as u64
    }

    /// Returns a number from `lo` to `hi`, both included.
    ///
    /// # Panics
    /// When `hi` is below `lo`.
    pub fn between(&mut self, lo: u64, hi: u64) -> u64 {
        assert!(lo <= hi, "{lo} to {hi} is empty");
        match (hi - lo).checked_add(1) {
            Some(count) => lo + self.below(count),
            None => self.bits(),
        }
    }

    /// Returns a span of time from `lo` to `hi`, both included.
    ///
    /// # Panics
    /// When `hi` is below `lo`.
    pub fn span(&mut self, lo: Duration, hi: Duration) -> Duration {
        Duration::from_micros(self.between(lo.as_micros(), hi.as_micros()))
    }

    /// Returns true in `permille` of 1,000 cases; nothing is drawn for 0, so a fault that is off changes no run.
    pub fn chance(&mut self, permille: u32) -> bool {
        permille > 0 && self.below(1_000) < u64::from(permille)
    }

    /// Returns an index of something with `len` parts.
    ///
    /// # Panics
    /// When `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Returns one of `choices`.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    /// Puts `things` into any order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.index(last + 1));
        }
    }
}

/// Spreads a number over all 64 bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014).
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests;
