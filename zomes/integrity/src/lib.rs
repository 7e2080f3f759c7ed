//! The frozen integrity zome: two entry types that hold an envelope, and structural rules only.
//!
//! # Invariants
//! * No host function is called: the answer depends on the operation alone.
//! * What a kind means is not known here; the crate `chain` decides that wherever records are read.
//! * Any change of this crate, of its lock file or of its profile gives another DNA, and so another network.

mod judge;

use hdi::prelude::*;

pub use judge::{Refusal, judge};

/// The one shape of an entry: a msgpack map with these three fields, in this order.
#[hdk_entry_helper]
#[derive(Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// What the body is, by the alphabet of the crate `envelope`.
    pub kind: String,
    /// The version of the kind's format, from 1.
    pub version: u32,
    /// The bytes of the body, a msgpack `bin` of at most 65,536 bytes.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// The entry types, by their index: 0 is public, 1 stays on the author's own chain.
#[hdk_entry_types]
#[unit_enum(EntryTypesUnit)]
pub enum EntryTypes {
    /// An envelope that everybody may hold.
    #[entry_type(visibility = "public")]
    Envelope(Envelope),
    /// An envelope that never leaves its author's conductor.
    #[entry_type(visibility = "private")]
    PrivateEnvelope(Envelope),
}

/// Accepts every agent: who belongs to a community is decided by its list of members, not by the network.
#[hdk_extern]
pub fn genesis_self_check(_data: GenesisSelfCheckData) -> ExternResult<ValidateCallbackResult> {
    Ok(ValidateCallbackResult::Valid)
}

/// Validates one operation by the rules of [`judge`].
///
/// # Errors
/// Fails, without blaming the author, when a public entry did not come with its operation:
/// the author's signature does not cover what another peer left out.
#[hdk_extern]
pub fn validate(op: Op) -> ExternResult<ValidateCallbackResult> {
    match judge(&op) {
        Ok(()) => Ok(ValidateCallbackResult::Valid),
        Err(refusal @ Refusal::EntryMissing) => {
            Err(wasm_error!(WasmErrorInner::Guest(refusal.to_string())))
        }
        Err(refusal) => Ok(ValidateCallbackResult::Invalid(refusal.to_string())),
    }
}

#[cfg(test)]
mod tests;
