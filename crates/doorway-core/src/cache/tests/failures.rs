//! Makers that are slow, fail, vanish or come late.

use crate::cache::{Freshness, Input, Limits, Outcome};

use super::desk::{Desk, Heard, item, made};

#[test]
fn failure_is_shared_and_remembered_for_a_moment() {
    let mut desk = Desk::new(Limits::default());
    let readers = [desk.ask("a"), desk.ask("a")];
    desk.fill(0, Outcome::Failed("down"));
    for reader in readers {
        assert_eq!(desk.heard[&reader], Heard::Failed("down"));
    }
    let reader = desk.ask("a");
    assert_eq!(desk.heard[&reader], Heard::Failed("down"));
    assert_eq!(desk.begun.len(), 1);
    desk.wait(1);
    desk.ask("a");
    assert_eq!(desk.begun.len(), 2);
}

#[test]
fn old_answer_is_served_when_a_newer_one_cannot_be_made() {
    let mut desk = Desk::new(Limits::default());
    desk.keep("a", 1, 10, vec![item(1)]);
    desk.wait(331);
    desk.ask("a");
    desk.fill(1, Outcome::Failed("down"));
    assert_eq!(
        desk.hit("a"),
        Some((1, Freshness::Stale)),
        "the next attempt waits"
    );
    desk.wait(5);
    desk.ask("a");
    assert_eq!(desk.begun.len(), 3);
    desk.fill(2, Outcome::Failed("down"));
    desk.wait(1_500);
    let waiting = desk.ask("a");
    assert!(!desk.heard.contains_key(&waiting), "too old without asking");
    desk.fill(3, Outcome::Failed("down"));
    assert_eq!(desk.heard[&waiting], Heard::Found(1, Freshness::Stale));
    desk.wait(5);
    let slow = desk.ask("a");
    desk.wait(10);
    desk.tell(Input::Timeout);
    assert_eq!(desk.heard[&slow], Heard::Found(1, Freshness::Stale));
    desk.fill(4, Outcome::Failed("down"));
    desk.wait(3_600);
    let late = desk.ask("a");
    desk.fill(5, Outcome::Failed("down"));
    assert_eq!(desk.heard[&late], Heard::Failed("down"), "an hour is over");
}

#[test]
fn refusal_ends_an_old_answer() {
    let mut desk = Desk::new(Limits::default());
    desk.keep("a", 1, 10, vec![item(1)]);
    desk.wait(331);
    desk.ask("a");
    desk.fill(1, Outcome::Refused("wrong"));
    let reader = desk.ask("a");
    assert_eq!(desk.heard[&reader], Heard::Failed("wrong"));
}

#[test]
fn slow_answer_is_begun_again_and_both_count() {
    for late_first in [false, true] {
        let mut desk = Desk::new(Limits::default());
        let first = desk.ask("a");
        desk.wait(4);
        desk.ask("a");
        assert_eq!(desk.begun.len(), 1);
        desk.wait(1);
        let second = desk.ask("a");
        desk.ask("a");
        assert_eq!(desk.begun.len(), 2, "exactly one more");
        let (index, value) = if late_first { (0, 10) } else { (1, 11) };
        desk.fill(index, made(value, 10, vec![item(1)]));
        for reader in [first, second] {
            assert_eq!(desk.heard[&reader], Heard::Found(value, Freshness::Fresh));
        }
        desk.fill(1 - index, made(99, 10, vec![item(1)]));
        let expect = if late_first { 99 } else { 11 };
        assert_eq!(
            desk.hit("a"),
            Some((expect, Freshness::Fresh)),
            "the later attempt stays"
        );
    }
}

#[test]
fn late_failure_of_an_older_attempt_is_ignored() {
    let mut desk = Desk::new(Limits::default());
    desk.ask("a");
    desk.wait(5);
    let reader = desk.ask("a");
    desk.fill(0, Outcome::Failed("down"));
    assert!(!desk.heard.contains_key(&reader));
    desk.fill(1, made(1, 10, vec![]));
    assert_eq!(desk.heard[&reader], Heard::Found(1, Freshness::Fresh));
}

#[test]
fn readers_wait_no_longer_than_they_may() {
    let mut desk = Desk::new(Limits::default());
    let first = desk.ask("a");
    desk.wait(3);
    let second = desk.ask("a");
    desk.wait(7);
    desk.tell(Input::Timeout);
    assert_eq!(desk.heard.get(&first), Some(&Heard::TimedOut));
    assert_eq!(desk.heard.get(&second), None);
    desk.fill(0, made(1, 10, vec![]));
    assert_eq!(desk.heard[&second], Heard::Found(1, Freshness::Fresh));
}

#[test]
fn makers_that_vanish_are_followed_by_others_but_not_for_ever() {
    let mut desk = Desk::new(Limits::default());
    let readers: Vec<_> = (0..5).map(|_| desk.ask("a")).collect();
    for index in 0..2 {
        desk.drop_fill(index);
        assert_eq!(desk.begun.len(), index + 2);
        assert_eq!(desk.begun[index + 1].maker, readers[index + 1]);
        assert!(desk.heard.is_empty());
    }
    desk.drop_fill(2);
    assert_eq!(desk.begun.len(), 3);
    assert!(
        readers
            .iter()
            .all(|reader| desk.heard[reader] == Heard::Lost)
    );
    let reader = desk.ask("a");
    assert_eq!(
        desk.heard[&reader],
        Heard::Lost,
        "remembered like any failure"
    );
    desk.wait(1);
    desk.ask("a");
    desk.fill(3, made(1, 10, vec![]));
    assert_eq!(desk.hit("a"), Some((1, Freshness::Fresh)));
}

#[test]
fn reader_who_goes_away_cancels_nothing() {
    let mut desk = Desk::new(Limits::default());
    let reader = desk.ask("a");
    desk.tell(Input::Leave { reader });
    let other = desk.ask("a");
    assert_eq!(desk.begun.len(), 1);
    desk.fill(0, made(1, 10, vec![]));
    assert_eq!(desk.heard[&other], Heard::Found(1, Freshness::Fresh));
    assert!(!desk.heard.contains_key(&reader));
}

#[test]
fn fill_that_never_ends_is_forgotten() {
    let mut desk = Desk::new(Limits::default());
    desk.ask("a");
    desk.wait(60);
    desk.tell(Input::Timeout);
    assert_eq!(desk.cache.tally().fills, 0);
    desk.fill(0, made(1, 10, vec![]));
    assert_eq!(desk.hit("a"), None);
}
