//! The guard's rules one by one, against a naive reference, and before a source that comes and goes.

mod reference;
mod simulation;

use base::{Duration, Timestamp};

use super::{Enter, Guard, Limits, Outcome, Reason, Refusal, State, Ticket, Turn, Waiting};

const START: Timestamp = Timestamp(1_000_000_000);

fn limits() -> Limits {
    Limits {
        in_flight_max: 2,
        waiting_max: 2,
        failures_max: 3,
        ..Limits::default()
    }
}

fn after(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

fn go(guard: &mut Guard, now: Timestamp) -> Ticket {
    match guard.try_enter(now) {
        Enter::Go(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn wait(guard: &mut Guard) -> Waiting {
    match guard.try_enter(START) {
        Enter::Wait(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

/// Makes calls that fail, one after the other, with the longest spans.
fn fail(guard: &mut Guard, now: Timestamp, times: u32) {
    for _ in 0..times {
        let ticket = go(guard, now);
        guard.done(now, ticket, Outcome::Failed, u64::MAX);
    }
}

fn refused(reason: Reason, millis: u64) -> Enter {
    Enter::Refused(Refusal {
        reason,
        retry_after: Duration::from_millis(millis),
    })
}

#[test]
fn places_and_queue_are_bounded_on_both_sides_of_the_edge() {
    let mut guard = Guard::new(limits());
    let _tickets = [go(&mut guard, START), go(&mut guard, START)];
    wait(&mut guard);
    wait(&mut guard);
    assert_eq!(guard.try_enter(START), refused(Reason::Full, 1_000));
    assert_eq!((guard.in_flight(), guard.waiting()), (2, 2));
}

#[test]
fn guard_without_places_refuses_instead_of_letting_wait() {
    let mut guard = Guard::new(Limits {
        in_flight_max: 0,
        ..limits()
    });
    assert_eq!(guard.try_enter(START), refused(Reason::Full, 1_000));
}

#[test]
fn those_who_wait_go_in_order_and_nobody_overtakes() {
    let mut guard = Guard::new(limits());
    let (one, two) = (go(&mut guard, START), go(&mut guard, START));
    let (early, late) = (wait(&mut guard), wait(&mut guard));
    guard.done(START, one, Outcome::Succeeded, 0);
    let Some((first, Turn::Go(_))) = guard.poll_turn() else {
        panic!("a place is free");
    };
    assert_eq!(first, early);
    assert_eq!(guard.poll_turn(), None);
    let newcomer = wait(&mut guard);
    guard.done(START, two, Outcome::Cancelled, 0);
    assert!(matches!(guard.poll_turn(), Some((who, Turn::Go(_))) if who == late));
    assert_eq!(guard.waiting(), 1);
    guard.give_up(newcomer);
    assert_eq!(guard.waiting(), 0);
}

#[test]
fn place_of_one_who_gives_up_goes_to_the_next() {
    let mut guard = Guard::new(limits());
    let (one, _two) = (go(&mut guard, START), go(&mut guard, START));
    let (early, late) = (wait(&mut guard), wait(&mut guard));
    guard.done(START, one, Outcome::Succeeded, 0);
    guard.give_up(early);
    assert!(matches!(guard.poll_turn(), Some((who, Turn::Go(_))) if who == late));
    assert_eq!(guard.poll_turn(), None);
    assert_eq!(guard.in_flight(), 2);
    guard.give_up(late);
    assert_eq!(guard.in_flight(), 2, "it has a ticket to hand back");
}

#[test]
fn breaker_opens_after_failures_in_a_row_only() {
    let mut guard = Guard::new(limits());
    fail(&mut guard, START, 2);
    let ticket = go(&mut guard, START);
    guard.done(START, ticket, Outcome::Succeeded, 0);
    fail(&mut guard, START, 2);
    let ticket = go(&mut guard, START);
    guard.done(START, ticket, Outcome::Cancelled, 0);
    assert_eq!(guard.state(START), State::Closed);
    fail(&mut guard, START, 1);
    assert_eq!(
        guard.state(after(400)),
        State::Open {
            remaining: Duration::from_millis(600)
        }
    );
    assert_eq!(guard.try_enter(after(999)), refused(Reason::Open, 1));
    assert_eq!(guard.state(after(1_000)), State::HalfOpen);
}

#[test]
fn opening_refuses_all_who_wait() {
    let mut guard = Guard::new(Limits {
        failures_max: 1,
        ..limits()
    });
    let (one, two) = (go(&mut guard, START), go(&mut guard, START));
    let (early, late) = (wait(&mut guard), wait(&mut guard));
    guard.done(START, one, Outcome::Cancelled, 0);
    guard.done(START, two, Outcome::Failed, u64::MAX);
    let refusal = Refusal {
        reason: Reason::Open,
        retry_after: Duration::from_secs(1),
    };
    assert_eq!(guard.poll_turn(), Some((early, Turn::Refused(refusal))));
    assert_eq!(guard.poll_turn(), Some((late, Turn::Refused(refusal))));
    assert_eq!((guard.in_flight(), guard.waiting()), (0, 0));
}

#[test]
fn one_call_tries_and_its_end_decides() {
    let mut guard = Guard::new(limits());
    fail(&mut guard, START, 3);
    let trial = go(&mut guard, after(1_000));
    assert_eq!(guard.try_enter(after(1_000)), refused(Reason::Open, 1_000));
    guard.done(after(1_000), trial, Outcome::Cancelled, 0);
    let trial = go(&mut guard, after(1_000));
    guard.done(after(1_000), trial, Outcome::Succeeded, 0);
    assert_eq!(guard.state(after(1_000)), State::Closed);
    fail(&mut guard, after(1_000), 2);
    assert_eq!(guard.state(after(1_000)), State::Closed, "it counts anew");
}

#[test]
fn spans_double_up_to_the_longest_and_start_anew_after_a_success() {
    let mut guard = Guard::new(limits());
    let mut now = START;
    fail(&mut guard, now, 3);
    let mut spans = Vec::new();
    for _ in 0..80 {
        let State::Open { remaining } = guard.state(now) else {
            panic!("{:?}", guard.state(now));
        };
        spans.push(remaining.as_secs());
        now = now + remaining;
        fail(&mut guard, now, 1);
    }
    assert_eq!(spans[..7], [1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(spans[79], 30);
    now = now + Duration::from_secs(30);
    let trial = go(&mut guard, now);
    guard.done(now, trial, Outcome::Succeeded, 0);
    fail(&mut guard, now, 3);
    assert_eq!(guard.try_enter(now), refused(Reason::Open, 1_000));
}

#[test]
fn chance_spreads_a_span_over_its_second_half() {
    for (chance, millis) in [(0, 500), (u64::MAX / 2, 749), (u64::MAX, 1_000)] {
        let mut guard = Guard::new(Limits {
            failures_max: 0,
            ..limits()
        });
        let ticket = go(&mut guard, START);
        guard.done(START, ticket, Outcome::Failed, chance);
        let State::Open { remaining } = guard.state(START) else {
            panic!("one failure is enough");
        };
        assert_eq!(remaining.as_micros() / 1_000, millis);
    }
}

#[test]
fn calls_from_before_an_opening_say_nothing_about_after() {
    let mut guard = Guard::new(limits());
    let old = go(&mut guard, START);
    fail(&mut guard, START, 3);
    let trial = go(&mut guard, after(1_000));
    guard.done(after(1_000), trial, Outcome::Succeeded, 0);
    fail(&mut guard, after(1_000), 2);
    guard.done(after(1_000), old, Outcome::Failed, 0);
    assert_eq!(guard.state(after(1_000)), State::Closed);
    assert_eq!(guard.in_flight(), 0);
}

#[test]
fn clock_that_jumps_back_does_not_keep_it_open() {
    let mut guard = Guard::new(limits());
    fail(&mut guard, START, 3);
    let back = START - Duration::from_secs(86_400);
    assert_eq!(guard.try_enter(back), refused(Reason::Open, 1_000));
    let _trial = go(&mut guard, back + Duration::from_secs(1));
}
