//! How lists continue: a cursor names the last item of a page by what the list is sorted by, so that items that come
//! or go between two pages are neither repeated nor lost.
//!
//! A cursor is `<microseconds since 1970>.<action hash>`; callers treat it as opaque.
//! Every cursor has exactly one spelling, so that answers can be kept by their address.

use std::fmt;
use std::str::FromStr;

use base::{Code, Problem, Timestamp};
use chain::ActionHash;
use thiserror::Error;

/// How many items a page has when nobody asks for another number.
pub const LIMIT_DEFAULT: u32 = 100;

/// Most items in a page.
pub const LIMIT_MAX: u32 = 1_000;

/// Longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 96;

/// The place of an item in a list that is sorted by time, then by hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// What the list is sorted by first.
    pub at: Timestamp,
    /// What tells items of the same time apart.
    pub item: ActionHash,
}

/// The text is no cursor that a list gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a cursor of this list")]
pub struct ParsePositionError;

/// Returns how many items to give: the default when nobody asked, else between 1 and the maximum.
#[must_use]
pub fn clamp(asked: Option<u32>) -> u32 {
    asked.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.at.as_micros(), self.item)
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ParsePositionError);
        }
        let (micros, item) = text.split_once('.').ok_or(ParsePositionError)?;
        let position = Self {
            at: Timestamp(micros.parse().map_err(|_| ParsePositionError)?),
            item: ActionHash::try_from(item).map_err(|_| ParsePositionError)?,
        };
        if position.to_string() != text {
            return Err(ParsePositionError);
        }
        Ok(position)
    }
}

impl From<ParsePositionError> for Problem {
    fn from(error: ParsePositionError) -> Self {
        Self::new(Code::MalformedCursor, error.to_string())
    }
}

#[cfg(test)]
mod tests;
