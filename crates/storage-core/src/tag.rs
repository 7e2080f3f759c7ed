//! Names of tags: what keeps a blob from being collected, and how a person finds it again.
//!
//! Invariant: a [`TagName`] that exists is well-formed, and can stand in an address without being escaped.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::name::{self, Wrong};

/// Bounds of a tag's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most characters of a name; each takes one byte.
    pub name_chars_max: usize,
}

/// The name of a tag: parts of letters, digits and `- _ . : @ +`, with single slashes between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(String);

/// The text is no name of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TagError {
    /// There is no character.
    #[error("a tag needs a name")]
    Empty,
    /// There are too many characters.
    #[error("the name of a tag has at most {chars_max} characters")]
    TooLong {
        /// How many there may be.
        chars_max: usize,
    },
    /// There is a character that may not be there.
    #[error(
        "the name of a tag holds {letter:?}: it is made of A-Z, a-z, 0-9, - _ . : @ + and single slashes"
    )]
    Letter {
        /// The first such character.
        letter: char,
    },
    /// There is a slash at the start, at the end, or next to another one.
    #[error("a slash in the name of a tag needs something on both sides")]
    Slash,
    /// A part between slashes is `.` or `..`, which programs on the way would take for a way up.
    #[error("a part of the name of a tag is . or ..")]
    Dots,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name_chars_max: 200,
        }
    }
}

impl TagName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, TagError> {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric();
        match name::check(text, limits.name_chars_max, is_letter, "-_.:@+", "/") {
            Ok(()) if text.split('/').any(|part| part == "." || part == "..") => {
                Err(TagError::Dots)
            }
            Ok(()) => Ok(Self(text.to_owned())),
            Err(Wrong::Empty) => Err(TagError::Empty),
            Err(Wrong::TooLong) => Err(TagError::TooLong {
                chars_max: limits.name_chars_max,
            }),
            Err(Wrong::Letter(letter)) => Err(TagError::Letter { letter }),
            Err(Wrong::Mark(_)) => Err(TagError::Slash),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the name starts with these characters; with none, every name does.
    #[must_use]
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.0.starts_with(prefix)
    }
}

impl FromStr for TagName {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, &Limits::default())
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
