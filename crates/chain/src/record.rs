//! Records as bytes: the canonical msgpack of an action and of an entry, and back.
//!
//! What is signed and hashed are exactly these bytes, so decoding accepts only the canonical form:
//! what decodes and encodes to other bytes is refused.

use base::Timestamp;
use holo_hash::HoloHashed;
use holo_hash::encode::blake2b_256;
use holochain_integrity_types::record::SignedHashed;
use thiserror::Error;

use crate::msgpack::{action_hash_of, decode as from_msgpack, encode as to_msgpack};
use crate::{
    Action, ActionHash, Entry, EntryHash, EntryVisibility, Record, RecordEntry, Signature,
};

/// Largest action that is looked at, in bytes; Holochain's own link tags stay far below.
pub const ACTION_BYTES_MAX: usize = 8 * 1_024;

/// Largest entry that is looked at, in bytes: an envelope with a full body and its frame.
pub const ENTRY_BYTES_MAX: usize = 66 * 1_024;

/// Room for most actions, in bytes.
const ACTION_BYTES_USUAL: usize = 448;

/// Room for what stands around an application's entry, in bytes.
const ENTRY_FRAME_BYTES: usize = 64;

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The action is no msgpack of an action.
    #[error("action cannot be read")]
    Action,
    /// The entry is no msgpack of an entry.
    #[error("entry cannot be read")]
    Entry,
    /// Decoding and encoding gives other bytes.
    #[error("not in canonical form")]
    Canonical,
    /// An action or entry is longer than anything that is signed here.
    #[error("longer than {0} bytes")]
    Length(usize),
    /// The signature has another length than 64 bytes.
    #[error("signature is not 64 bytes long")]
    Signature,
    /// There is an entry although the action names none.
    #[error("entry without an action that names it")]
    Surplus,
}

/// Returns the bytes of an action: what is hashed and what is signed.
#[must_use]
pub fn action_bytes(action: &Action) -> Vec<u8> {
    to_msgpack(action, ACTION_BYTES_USUAL)
}

/// Returns the bytes of an entry: what is hashed.
#[must_use]
pub fn entry_bytes(entry: &Entry) -> Vec<u8> {
    let len = entry.as_app_entry().map_or(0, |bytes| bytes.bytes().len());
    to_msgpack(entry, len + ENTRY_FRAME_BYTES)
}

/// Returns the hash of an entry; an agent's entry keeps the core of the key.
#[must_use]
pub fn entry_hash(entry: &Entry) -> EntryHash {
    match entry {
        Entry::Agent(agent) => EntryHash::from(agent.clone()),
        Entry::App(_) | Entry::CounterSign(..) | Entry::CapClaim(_) | Entry::CapGrant(_) => {
            EntryHash::from_raw_32(blake2b_256(&entry_bytes(entry)))
        }
    }
}

/// Returns the hash of an action.
#[must_use]
pub fn action_hash(action: &Action) -> ActionHash {
    action_hash_of(&action_bytes(action))
}

/// Joins an action, its signature and its entry; hashes are computed here.
#[must_use]
pub fn assemble(action: Action, signature: Signature, entry: Option<Entry>) -> Record {
    let hash = action_hash(&action);
    join(HoloHashed::with_pre_hashed(action, hash), signature, entry)
}

/// Says why an entry is missing when it is.
fn join(action: HoloHashed<Action>, signature: Signature, entry: Option<Entry>) -> Record {
    let visibility = action
        .content
        .entry_type()
        .map(|entry_type| *entry_type.visibility());
    let entry = match (entry, visibility) {
        (Some(entry), Some(_)) => RecordEntry::Present(entry),
        (None, Some(EntryVisibility::Private)) => RecordEntry::Hidden,
        (None, Some(EntryVisibility::Public)) => RecordEntry::NotStored,
        (_, None) => RecordEntry::NA,
    };
    Record::new(SignedHashed::with_presigned(action, signature), entry)
}

/// Reads a record from the bytes of its parts.
///
/// # Errors
/// [`DecodeError`]; the signature is not checked here.
pub fn decode(
    action: &[u8],
    signature: &[u8],
    entry: Option<&[u8]>,
) -> Result<Record, DecodeError> {
    let (bytes, action) = (action, decode_action(action)?);
    let signature: [u8; 64] = signature.try_into().map_err(|_| DecodeError::Signature)?;
    let entry = entry.map(decode_entry).transpose()?;
    if entry.is_some() && action.entry_hash().is_none() {
        return Err(DecodeError::Surplus);
    }
    // The bytes are canonical by now, so their hash is the action's.
    let action = HoloHashed::with_pre_hashed(action, action_hash_of(bytes));
    Ok(join(action, Signature(signature), entry))
}

/// Reads an action in canonical form.
///
/// # Errors
/// [`DecodeError`] when it is too long, not an action, or encoded in another way than Holochain does.
pub fn decode_action(bytes: &[u8]) -> Result<Action, DecodeError> {
    if bytes.len() > ACTION_BYTES_MAX {
        return Err(DecodeError::Length(ACTION_BYTES_MAX));
    }
    let action: Action = from_msgpack(bytes).ok_or(DecodeError::Action)?;
    if action_bytes(&action) != bytes {
        return Err(DecodeError::Canonical);
    }
    Ok(action)
}

/// Reads an entry in canonical form.
///
/// # Errors
/// [`DecodeError`] when it is too long, not an entry, or encoded in another way than Holochain does.
pub fn decode_entry(bytes: &[u8]) -> Result<Entry, DecodeError> {
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(DecodeError::Length(ENTRY_BYTES_MAX));
    }
    let entry: Entry = from_msgpack(bytes).ok_or(DecodeError::Entry)?;
    if entry_bytes(&entry) != bytes {
        return Err(DecodeError::Canonical);
    }
    Ok(entry)
}

/// Returns when the author says the record was made.
#[must_use]
pub fn timestamp(record: &Record) -> Timestamp {
    Timestamp(record.action().timestamp().as_micros())
}

/// Returns the same record without its entry, for readers who may not see it.
#[must_use]
pub fn withhold(record: &Record) -> Record {
    assemble(record.action().clone(), record.signature().clone(), None)
}

/// Returns the entry when it came along.
#[must_use]
pub fn present(record: &Record) -> Option<&Entry> {
    record.entry().as_option()
}

#[cfg(test)]
mod tests;
