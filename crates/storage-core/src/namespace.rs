//! Names of namespaces: who keeps blobs apart from whom.
//!
//! A blob of one namespace is not there in another, whoever asks; tags, leases and quotas belong to one namespace.
//!
//! Invariant: a [`Namespace`] that exists is well-formed, and can stand in an address and in the name of a file.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::name::{self, Wrong};

/// The namespace of a community's own blobs.
const COMMUNITY: &str = "community";

/// Bounds of a namespace's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most characters of a name; each takes one byte.
    pub name_chars_max: usize,
}

/// The name of a namespace: small letters, digits, and single `-`, `.` or `_` between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);

/// The text is no name of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NamespaceError {
    /// There is no character.
    #[error("a namespace needs a name")]
    Empty,
    /// There are too many characters.
    #[error("the name of a namespace has at most {chars_max} characters")]
    TooLong {
        /// How many there may be.
        chars_max: usize,
    },
    /// There is a character that may not be there.
    #[error(
        "the name of a namespace holds {letter:?}: it is made of a-z, 0-9, and - . _ between them"
    )]
    Letter {
        /// The first such character.
        letter: char,
    },
    /// There is a mark at the start, at the end, or next to another one.
    #[error("{mark:?} in the name of a namespace needs a letter or a digit on both sides")]
    Mark {
        /// The mark.
        mark: char,
    },
}

impl Default for Limits {
    fn default() -> Self {
        Self { name_chars_max: 64 }
    }
}

impl Namespace {
    /// Reads a name.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, NamespaceError> {
        let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        match name::check(text, limits.name_chars_max, is_letter, "", "-._") {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(Wrong::Empty) => Err(NamespaceError::Empty),
            Err(Wrong::TooLong) => Err(NamespaceError::TooLong {
                chars_max: limits.name_chars_max,
            }),
            Err(Wrong::Letter(letter)) => Err(NamespaceError::Letter { letter }),
            Err(Wrong::Mark(mark)) => Err(NamespaceError::Mark { mark }),
        }
    }

    /// Returns the namespace of a community's own blobs, `community`.
    #[must_use]
    pub fn community() -> Self {
        Self(COMMUNITY.to_owned())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, &Limits::default())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
