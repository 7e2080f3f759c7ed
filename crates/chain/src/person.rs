//! Who a person is across keys and hosts: the key events from which a [`PersonId`] and the current key follow.
//!
//! A person begins with an inception, which names the first key and the hash of the next one.
//! The next key is made on the person's own side, and nobody else sees it until a rotation shows it.
//! So whoever keeps the current key can sign with it, and can never take the person away.
//! `docs/protocols/person.md` describes the bytes.
//!
//! # Invariants
//! One event has one encoding, and the decoder takes no other.
//! The [`PersonId`] is the hash of the inception; a key counts only when the event before it promised its hash.
//!
//! It does not know where events are kept, nor which of two rotations of one place came first.

mod codec;
mod log;

use std::fmt;
use std::str::FromStr;

use base::{ContentHash, Timestamp};
use crypto::{Keypair, PublicKey, SignatureBytes};
use thiserror::Error;

pub use codec::{DecodeError, EVENT_BYTES_MAX, decode_log, encode_log};
pub use log::{EVENTS_MAX, PersonLog, Rejection};

/// Longest name of a doorway, in bytes.
pub const DOORWAY_BYTES_MAX: usize = 253;

/// Longest life of a grant, in days.
pub const GRANT_DAYS_MAX: u64 = 366;

/// What stands before a key when its hash is promised.
const COMMITMENT_PREFIX: &[u8] = b"commonhold next key\0";

/// What the text form of a person begins with.
const PERSON_PREFIX: &str = "person-";

/// The stable id of a human across keys and hosts: the hash of their inception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId([u8; 32]);

/// The hash of a key event: SHA-256 of its bytes, without the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventHash(pub [u8; 32]);

/// The promise of a key: the hash of a public key that is not shown yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyCommitment(pub [u8; 32]);

/// A statement about a person's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// The first one.
    Inception(Inception),
    /// The promised key takes over.
    Rotation(Rotation),
    /// The current key lets a doorway host it.
    Grant(HostingGrant),
}

/// How a person begins; signed by `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inception {
    /// When it was made, as its author says.
    pub made: Timestamp,
    /// The first agent key.
    pub key: [u8; 32],
    /// The promise of the key after it.
    pub next: KeyCommitment,
}

/// The promised key takes over; signed by the new key alone, so that no host can prevent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Whose.
    pub person: PersonId,
    /// Its place among the inception and the rotations, from 1.
    pub seq: u32,
    /// The inception or rotation before it.
    pub previous: EventHash,
    /// When it was made, as its author says.
    pub made: Timestamp,
    /// The new agent key; the event before promised its hash.
    pub key: [u8; 32],
    /// The promise of the key after it.
    pub next: KeyCommitment,
}

/// A person's word that a doorway hosts them; signed by the agent key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostingGrant {
    /// Who grants it.
    pub person: PersonId,
    /// The place of the inception or rotation that made the agent key current.
    pub seq: u32,
    /// That inception or rotation.
    pub key_event: EventHash,
    /// When it was made, as its author says.
    pub made: Timestamp,
    /// The key that is hosted.
    pub agent: [u8; 32],
    /// Grows with each grant; a newer grant makes the older ones void.
    pub epoch: u64,
    /// From this time on it is no longer good; at most [`GRANT_DAYS_MAX`] after `made`.
    pub expires: Timestamp,
    /// The address of the doorway: 1 to [`DOORWAY_BYTES_MAX`] printable ASCII characters, without capitals and spaces.
    pub doorway: String,
}

/// A key event with its signature; the signature was not necessarily checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvent {
    /// What is said.
    pub event: KeyEvent,
    /// The signature over its bytes.
    pub signature: SignatureBytes,
}

/// The text is no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a person: give person- and 64 hex digits")]
pub struct ParsePersonError;

impl KeyCommitment {
    /// Promises a public key.
    #[must_use]
    pub fn of(public: &[u8; 32]) -> Self {
        let bytes = [COMMITMENT_PREFIX, public.as_slice()].concat();
        Self(*ContentHash::of(&bytes).as_bytes())
    }
}

impl PersonId {
    /// Takes the 32 bytes of an id.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl KeyEvent {
    /// Returns the bytes that are hashed and signed.
    ///
    /// # Panics
    /// When the doorway's name is empty or longer than [`DOORWAY_BYTES_MAX`]; the decoder and [`doorway_fits`] see to it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Returns the hash of its bytes.
    #[must_use]
    pub fn hash(&self) -> EventHash {
        EventHash(*ContentHash::of(&self.encode()).as_bytes())
    }

    /// Returns whose it is; for an inception, who begins with it.
    #[must_use]
    pub fn person(&self) -> PersonId {
        match self {
            Self::Inception(_) => PersonId(self.hash().0),
            Self::Rotation(rotation) => rotation.person,
            Self::Grant(grant) => grant.person,
        }
    }

    /// Returns the public key that has to sign it.
    #[must_use]
    pub const fn signing_key(&self) -> &[u8; 32] {
        match self {
            Self::Inception(inception) => &inception.key,
            Self::Rotation(rotation) => &rotation.key,
            Self::Grant(grant) => &grant.agent,
        }
    }

    /// Signs it with a key pair, which should be that of [`KeyEvent::signing_key`].
    #[must_use]
    pub fn sign(self, pair: &Keypair) -> SignedEvent {
        let signature = pair.sign(&self.encode());
        SignedEvent {
            event: self,
            signature,
        }
    }
}

impl SignedEvent {
    /// Returns the bytes of the event, and the signature behind them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.event.encode();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads one event and nothing behind it.
    ///
    /// # Errors
    /// [`DecodeError`]; the signature is not checked.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match codec::split(bytes)? {
            (event, []) => Ok(event),
            _ => Err(DecodeError::Surplus),
        }
    }

    /// Checks the signature against the key that the event names.
    ///
    /// # Errors
    /// [`Rejection::Key`] for a key that can sign nothing, [`Rejection::Signature`] when it does not fit.
    pub fn check_signature(&self) -> Result<(), Rejection> {
        let key = PublicKey::from_bytes(self.event.signing_key()).map_err(|_| Rejection::Key)?;
        key.verify(&self.event.encode(), &self.signature)
            .map_err(|_| Rejection::Signature)
    }
}

/// Tells whether a text can be the name of a doorway in a grant.
#[must_use]
pub fn doorway_fits(doorway: &str) -> bool {
    let is_named = |byte: u8| matches!(byte, 0x21..=0x7e) && !byte.is_ascii_uppercase();
    (1..=DOORWAY_BYTES_MAX).contains(&doorway.len()) && doorway.bytes().all(is_named)
}

impl fmt::Display for PersonId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{PERSON_PREFIX}{}",
            ContentHash::from_bytes(self.0)
        )
    }
}

impl FromStr for PersonId {
    type Err = ParsePersonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(PERSON_PREFIX).ok_or(ParsePersonError)?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 64 || !digits.bytes().all(is_hex) {
            return Err(ParsePersonError);
        }
        let hash: ContentHash = digits.parse().map_err(|_| ParsePersonError)?;
        Ok(Self(*hash.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
