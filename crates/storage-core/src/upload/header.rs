//! The headers that are numbers: `Upload-Offset`, `Upload-Length`, and what may stand in the place of the latter.

use thiserror::Error;

use super::Length;

/// A header cannot be used. The protocol answers it with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It is not a whole number of digits, or larger than any.
    #[error("{name} is a whole number")]
    Number {
        /// The header.
        name: &'static str,
    },
    /// `Upload-Defer-Length` holds something else than 1.
    #[error("Upload-Defer-Length is 1 or not there")]
    Deferred,
    /// The length is told and deferred.
    #[error("send Upload-Length or Upload-Defer-Length")]
    Both,
    /// The length is neither told nor deferred.
    #[error("Upload-Length is missing")]
    Missing,
}

/// Reads a header that is a number: digits and nothing else.
///
/// # Errors
/// [`HeaderError::Number`].
pub fn number(name: &'static str, text: &str) -> Result<u64, HeaderError> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    number.ok_or(HeaderError::Number { name })
}

impl Length {
    /// Reads how long an upload will be: exactly one of `Upload-Length` and `Upload-Defer-Length`.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn parse(length: Option<&str>, deferred: Option<&str>) -> Result<Self, HeaderError> {
        let length = length
            .map(|text| number("upload-length", text))
            .transpose()?;
        match (length, deferred) {
            (Some(bytes), None) => Ok(Self::Known(bytes)),
            (None, Some("1")) => Ok(Self::Deferred),
            (None, Some(_)) => Err(HeaderError::Deferred),
            (Some(_), Some(_)) => Err(HeaderError::Both),
            (None, None) => Err(HeaderError::Missing),
        }
    }
}
