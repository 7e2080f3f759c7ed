//! A checked folder, and its manifest.

use std::collections::BTreeMap;

use base::ContentHash;
use thiserror::Error;
use wire::folder as manifest;

use super::{Entry, File, FolderPath, PathError};
use crate::sum::Sum;

/// Bounds of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a manifest.
    pub manifest_bytes_max: usize,
    /// Most entries.
    pub entries_max: usize,
    /// Most bytes of a path.
    pub path_bytes_max: usize,
    /// Most bytes of a name between two slashes.
    pub name_bytes_max: usize,
    /// Most names of a path.
    pub depth_max: usize,
}

/// A folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// In their order.
    entries: Vec<Entry>,
}

/// Entries do not make a folder.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FolderError {
    /// There are too many.
    #[error("a folder has at most {entries_max} entries")]
    TooMany {
        /// How many there may be.
        entries_max: usize,
    },
    /// A path comes twice.
    #[error("{path} comes twice in the folder")]
    Twice {
        /// The path.
        path: FolderPath,
    },
    /// Something lies in a file, or in a folder that is said to be empty.
    #[error("{path} lies in {holder}, which is a file or said to be empty")]
    Within {
        /// What lies there.
        path: FolderPath,
        /// In which it cannot lie.
        holder: FolderPath,
    },
    /// A hash comes with two lengths.
    #[error("{path} has the hash of another file and not its length")]
    Lengths {
        /// The second file.
        path: FolderPath,
    },
    /// The files are more than numbers of JSON can tell.
    #[error("the files of a folder have at most {bytes_max} bytes together")]
    TooLarge {
        /// How many they may have.
        bytes_max: u64,
    },
    /// The manifest would be too long.
    #[error("the manifest of a folder has at most {bytes_max} bytes")]
    ManifestTooLarge {
        /// How many it may have.
        bytes_max: usize,
    },
}

/// Bytes are no manifest of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// They are not written as one.
    #[error(transparent)]
    Bytes(#[from] manifest::DecodeError),
    /// A path breaks a rule.
    #[error("the path of entry {idx} is wrong: {source}")]
    Path {
        /// Which entry, counted from 0.
        idx: usize,
        /// Which rule.
        source: PathError,
    },
    /// Entries are not in their order.
    #[error("entry {idx} is not in order")]
    Order {
        /// The later entry, counted from 0.
        idx: usize,
    },
    /// They do not make a folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl Default for Limits {
    fn default() -> Self {
        let manifest::Limits {
            manifest_bytes_max,
            entries_max,
            path_bytes_max,
        } = manifest::Limits::default();
        Self {
            manifest_bytes_max,
            entries_max,
            path_bytes_max,
            name_bytes_max: 255,
            depth_max: 64,
        }
    }
}

/// Returns whether these are the first bytes of a manifest, of any version; 64 of them are enough.
#[must_use]
pub fn is_manifest(first: &[u8]) -> bool {
    let mark = manifest::FIRST.split(|byte| *byte == b':').next();
    mark.is_some_and(|mark| first.starts_with(mark))
}

impl Folder {
    /// Makes a folder of entries in any order.
    ///
    /// # Errors
    /// When they do not make one.
    pub fn new(mut entries: Vec<Entry>, limits: &Limits) -> Result<Self, FolderError> {
        if entries.len() > limits.entries_max {
            return Err(FolderError::TooMany {
                entries_max: limits.entries_max,
            });
        }
        entries.sort_by(|one, other| one.path().cmp(other.path()));
        let folder = Self::sorted(entries)?;
        // A limit of reading is one of writing, or there would be folders that nobody can read.
        if folder.encode().len() > limits.manifest_bytes_max {
            return Err(FolderError::ManifestTooLarge {
                bytes_max: limits.manifest_bytes_max,
            });
        }
        Ok(folder)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// When the bytes are not the one manifest of a folder.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        let bounds = manifest::Limits {
            manifest_bytes_max: limits.manifest_bytes_max,
            entries_max: limits.entries_max,
            path_bytes_max: limits.path_bytes_max,
        };
        let decoded = manifest::decode(bytes, &bounds)?;
        let mut entries: Vec<Entry> = Vec::with_capacity(decoded.len());
        for (idx, entry) in decoded.into_iter().enumerate() {
            let path = FolderPath::parse(entry.path(), limits)
                .map_err(|source| DecodeError::Path { idx, source })?;
            if entries.last().is_some_and(|last| path < *last.path()) {
                return Err(DecodeError::Order { idx });
            }
            entries.push(match entry {
                manifest::Entry::Folder { .. } => Entry::Folder(path),
                manifest::Entry::File {
                    bytes,
                    is_executable,
                    hash,
                    ..
                } => Entry::File(File {
                    path,
                    bytes,
                    is_executable,
                    hash,
                }),
            });
        }
        Ok(Self::sorted(entries)?)
    }

    /// Writes the manifest.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let entries: Vec<manifest::Entry> = self
            .entries
            .iter()
            .map(|entry| match entry {
                Entry::File(file) => manifest::Entry::File {
                    path: file.path.as_str().to_owned(),
                    bytes: file.bytes,
                    is_executable: file.is_executable,
                    hash: file.hash,
                },
                Entry::Folder(path) => manifest::Entry::Folder {
                    path: path.as_str().to_owned(),
                },
            })
            .collect();
        manifest::encode(&entries)
    }

    /// Returns what it holds, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns its files, in order.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.entries.iter().filter_map(Entry::file)
    }

    /// Returns how many files it holds and their bytes, each as often as it is there.
    #[must_use]
    pub fn sum(&self) -> Sum {
        let mut sum = Sum::ZERO;
        for file in self.files() {
            sum.add(file.bytes);
        }
        sum
    }

    /// Returns the blobs that it is made of, each once, with their lengths, in the order of their hashes.
    #[must_use]
    pub fn blobs(&self) -> BTreeMap<ContentHash, u64> {
        self.files().map(|file| (file.hash, file.bytes)).collect()
    }

    /// Returns the hashes of the blobs that it is made of, each once, in order: what it keeps from being collected.
    pub fn hashes(&self) -> impl Iterator<Item = ContentHash> + use<> {
        self.blobs().into_keys()
    }

    /// Returns two paths of which only one can be there where capitals and small letters are taken for the same.
    #[must_use]
    pub fn clash(&self) -> Option<(&FolderPath, &FolderPath)> {
        let folded: BTreeMap<String, &Entry> = self
            .entries
            .iter()
            .rev()
            .map(|entry| (entry.path().as_str().to_lowercase(), entry))
            .collect();
        self.entries.iter().find_map(|entry| {
            let own = entry.path().as_str().to_lowercase();
            let above = own.match_indices('/').map(|(offset, _)| &own[..offset]);
            let same = folded
                .get(&own)
                .filter(|other| other.path() != entry.path());
            let holder = above
                .filter_map(|folder| folded.get(folder))
                .find(|other| other.file().is_some());
            same.or(holder).map(|other| (other.path(), entry.path()))
        })
    }

    /// Checks entries that stand in their order.
    fn sorted(entries: Vec<Entry>) -> Result<Self, FolderError> {
        for pair in entries.windows(2) {
            let [one, other] = pair else { continue };
            if one.path() == other.path() {
                return Err(FolderError::Twice {
                    path: other.path().clone(),
                });
            }
            // Whatever lies in something stands right behind it.
            if other.path().lies_in(one.path()) {
                return Err(FolderError::Within {
                    path: other.path().clone(),
                    holder: one.path().clone(),
                });
            }
        }
        let mut lengths: BTreeMap<ContentHash, u64> = BTreeMap::new();
        let mut total = 0_u64;
        for file in entries.iter().filter_map(Entry::file) {
            if *lengths.entry(file.hash).or_insert(file.bytes) != file.bytes {
                return Err(FolderError::Lengths {
                    path: file.path.clone(),
                });
            }
            total = total.saturating_add(file.bytes);
        }
        if total > manifest::BYTES_MAX {
            return Err(FolderError::TooLarge {
                bytes_max: manifest::BYTES_MAX,
            });
        }
        Ok(Self { entries })
    }
}
