//! The digests of a blob's chunks, with which a chunk is checked without reading the rest.
//!
//! A list of digests is believed only when it was taken while the whole blob was compared with its hash. It never
//! grows stale, because the bytes under a hash never change.
//!
//! On disk a list is a *sidecar*: the eight bytes `CHdigs` `0x00` `0x01`, the blob's hash (32 bytes), its length
//! (8 bytes, little endian), a BLAKE3 digest (32 bytes) for each [`CHUNK_BYTES`] of it, and the BLAKE3 digest of all
//! before. A sidecar that does not check out is no sidecar; it is made again.

use std::sync::Arc;

use base::ContentHash;

/// How many bytes are read, checked and kept at once.
pub const CHUNK_BYTES: usize = 256 * 1_024;

/// How a sidecar starts; the last byte is the version of its format.
const MAGIC: &[u8; 8] = b"CHdigs\x00\x01";

/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;

/// Bytes of a sidecar before its list.
const HEAD_BYTES: usize = MAGIC.len() + 32 + 8;

/// The digests of a blob's chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    bytes: u64,
    list: Arc<[[u8; DIGEST_BYTES]]>,
}

/// Takes the digests of bytes as they come.
#[derive(Default)]
pub(crate) struct Digester {
    hasher: blake3::Hasher,
    /// How much of the present chunk was added.
    filled: usize,
    bytes: u64,
    list: Vec<[u8; DIGEST_BYTES]>,
}

/// Returns how many bytes the sidecar of a blob of `bytes` bytes has; `None` when no machine could hold it.
pub(crate) fn sidecar_bytes(bytes: u64) -> Option<u64> {
    let list = bytes
        .div_ceil(CHUNK_BYTES as u64)
        .checked_mul(DIGEST_BYTES as u64)?;
    list.checked_add((HEAD_BYTES + DIGEST_BYTES) as u64)
}

impl Digests {
    /// Returns how long the blob is, in bytes.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns how much memory the list takes, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        (self.list.len() * DIGEST_BYTES + 128) as u64
    }

    /// Tells whether these are the bytes of a chunk.
    pub(crate) fn admit(&self, index: u64, chunk: &[u8]) -> bool {
        let digest = usize::try_from(index)
            .ok()
            .and_then(|index| self.list.get(index));
        digest.is_some_and(|digest| blake3::hash(chunk).as_bytes() == digest)
    }

    /// Writes the sidecar of the blob `hash`.
    pub(crate) fn encode(&self, hash: &ContentHash) -> Vec<u8> {
        let mut sidecar = Vec::with_capacity(HEAD_BYTES + (self.list.len() + 1) * DIGEST_BYTES);
        sidecar.extend_from_slice(MAGIC);
        sidecar.extend_from_slice(hash.as_bytes());
        sidecar.extend_from_slice(&self.bytes.to_le_bytes());
        for digest in self.list.iter() {
            sidecar.extend_from_slice(digest);
        }
        let seal = blake3::hash(&sidecar);
        sidecar.extend_from_slice(seal.as_bytes());
        sidecar
    }

    /// Reads the sidecar of the blob `hash` of `bytes` bytes; `None` when it is damaged or of something else.
    pub(crate) fn decode(hash: &ContentHash, bytes: u64, sidecar: &[u8]) -> Option<Self> {
        if sidecar_bytes(bytes)? != sidecar.len() as u64 {
            return None;
        }
        let (sealed, seal) = sidecar.split_last_chunk::<DIGEST_BYTES>()?;
        let (magic, rest) = sealed.split_first_chunk::<8>()?;
        let (of, rest) = rest.split_first_chunk::<32>()?;
        let (len, list) = rest.split_first_chunk::<8>()?;
        let is_of_blob =
            magic == MAGIC && of == hash.as_bytes() && u64::from_le_bytes(*len) == bytes;
        if !is_of_blob || blake3::hash(sealed).as_bytes() != seal {
            return None;
        }
        let (list, rest) = list.as_chunks::<DIGEST_BYTES>();
        rest.is_empty().then(|| Self {
            bytes,
            list: list.into(),
        })
    }
}

impl Digester {
    /// Adds bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.filled));
            self.hasher.update(now);
            self.filled += now.len();
            if self.filled == CHUNK_BYTES {
                self.close();
            }
            bytes = later;
        }
    }

    /// Returns the digests of all bytes that were added.
    pub(crate) fn finish(mut self) -> Digests {
        if self.filled > 0 {
            self.close();
        }
        Digests {
            bytes: self.bytes,
            list: self.list.into(),
        }
    }

    fn close(&mut self) {
        self.list.push(*self.hasher.finalize().as_bytes());
        self.hasher.reset();
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests;
