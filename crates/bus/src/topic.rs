//! What a hint is about, and by that who gets it.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// How long a topic may be, in bytes. Every server takes several times that.
const LEN_MAX: usize = 128;

/// A name such as `doorway.events`: words of `a` to `z`, `0` to `9` and `-`, with dots between them.
///
/// These letters mean the same to every server; what some servers take for a wildcard cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

/// A name is not one of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopicError {
    /// It is longer than a topic may be.
    #[error("the topic is {len} bytes long; at most {len_max} are allowed")]
    TooLong {
        /// How long it is, in bytes.
        len: usize,
        /// How long it may be, in bytes.
        len_max: usize,
    },
    /// It has no words, an empty word, or a letter that no word has.
    #[error("the topic {0:?} is not made of words of a-z, 0-9 and - with dots between them")]
    Malformed(String),
}

impl Topic {
    /// Reads a topic.
    ///
    /// # Errors
    ///
    /// [`TopicError`] when it is too long or not made as topics are.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        if text.len() > LEN_MAX {
            return Err(TopicError::TooLong {
                len: text.len(),
                len_max: LEN_MAX,
            });
        }
        let is_letter =
            |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_letter);
        if !text.split('.').all(is_word) {
            return Err(TopicError::Malformed(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
