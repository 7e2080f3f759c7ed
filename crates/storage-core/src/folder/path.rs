//! Paths in a folder, which lead down and nowhere else.

use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

use super::Limits;

/// Where something lies in a folder: names with single slashes between them.
///
/// # Invariants
/// It is UTF-8 and neither starts nor ends with a slash. No name is empty, `.` or `..`; none holds a control character,
/// a backslash or a slash. So it leads to the same place on every machine, and never out of the folder.
/// Paths are compared by their bytes: nothing is normalised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FolderPath(String);

/// A text is no path in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// It has no characters.
    #[error("it is empty")]
    Empty,
    /// It starts with a slash.
    #[error("it starts with a slash, and so leads out of the folder")]
    Absolute,
    /// It has too many bytes.
    #[error("it has more than {bytes_max} bytes")]
    TooLong {
        /// How many it may have.
        bytes_max: usize,
    },
    /// It has too many names.
    #[error("it leads more than {depth_max} folders down")]
    TooDeep {
        /// How many names it may have.
        depth_max: usize,
    },
    /// A name has no characters.
    #[error("two slashes stand together, or one at the end")]
    EmptyName,
    /// A name has too many bytes.
    #[error("a name has more than {bytes_max} bytes")]
    NameTooLong {
        /// How many it may have.
        bytes_max: usize,
    },
    /// A name is `.` or `..`.
    #[error("a name is . or .., which leads elsewhere")]
    Dots,
    /// A name holds a character that is taken for something else somewhere.
    #[error("it holds {letter:?}, which cannot stand in a name on every machine")]
    Letter {
        /// The first such character.
        letter: char,
    },
}

impl FolderPath {
    /// Reads a path.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.len() > limits.path_bytes_max {
            return Err(PathError::TooLong {
                bytes_max: limits.path_bytes_max,
            });
        }
        let is_wrong = |letter: &char| letter.is_control() || *letter == '\\';
        if let Some(letter) = text.chars().find(is_wrong) {
            return Err(PathError::Letter { letter });
        }
        for (idx, name) in text.split('/').enumerate() {
            if idx >= limits.depth_max {
                return Err(PathError::TooDeep {
                    depth_max: limits.depth_max,
                });
            }
            match name {
                "" => return Err(PathError::EmptyName),
                "." | ".." => return Err(PathError::Dots),
                _ if name.len() > limits.name_bytes_max => {
                    return Err(PathError::NameTooLong {
                        bytes_max: limits.name_bytes_max,
                    });
                }
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the names from the folder down.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the folders in which it lies, from the folder down, without itself.
    pub fn folders(&self) -> impl Iterator<Item = Self> {
        self.0
            .match_indices('/')
            .map(|(offset, _)| Self(self.0[..offset].to_owned()))
    }

    /// Returns whether it lies in `folder`, at any depth.
    #[must_use]
    pub fn lies_in(&self, folder: &Self) -> bool {
        self.0
            .strip_prefix(&folder.0)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl Ord for FolderPath {
    /// Compares the bytes, a slash before every other one.
    fn cmp(&self, other: &Self) -> Ordering {
        // No path holds a byte 0, so a slash can take its place.
        let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
        self.0.bytes().map(rank).cmp(other.0.bytes().map(rank))
    }
}

impl PartialOrd for FolderPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
