//! Where a consumer goes on: which log, and the last event that it has.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which log an event belongs to: a number that is drawn when a log is made, so that the cursors of a log that was lost
/// do not fit the one that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u64);

impl fmt::Display for LogId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// The last event that a consumer has; 0 before the first one of the log.
///
/// As text, which is what `Last-Event-ID` carries, it is `<log>-<number>`: 16 hex digits in lower case, a hyphen, and
/// the number in decimal digits without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCursor {
    /// The log.
    pub log: LogId,
    /// The number of the event.
    pub number: u64,
}

impl fmt::Display for EventCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.log, self.number)
    }
}

/// Why a text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// There is no hyphen between log and number.
    #[error("a cursor is <log>-<number>")]
    Shape,
    /// The log is not 16 hex digits in lower case.
    #[error("the log of a cursor is 16 hex digits in lower case")]
    Log,
    /// The number is not one of 64 bits in decimal digits without leading zeros.
    #[error(
        "the number of a cursor is at most {} and has no leading zeros",
        u64::MAX
    )]
    Number,
}

impl FromStr for EventCursor {
    type Err = Malformed;

    /// Reads exactly what [`fmt::Display`] writes, so that one place has one text.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (log, number) = text.split_once('-').ok_or(Malformed::Shape)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if log.len() != 16 || !log.bytes().all(is_hex) {
            return Err(Malformed::Log);
        }
        let log = u64::from_str_radix(log, 16).map_err(|_| Malformed::Log)?;
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain || (number.len() > 1 && number.starts_with('0')) {
            return Err(Malformed::Number);
        }
        let number = number.parse().map_err(|_| Malformed::Number)?;
        Ok(Self {
            log: LogId(log),
            number,
        })
    }
}
