//! Byte ranges: RFC 9110 §14.
//!
//! A `Range` of another unit than bytes is ignored, as §14.2 demands: the reader gets the whole.
//! One that is malformed or has more than [`RANGES_MAX`] ranges is refused, as §14.2 allows: a program that counts
//! wrongly learns of it instead of taking the whole for a part.

use axum::http::HeaderMap;
use axum::http::header::RANGE;
use thiserror::Error;

/// How many ranges a request may ask for at once.
pub const RANGES_MAX: usize = 16;

/// How many characters of a malformed range are told back.
const SHOWN_CHARS: usize = 40;

/// Some bytes of a whole: both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// Position of the first byte.
    pub first: u64,
    /// Position of the last byte, never before the first.
    pub last: u64,
}

/// What of a whole is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything, with status 200.
    Whole,
    /// Some of it, with status 206: at least one range; they neither overlap nor touch.
    Parts(Vec<ByteRange>),
    /// Nothing: the ranges lie outside, status 416.
    Unsatisfiable,
    /// Nothing: the ranges cannot be read, status 400.
    Malformed(MalformedRange),
}

/// Why ranges cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MalformedRange {
    /// There is no unit, or no range behind it.
    #[error("Range names no bytes")]
    Empty,
    /// Something that does not look like a range; the first characters of it.
    #[error("\"{0}\" is no range")]
    Syntax(String),
    /// The last byte stands before the first; the first characters of the range.
    #[error("\"{0}\" ends before it starts")]
    Backwards(String),
    /// More than [`RANGES_MAX`] ranges.
    #[error("more than {RANGES_MAX} ranges are asked for")]
    TooMany,
    /// The header came more than once, and it is not one whose lines can be joined.
    #[error("Range was sent more than once")]
    Repeated,
}

/// A range as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// From the first position to the last, or to the end.
    From(u64, Option<u64>),
    /// This many bytes at the end.
    Suffix(u64),
}

impl ByteRange {
    /// Returns how many bytes it has.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Tells whether it has no bytes, which is never so.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Returns the value of `Content-Range` for this part of `total` bytes.
    #[must_use]
    pub fn content_range(&self, total: u64) -> String {
        format!("bytes {}-{}/{total}", self.first, self.last)
    }
}

/// Selects what a request asks for of a whole of `len` bytes. Only for GET; other methods have no ranges (§14.2).
#[must_use]
pub fn select(headers: &HeaderMap, len: u64) -> Selection {
    let mut lines = headers.get_all(RANGE).iter();
    let Some(line) = lines.next() else {
        return Selection::Whole;
    };
    if lines.next().is_some() {
        return Selection::Malformed(MalformedRange::Repeated);
    }
    select_text(&String::from_utf8_lossy(line.as_bytes()), len)
}

/// Selects what the value of a `Range` header asks for.
#[must_use]
pub fn select_text(text: &str, len: u64) -> Selection {
    let specs = match parse(text) {
        Ok(Some(specs)) => specs,
        Ok(None) => return Selection::Whole,
        Err(malformed) => return Selection::Malformed(malformed),
    };
    if len == 0 && specs.iter().any(|spec| matches!(spec, Spec::Suffix(1..))) {
        // Satisfiable, but there is no Content-Range for no bytes.
        return Selection::Whole;
    }
    let ranges: Vec<ByteRange> = specs.iter().filter_map(|spec| spec.resolve(len)).collect();
    if ranges.is_empty() {
        Selection::Unsatisfiable
    } else {
        Selection::Parts(coalesce(&ranges))
    }
}

impl Spec {
    /// Returns the bytes that it means, or `None` when it lies outside.
    fn resolve(self, len: u64) -> Option<ByteRange> {
        let end = len.checked_sub(1)?;
        match self {
            Self::From(first, _) if first > end => None,
            Self::From(first, last) => Some(ByteRange {
                first,
                last: last.unwrap_or(end).min(end),
            }),
            Self::Suffix(0) => None,
            Self::Suffix(count) => Some(ByteRange {
                first: len.saturating_sub(count),
                last: end,
            }),
        }
    }
}

/// Reads the ranges, at least one; `None` when they are of another unit.
fn parse(text: &str) -> Result<Option<Vec<Spec>>, MalformedRange> {
    let (unit, set) = text.split_once('=').ok_or(MalformedRange::Empty)?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(None);
    }
    let mut specs = Vec::new();
    for item in set.split(',').map(|item| item.trim_matches([' ', '\t'])) {
        if item.is_empty() {
            continue;
        }
        if specs.len() == RANGES_MAX {
            return Err(MalformedRange::TooMany);
        }
        specs.push(parse_spec(item)?);
    }
    if specs.is_empty() {
        return Err(MalformedRange::Empty);
    }
    Ok(Some(specs))
}

fn parse_spec(item: &str) -> Result<Spec, MalformedRange> {
    let shown = || item.chars().take(SHOWN_CHARS).collect::<String>();
    let position = |digits| parse_position(digits).ok_or_else(|| MalformedRange::Syntax(shown()));
    match item.split_once('-') {
        None => Err(MalformedRange::Syntax(shown())),
        Some(("", count)) => Ok(Spec::Suffix(position(count)?)),
        Some((first, "")) => Ok(Spec::From(position(first)?, None)),
        Some((first, last)) => {
            let (first, last) = (position(first)?, position(last)?);
            if last < first {
                return Err(MalformedRange::Backwards(shown()));
            }
            Ok(Spec::From(first, Some(last)))
        }
    }
}

/// Reads digits; a number that is too large for us is larger than any length that we have.
fn parse_position(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Joins ranges that overlap or touch. The rest stays in the order in which it was asked for (§14.2).
fn coalesce(ranges: &[ByteRange]) -> Vec<ByteRange> {
    let mut sorted: Vec<(usize, ByteRange)> = ranges.iter().copied().enumerate().collect();
    sorted.sort_by_key(|(_, range)| range.first);
    let mut joined: Vec<(usize, ByteRange)> = Vec::with_capacity(sorted.len());
    for (order, range) in sorted {
        match joined.last_mut() {
            Some((first_asked, before)) if range.first <= before.last.saturating_add(1) => {
                before.last = before.last.max(range.last);
                *first_asked = order.min(*first_asked);
            }
            _ => joined.push((order, range)),
        }
    }
    joined.sort_by_key(|(order, _)| *order);
    joined.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests;
