//! Callers with patience of their own before a source that hangs, fails and comes back, on a clock that jumps: the
//! bounds hold at any time, the source is left alone while it fails, and in calm everybody is answered.

use std::collections::BTreeMap;

use base::{Duration, Timestamp};
use sim::{Dice, Log, Queue, Seed, runs};

use super::super::{Enter, Guard, Limits, Outcome, State, Ticket, Turn, Waiting};

const CHAOS: Duration = Duration::from_secs(60);

/// The longest span, the longest call and the longest step back that is waited for, several times over.
const CALM: Duration = Duration::from_secs(120);

/// How long a caller waits in the queue.
const PATIENCE: Duration = Duration::from_secs(3);

enum Event {
    Arrive,
    End { call: u64, outcome: Outcome },
    Impatient { waiting: Waiting },
    SourceTurns { is_good: bool },
    ClockJumps,
    Calm,
}

struct Run<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    guard: Guard,
    limits: Limits,
    /// How far the guard's clock is off.
    offset_micros: i64,
    is_good: bool,
    is_calm: bool,
    calls: BTreeMap<u64, Ticket>,
    next_call: u64,
    answered_in_calm: u64,
    refused_in_calm: u64,
}

impl<'a> Run<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("callers").dice();
        let limits = Limits {
            in_flight_max: dice.between(1, 4) as usize,
            waiting_max: dice.between(0, 8) as usize,
            failures_max: dice.between(1, 5) as u32,
            ..Limits::default()
        };
        let mut queue = Queue::new(Timestamp::from_secs(1_000_000));
        queue.push_in(CHAOS, Event::Calm);
        queue.push_in(Duration::ZERO, Event::Arrive);
        queue.push_in(
            dice.span(Duration::ZERO, CHAOS),
            Event::SourceTurns { is_good: false },
        );
        queue.push_in(
            dice.span(Duration::ZERO, CHAOS),
            Event::SourceTurns { is_good: true },
        );
        for _ in 0..3 {
            queue.push_in(dice.span(Duration::ZERO, CHAOS), Event::ClockJumps);
        }
        Self {
            log,
            dice,
            queue,
            guard: Guard::new(limits.clone()),
            limits,
            offset_micros: 0,
            is_good: true,
            is_calm: false,
            calls: BTreeMap::new(),
            next_call: 0,
            answered_in_calm: 0,
            refused_in_calm: 0,
        }
    }

    fn clock(&self) -> Timestamp {
        Timestamp(self.queue.now().as_micros() + self.offset_micros)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive => {
                let rest = if self.is_calm { 400 } else { 150 };
                let pause = self.dice.between(1, rest);
                self.queue
                    .push_in(Duration::from_millis(pause), Event::Arrive);
                let is_open = matches!(self.guard.state(self.clock()), State::Open { .. });
                match self.guard.try_enter(self.clock()) {
                    Enter::Go(_) | Enter::Wait(_) if is_open => panic!("it is left alone"),
                    Enter::Go(ticket) => self.call(ticket),
                    Enter::Wait(waiting) => {
                        self.queue.push_in(PATIENCE, Event::Impatient { waiting });
                    }
                    Enter::Refused(_) => self.refused_in_calm += u64::from(self.is_calm),
                }
            }
            Event::End { call, outcome } => {
                let ticket = self.calls.remove(&call).expect("each call ends once");
                let chance = self.dice.bits();
                self.guard.done(self.clock(), ticket, outcome, chance);
                self.answered_in_calm += u64::from(self.is_calm && outcome == Outcome::Succeeded);
            }
            Event::Impatient { waiting } => self.guard.give_up(waiting),
            Event::SourceTurns { is_good } => self.is_good = is_good || self.is_calm,
            Event::ClockJumps => {
                let span = self.dice.between(0, 7_200_000_000).cast_signed();
                self.offset_micros += span - 3_600_000_000;
            }
            Event::Calm => {
                self.is_calm = true;
                self.is_good = true;
            }
        }
        while let Some((_, turn)) = self.guard.poll_turn() {
            if let Turn::Go(ticket) = turn {
                self.call(ticket);
            }
        }
        self.check();
    }

    fn call(&mut self, ticket: Ticket) {
        let (outcome, millis) = if self.is_good {
            (Outcome::Succeeded, self.dice.between(1, 50))
        } else if self.dice.chance(100) {
            (Outcome::Cancelled, self.dice.between(1, 2_000))
        } else {
            (Outcome::Failed, self.dice.between(1, 2_000))
        };
        let call = self.next_call;
        self.next_call += 1;
        self.calls.insert(call, ticket);
        self.log
            .note(self.queue.now(), "call", format_args!("{call} {outcome:?}"));
        self.queue
            .push_in(Duration::from_millis(millis), Event::End { call, outcome });
    }

    fn check(&self) {
        assert_eq!(self.calls.len(), self.guard.in_flight());
        assert!(self.guard.in_flight() <= self.limits.in_flight_max);
        assert!(self.guard.waiting() <= self.limits.waiting_max);
        if self.guard.state(self.clock()) != State::Closed {
            assert_eq!(self.guard.waiting(), 0, "nobody waits for what fails");
        }
    }
}

#[test]
fn source_that_comes_back_is_found_again() {
    runs(1_000, |seed, log| {
        let mut run = Run::new(seed, log);
        let settled = run.queue.now() + CHAOS + CALM;
        while let Some(event) = run.queue.pop_until(Some(settled)) {
            run.happen(event);
        }
        assert_eq!(run.guard.state(run.clock()), State::Closed);
        let calls_before = run.answered_in_calm;
        assert!(calls_before > 0, "somebody was answered");
        // From here on the source has been good for long: nobody is refused because of it.
        let (refused, end) = (run.refused_in_calm, settled + Duration::from_secs(10));
        while let Some(event) = run.queue.pop_until(Some(end)) {
            run.happen(event);
        }
        assert!(run.answered_in_calm > calls_before);
        if run.limits.waiting_max > 4 {
            assert_eq!(run.refused_in_calm, refused, "nobody is refused in calm");
        }
    });
}
