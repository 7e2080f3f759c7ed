//! Msgpack from strangers: how deep it may nest, and the hashes of encoded bytes.
//!
//! Invariant: reading never uses more stack than [`DEPTH_MAX`] levels need, whatever the bytes are.

use holo_hash::encode::blake2b_256;
use serde::Deserialize;

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

/// Returns the hash of an action that encodes to `bytes`.
pub(crate) fn action_hash_of(bytes: &[u8]) -> ActionHash {
    ActionHash::from_raw_32(blake2b_256(bytes))
}

#[cfg(test)]
mod tests;
