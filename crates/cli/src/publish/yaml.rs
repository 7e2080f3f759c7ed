//! Reads the small YAML of front matter and configuration, within bounds, and says in which line something is wrong.
//!
//! Invariants: no anchors, aliases, merges or includes, so that a short text stays short; nesting and size are bounded;
//! a key that stands twice is a fault. Does not know which keys there are.

use std::fmt;

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Error, MessageFormatter as _, Spanned, UserMessageFormatter};

/// Largest YAML text, in bytes.
pub(crate) const BYTES_MAX: usize = 64 << 10;

/// Deepest nesting of lists and maps.
const DEPTH_MAX: usize = 24;

/// Most values.
const NODES_MAX: usize = 20_000;

/// What is wrong in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The line in the whole file, counted from 1.
    pub(crate) line: u32,
    /// What is wrong: lower case, no full stop.
    pub(crate) detail: String,
}

/// A value with the line of the YAML text in which it stands, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lined<T> {
    pub(crate) value: T,
    pub(crate) line: u32,
}

/// Words as a list, or as one text with commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Vec<String>);

/// Reads `text`, whose first line is line `first_line` of its file. A text without values gives the default.
///
/// # Errors
/// [`Fault`] with the first thing that is wrong.
pub(crate) fn parse<T: DeserializeOwned + Default>(
    text: &str,
    first_line: u32,
) -> Result<T, Fault> {
    if text.len() > BYTES_MAX {
        let detail = format!("the YAML is larger than {BYTES_MAX} bytes");
        return Err(Fault {
            line: first_line,
            detail,
        });
    }
    let is_empty = text
        .lines()
        .map(str::trim_start)
        .all(|line| line.is_empty() || line.starts_with('#'));
    if is_empty {
        return Ok(T::default());
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_documents: 1,
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| fault(&error, text, first_line))
}

fn fault(error: &Error, text: &str, first_line: u32) -> Fault {
    // What is never closed is found missing behind the last line.
    let last = text.lines().count().max(1) as u64;
    let line = error
        .location()
        .map_or(1, |location| location.line().clamp(1, last));
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    let message = UserMessageFormatter.format_message(error.without_snippet());
    let mut detail: String = message
        .chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect();
    while detail.ends_with('.') {
        detail.pop();
    }
    Fault {
        line: first_line.saturating_add(line - 1),
        detail,
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lined<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            line: u32::try_from(spanned.referenced.line()).unwrap_or(u32::MAX),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Words;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of words, or words with commas between them")
            }

            fn visit_str<E>(self, text: &str) -> Result<Words, E> {
                let words = text
                    .split(',')
                    .map(str::trim)
                    .filter(|word| !word.is_empty());
                Ok(Words(words.map(str::to_owned).collect()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Words, E> {
                Ok(Words(vec![number.to_string()]))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Words, E> {
                Ok(Words(vec![number.to_string()]))
            }

            fn visit_unit<E>(self) -> Result<Words, E> {
                Ok(Words::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element::<String>()? {
                    words.push(word.trim().to_owned());
                }
                Ok(Words(words))
            }
        }
        deserializer.deserialize_any(List)
    }
}

#[cfg(test)]
mod tests;
