//! A name for each request, in its answer and in the log, so that a person can say which one failed.
//!
//! Looks like a ULID: 48 bits of time, 40 bits drawn once per process, 40 bits that count; unique, not secret.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderName, HeaderValue};
use runtime::Clock;

/// The header that carries it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Crockford's base 32, which leaves out letters that look like others.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Without randomness ids are still unique within this process.
static PROCESS: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap_or_default() & MASK_40);

static SERIAL: AtomicU64 = AtomicU64::new(0);

const MASK_40: u64 = (1 << 40) - 1;

/// The id of a request; in its extensions and in the answer's `X-Request-Id`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u128);

impl RequestId {
    /// Makes the id of the next request.
    #[must_use]
    pub fn next() -> Self {
        let millis = u64::try_from(Clock::system().now().as_micros() / 1_000).unwrap_or(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed) & MASK_40;
        let time = u128::from(millis & ((1 << 48) - 1));
        Self((time << 80) | (u128::from(*PROCESS) << 40) | u128::from(serial))
    }

    /// Returns the id as a header value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.letters()).expect("the letters are ASCII")
    }

    fn letters(&self) -> [u8; 26] {
        let mut text = [0_u8; 26];
        for (index, letter) in text.iter_mut().enumerate() {
            let shift = 5 * (25 - index);
            *letter = LETTERS[usize::try_from((self.0 >> shift) & 31).expect("five bits")];
        }
        text
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.letters();
        formatter.write_str(str::from_utf8(&text).expect("the letters are ASCII"))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RequestId({self})")
    }
}

#[cfg(test)]
mod tests;
