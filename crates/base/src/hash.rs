//! The id of a blob: SHA-256 of its bytes, and the ways people write it down.
//!
//! Accepted: 64 hex digits, `sha256-` and 64 hex digits, and a CIDv1 of raw bytes in base32 (`bafkrei…`).
//! Shown: always the 64 lower-case hex digits.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-256 of a blob's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// Computes a [`ContentHash`] piece by piece.
#[derive(Clone, Default)]
pub struct ContentHasher(Sha256);

/// The text is none of the accepted forms of a content hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a content hash: give 64 hex digits, sha256-<hex>, or a CIDv1 of raw bytes (bafkrei…)")]
pub struct ParseHashError;

/// CIDv1, raw codec, SHA-256, 32 bytes: the bytes before the digest (multiformats' `cid` and `multihash` tables).
const CID_PREFIX: [u8; 4] = [0x01, 0x55, 0x12, 0x20];

impl ContentHash {
    /// Hashes `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes the 32 bytes of a digest that was computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ContentHasher {
    /// Starts with no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the hash of all bytes that were added.
    #[must_use]
    pub fn finish(self) -> ContentHash {
        ContentHash(self.0.finalize().into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix('b')
            && text.len() == 59
        {
            return from_cid(rest);
        }
        let digits = text.strip_prefix("sha256-").unwrap_or(text);
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| ParseHashError)?;
        Ok(Self(bytes))
    }
}

/// Reads the base32 part (RFC 4648, lower case, no padding) of a CIDv1.
fn from_cid(text: &str) -> Result<ContentHash, ParseHashError> {
    let mut bytes = Vec::with_capacity(36);
    let (mut window, mut bits) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let digit = match letter {
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return Err(ParseHashError),
        };
        window = (window << 5) | u32::from(digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((window >> bits) as u8);
            window &= (1 << bits) - 1;
        }
    }
    let digest = bytes.strip_prefix(&CID_PREFIX).ok_or(ParseHashError)?;
    let digest: [u8; 32] = digest.try_into().map_err(|_| ParseHashError)?;
    if window != 0 {
        return Err(ParseHashError);
    }
    Ok(ContentHash(digest))
}

#[cfg(test)]
mod tests;
