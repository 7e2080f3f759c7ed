//! How often and how long a request is put off.

use super::*;

/// Asks until it is enough; returns how often and how long in total.
fn all(asked: Duration) -> (u32, Duration) {
    let (mut count, mut waited) = (1, Duration::ZERO);
    while let Some(pause) = next(asked, count, waited) {
        assert!(pause <= PAUSE_MAX, "{pause:?}");
        count += 1;
        waited += pause;
    }
    (count, waited)
}

#[test]
fn tries_and_waits_are_bounded() {
    let check = |asked: Duration, tries: u32, waited: Duration| {
        assert_eq!(all(asked), (tries, waited), "{asked:?}");
    };
    check(Duration::ZERO, 10, PAUSE_MIN * 9);
    check(Duration::from_secs(2), 10, Duration::from_secs(18));
    check(Duration::from_secs(14), 5, Duration::from_secs(56));
    check(Duration::from_secs(15), 5, WAIT_MAX);
    check(Duration::from_secs(16), 5, WAIT_MAX);
    check(Duration::from_secs(u64::MAX), 5, WAIT_MAX);
}

#[test]
fn only_what_did_nothing_is_asked_again() {
    let said = Some(Duration::from_secs(3));
    let check = |status: u16, pause: Option<Duration>, code: Option<Code>, expect| {
        assert_eq!(PutOff { status, pause }.pause(code), expect, "{status}");
    };
    check(429, said, Some(Code::TooManyRequests), said);
    check(503, said, Some(Code::Overloaded), said);
    check(503, said, None, said);
    check(503, None, Some(Code::NotTheWriter), Some(PAUSE_UNSAID));
    check(503, said, Some(Code::NotTheWriter), said);
    check(503, None, Some(Code::Unavailable), None);
    check(429, None, Some(Code::TooManyRequests), None);
    check(421, said, Some(Code::ReadOnlyCopy), None);
    check(500, said, Some(Code::StoreFailed), None);
    check(200, said, None, None);
}
