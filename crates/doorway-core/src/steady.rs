//! A clock for spans of time, made of one that jumps.
//!
//! # Invariants
//! It never runs backwards, and without jumps it shows what the clock behind it shows.
//! A jump forward counts as time that passed.
//! After a jump back it stands still for an instant and goes on; what was to happen in a minute happens in a minute.
//! Steps back of up to [`JITTER`] come from readers that overtake each other: it waits until they are made up for, so
//! that readers which take turns do not make it run faster.

use base::{Duration, Timestamp};

/// Longest step back that is waited for instead of being taken for a jump.
pub(crate) const JITTER: Duration = Duration::from_secs(1);

/// A clock that never runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steady {
    /// The last reading of the clock behind it, and the steady time at that reading.
    last: Option<(Timestamp, Timestamp)>,
}

impl Steady {
    /// Starts without a reading.
    pub(crate) const fn new() -> Self {
        Self { last: None }
    }

    /// Takes a reading of the clock behind it and returns the steady time.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Timestamp {
        let steady = self.peek(now);
        let is_held = self
            .last
            .is_some_and(|(last, _)| now < last && last <= now + JITTER);
        if !is_held {
            self.last = Some((now, steady));
        }
        steady
    }

    /// Returns what [`Steady::advance`] would, and remembers nothing.
    pub(crate) fn peek(&self, now: Timestamp) -> Timestamp {
        match self.last {
            Some((last, steady)) => steady + now.since(last),
            None => now,
        }
    }

    /// Returns when the clock behind it will show that the steady time `at` has come, should it not jump until then.
    pub(crate) fn reading_at(&self, at: Timestamp) -> Timestamp {
        match self.last {
            Some((last, steady)) if steady <= at => last + at.since(steady),
            Some((last, steady)) => last - steady.since(at),
            None => at,
        }
    }
}

#[cfg(test)]
mod tests;
