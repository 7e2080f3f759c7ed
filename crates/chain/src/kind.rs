//! The kinds of content: what the body of an envelope means, and the rules for each field.
//!
//! A body is the msgpack map of its struct with field names. Readers ignore fields that they do not know and fill in
//! what is missing, so kinds can grow. A body that is longer than an envelope may hold is a blob, and the envelope
//! holds `{spilled: {hash, bytes}}` instead.

mod blob_manifest;
mod content;
mod path;
mod profile;
mod rules;

use base::ContentHash;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::envelope::BODY_BYTES_MAX;
use crate::{Envelope, EnvelopeRef, msgpack};

pub use blob_manifest::BlobManifest;
pub use content::{BLOBS_MAX, BlobRef, Content};
pub use path::{DEPTH_MAX, NODES_MAX, Node, Path};
pub use profile::Profile;
pub use rules::{ReachWord, SLUG_CHARS_MAX, is_slug};

/// Largest body that may be spilled into a blob, in bytes.
pub const SPILLED_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Version of all kinds so far.
const VERSION: u32 = 1;

/// One piece of content, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A page.
    Content(Content),
    /// A course: an ordered tree of pages.
    Path(Path),
    /// What a blob is and who may see it.
    BlobManifest(BlobManifest),
    /// Who the author is.
    Profile(Profile),
}

/// An item in its frame, with the blob that the frame points to when the item is long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What goes into the chain.
    pub envelope: Envelope,
    /// What must be stored as a blob before the record is sent.
    pub spilled: Option<Vec<u8>>,
}

/// What an envelope holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The item itself.
    Item(Item),
    /// The item is in a blob: fetch it and call [`Item::open_spilled`].
    Spilled {
        /// Which blob.
        hash: ContentHash,
        /// Its length.
        bytes: u64,
    },
}

/// Why an envelope's content is not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KindError {
    /// A kind that this version does not know; it is kept and not shown.
    #[error("unknown kind {0:?}")]
    Unknown(String),
    /// A newer version of a known kind.
    #[error("version {version} of {kind} is newer than this program")]
    Version {
        /// The kind.
        kind: String,
        /// The version.
        version: u32,
    },
    /// The body is not the msgpack of its kind.
    #[error("body is not a {0}")]
    Body(&'static str),
    /// A field breaks its rule.
    #[error("{field}: {rule}")]
    Field {
        /// Which field.
        field: &'static str,
        /// Which rule.
        rule: String,
    },
    /// The blob is not the one that the envelope names.
    #[error("blob of the body has another hash")]
    Spilled,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spill {
    spilled: SpillRef,
}

#[derive(Serialize, Deserialize)]
struct SpillRef {
    #[serde(with = "serde_bytes")]
    hash: [u8; 32],
    bytes: u64,
}

impl Item {
    /// Returns the kind's name as it stands in the envelope and in addresses.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Content(_) => Content::KIND,
            Self::Path(_) => Path::KIND,
            Self::BlobManifest(_) => BlobManifest::KIND,
            Self::Profile(_) => Profile::KIND,
        }
    }

    /// Returns who may see it.
    #[must_use]
    pub const fn reach(&self) -> base::Reach {
        match self {
            Self::Content(content) => content.reach.0,
            Self::Path(path) => path.reach.0,
            Self::BlobManifest(manifest) => manifest.reach.0,
            Self::Profile(profile) => profile.reach.0,
        }
    }

    /// Checks the rules of the kind.
    ///
    /// # Errors
    /// [`KindError::Field`] with the first field that breaks its rule.
    pub fn check(&self) -> Result<(), KindError> {
        match self {
            Self::Content(content) => content.check(),
            Self::Path(path) => path.check(),
            Self::BlobManifest(manifest) => manifest.check(),
            Self::Profile(profile) => profile.check(),
        }
    }

    /// Puts the item into its frame; a long body becomes a blob.
    ///
    /// # Errors
    /// [`KindError::Field`] when a rule is broken or the body is larger than [`SPILLED_BYTES_MAX`].
    pub fn seal(&self) -> Result<Sealed, KindError> {
        self.check()?;
        let body = match self {
            Self::Content(content) => encode(content),
            Self::Path(path) => encode(path),
            Self::BlobManifest(manifest) => encode(manifest),
            Self::Profile(profile) => encode(profile),
        };
        if body.len() > SPILLED_BYTES_MAX {
            return Err(too_large());
        }
        let (body, spilled) = if body.len() <= BODY_BYTES_MAX {
            (body, None)
        } else {
            let spill = Spill {
                spilled: SpillRef {
                    hash: *ContentHash::of(&body).as_bytes(),
                    bytes: body.len() as u64,
                },
            };
            (encode(&spill), Some(body))
        };
        let envelope = Envelope::new(self.kind(), VERSION, body)
            .expect("kinds have well-formed names and bodies that fit");
        Ok(Sealed { envelope, spilled })
    }

    /// Reads what an envelope holds.
    ///
    /// # Errors
    /// [`KindError`] for unknown kinds and versions, and for content that breaks the rules.
    pub fn open(envelope: &Envelope) -> Result<Opened, KindError> {
        Self::open_ref(envelope.as_ref())
    }

    /// Does what [`Item::open`] does with an envelope that still lies in its entry.
    ///
    /// # Errors
    /// As [`Item::open`].
    pub fn open_ref(envelope: EnvelopeRef<'_>) -> Result<Opened, KindError> {
        match Self::spilled_ref(envelope)? {
            Some((hash, bytes)) => Ok(Opened::Spilled { hash, bytes }),
            None => Self::decode(envelope.kind, envelope.body).map(Opened::Item),
        }
    }

    /// Returns which blob holds the body, with its length; nothing when the envelope holds the item itself, which is
    /// not looked at.
    ///
    /// # Errors
    /// [`KindError`] for unknown kinds and versions, and for a blob that is too long.
    pub fn spilled(envelope: &Envelope) -> Result<Option<(ContentHash, u64)>, KindError> {
        Self::spilled_ref(envelope.as_ref())
    }

    /// Does what [`Item::spilled`] does with an envelope that still lies in its entry.
    ///
    /// # Errors
    /// As [`Item::spilled`].
    pub fn spilled_ref(envelope: EnvelopeRef<'_>) -> Result<Option<(ContentHash, u64)>, KindError> {
        check_kind(envelope)?;
        let Some(Spill { spilled }) = msgpack::decode(envelope.body) else {
            return Ok(None);
        };
        if spilled.bytes > SPILLED_BYTES_MAX as u64 {
            return Err(too_large());
        }
        Ok(Some((ContentHash::from_bytes(spilled.hash), spilled.bytes)))
    }

    /// Reads an item whose body is in a blob.
    ///
    /// # Errors
    /// As [`Item::open`], and [`KindError::Spilled`] when the blob is not the one that was signed.
    pub fn open_spilled(envelope: &Envelope, blob: &[u8]) -> Result<Self, KindError> {
        let Opened::Spilled { hash, bytes } = Self::open(envelope)? else {
            return Err(KindError::Spilled);
        };
        if blob.len() as u64 != bytes || ContentHash::of(blob) != hash {
            return Err(KindError::Spilled);
        }
        Self::decode(&envelope.kind, blob)
    }

    fn decode(kind: &str, body: &[u8]) -> Result<Self, KindError> {
        let item = match kind {
            Content::KIND => Self::Content(decode(body, Content::KIND)?),
            Path::KIND => Self::Path(decode(body, Path::KIND)?),
            BlobManifest::KIND => Self::BlobManifest(decode(body, BlobManifest::KIND)?),
            Profile::KIND => Self::Profile(decode(body, Profile::KIND)?),
            _ => return Err(KindError::Unknown(kind.to_owned())),
        };
        item.check()?;
        Ok(item)
    }
}

/// A kind and a version that this program knows.
fn check_kind(envelope: EnvelopeRef<'_>) -> Result<(), KindError> {
    let kind = envelope.kind;
    let known = [Content::KIND, Path::KIND, BlobManifest::KIND, Profile::KIND];
    if !known.contains(&kind) {
        return Err(KindError::Unknown(kind.to_owned()));
    }
    if envelope.version > VERSION {
        return Err(KindError::Version {
            kind: kind.to_owned(),
            version: envelope.version,
        });
    }
    Ok(())
}

fn too_large() -> KindError {
    KindError::Field {
        field: "body",
        rule: format!("at most {SPILLED_BYTES_MAX} bytes"),
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    msgpack::encode(value, 1_024)
}

fn decode<'a, T: Deserialize<'a>>(body: &'a [u8], kind: &'static str) -> Result<T, KindError> {
    msgpack::decode(body).ok_or(KindError::Body(kind))
}

#[cfg(test)]
mod tests;
