//! Jumps one by one, and any readings against the truth.

use base::Timestamp;
use proptest::prelude::*;

use super::{Limits, SlowClock, SlowTime};

const HOUR: u64 = 3_600;

fn clock() -> SlowClock {
    SlowClock::new(Limits::default())
}

/// Reads a clock at these seconds, and returns which seconds it shows.
fn check(readings: &[i64], expect: &[u64]) {
    let mut clock = clock();
    let shown: Vec<u64> = readings
        .iter()
        .map(|secs| clock.advance(Timestamp::from_secs(*secs)).0 / 1_000_000)
        .collect();
    assert_eq!(shown, expect, "{readings:?}");
}

#[test]
fn it_counts_what_it_saw_pass() {
    check(&[1_000], &[0]);
    check(&[1_000, 1_010, 1_010, 1_060], &[0, 10, 10, 60]);
}

#[test]
fn step_counts_up_to_the_longest_and_not_beyond() {
    check(&[0, 3_600, 7_200], &[0, 3_600, 7_200]);
    check(&[0, 3_601, 3_701], &[0, 0, 100]);
}

#[test]
fn far_jumps_add_nothing() {
    let year = 365 * 86_400;
    check(&[0, 60, 60 + year, 120 + year], &[0, 60, 60, 120]);
    check(&[year, year + 60, 0, 60], &[0, 60, 60, 120]);
}

#[test]
fn it_goes_on_where_it_was_written_down() {
    let mut clock = clock();
    clock.advance(Timestamp::from_secs(0));
    clock.advance(Timestamp::from_secs(100));
    let mut again = SlowClock::resume(Limits::default(), clock.shown(), clock.last());
    let shown = again.advance(Timestamp::from_secs(160));
    assert_eq!(shown.since(SlowTime::START).as_secs(), 160);
    again.not_before(SlowTime(HOUR * 1_000_000));
    assert_eq!(again.shown().since(SlowTime::START).as_secs(), HOUR);
    again.not_before(SlowTime::START);
    assert_eq!(again.shown().since(SlowTime::START).as_secs(), HOUR);
}

proptest! {
    /// Each step is true time and a jump; the naive reference adds what it may.
    #[test]
    fn it_never_shows_more_than_passed_and_small_jumps(
        steps in prop::collection::vec((0_i64..5_000, prop_oneof![
            3 => Just(0_i64),
            1 => -4_000_i64..4_000,
            1 => -100_000_000_i64..100_000_000,
        ]), 0..60),
    ) {
        let mut clock = clock();
        let mut reading = 1_000_000_000_i64;
        clock.advance(Timestamp::from_secs(reading));
        let (mut passed, mut small, mut naive, mut before) = (0, 0, 0, SlowTime::START);
        for (step, jump) in steps {
            reading += step + jump;
            passed += step;
            if 0 < jump && step + jump <= 3_600 {
                small += jump;
            }
            if (0..=3_600).contains(&(step + jump)) {
                naive += step + jump;
            }
            let shown = clock.advance(Timestamp::from_secs(reading));
            prop_assert!(before <= shown);
            before = shown;
            let secs = i64::try_from(shown.0 / 1_000_000).expect("small");
            prop_assert_eq!(secs, naive);
            prop_assert!(secs <= passed + small);
        }
    }
}
