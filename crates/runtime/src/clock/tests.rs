//! The machine's clock runs; the other one is moved by hand.

use super::*;

#[test]
fn a_clock_by_hand_moves_only_by_hand() {
    let start = Timestamp::from_secs(1_000);
    let (clock, hand) = Clock::by_hand(start);
    assert_eq!(clock.now(), start);
    hand.advance(Duration::from_millis(1_500));
    assert_eq!(clock.clone().now(), Timestamp(1_001_500_000));
    hand.set(Timestamp(-5));
    assert_eq!(clock.now(), Timestamp(-5));
}

#[test]
fn the_machines_clock_shows_this_century() {
    let clock = Clock::system();
    let (first, second) = (clock.now(), clock.now());
    assert!(first > Timestamp::from_secs(1_700_000_000), "{first}");
    assert!(second.since(first) < Duration::from_secs(3_600));
}
