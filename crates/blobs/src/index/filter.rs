//! Which blobs the index may have, in memory: who asks for one that it has not is mostly answered here.
//!
//! It is a Bloom filter cut into lines of 64 bytes, so that a look takes one place of the memory. Hashes spread by
//! themselves: their first eight bytes choose the line, the next ones the bits. A checkpoint on stable storage carries it
//! along, with the number of the last record that it knows of; without it, it is made again from the blobs of the index.
//!
//! # Invariants
//!
//! * A blob that was added is never said to be missing. One that was not is wrongly said to be there about once in
//!   a hundred times.
//!
//! It forgets nothing: when too much was added it is made again.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rows::{Reader, Writer};

/// Bits of a line that a blob sets.
const BITS: usize = 5;

/// Bits of a line.
const LINE_BITS: u64 = 512;

/// Words of a line.
const LINE_WORDS: usize = 8;

/// Bits for each blob when it is full.
const BLOB_BITS: u64 = 12;

/// The fewest lines.
const LINES_MIN: u64 = 1_024;

/// Words that are written into one row.
const PIECE_WORDS: usize = 4_096;

/// Blobs that there may be.
#[derive(Debug)]
pub(crate) struct Filter {
    words: Vec<AtomicU64>,
    /// How many words it has when all of them were read.
    whole: usize,
    /// How many were added.
    added: AtomicU64,
}

impl Filter {
    /// Makes one that has room for twice as many.
    pub(super) fn for_blobs(blobs: u64) -> Self {
        let bits = blobs.saturating_mul(2 * BLOB_BITS);
        let lines = (bits / LINE_BITS).next_power_of_two().max(LINES_MIN);
        let words = usize::try_from(lines).expect("it fits into memory") * LINE_WORDS;
        Self {
            words: std::iter::repeat_with(AtomicU64::default)
                .take(words)
                .collect(),
            whole: words,
            added: AtomicU64::new(0),
        }
    }

    /// Adds a blob.
    pub(super) fn add(&self, hash: &[u8; 32]) {
        for (word, bit) in self.places(hash) {
            self.words[word].fetch_or(bit, Ordering::Relaxed);
        }
        self.added.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells whether a blob may have been added.
    pub(super) fn may_have(&self, hash: &[u8; 32]) -> bool {
        self.places(hash)
            .all(|(word, bit)| self.words[word].load(Ordering::Relaxed) & bit != 0)
    }

    /// Tells whether it was given more than it has room for.
    pub(super) fn is_full(&self) -> bool {
        self.added.load(Ordering::Relaxed).saturating_mul(BLOB_BITS) > self.words.len() as u64 * 64
    }

    fn places(&self, hash: &[u8; 32]) -> impl Iterator<Item = (usize, u64)> {
        let (words, _) = hash.as_chunks::<8>();
        let line = u64::from_le_bytes(words[0]) as usize % (self.words.len() / LINE_WORDS);
        let mut bits = u64::from_le_bytes(words[1]);
        (0..BITS).map(move |_| {
            let place = bits % LINE_BITS;
            bits /= LINE_BITS;
            let word = usize::try_from(place / 64).expect("a line is small");
            (line * LINE_WORDS + word, 1 << (place % 64))
        })
    }

    /// Writes down what belongs to the record `lsn`: a head, and pieces.
    pub(super) fn head(&self, lsn: u64) -> Vec<u8> {
        let mut row = Writer::new(32);
        row.u64(lsn);
        row.u64(self.words.len() as u64);
        row.u64(self.added.load(Ordering::Relaxed));
        row.seal(HEAD_KEY)
    }

    /// Returns its pieces, as they are written.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (u32, Vec<u8>)> {
        (0_u32..)
            .zip(self.words.chunks(PIECE_WORDS))
            .map(|(index, words)| {
                let mut row = Writer::new(words.len() * 8 + 4);
                for word in words {
                    let word = word.load(Ordering::Relaxed).to_le_bytes();
                    row.0.extend_from_slice(&word);
                }
                (index, row.seal(&index.to_le_bytes()))
            })
    }

    /// Reads the head; `None` when it does not belong to the record `lsn`.
    pub(super) fn begin(lsn: u64, head: &[u8]) -> Option<Self> {
        let mut fields = Reader::open(HEAD_KEY, head)?;
        let (of, words, added) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let lines = words / LINE_WORDS as u64;
        let is_possible = of == lsn && lines >= LINES_MIN && lines.is_power_of_two();
        let whole = usize::try_from(words).ok()?;
        is_possible.then(|| Self {
            words: Vec::new(),
            whole,
            added: AtomicU64::new(added),
        })
    }

    /// Tells whether all pieces were taken.
    pub(super) fn is_whole(&self) -> bool {
        self.words.len() == self.whole
    }

    /// Takes the next piece; tells whether it fits.
    pub(super) fn take(&mut self, index: u32, piece: &[u8]) -> bool {
        let Some(Reader(words)) = Reader::open(&index.to_le_bytes(), piece) else {
            return false;
        };
        let (words, rest) = words.as_chunks::<8>();
        let fits = rest.is_empty()
            && index as usize * PIECE_WORDS == self.words.len()
            && self.words.len() + words.len() <= self.whole;
        if fits {
            let words = words.iter().map(|word| u64::from_le_bytes(*word));
            self.words.extend(words.map(AtomicU64::new));
        }
        fits
    }
}

/// What the checksum of the head begins with.
const HEAD_KEY: &[u8] = b"filter";

#[cfg(test)]
mod tests;
