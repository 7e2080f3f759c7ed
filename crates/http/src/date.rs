//! Dates as HTTP writes them (RFC 9110 §5.6.7), whole seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use base::Timestamp;

/// Writes a date, such as `Sun, 06 Nov 1994 08:49:37 GMT`; times before 1970 become the start of 1970.
#[must_use]
pub fn format(time: Timestamp) -> String {
    httpdate::fmt_http_date(system_time(time))
}

/// Writes a date as a header value.
#[must_use]
pub fn header(time: Timestamp) -> HeaderValue {
    HeaderValue::from_str(&format(time)).expect("a date is ASCII")
}

/// Reads a date in any of the three forms of RFC 9110 §5.6.7; `None` when it is malformed.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(i64::try_from(since.as_secs()).ok()?))
}

fn system_time(time: Timestamp) -> SystemTime {
    // The year 9999 is the last that the format can write.
    const SECS_MAX: u64 = 253_402_300_799;
    let secs = u64::try_from(time.as_secs()).unwrap_or(0).min(SECS_MAX);
    UNIX_EPOCH + Duration::from_secs(secs)
}
