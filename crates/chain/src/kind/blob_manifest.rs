//! What a blob is and who may see it.

use base::ContentHash;
use serde::{Deserialize, Serialize};

use super::KindError;
use super::rules::{ReachWord, check_line, check_media_type};

/// Says what a blob is and who may see it. A blob that no manifest names is seen by nobody but its uploader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlobManifest {
    /// SHA-256 of the blob's bytes.
    #[serde(with = "serde_bytes")]
    pub hash: [u8; 32],
    /// The blob's length.
    pub bytes: u64,
    /// What it is, such as `video/mp4`.
    pub media_type: String,
    /// What the author's file was called.
    pub name: String,
    /// Who may see it.
    pub reach: ReachWord,
}

impl BlobManifest {
    /// Name of the kind.
    pub const KIND: &'static str = "blob-manifest";

    /// Returns the blob's id.
    #[must_use]
    pub const fn id(&self) -> ContentHash {
        ContentHash::from_bytes(self.hash)
    }

    pub(super) fn check(&self) -> Result<(), KindError> {
        check_media_type(&self.media_type)?;
        check_line("name", &self.name, 0..=255)
    }
}
