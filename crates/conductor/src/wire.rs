//! The bytes of a signed call: Holochain's `ZomeCallParams`, and what the zome `commonhold` takes and answers.
//!
//! Everything is msgpack with field names; the order of the fields is free, because what is signed are the bytes as
//! they were sent. Location bytes of hashes are not looked at: the core says who is meant, and clients exist that send
//! zeros. Source: Holochain 0.7.1.

use chain::{ActionHash, AgentPubKey, DnaHash, EntryHash, EntryVisibility, Envelope, Head, Write};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha512};

use crate::{CallFault, CellId};

/// The zome whose functions an engine answers.
pub const ZOME: &str = "commonhold";
/// The function that writes; takes a [`WriteRequest`], answers with the record.
pub const FN_WRITE: &str = "write";
/// The function that tells the newest record; takes nil, answers with a [`HeadView`] or nil.
pub const FN_HEAD: &str = "head";

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 32;

/// First bytes of an agent key and of a DNA hash.
pub(crate) const AGENT_PREFIX: [u8; 3] = [0x84, 0x20, 0x24];
pub(crate) const DNA_PREFIX: [u8; 3] = [0x84, 0x2d, 0x24];
pub(crate) const ACTION_PREFIX: [u8; 3] = [0x84, 0x29, 0x24];
const ENTRY_PREFIX: [u8; 3] = [0x84, 0x21, 0x24];

/// The parameters of a call, as they are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallParams {
    /// The agent key that signs, 39 bytes.
    pub provenance: ByteBuf,
    /// The DNA hash and the agent key of the cell, 39 bytes each.
    pub cell_id: (ByteBuf, ByteBuf),
    /// The zome.
    pub zome_name: String,
    /// Its function.
    pub fn_name: String,
    /// A capability secret; not needed for the cell's own agent, and not looked at.
    pub cap_secret: Option<ByteBuf>,
    /// What the function takes, in msgpack.
    pub payload: ByteBuf,
    /// 32 random bytes, used once.
    pub nonce: ByteBuf,
    /// When the call stops being valid: microseconds since 1970, at most five minutes from now.
    pub expires_at: i64,
}

/// What the function `write` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WriteRequest {
    /// A new item.
    Create {
        /// The kind of content.
        kind: String,
        /// The version of the kind's body.
        version: u32,
        /// The content.
        body: ByteBuf,
        /// Who may get the entry.
        visibility: Visibility,
    },
    /// A newer version of an item.
    Update {
        /// The item's first action, 39 bytes.
        original: ByteBuf,
        /// The entry of that action, 39 bytes.
        original_entry: ByteBuf,
        /// The kind of content.
        kind: String,
        /// The version of the kind's body.
        version: u32,
        /// The content.
        body: ByteBuf,
        /// Who may get the entry.
        visibility: Visibility,
    },
    /// The withdrawal of an item.
    Delete {
        /// The item's first action, 39 bytes.
        original: ByteBuf,
        /// The entry of that action, 39 bytes.
        original_entry: ByteBuf,
    },
}

/// Holochain's words for the visibility of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// It may leave the author's machine.
    Public,
    /// It may not.
    Private,
}

/// What the function `head` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadView {
    /// The sequence number of the newest record.
    pub seq: u32,
    /// The hash of its action, 39 bytes.
    pub hash: ByteBuf,
    /// When its author says it was made: microseconds since 1970.
    pub timestamp: i64,
}

impl CallParams {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`CallFault::Malformed`] for anything that is not exactly one call.
    pub fn decode(bytes: &[u8]) -> Result<Self, CallFault> {
        let params: Self = rmp_serde::from_slice(bytes).map_err(|_| CallFault::Malformed)?;
        if params.nonce.len() != NONCE_BYTES {
            return Err(CallFault::Malformed);
        }
        Ok(params)
    }

    /// Returns the bytes to sign and send.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("a call holds nothing that msgpack cannot say")
    }

    /// Returns the key that signed, with its location computed anew.
    ///
    /// # Errors
    /// [`CallFault::Malformed`] when it is no agent key.
    pub fn provenance(&self) -> Result<AgentPubKey, CallFault> {
        Ok(AgentPubKey::from_raw_32(core(
            &self.provenance,
            AGENT_PREFIX,
        )?))
    }

    /// Returns the cell that is called, with locations computed anew.
    ///
    /// # Errors
    /// [`CallFault::Malformed`] when it is not a DNA hash and an agent key.
    pub fn cell(&self) -> Result<CellId, CallFault> {
        Ok(CellId {
            dna: DnaHash::from_raw_32(core(&self.cell_id.0, DNA_PREFIX)?),
            agent: AgentPubKey::from_raw_32(core(&self.cell_id.1, AGENT_PREFIX)?),
        })
    }
}

/// Returns what a caller signs with Ed25519: SHA-512 of the encoded parameters.
#[must_use]
pub fn signed_digest(call: &[u8]) -> [u8; 64] {
    Sha512::digest(call).into()
}

/// Takes the 32 bytes in the middle of a hash.
pub(crate) fn core(hash: &[u8], prefix: [u8; 3]) -> Result<Vec<u8>, CallFault> {
    match hash.strip_prefix(&prefix) {
        Some(rest) if rest.len() == 36 => Ok(rest[..32].to_vec()),
        Some(_) | None => Err(CallFault::Malformed),
    }
}

impl WriteRequest {
    /// Reads what the function `write` takes.
    ///
    /// # Errors
    /// [`CallFault::Payload`] when it is something else or breaks a rule of the envelope.
    pub fn decode(payload: &[u8]) -> Result<Write, CallFault> {
        let request: Self = rmp_serde::from_slice(payload)
            .map_err(|_| CallFault::Payload("not a write request".to_owned()))?;
        request.into_write_with(|kind, version, body| {
            Envelope::new(&kind, version, body)
                .map_err(|error| CallFault::Payload(error.to_string()))
        })
    }

    /// Makes the write without looking at the envelope's rules; the engine looks at them.
    ///
    /// # Errors
    /// [`CallFault::Payload`] when it names something that is no hash.
    pub fn into_unchecked_write(self) -> Result<Write, CallFault> {
        self.into_write_with(|kind, version, body| {
            Ok(Envelope {
                kind,
                version,
                body,
            })
        })
    }

    fn into_write_with(
        self,
        envelope: impl Fn(String, u32, Vec<u8>) -> Result<Envelope, CallFault>,
    ) -> Result<Write, CallFault> {
        match self {
            Self::Create {
                kind,
                version,
                body,
                visibility,
            } => Ok(Write::Create {
                envelope: envelope(kind, version, body.into_vec())?,
                visibility: visibility.into(),
            }),
            Self::Update {
                original,
                original_entry,
                kind,
                version,
                body,
                visibility,
            } => Ok(Write::Update {
                original: action_hash(&original)?,
                original_entry: entry_hash(&original_entry)?,
                envelope: envelope(kind, version, body.into_vec())?,
                visibility: visibility.into(),
            }),
            Self::Delete {
                original,
                original_entry,
            } => Ok(Write::Delete {
                original: action_hash(&original)?,
                original_entry: entry_hash(&original_entry)?,
            }),
        }
    }
}

impl From<&Write> for WriteRequest {
    fn from(write: &Write) -> Self {
        match write {
            Write::Create {
                envelope,
                visibility,
            } => Self::Create {
                kind: envelope.kind.clone(),
                version: envelope.version,
                body: ByteBuf::from(envelope.body.clone()),
                visibility: (*visibility).into(),
            },
            Write::Update {
                original,
                original_entry,
                envelope,
                visibility,
            } => Self::Update {
                original: ByteBuf::from(original.get_raw_39()),
                original_entry: ByteBuf::from(original_entry.get_raw_39()),
                kind: envelope.kind.clone(),
                version: envelope.version,
                body: ByteBuf::from(envelope.body.clone()),
                visibility: (*visibility).into(),
            },
            Write::Delete {
                original,
                original_entry,
            } => Self::Delete {
                original: ByteBuf::from(original.get_raw_39()),
                original_entry: ByteBuf::from(original_entry.get_raw_39()),
            },
        }
    }
}

impl From<EntryVisibility> for Visibility {
    fn from(visibility: EntryVisibility) -> Self {
        match visibility {
            EntryVisibility::Public => Self::Public,
            EntryVisibility::Private => Self::Private,
        }
    }
}

impl From<Visibility> for EntryVisibility {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Public,
            Visibility::Private => Self::Private,
        }
    }
}

impl From<&Head> for HeadView {
    fn from(head: &Head) -> Self {
        Self {
            seq: head.seq,
            hash: ByteBuf::from(head.hash.get_raw_39()),
            timestamp: head.timestamp.as_micros(),
        }
    }
}

fn action_hash(bytes: &[u8]) -> Result<ActionHash, CallFault> {
    core(bytes, ACTION_PREFIX)
        .map(ActionHash::from_raw_32)
        .map_err(|_| CallFault::Payload("original is not an action hash".to_owned()))
}

fn entry_hash(bytes: &[u8]) -> Result<EntryHash, CallFault> {
    core(bytes, ENTRY_PREFIX)
        .map(EntryHash::from_raw_32)
        .map_err(|_| CallFault::Payload("original_entry is not an entry hash".to_owned()))
}
