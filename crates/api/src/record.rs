//! A signed record on the wire: the exact bytes that were signed and hashed, in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::record::{self, DecodeError};
use chain::{Record, RecordEntry};
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

/// One action of a source chain, its author's signature over it, and its entry where the reader may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct RecordView {
    /// The action: base64 of its canonical msgpack. Its BLAKE2b-256 is the core of the action hash.
    pub action: String,
    /// Base64 of the author's Ed25519 signature over exactly the bytes of `action`.
    pub signature: String,
    /// The entry: base64 of its canonical msgpack; absent when the action has none or it is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The action hash in its text form, for reading; checkers compute it themselves.
    #[serde(default)]
    pub action_hash: String,
}

impl RecordView {
    /// Shows a record with its entry.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let entry = match record.entry() {
            RecordEntry::Present(entry) => Some(STANDARD.encode(record::entry_bytes(entry))),
            RecordEntry::Hidden | RecordEntry::NA | RecordEntry::NotStored => None,
        };
        Self {
            action: STANDARD.encode(record::action_bytes(record.action())),
            signature: STANDARD.encode(record.signature().0),
            entry,
            action_hash: record.action_address().to_string(),
        }
    }

    /// Shows a record without its entry.
    #[must_use]
    pub fn without_entry(record: &Record) -> Self {
        Self::of(&record::withhold(record))
    }

    /// Reads the record back; hashes are computed anew, the signature is not checked.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not base64 or not a record in canonical form.
    pub fn decode(&self) -> Result<Record, DecodeError> {
        let action = STANDARD
            .decode(&self.action)
            .map_err(|_| DecodeError::Action)?;
        let signature = STANDARD
            .decode(&self.signature)
            .map_err(|_| DecodeError::Signature)?;
        let entry = self
            .entry
            .as_ref()
            .map(|entry| STANDARD.decode(entry).map_err(|_| DecodeError::Entry))
            .transpose()?;
        record::decode(&action, &signature, entry.as_deref())
    }
}
