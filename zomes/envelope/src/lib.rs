//! Decides whether the three fields of an envelope entry are structurally sound.
//!
//! An envelope is `{kind, version, body}`.
//! These rules are compiled into the frozen integrity zome and into the crate `chain`, so that "well-formed" has one meaning in both.
//!
//! # Invariants
//! * The answer depends on the arguments alone, and never changes: the packed zome is frozen.
//! * No allocation, no dependency, no panic.
//!
//! It does not know what a kind means, nor how an envelope is encoded.

#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use core::fmt;

/// The longest body of an envelope, in bytes. A longer one belongs into a blob.
pub const BODY_BYTES_MAX: usize = 65_536;

/// The longest kind, in characters. All of them are ASCII, so this is bytes as well.
pub const KIND_CHARS_MAX: usize = 64;

/// The rule that an envelope breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The kind has no characters.
    KindEmpty,
    /// The kind has more than [`KIND_CHARS_MAX`] characters.
    KindTooLong,
    /// The kind starts with something else than a letter from a to z.
    KindStart,
    /// The kind holds something else than a to z, 0 to 9 and the hyphen.
    KindCharacter,
    /// The kind ends with a hyphen, or has two in a row.
    KindHyphen,
    /// The version is zero.
    VersionZero,
    /// The body has more than [`BODY_BYTES_MAX`] bytes.
    BodyTooLong,
}

impl Fault {
    /// Returns the text of this fault. It is part of the frozen package and never changes.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::KindEmpty => "envelope kind is empty",
            Self::KindTooLong => "envelope kind is longer than 64 characters",
            Self::KindStart => "envelope kind does not start with a letter from a to z",
            Self::KindCharacter => {
                "envelope kind holds a character other than a to z, 0 to 9 and hyphen"
            }
            Self::KindHyphen => "envelope kind ends with a hyphen or has two in a row",
            Self::VersionZero => "envelope version is zero",
            Self::BodyTooLong => "envelope body is longer than 65536 bytes",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl core::error::Error for Fault {}

/// Checks the fields of one envelope; `body_len` is in bytes.
///
/// # Errors
/// Returns the first rule that is broken: those of the kind, then of the version, then of the body.
pub fn check(kind: &str, version: u32, body_len: usize) -> Result<(), Fault> {
    check_kind(kind)?;
    if version == 0 {
        return Err(Fault::VersionZero);
    }
    if body_len > BODY_BYTES_MAX {
        return Err(Fault::BodyTooLong);
    }
    Ok(())
}

/// Checks a kind alone: `[a-z][a-z0-9-]*`, 1 to 64 characters, no hyphen at the end, no two in a row.
///
/// # Errors
/// Returns the first rule that is broken, in the order of the variants of [`Fault`].
pub fn check_kind(kind: &str) -> Result<(), Fault> {
    let Some(first) = kind.bytes().next() else {
        return Err(Fault::KindEmpty);
    };
    if kind.chars().count() > KIND_CHARS_MAX {
        return Err(Fault::KindTooLong);
    }
    if !first.is_ascii_lowercase() {
        return Err(Fault::KindStart);
    }
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !kind.bytes().all(is_allowed) {
        return Err(Fault::KindCharacter);
    }
    if kind.ends_with('-') || kind.contains("--") {
        return Err(Fault::KindHyphen);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
