//! Rules that several kinds share.

use base::Reach;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::KindError;

/// Longest slug, in characters.
pub const SLUG_CHARS_MAX: usize = 120;

/// A reach inside a record: a word. An unknown word is private, because a newer reach must not open anything here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReachWord(pub Reach);

impl Serialize for ReachWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for ReachWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(Self(word.parse().unwrap_or_default()))
    }
}

/// Returns whether `text` can stand in an address: lower-case letters of ASCII, digits, single hyphens or dots
/// or underscores between them, 1 to 120 characters.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let is_word = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_joint = |letter: u8| matches!(letter, b'-' | b'.' | b'_');
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    bytes.len() <= SLUG_CHARS_MAX
        && is_word(*first)
        && is_word(*last)
        && bytes
            .iter()
            .all(|letter| is_word(*letter) || is_joint(*letter))
        && !bytes
            .windows(2)
            .any(|pair| is_joint(pair[0]) && is_joint(pair[1]))
}

/// Checks the length of a text in characters.
pub(super) fn check_text(
    field: &'static str,
    text: &str,
    chars: std::ops::RangeInclusive<usize>,
) -> Result<(), KindError> {
    let count = text.chars().count();
    if chars.contains(&count) {
        return Ok(());
    }
    let (least, most) = (chars.start(), chars.end());
    Err(broken(
        field,
        format!("{least} to {most} characters, not {count}"),
    ))
}

/// Checks a line of text: of the given length and without control characters.
pub(super) fn check_line(
    field: &'static str,
    text: &str,
    chars: std::ops::RangeInclusive<usize>,
) -> Result<(), KindError> {
    check_text(field, text, chars)?;
    if text.chars().any(char::is_control) {
        return Err(broken(field, "no control characters".to_owned()));
    }
    Ok(())
}

/// Checks a slug.
pub(super) fn check_slug(field: &'static str, text: &str) -> Result<(), KindError> {
    if is_slug(text) {
        return Ok(());
    }
    let rule = format!(
        "small letters, digits and single hyphens, dots or underscores between them, at most {SLUG_CHARS_MAX}"
    );
    Err(broken(field, rule))
}

/// Checks a language tag loosely (RFC 5646): letters, digits and hyphens, 2 to 35 characters.
pub(super) fn check_language(text: &str) -> Result<(), KindError> {
    let is_fine = (2..=35).contains(&text.len())
        && text
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
    if is_fine {
        return Ok(());
    }
    Err(broken(
        "language",
        "a language tag such as en or de-AT".to_owned(),
    ))
}

/// Checks a media type (RFC 9110 §8.3.1) without parameters.
pub(super) fn check_media_type(text: &str) -> Result<(), KindError> {
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|letter| letter.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&letter))
    };
    let is_fine = text.len() <= 127
        && text
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if is_fine {
        return Ok(());
    }
    Err(broken(
        "media_type",
        "a media type such as image/png".to_owned(),
    ))
}

pub(super) fn broken(field: &'static str, rule: String) -> KindError {
    KindError::Field { field, rule }
}
