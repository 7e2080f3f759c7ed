//! Times as people read them.

use base::Timestamp;

/// Writes a time in UTC (RFC 3339).
pub(crate) fn shown(time: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(time.as_micros())
        .map_or_else(|_| time.to_string(), |time| format!("{time:.0}"))
}
