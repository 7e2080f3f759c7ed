//! From when until when a certificate is good (RFC 5280 §4.1.2.5), read off its DER.
//!
//! rustls checks what peers send, not what is configured; here only the two dates are looked for, and a certificate
//! in which they cannot be found has none.

use base::Timestamp;

/// DER tags (ITU-T X.690).
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const EXPLICIT_VERSION: u8 = 0xa0;

/// From when until when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// Reads it off a certificate; `None` when it cannot be found.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = inside(certificate, SEQUENCE)?;
        let (mut rest, _) = inside(certificate, SEQUENCE)?;
        if rest.first() == Some(&EXPLICIT_VERSION) {
            rest = next(rest)?.2;
        }
        // Serial number, signature algorithm, issuer.
        for _ in 0..3 {
            rest = next(rest)?.2;
        }
        let (dates, _) = inside(rest, SEQUENCE)?;
        let (tag, text, dates) = next(dates)?;
        let not_before = time(tag, text)?;
        let (tag, text, _) = next(dates)?;
        let not_after = time(tag, text)?;
        Some(Self {
            not_before,
            not_after,
        })
    }
}

/// Returns what is inside of an element with this tag, and what follows it.
fn inside(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = next(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Splits off the next element: its tag, its content, and what follows.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut len = usize::from(*first);
    if len > 0x7f {
        let (digits, after) = rest.split_at_checked(len & 0x7f)?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        len = digits
            .iter()
            .fold(0, |len, digit| (len << 8) | usize::from(*digit));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*tag, content, rest))
}

/// Reads `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, len: usize| text.get(from..from + len)?.parse::<i64>().ok();
    let (year, rest) = match (tag, text.len()) {
        (UTC_TIME, 12) => {
            let year = number(0, 2)?;
            (
                if year < 50 {
                    2_000 + year
                } else {
                    1_900 + year
                },
                2,
            )
        }
        (GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
        _ => return None,
    };
    let (month, day) = (number(rest, 2)?, number(rest + 2, 2)?);
    let (hour, minute, second) = (
        number(rest + 4, 2)?,
        number(rest + 6, 2)?,
        number(rest + 8, 2)?,
    );
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_time = hour < 24 && minute < 60 && second < 61;
    let secs = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    (is_date && is_time).then(|| Timestamp::from_secs(secs))
}

/// Counts the days from the start of 1970 to a date of the Gregorian calendar, by eras of 400 years that begin in
/// March, so that leap days come last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        for (tag, text, expect) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "000229235959Z", Some(951_868_799)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (GENERALIZED_TIME, "20261120124054Z", Some(1_795_178_454)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, "700101000000Z", None),
            (UTC_TIME, "20261120124054Z", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "700101000000", None),
            (UTC_TIME, "701301000000Z", None),
            (UTC_TIME, "70010100000aZ", None),
            (SEQUENCE, "700101000000Z", None),
        ] {
            let read = time(tag, text.as_bytes());
            assert_eq!(read, expect.map(Timestamp::from_secs), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_have_none() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 0x84, 255, 255, 255, 255],
            &[0x30; 64],
        ] {
            assert_eq!(Validity::of(bytes), None);
        }
    }
}
