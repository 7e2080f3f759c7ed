//! How a key lies on the disk: sealed under a data key, which every keyslot wraps twice.
//!
//! ```text
//! seed   = AEAD(data key, seed)
//! slot   = AEAD(server key, AEAD(slot key, data key))
//! ```
//! A stolen disk is worth nothing without the server key, and the server key nothing without what the person has.
//! AEAD is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with random nonces of 24 bytes.
//! What is sealed is bound to the agent, the person, the slot and its kind, so that nothing can be swapped.
//!
//! It does not know how a slot key came to be: passwords are stretched elsewhere.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::core::slots::SlotKind;

/// 32 secret bytes; wiped when dropped.
pub type Secret = Zeroizing<[u8; 32]>;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 24;

/// Bytes that sealing adds: a nonce and a tag.
const SEAL_BYTES: usize = NONCE_BYTES + 16;

/// Bytes of 32 sealed bytes.
pub const SEALED_BYTES: usize = 32 + SEAL_BYTES;

/// Bytes of a data key that is wrapped twice.
pub const WRAPPED_BYTES: usize = SEALED_BYTES + SEAL_BYTES;

/// Most bytes of what a slot says publicly, such as the salt of a password.
pub const HINT_BYTES_MAX: usize = 1_024;

/// The version of how things are sealed; part of what is authenticated.
const VERSION: u8 = 1;

/// A random source: fills the slice.
pub type Draw<'a> = &'a mut dyn FnMut(&mut [u8]);

/// Whose key it is; bound into everything that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The agent's raw public key.
    pub agent: [u8; 32],
    /// The person.
    pub person: [u8; 32],
}

/// A keyslot: one way to the data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its number, which is never used twice for an agent.
    pub number: u16,
    /// What opens it.
    pub kind: SlotKind,
    /// What whoever opens it needs to know, such as the salt of a password; public.
    pub hint: Vec<u8>,
    /// The data key, wrapped twice.
    pub wrapped: [u8; WRAPPED_BYTES],
}

/// A key as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Whose.
    pub owner: Owner,
    /// The sealed seed.
    pub seed: [u8; SEALED_BYTES],
    /// The keyslots, by number.
    pub slots: Vec<Slot>,
}

/// What seals keyslots on this machine. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct ServerKey(Secret);

/// A new keyslot: what opens it, what it says publicly, and its key.
pub struct NewSlot {
    /// What opens it.
    pub kind: SlotKind,
    /// What whoever opens it needs to know; public, at most [`HINT_BYTES_MAX`] bytes.
    pub hint: Vec<u8>,
    /// The slot's key.
    pub key: Secret,
}

/// Why an envelope does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// There is no such keyslot.
    #[error("there is no keyslot {0}")]
    NoSlot(u16),
    /// The slot key, or the server key, is another one, or something was changed.
    #[error("this does not open the key")]
    Wrong,
}

impl ServerKey {
    /// Takes the 32 bytes.
    #[must_use]
    pub const fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Returns what tells whether another key is the same one, and nothing else of it.
    #[must_use]
    pub fn mark(&self) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, b"commonhold vault server key").as_bytes()
    }
}

impl Envelope {
    /// Seals a seed under a fresh data key, with one slot for each way to open it.
    pub(crate) fn seal(
        server: &ServerKey,
        owner: Owner,
        seed: &Secret,
        slots: &[NewSlot],
        draw: Draw<'_>,
    ) -> Self {
        let mut data_key = Secret::default();
        draw(data_key.as_mut_slice());
        let mut envelope = Self {
            owner,
            seed: seal(&data_key, seed.as_slice(), &owner.bind("seed", None), draw),
            slots: Vec::with_capacity(slots.len()),
        };
        for (number, slot) in (1..).zip(slots) {
            envelope
                .slots
                .push(wrap(server, owner, &data_key, number, slot, draw));
        }
        envelope
    }

    /// Opens the seed with the key of a slot.
    pub(crate) fn open(
        &self,
        server: &ServerKey,
        number: u16,
        key: &Secret,
    ) -> Result<Secret, OpenError> {
        let data_key = self.data_key(server, number, key)?;
        open(&data_key, &self.seed, &self.owner.bind("seed", None))
    }

    /// Returns one slot more, for whoever can open another one.
    pub(crate) fn add(
        &self,
        server: &ServerKey,
        by: (u16, &Secret),
        number: u16,
        slot: &NewSlot,
        draw: Draw<'_>,
    ) -> Result<Slot, OpenError> {
        let data_key = self.data_key(server, by.0, by.1)?;
        Ok(wrap(server, self.owner, &data_key, number, slot, draw))
    }

    fn data_key(&self, server: &ServerKey, number: u16, key: &Secret) -> Result<Secret, OpenError> {
        let slot = self.slots.iter().find(|slot| slot.number == number);
        let slot = slot.ok_or(OpenError::NoSlot(number))?;
        let bound = self.owner.bind("slot", Some((slot.number, slot.kind)));
        let inner: Zeroizing<[u8; SEALED_BYTES]> = open(&server.0, &slot.wrapped, &bound)?;
        open(key, inner.as_slice(), &bound)
    }
}

fn wrap(
    server: &ServerKey,
    owner: Owner,
    data_key: &Secret,
    number: u16,
    slot: &NewSlot,
    draw: Draw<'_>,
) -> Slot {
    let bound = owner.bind("slot", Some((number, slot.kind)));
    let inner: Zeroizing<[u8; SEALED_BYTES]> =
        Zeroizing::new(seal(&slot.key, data_key.as_slice(), &bound, draw));
    Slot {
        number,
        kind: slot.kind,
        hint: slot.hint.clone(),
        wrapped: seal(&server.0, inner.as_slice(), &bound, draw),
    }
}

impl Owner {
    /// Returns what is authenticated beside a sealed secret.
    fn bind(&self, what: &str, slot: Option<(u16, SlotKind)>) -> Vec<u8> {
        let mut bound = b"commonhold vault\0".to_vec();
        bound.push(VERSION);
        bound.extend_from_slice(&self.person);
        bound.extend_from_slice(&self.agent);
        bound.extend_from_slice(what.as_bytes());
        if let Some((number, kind)) = slot {
            bound.extend_from_slice(&number.to_le_bytes());
            bound.push(kind.number());
        }
        bound
    }
}

/// Seals bytes under a fresh nonce, which stands before them.
fn seal<const LEN: usize>(key: &Secret, secret: &[u8], bound: &[u8], draw: Draw<'_>) -> [u8; LEN] {
    let mut nonce = [0; NONCE_BYTES];
    draw(&mut nonce);
    let payload = Payload {
        msg: secret,
        aad: bound,
    };
    let cipher = XChaCha20Poly1305::new(&Key::from(**key));
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .expect("some dozens of bytes can be sealed");
    let mut bytes = [0; LEN];
    bytes[..NONCE_BYTES].copy_from_slice(&nonce);
    bytes[NONCE_BYTES..].copy_from_slice(&sealed);
    bytes
}

/// Opens what [`seal`] made.
fn open<const LEN: usize>(
    key: &Secret,
    sealed: &[u8],
    bound: &[u8],
) -> Result<Zeroizing<[u8; LEN]>, OpenError> {
    let (nonce, sealed) = sealed
        .split_first_chunk::<NONCE_BYTES>()
        .ok_or(OpenError::Wrong)?;
    let payload = Payload {
        msg: sealed,
        aad: bound,
    };
    let cipher = XChaCha20Poly1305::new(&Key::from(**key));
    let opened = cipher
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| OpenError::Wrong)?;
    let opened = Zeroizing::new(opened);
    let mut secret = Zeroizing::new([0; LEN]);
    if opened.len() != LEN {
        return Err(OpenError::Wrong);
    }
    secret.copy_from_slice(&opened);
    Ok(secret)
}

#[cfg(test)]
mod tests;
