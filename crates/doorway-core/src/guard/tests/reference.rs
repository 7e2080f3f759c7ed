//! A naive guard, written from the rules alone, and any sequence of calls against it.

use base::{Duration, Timestamp};
use proptest::prelude::*;

use super::super::{Enter, Guard, Limits, Outcome, Reason, State, Ticket, Turn, Waiting};

/// Spans are full ones here: the chance is always the largest.
const CHANCE: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Go,
    Wait,
    Full,
    Open(u64),
}

/// Keeps every call as a line in a list.
struct Naive {
    limits: Limits,
    /// The era in which each call under way was begun.
    calls: Vec<u32>,
    queue: Vec<usize>,
    era: u32,
    failures: u32,
    /// When the last failure that opened it happened, and for how long.
    opened: Option<(u64, u64)>,
    trial: Option<u32>,
    openings: u32,
}

impl Naive {
    fn enter(&mut self, now: u64, name: usize) -> Said {
        let is_free = self.calls.len() < self.limits.in_flight_max;
        if self.trial.is_some() {
            return Said::Open(self.limits.open_for_min.as_micros());
        }
        if let Some((at, span)) = self.opened {
            if now < at + span {
                return Said::Open((at + span - now).max(1_000));
            }
            if !is_free {
                return Said::Open(self.limits.open_for_min.as_micros());
            }
            self.era += 1;
            self.trial = Some(self.era);
        } else if !is_free || !self.queue.is_empty() {
            if self.queue.len() == self.limits.waiting_max {
                return Said::Full;
            }
            self.queue.push(name);
            return Said::Wait;
        }
        self.calls.push(self.era);
        Said::Go
    }

    /// Ends the call at a place of the list; returns whose turn it is, and whether to call.
    fn done(&mut self, now: u64, place: usize, outcome: Outcome) -> Vec<(usize, bool)> {
        let era = self.calls.remove(place);
        let is_trial = self.trial == Some(era);
        let counts = is_trial || (self.opened.is_none() && era == self.era);
        if counts {
            match outcome {
                Outcome::Succeeded => {
                    self.failures = 0;
                    self.openings = 0;
                    self.opened = None;
                }
                Outcome::Cancelled if is_trial => self.opened = Some((now, 0)),
                Outcome::Cancelled => {}
                Outcome::Failed => {
                    self.failures += 1;
                    if is_trial || self.failures >= self.limits.failures_max {
                        let longest = self.limits.open_for_max.as_micros();
                        let mut span = self.limits.open_for_min.as_micros();
                        for _ in 0..self.openings {
                            span = (span * 2).min(longest);
                        }
                        self.opened = Some((now, span));
                        self.openings += 1;
                        self.trial = None;
                        return self.queue.drain(..).map(|name| (name, false)).collect();
                    }
                }
            }
            if is_trial {
                self.trial = None;
            }
        }
        self.fill()
    }

    fn give_up(&mut self, name: usize) {
        self.queue.retain(|other| *other != name);
    }

    fn fill(&mut self) -> Vec<(usize, bool)> {
        let mut turns = Vec::new();
        while self.calls.len() < self.limits.in_flight_max && !self.queue.is_empty() {
            turns.push((self.queue.remove(0), true));
            self.calls.push(self.era);
        }
        turns
    }

    fn is_closed(&self) -> bool {
        self.opened.is_none()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Enter,
    Done(usize, Outcome),
    GiveUp(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        2 => Just(Outcome::Succeeded),
        4 => Just(Outcome::Failed),
        1 => Just(Outcome::Cancelled),
    ];
    let step = prop_oneof![
        2 => (0_u64..3_000_000).prop_map(Step::Pass),
        5 => Just(Step::Enter),
        4 => (any::<usize>(), outcome).prop_map(|(idx, outcome)| Step::Done(idx, outcome)),
        1 => any::<usize>().prop_map(Step::GiveUp),
    ];
    prop::collection::vec(step, 0..120)
}

fn limits() -> impl Strategy<Value = Limits> {
    (1_usize..4, 0_usize..4, 1_u32..4).prop_map(|(in_flight_max, waiting_max, failures_max)| {
        Limits {
            in_flight_max,
            waiting_max,
            failures_max,
            open_for_max: Duration::from_secs(5),
            ..Limits::default()
        }
    })
}

fn said(enter: Enter, tickets: &mut Vec<Ticket>, waiting: &mut Vec<Waiting>) -> Said {
    match enter {
        Enter::Go(ticket) => {
            tickets.push(ticket);
            Said::Go
        }
        Enter::Wait(name) => {
            waiting.push(name);
            Said::Wait
        }
        Enter::Refused(refusal) => match refusal.reason {
            Reason::Full => Said::Full,
            Reason::Open => Said::Open(refusal.retry_after.as_micros()),
        },
    }
}

proptest! {
    #[test]
    fn guard_says_what_the_naive_one_says(limits in limits(), steps in steps()) {
        let mut guard = Guard::new(limits.clone());
        let mut naive = Naive {
            limits: limits.clone(), calls: Vec::new(), queue: Vec::new(), era: 0, failures: 0,
            opened: None, trial: None, openings: 0,
        };
        let (mut tickets, mut names) = (Vec::new(), Vec::<Waiting>::new());
        let mut now = 0_u64;
        for step in steps {
            let time = Timestamp(now.cast_signed());
            match step {
                Step::Pass(micros) => now += micros,
                Step::Enter => {
                    let expect = naive.enter(now, names.len());
                    prop_assert_eq!(said(guard.try_enter(time), &mut tickets, &mut names), expect);
                }
                Step::Done(..) if tickets.is_empty() => {}
                Step::Done(idx, outcome) => {
                    let place = idx % tickets.len();
                    guard.done(time, tickets.remove(place), outcome, CHANCE);
                    let expect = naive.done(now, place, outcome);
                    let mut turns = Vec::new();
                    while let Some((name, turn)) = guard.poll_turn() {
                        let place = names.iter().position(|other| *other == name).expect("it waited");
                        turns.push((place, matches!(turn, Turn::Go(_))));
                        if let Turn::Go(ticket) = turn { tickets.push(ticket) }
                    }
                    prop_assert_eq!(turns, expect);
                }
                Step::GiveUp(_) if names.is_empty() => {}
                Step::GiveUp(idx) => {
                    let place = idx % names.len();
                    guard.give_up(names[place]);
                    naive.give_up(place);
                }
            }
            let time = Timestamp(now.cast_signed());
            prop_assert_eq!(guard.in_flight(), naive.calls.len());
            prop_assert_eq!(guard.waiting(), naive.queue.len());
            prop_assert_eq!(guard.state(time) == State::Closed, naive.is_closed());
            prop_assert!(guard.in_flight() <= limits.in_flight_max);
        }
    }

    #[test]
    fn jumping_clock_keeps_nobody_out_for_longer_than_a_span(
        jumps in prop::collection::vec(-1_000_000_000_i64..1_000_000_000, 1..30),
        chance in any::<u64>(),
    ) {
        let limits = Limits { failures_max: 1, ..Limits::default() };
        let mut guard = Guard::new(limits.clone());
        let mut now = Timestamp::EPOCH;
        for jump in jumps {
            now = Timestamp(now.0 + jump);
            match guard.try_enter(now) {
                Enter::Go(ticket) => guard.done(now, ticket, Outcome::Failed, chance),
                Enter::Wait(_) => prop_assert!(false, "places are free"),
                Enter::Refused(refusal) => {
                    prop_assert!(Duration::ZERO < refusal.retry_after);
                    prop_assert!(refusal.retry_after <= limits.open_for_max);
                }
            }
        }
        // After a step that looked like jitter the clock stands still for as long as the step was.
        let rest = now + limits.open_for_max + crate::steady::JITTER;
        prop_assert!(matches!(guard.try_enter(rest), Enter::Go(_)));
    }
}
