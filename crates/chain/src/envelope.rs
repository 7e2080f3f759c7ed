//! The one entry format of the integrity zome: `{kind, version, body}`, checked for structure only.
//!
//! The rules are shared with the zome. What a kind means is decided in [`crate::kind`].

use holochain_integrity_types::action::{AppEntryDef, EntryDefIndex, ZomeIndex};
use holochain_integrity_types::entry::AppEntryBytes;
use holochain_serialized_bytes::{SerializedBytes, UnsafeBytes};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::msgpack::{decode, encode};
use crate::{Entry, EntryType, EntryVisibility};

pub use envelope_rules::{BODY_BYTES_MAX, Fault};

/// Position of the integrity zome in the DNA.
const ZOME: ZomeIndex = ZomeIndex(0);

/// Room for everything but the body, in bytes.
const FRAME_BYTES: usize = 128;

/// One item of content in its frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Which kind of content the body holds: lower-case words with hyphens, at most 64 characters.
    pub kind: String,
    /// Version of the kind's body, from 1.
    pub version: u32,
    /// The content, at most 64 KiB; its form belongs to the kind.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// An [`Envelope`] that still lies in its entry: nothing is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeRef<'a> {
    /// As [`Envelope::kind`].
    pub kind: &'a str,
    /// As [`Envelope::version`].
    pub version: u32,
    /// As [`Envelope::body`].
    #[serde(with = "serde_bytes")]
    pub body: &'a [u8],
}

/// Why an entry is not an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// It is an entry of the system, not of this application.
    #[error("not an application entry")]
    NotApp,
    /// It is not the msgpack of an envelope, or not in canonical form.
    #[error("entry is not an envelope in canonical form")]
    Form,
    /// It breaks a structural rule of the zome.
    #[error("{0}")]
    Structure(Fault),
}

impl Envelope {
    /// Frames a body.
    ///
    /// # Errors
    /// [`EnvelopeError::Structure`] when a rule of the zome is broken.
    pub fn new(kind: &str, version: u32, body: Vec<u8>) -> Result<Self, EnvelopeError> {
        envelope_rules::check(kind, version, body.len()).map_err(EnvelopeError::Structure)?;
        Ok(Self {
            kind: kind.to_owned(),
            version,
            body,
        })
    }

    /// Returns the entry that holds this envelope.
    #[must_use]
    pub fn to_entry(&self) -> Entry {
        let bytes = AppEntryBytes::try_from(SerializedBytes::from(UnsafeBytes::from(self.bytes())))
            .expect("an envelope is far below Holochain's 4 MB");
        Entry::App(bytes)
    }

    /// Reads the envelope out of an entry.
    ///
    /// # Errors
    /// [`EnvelopeError`]; the rules are those of the zome.
    pub fn from_entry(entry: &Entry) -> Result<Self, EnvelopeError> {
        EnvelopeRef::from_entry(entry).map(EnvelopeRef::to_envelope)
    }

    /// Returns the msgpack that an entry holds.
    fn bytes(&self) -> Vec<u8> {
        self.as_ref().bytes()
    }

    /// Returns the same envelope, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> EnvelopeRef<'_> {
        EnvelopeRef {
            kind: &self.kind,
            version: self.version,
            body: &self.body,
        }
    }
}

impl<'a> EnvelopeRef<'a> {
    /// Reads the envelope inside of an entry, where it lies.
    ///
    /// # Errors
    /// [`EnvelopeError`]; the rules are those of the zome.
    pub fn from_entry(entry: &'a Entry) -> Result<Self, EnvelopeError> {
        let Entry::App(bytes) = entry else {
            return Err(EnvelopeError::NotApp);
        };
        let bytes = bytes.bytes();
        let envelope: Self = decode(bytes).ok_or(EnvelopeError::Form)?;
        envelope_rules::check(envelope.kind, envelope.version, envelope.body.len())
            .map_err(EnvelopeError::Structure)?;
        if &envelope.bytes() != bytes {
            return Err(EnvelopeError::Form);
        }
        Ok(envelope)
    }

    /// Looks at what an entry says it holds, without a check of its form and rules; nothing when it is no envelope.
    #[must_use]
    pub fn peek(entry: &'a Entry) -> Option<Self> {
        let Entry::App(bytes) = entry else {
            return None;
        };
        decode(bytes.bytes())
    }

    /// Copies it out of its entry.
    #[must_use]
    pub fn to_envelope(self) -> Envelope {
        Envelope {
            kind: self.kind.to_owned(),
            version: self.version,
            body: self.body.to_vec(),
        }
    }

    /// Returns the msgpack that an entry holds.
    fn bytes(self) -> Vec<u8> {
        encode(&self, self.body.len() + FRAME_BYTES)
    }
}

/// Returns the entry type of an envelope: the first of the zome is public, the second private.
#[must_use]
pub fn entry_type(visibility: EntryVisibility) -> EntryType {
    let index = match visibility {
        EntryVisibility::Public => EntryDefIndex(0),
        EntryVisibility::Private => EntryDefIndex(1),
    };
    EntryType::App(AppEntryDef::new(index, ZOME, visibility))
}

#[cfg(test)]
mod tests;
