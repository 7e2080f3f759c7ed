//! Who may call what stands behind the cache: a conductor, a database, another doorway.
//!
//! [`Guard`] keeps the number of calls under way bounded, lets a bounded number wait in the order in which they came,
//! and stops calling what has failed several times in a row: the breaker is closed, then open for a while, then lets
//! one call through to try, and closes when that one succeeds.
//!
//! # Invariants
//! At most `in_flight_max` calls are under way and at most `waiting_max` wait; nobody overtakes somebody who waits.
//! While the breaker is open nobody calls and nobody waits; while it is half open at most one call is made to try.
//! Each ticket comes back once through [`Guard::done`]; each of those who wait gets one [`Turn`] or gives up.
//! A clock that jumps back keeps the breaker open for no longer than one span more; one that jumps forward ends a span.
//!
//! It does not know what is called, and cuts nobody off: a call that hangs keeps its place until its caller ends it.

mod breaker;

use std::collections::VecDeque;

use base::{Duration, Timestamp};

use breaker::{Breaker, Gate};

use crate::steady::Steady;

/// Bounds of a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most calls under way; with 0 nobody ever calls.
    pub in_flight_max: usize,
    /// Most that wait for a place.
    pub waiting_max: usize,
    /// How many failures in a row open the breaker; 0 is taken as 1.
    pub failures_max: u32,
    /// How long the breaker stays open the first time; each failed trial doubles it.
    pub open_for_min: Duration,
    /// How long the breaker stays open at most.
    pub open_for_max: Duration,
    /// What those are told to wait for whom the queue has no place.
    pub full_retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight_max: 16,
            waiting_max: 256,
            failures_max: 5,
            open_for_min: Duration::from_secs(1),
            open_for_max: Duration::from_secs(30),
            full_retry: Duration::from_secs(1),
        }
    }
}

/// What becomes of somebody who wants to call.
#[derive(Debug, PartialEq, Eq)]
pub enum Enter {
    /// Call now; the ticket goes back with [`Guard::done`] however the call ends.
    Go(Ticket),
    /// All places are taken; [`Guard::poll_turn`] names this one when it is its turn.
    Wait(Waiting),
    /// Do not call.
    Refused(Refusal),
}

/// What becomes of somebody who waited.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// Call now, as with [`Enter::Go`].
    Go(Ticket),
    /// Do not call.
    Refused(Refusal),
}

/// Why somebody may not call, and when it is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// How long to wait before the next try, at least a millisecond.
    pub retry_after: Duration,
}

/// Why somebody may not call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// What would be called has failed several times in a row.
    Open,
    /// All places are taken, those of the queue too.
    Full,
}

/// The right to make one call. It cannot be copied, so that each call ends once.
#[must_use = "a ticket that is not handed back keeps its place for ever"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Which closed or half-open time of the breaker it belongs to; older ones say nothing about the present.
    generation: u64,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Waiting(u64);

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered; an answer that says "there is none" is one.
    Succeeded,
    /// It was not answered, or with a failure of the other side.
    Failed,
    /// The caller gave up; that says nothing about the other side.
    Cancelled,
}

/// How the breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls are made.
    Closed,
    /// No calls are made for this long.
    Open {
        /// The rest of the span.
        remaining: Duration,
    },
    /// The next call is made to try, or is under way.
    HalfOpen,
}

/// Bounds calls and stops those that would fail.
#[derive(Clone, Debug)]
pub struct Guard {
    limits: Limits,
    clock: Steady,
    breaker: Breaker,
    in_flight: usize,
    waiting: VecDeque<Waiting>,
    /// Turns that were not fetched yet; one that may go already has its place.
    turns: VecDeque<(Waiting, Result<u64, Refusal>)>,
    next_waiting: u64,
}

impl Guard {
    /// Starts with nobody under way and the breaker closed.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            breaker: Breaker::new(&limits),
            limits,
            clock: Steady::default(),
            in_flight: 0,
            waiting: VecDeque::new(),
            turns: VecDeque::new(),
            next_waiting: 0,
        }
    }

    /// Decides whether somebody may call now.
    pub fn try_enter(&mut self, now: Timestamp) -> Enter {
        let now = self.clock.advance(now);
        let has_place = self.in_flight < self.limits.in_flight_max;
        match self.breaker.gate(now, has_place) {
            Gate::Pass(_) if !has_place || !self.waiting.is_empty() => self.queue(),
            Gate::Pass(generation) => {
                self.in_flight += 1;
                Enter::Go(Ticket { generation })
            }
            Gate::Shut(retry_after) => Enter::Refused(Refusal {
                reason: Reason::Open,
                retry_after,
            }),
        }
    }

    /// Takes the end of a call.
    ///
    /// `chance` is any even number of 64 bits from the shell; it spreads the spans for which breakers stay open over
    /// their second half, so that many doorways do not try at the same moment.
    pub fn done(&mut self, now: Timestamp, ticket: Ticket, outcome: Outcome, chance: u64) {
        let now = self.clock.advance(now);
        self.in_flight -= 1;
        let opened = self.breaker.note(now, ticket.generation, outcome, chance);
        if let Some(retry_after) = opened {
            let refusal = Refusal {
                reason: Reason::Open,
                retry_after,
            };
            for (_, turn) in &mut self.turns {
                if turn.is_ok() {
                    self.in_flight -= 1;
                    *turn = Err(refusal);
                }
            }
            let refused = self
                .waiting
                .drain(..)
                .map(|waiting| (waiting, Err(refusal)));
            self.turns.extend(refused);
        }
        self.fill_places();
    }

    /// Returns the next of those who waited and what becomes of it; to be asked after every [`Guard::done`] and
    /// [`Guard::give_up`] until it returns nothing.
    pub fn poll_turn(&mut self) -> Option<(Waiting, Turn)> {
        let (waiting, turn) = self.turns.pop_front()?;
        let turn = match turn {
            Ok(generation) => Turn::Go(Ticket { generation }),
            Err(refusal) => Turn::Refused(refusal),
        };
        Some((waiting, turn))
    }

    /// Takes somebody out of the queue. Does nothing for one whose turn was fetched: that one has a ticket to hand
    /// back, or was refused.
    pub fn give_up(&mut self, waiting: Waiting) {
        self.waiting.retain(|other| *other != waiting);
        let turn = self.turns.iter().position(|(other, _)| *other == waiting);
        if let Some((_, Ok(_))) = turn.and_then(|idx| self.turns.remove(idx)) {
            self.in_flight -= 1;
            self.fill_places();
        }
    }

    /// Returns how the breaker stands at this time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        self.breaker.state(self.clock.peek(now))
    }

    /// Returns how many calls are under way, those included whose turn was not fetched yet.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns how many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn queue(&mut self) -> Enter {
        if self.waiting.len() >= self.limits.waiting_max || self.limits.in_flight_max == 0 {
            return Enter::Refused(Refusal {
                reason: Reason::Full,
                retry_after: self.limits.full_retry.max(breaker::RETRY_MIN),
            });
        }
        let waiting = Waiting(self.next_waiting);
        self.next_waiting += 1;
        self.waiting.push_back(waiting);
        Enter::Wait(waiting)
    }

    /// Hands free places to those who wait. They wait only while the breaker is closed.
    fn fill_places(&mut self) {
        while self.in_flight < self.limits.in_flight_max {
            let Some(waiting) = self.waiting.pop_front() else {
                return;
            };
            self.in_flight += 1;
            self.turns
                .push_back((waiting, Ok(self.breaker.generation())));
        }
    }
}

#[cfg(test)]
mod tests;
