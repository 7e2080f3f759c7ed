//! Seeds in Holochain's own form for carrying them: the seed bundle `hcsb0` of `hc_seed_bundle` 0.7, which Lair reads.
//!
//! ```text
//! ["hcsb0", [["pw", salt, memory, passes, header, cipher], …], application data]
//! ```
//! The secret of a lock is Argon2id of the BLAKE2b-512 hash of a passphrase; `header` and `cipher` are libsodium's
//! `secretstream_xchacha20poly1305` with one final message, the seed.
//! Locks by security questions (`qa`) are passed over: three answers protect nothing.
//!
//! # Invariants
//! A bundle that this module wrote is read to the same value; every length and cost is bounded before it is believed.

mod msgpack;

use argon2::{Algorithm, Argon2, Params, Version};
use blake2::{Blake2b512, Digest as _};
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use chacha20::{ChaCha20, R20, hchacha};
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::envelope::{Draw, Secret};

/// Most bytes of a bundle.
pub const BUNDLE_BYTES_MAX: usize = 64 * 1_024;

/// Most locks of a bundle.
const LOCKS_MAX: usize = 16;

/// Bytes of a sealed seed: a tag, the seed, an authenticator.
const CIPHER_BYTES: usize = 49;

/// The tag of a last message (libsodium's `crypto_secretstream_xchacha20poly1305_TAG_FINAL`).
const TAG_FINAL: u8 = 3;

/// What opening a lock costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Memory in bytes, 8 KiB to 1 GiB.
    pub memory_bytes: u32,
    /// Passes over the memory, 1 to 16.
    pub passes: u32,
}

/// One way to open a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lock {
    salt: [u8; 16],
    work: Work,
    header: [u8; 24],
    cipher: [u8; CIPHER_BYTES],
}

/// A seed under locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    locks: Vec<Lock>,
    app_data: Vec<u8>,
}

/// Why a bundle cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BundleError {
    /// It is none, or not one of version 0.
    #[error("this is no seed bundle (hcsb0)")]
    Form,
    /// It has no lock that a passphrase opens.
    #[error("no passphrase opens this bundle")]
    NoLock,
    /// The passphrase opens none of its locks.
    #[error("the passphrase does not open the bundle")]
    Wrong,
    /// The cost is out of bounds.
    #[error("a passphrase costs 8 KiB to 1 GiB and 1 to 16 passes")]
    Work,
    /// There is no memory for it now.
    #[error("there is not enough memory for the passphrase just now")]
    Memory,
}

impl Work {
    /// libsodium's `MODERATE`, which is what others use: 256 MiB, three passes.
    pub const MODERATE: Self = Self {
        memory_bytes: 256 << 20,
        passes: 3,
    };

    const fn is_allowed(self) -> bool {
        8 << 10 <= self.memory_bytes
            && self.memory_bytes <= 1 << 30
            && 1 <= self.passes
            && self.passes <= 16
    }
}

impl Bundle {
    /// Puts a seed under a passphrase.
    ///
    /// # Errors
    /// [`BundleError::Work`] and [`BundleError::Memory`].
    pub fn seal(
        seed: &Secret,
        passphrase: &str,
        work: Work,
        draw: Draw<'_>,
    ) -> Result<Self, BundleError> {
        let (mut salt, mut header) = ([0; 16], [0; 24]);
        draw(&mut salt);
        draw(&mut header);
        let key = stretch(passphrase, &salt, work)?;
        let lock = Lock {
            salt,
            work,
            header,
            cipher: push(&key, &header, seed),
        };
        Ok(Self {
            locks: vec![lock],
            app_data: Vec::new(),
        })
    }

    /// Returns the seed when the passphrase opens one of the locks.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn open(&self, passphrase: &str) -> Result<Secret, BundleError> {
        if self.locks.is_empty() {
            return Err(BundleError::NoLock);
        }
        for lock in &self.locks {
            let key = stretch(passphrase, &lock.salt, lock.work)?;
            if let Some(seed) = pull(&key, &lock.header, &lock.cipher) {
                return Ok(seed);
            }
        }
        Err(BundleError::Wrong)
    }

    /// Returns the bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        msgpack::encode(self)
    }

    /// Reads a bundle; locks of other kinds than passphrases are left out.
    ///
    /// # Errors
    /// [`BundleError::Form`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::Form);
        }
        msgpack::decode(bytes).ok_or(BundleError::Form)
    }
}

/// Stretches a passphrase as `hc_seed_bundle` does.
fn stretch(passphrase: &str, salt: &[u8; 16], work: Work) -> Result<Secret, BundleError> {
    if !work.is_allowed() {
        return Err(BundleError::Work);
    }
    let hashed = Zeroizing::new(<[u8; 64]>::from(Blake2b512::digest(passphrase.as_bytes())));
    let params = Params::new(work.memory_bytes / 1_024, work.passes, 1, Some(32))
        .map_err(|_| BundleError::Work)?;
    let mut key = Secret::default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(hashed.as_slice(), salt, key.as_mut_slice())
        .map_err(|_| BundleError::Memory)?;
    Ok(key)
}

/// Returns the stream of a first message: its key comes from the header, its counter is 1.
fn stream(key: &Secret, header: &[u8; 24]) -> ChaCha20 {
    let (input, nonce) = header.split_at(16);
    let mut first = [0; 16];
    first.copy_from_slice(input);
    let subkey = hchacha::<R20>(&(**key).into(), &first.into());
    let mut counted = [0; 12];
    counted[0] = 1;
    counted[4..].copy_from_slice(nonce);
    ChaCha20::new(&subkey, &counted.into())
}

/// Returns the authenticator of the sealed tag and message.
fn authenticate(key: &[u8; 32], tag_block: &[u8; 64], sealed: &[u8]) -> [u8; 16] {
    // Without further data: the block with the tag, the message of 32 bytes, and both lengths.
    let mut input = tag_block.to_vec();
    input.extend_from_slice(sealed);
    input.extend_from_slice(&0_u64.to_le_bytes());
    input.extend_from_slice(&(64 + sealed.len() as u64).to_le_bytes());
    Poly1305::new(&(*key).into())
        .compute_unpadded(&input)
        .into()
}

fn push(key: &Secret, header: &[u8; 24], seed: &Secret) -> [u8; CIPHER_BYTES] {
    let mut stream = stream(key, header);
    let mut block = Zeroizing::new([0; 64]);
    stream.apply_keystream(block.as_mut_slice());
    let mut mac_key = Secret::default();
    mac_key.copy_from_slice(&block[..32]);
    let mut tag_block = [0; 64];
    tag_block[0] = TAG_FINAL;
    stream.apply_keystream(&mut tag_block);
    let mut sealed = **seed;
    stream.apply_keystream(&mut sealed);
    let mut cipher = [0; CIPHER_BYTES];
    cipher[0] = tag_block[0];
    cipher[1..33].copy_from_slice(&sealed);
    cipher[33..].copy_from_slice(&authenticate(&mac_key, &tag_block, &sealed));
    cipher
}

fn pull(key: &Secret, header: &[u8; 24], cipher: &[u8; CIPHER_BYTES]) -> Option<Secret> {
    let mut stream = stream(key, header);
    let mut block = Zeroizing::new([0; 64]);
    stream.apply_keystream(block.as_mut_slice());
    let mut mac_key = Secret::default();
    mac_key.copy_from_slice(&block[..32]);
    let mut tag_block = [0; 64];
    stream.apply_keystream(&mut tag_block);
    let tag = cipher[0] ^ tag_block[0];
    tag_block[0] = cipher[0];
    let expected = authenticate(&mac_key, &tag_block, &cipher[1..33]);
    // Compared as hashes of it, so that the time tells nothing.
    let is_same = blake3::hash(&expected) == blake3::hash(&cipher[33..]);
    if !is_same || tag != TAG_FINAL {
        return None;
    }
    let mut seed = Secret::default();
    seed.copy_from_slice(&cipher[1..33]);
    stream.apply_keystream(seed.as_mut_slice());
    Some(seed)
}

#[cfg(test)]
mod tests;
