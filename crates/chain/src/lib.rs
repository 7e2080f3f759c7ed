//! Source chains in Holochain's own format, and what Commonhold writes into them.
//!
//! Actions, entries, hashes and signatures are Holochain 0.7.1's, byte for byte, by way of Holochain's own types.
//! This crate makes records, verifies whole chains, proves forks, and knows the kinds of content.
//!
//! Invariant: a [`Record`] that came out of [`record::decode`] or [`Author`] has hashes that fit its content;
//! whether its signature and its place in the chain fit is what [`Verifier`] says. No I/O, no clock, no randomness.

pub mod author;
pub mod dna;
pub mod envelope;
#[cfg(test)]
mod fixture;
pub mod fork;
pub mod kind;
mod msgpack;
pub mod person;
pub mod record;
pub mod signer;
pub mod verify;

pub use author::{Author, Head, Write};
pub use envelope::{Envelope, EnvelopeRef};
pub use holo_hash::{ActionHash, AgentPubKey, DnaHash, EntryHash, WasmHash};
pub use holochain_integrity_types::action::{Action, ActionData, EntryType};
pub use holochain_integrity_types::entry::Entry;
pub use holochain_integrity_types::entry_def::EntryVisibility;
pub use holochain_integrity_types::record::{Record, RecordEntry};
pub use holochain_integrity_types::signature::Signature;
pub use kind::Item;
pub use person::{KeyCommitment, PersonId, PersonLog};
pub use signer::{KeySigner, SignAll, SignError, SignedActions, Signer};
pub use verify::{Rejection, Rules, Verifier};

/// Returns an agent key made of a raw Ed25519 public key.
#[must_use]
pub fn agent_of(public: [u8; 32]) -> AgentPubKey {
    AgentPubKey::from_raw_32(public.to_vec())
}

/// Returns the raw Ed25519 public key inside an agent key.
#[must_use]
pub fn public_of(agent: &AgentPubKey) -> [u8; 32] {
    let mut public = [0; 32];
    public.copy_from_slice(agent.get_raw_32());
    public
}
