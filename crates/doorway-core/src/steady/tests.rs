//! Readings of a clock that jumps, and what the steady one makes of them.

use base::{Duration, Timestamp};

use super::Steady;

/// Feeds readings in milliseconds and compares the steady times.
fn check(readings: &[i64], expect: &[i64]) {
    let mut clock = Steady::default();
    let shown: Vec<i64> = readings
        .iter()
        .map(|millis| clock.advance(Timestamp(millis * 1_000)).as_micros() / 1_000)
        .collect();
    assert_eq!(shown, expect, "{readings:?}");
}

#[test]
fn it_shows_what_a_good_clock_shows() {
    check(&[5, 5, 8, 100_000], &[5, 5, 8, 100_000]);
    check(&[-9, -3, 4], &[-9, -3, 4]);
}

#[test]
fn jump_back_costs_an_instant() {
    check(
        &[100_000, 10_000, 11_000, 12_500],
        &[100_000, 100_000, 101_000, 102_500],
    );
}

#[test]
fn jump_forward_is_time_that_passed() {
    check(&[1, 90_000, 90_001], &[1, 90_000, 90_001]);
}

#[test]
fn readers_that_overtake_each_other_do_not_make_time() {
    check(
        &[1_000, 900, 1_000, 900, 1_000, 1_001],
        &[1_000, 1_000, 1_000, 1_000, 1_000, 1_001],
    );
    check(&[2_000, 1_000, 2_001], &[2_000, 2_000, 2_001]);
    check(&[2_000, 999, 2_001], &[2_000, 2_000, 3_002]);
}

#[test]
fn deadlines_are_told_in_readings() {
    let mut clock = Steady::default();
    let second = Duration::from_secs(1);
    let deadline = clock.advance(Timestamp::from_secs(100)) + second;
    assert_eq!(clock.reading_at(deadline), Timestamp::from_secs(101));
    assert_eq!(
        clock.advance(Timestamp::from_secs(10)),
        Timestamp::from_secs(100)
    );
    assert_eq!(clock.reading_at(deadline), Timestamp::from_secs(11));
    assert_eq!(clock.peek(Timestamp::from_secs(11)), deadline);
    assert_eq!(
        clock.reading_at(deadline - second - second),
        Timestamp::from_secs(9)
    );
}
