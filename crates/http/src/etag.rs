//! Entity tags (RFC 9110 §8.8.3).

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderValue;
use base::ContentHash;
use thiserror::Error;

/// An entity tag: what tells one state of a resource from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag {
    opaque: String,
    is_weak: bool,
}

/// The text is no entity tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an entity tag: it is text between double quotes, with W/ in front when it is weak")]
pub struct ParseETagError;

impl ETag {
    /// Makes a strong tag: equal tags mean equal bytes.
    ///
    /// # Errors
    ///
    /// [`ParseETagError`] when `opaque` holds a quote, a space or a control character.
    pub fn strong(opaque: impl Into<String>) -> Result<Self, ParseETagError> {
        Self::new(opaque.into(), false)
    }

    /// Makes a weak tag: equal tags mean the same to a reader.
    ///
    /// # Errors
    ///
    /// As [`ETag::strong`].
    pub fn weak(opaque: impl Into<String>) -> Result<Self, ParseETagError> {
        Self::new(opaque.into(), true)
    }

    /// Makes the strong tag of bytes with this hash.
    #[must_use]
    pub fn of_hash(hash: &ContentHash) -> Self {
        Self {
            opaque: hash.to_string(),
            is_weak: false,
        }
    }

    /// Returns what is between the quotes.
    #[must_use]
    pub fn opaque(&self) -> &str {
        &self.opaque
    }

    /// Tells whether it is weak.
    #[must_use]
    pub const fn is_weak(&self) -> bool {
        self.is_weak
    }

    /// Compares as RFC 9110 §8.8.3.2 says for ranges and for `If-Match`: a weak tag equals nothing.
    #[must_use]
    pub fn strong_eq(&self, other: &Self) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// Compares as RFC 9110 §8.8.3.2 says for `If-None-Match`.
    #[must_use]
    pub fn weak_eq(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    /// Returns the tag as a header value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).expect("the letters were checked")
    }

    /// Reads a comma-separated list of tags; `None` when any of it is malformed.
    #[must_use]
    pub fn parse_list(text: &str) -> Option<Vec<Self>> {
        let mut tags = Vec::new();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Some(tags);
            }
            let (tag, after) = Self::split_first(rest)?;
            tags.push(tag);
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
    }

    fn new(opaque: String, is_weak: bool) -> Result<Self, ParseETagError> {
        let is_plain = opaque
            .bytes()
            .all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte));
        if is_plain {
            Ok(Self { opaque, is_weak })
        } else {
            Err(ParseETagError)
        }
    }

    /// Takes one tag off the front of a list. A tag may hold commas, so that splitting there would be wrong.
    fn split_first(text: &str) -> Option<(Self, &str)> {
        let (is_weak, quoted) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        // Bytes above ASCII are allowed in tags of others (obs-text); they equal none of ours.
        let is_legal = opaque.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        let tag = Self {
            opaque: opaque.to_owned(),
            is_weak,
        };
        is_legal.then_some((tag, after))
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.is_weak { "W/" } else { "" };
        write!(formatter, "{prefix}\"{}\"", self.opaque)
    }
}

impl FromStr for ETag {
    type Err = ParseETagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::split_first(text.trim()) {
            Some((tag, "")) => Ok(tag),
            _ => Err(ParseETagError),
        }
    }
}

#[cfg(test)]
mod tests;
