//! The header `Upload-Metadata`: keys and base64 values, between commas.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::Limits;

/// What was said about an upload: keys with values, in the order in which they came.
///
/// # Invariants
/// Keys are not empty, are printable ASCII without spaces and commas, and are all different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, Vec<u8>)>);

/// The header cannot be used. The protocol answers it with 400.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// There are too many bytes.
    #[error("the metadata of an upload has at most {bytes_max} bytes")]
    TooLong {
        /// How many there may be.
        bytes_max: usize,
    },
    /// There are too many keys.
    #[error("the metadata of an upload has at most {keys_max} keys")]
    TooMany {
        /// How many there may be.
        keys_max: usize,
    },
    /// A key is empty or holds what is not printable ASCII.
    #[error("a key of the metadata is empty or not printable ASCII")]
    Key,
    /// A key comes twice.
    #[error("the key {key} comes twice in the metadata")]
    Twice {
        /// The key.
        key: String,
    },
    /// A value is not base64.
    #[error("the value of {key} in the metadata is not base64")]
    Value {
        /// Its key.
        key: String,
    },
}

impl Metadata {
    /// Reads the header; an empty one says nothing.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub fn parse(header: &str, limits: &Limits) -> Result<Self, MetadataError> {
        if header.len() > limits.metadata_bytes_max {
            return Err(MetadataError::TooLong {
                bytes_max: limits.metadata_bytes_max,
            });
        }
        let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
        if header.trim_matches(' ').is_empty() {
            return Ok(Self(pairs));
        }
        for pair in header.split(',') {
            let pair = pair.trim_matches(' ');
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            if key.is_empty() || !key.bytes().all(|letter| letter.is_ascii_graphic()) {
                return Err(MetadataError::Key);
            }
            if pairs.iter().any(|(other, _)| other == key) {
                return Err(MetadataError::Twice {
                    key: key.to_owned(),
                });
            }
            if pairs.len() >= limits.metadata_keys_max {
                return Err(MetadataError::TooMany {
                    keys_max: limits.metadata_keys_max,
                });
            }
            let value = STANDARD.decode(value).map_err(|_| MetadataError::Value {
                key: key.to_owned(),
            })?;
            pairs.push((key.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        let (_, value) = self.0.iter().find(|(other, _)| other == key)?;
        Some(value)
    }

    /// Returns the value of a key when it is text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        std::str::from_utf8(self.get(key)?).ok()
    }

    /// Returns all keys and values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// Returns whether nothing was said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> String {
        let pairs = self.0.iter().map(|(key, value)| {
            if value.is_empty() {
                key.clone()
            } else {
                format!("{key} {}", STANDARD.encode(value))
            }
        });
        pairs.collect::<Vec<_>>().join(",")
    }
}
