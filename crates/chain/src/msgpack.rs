//! Msgpack as Holochain writes it, msgpack from strangers, and the hashes of encoded bytes.
//!
//! Invariant: reading never uses more stack than [`DEPTH_MAX`] levels need, whatever the bytes are.

use holo_hash::encode::blake2b_256;
use serde::{Deserialize, Serialize};

use crate::ActionHash;

/// Deepest nesting of maps and arrays that is read, far above what any action, entry or kind has.
pub(crate) const DEPTH_MAX: usize = 64;

/// Returns the value that `bytes` start with, or nothing when they do not hold one.
///
/// What follows the value is not looked at: callers that want exactly these bytes encode the value and compare.
pub(crate) fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    // The limit is reached when the count is, so the deepest level needs one more.
    deserializer.set_max_depth(DEPTH_MAX + 1);
    T::deserialize(&mut deserializer).ok()
}

/// Returns the canonical bytes: maps with the names of the fields, integers in their shortest form.
///
/// About `len` bytes are expected.
///
/// # Panics
/// When a value cannot be said in msgpack; no type of this crate is like that.
pub(crate) fn encode<T: Serialize>(value: &T, len: usize) -> Vec<u8> {
    let bytes = Vec::with_capacity(len);
    let mut serializer = rmp_serde::Serializer::new(bytes).with_struct_map();
    value
        .serialize(&mut serializer)
        .expect("memory takes all bytes, and these types hold nothing that msgpack cannot say");
    serializer.into_inner()
}

/// Returns the hash of an action that encodes to `bytes`.
pub(crate) fn action_hash_of(bytes: &[u8]) -> ActionHash {
    ActionHash::from_raw_32(blake2b_256(bytes))
}

#[cfg(test)]
mod tests;
