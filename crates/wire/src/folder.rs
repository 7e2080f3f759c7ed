//! The manifest of a folder: which files it holds, as canonical JSON.
//!
//! The bytes are JSON as RFC 8785 canonicalises it: no spaces, keys in order, one way to write each text and number.
//! They begin with [`FIRST`], by which a manifest is known.
//! `docs/protocols/folder.md` describes them byte by byte.
//!
//! # Invariants
//! One list of entries has one encoding, and the decoder takes no other.
//! Nothing is kept of bytes, entries or paths that are longer or more than the limits allow.
//!
//! It does not know which paths are allowed, nor in which order entries stand: those are rules of `storage-core`.

mod reader;
mod writer;

use base::ContentHash;
use thiserror::Error;

pub use reader::decode;
pub use writer::encode;

/// The first bytes of every manifest of version 1.
pub const FIRST: &[u8] = br#"{"commonhold_folder":1,"entries":["#;

/// The media type of a manifest.
pub const MEDIA_TYPE: &str = "application/vnd.commonhold.folder+json";

/// The largest number that every reader of JSON takes for the same one (RFC 7493 §2.2): 2^53 - 1.
pub const BYTES_MAX: u64 = (1 << 53) - 1;

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Where it is, below the folder.
        path: String,
        /// Its length, at most [`BYTES_MAX`].
        bytes: u64,
        /// Whether it may be run as a program.
        is_executable: bool,
        /// SHA-256 of its bytes.
        hash: ContentHash,
    },
    /// A folder with nothing in it.
    Folder {
        /// Where it is.
        path: String,
    },
}

/// Bounds of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the whole.
    pub manifest_bytes_max: usize,
    /// Most entries.
    pub entries_max: usize,
    /// Most bytes of a path.
    pub path_bytes_max: usize,
}

/// The bytes are no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There are too many bytes.
    #[error("the manifest of a folder has at most {bytes_max} bytes")]
    TooLarge {
        /// How many there may be.
        bytes_max: usize,
    },
    /// They do not begin as a manifest does.
    #[error("this is not the manifest of a folder")]
    Foreign,
    /// They are of a version that is not known here.
    #[error("the manifest of the folder is of version {version}, and only version 1 is known")]
    Version {
        /// Which one.
        version: u64,
    },
    /// There are too many entries.
    #[error("a folder has at most {entries_max} entries")]
    TooMany {
        /// How many there may be.
        entries_max: usize,
    },
    /// A path is too long.
    #[error("a path in a folder has at most {path_bytes_max} bytes")]
    PathTooLong {
        /// How long it may be.
        path_bytes_max: usize,
    },
    /// What stands there is not what a writer would have written.
    #[error("the manifest of the folder is malformed at byte {offset}")]
    Malformed {
        /// Where.
        offset: usize,
    },
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes_max: 64 * 1024 * 1024,
            entries_max: 200_000,
            path_bytes_max: 4_096,
        }
    }
}

impl Entry {
    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::File { path, .. } | Self::Folder { path } => path,
        }
    }
}

#[cfg(test)]
mod tests;
