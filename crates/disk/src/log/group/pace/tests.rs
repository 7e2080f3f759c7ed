//! Who is waited for, how long, and when no more.

use super::*;

const TOOK: Duration = Duration::from_micros(500);

/// Runs one batch of `first` commands, with `later` more that come while it waits; returns how many it waited for.
fn batch(pace: &mut Pace, first: usize, later: usize) -> Option<usize> {
    let mut wait = pace.begin();
    let mut asked = None;
    let mut taken = first;
    let mut come = Some(later);
    while wait.goes_on(taken, |missing, left| {
        assert!(left <= TOOK);
        asked.get_or_insert(missing);
    }) {
        match come.take() {
            Some(later) => taken += later,
            // The time goes by.
            None => wait.patience = Duration::ZERO,
        }
    }
    pace.end(&wait, taken);
    pace.committed(taken, TOOK, 0);
    asked
}

#[test]
fn the_first_batch_waits_for_nobody() {
    let mut pace = Pace::new(1024);
    assert_eq!(batch(&mut pace, 1, 0), None);
}

#[test]
fn one_sender_alone_never_waits() {
    let mut pace = Pace::new(1024);
    for _ in 0..10 {
        assert_eq!(batch(&mut pace, 1, 0), None);
    }
}

#[test]
fn those_that_were_answered_and_those_that_came_meanwhile_are_one_batch() {
    let mut pace = Pace::new(1024);
    pace.committed(32, TOOK, 32);
    assert_eq!(batch(&mut pace, 32, 32), Some(16));
    assert_eq!(batch(&mut pace, 60, 4), Some(2));
    assert_eq!(batch(&mut pace, 64, 0), None);
}

#[test]
fn a_batch_is_never_expected_to_be_larger_than_it_may_be() {
    let mut pace = Pace::new(40);
    pace.committed(40, TOOK, 40);
    assert_eq!(batch(&mut pace, 40, 0), None);
}

#[test]
fn who_does_not_come_back_is_not_waited_for_again_and_again() {
    let mut pace = Pace::new(1024);
    pace.committed(64, TOOK, 0);
    assert_eq!(batch(&mut pace, 1, 0), Some(32));
    for _ in 0..REST_BATCHES {
        pace.committed(64, TOOK, 0);
        assert_eq!(batch(&mut pace, 1, 0), None);
    }
    pace.committed(64, TOOK, 0);
    assert_eq!(batch(&mut pace, 1, 63), Some(32));
}

#[test]
fn a_few_that_are_late_do_not_end_it() {
    let mut pace = Pace::new(1024);
    pace.committed(64, TOOK, 0);
    assert_eq!(batch(&mut pace, 32, 16), Some(16));
    pace.committed(64, TOOK, 0);
    assert_eq!(batch(&mut pace, 32, 32), Some(16));
}

#[test]
fn a_slow_disk_is_not_waited_for_as_long_as_it_takes() {
    let mut pace = Pace::new(1024);
    pace.committed(64, Duration::from_secs(1), 0);
    assert_eq!(pace.begin().patience, WAIT_MAX);
}
