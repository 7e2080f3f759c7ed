//! Whether it is worth calling: closed, open for a while, one call to try.

use base::{Duration, Timestamp};

use super::{Limits, Outcome, State};

/// Nobody is told to try again at once.
pub(super) const RETRY_MIN: Duration = Duration::from_millis(1);

/// What a breaker says to somebody who wants to call.
pub(super) enum Gate {
    /// Call; the number goes into the ticket.
    Pass(u64),
    /// Do not, for this long.
    Shut(Duration),
}

/// A breaker on steady time.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    failures_max: u32,
    open_for_min: Duration,
    open_for_max: Duration,
    /// Counts closed and half-open times.
    generation: u64,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    Open {
        until: Timestamp,
        /// How many times in a row it was opened.
        openings: u32,
    },
    /// One call is under way to try.
    Trying { openings: u32 },
}

impl Breaker {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            failures_max: limits.failures_max.max(1),
            open_for_min: limits.open_for_min.min(limits.open_for_max),
            open_for_max: limits.open_for_max,
            generation: 0,
            phase: Phase::Closed { failures: 0 },
        }
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Decides about a call. A trial starts only when there is a place for it.
    pub(super) fn gate(&mut self, now: Timestamp, has_place: bool) -> Gate {
        match self.phase {
            Phase::Closed { .. } => Gate::Pass(self.generation),
            Phase::Open { until, .. } if now < until => Gate::Shut(until.since(now).max(RETRY_MIN)),
            Phase::Open { openings, .. } if has_place => {
                self.generation += 1;
                self.phase = Phase::Trying { openings };
                Gate::Pass(self.generation)
            }
            Phase::Open { .. } | Phase::Trying { .. } => {
                Gate::Shut(self.open_for_min.max(RETRY_MIN))
            }
        }
    }

    /// Takes the end of a call; returns for how long it opened, if it did.
    pub(super) fn note(
        &mut self,
        now: Timestamp,
        generation: u64,
        outcome: Outcome,
        chance: u64,
    ) -> Option<Duration> {
        if generation != self.generation {
            return None;
        }
        let (failures, openings) = match self.phase {
            Phase::Closed { failures } => (failures, 0),
            // Calls that were under way when it opened say nothing about what comes after.
            Phase::Open { .. } => return None,
            Phase::Trying { openings } => (self.failures_max, openings),
        };
        match outcome {
            Outcome::Succeeded => self.phase = Phase::Closed { failures: 0 },
            Outcome::Cancelled => {
                if matches!(self.phase, Phase::Trying { .. }) {
                    self.phase = Phase::Open {
                        until: now,
                        openings,
                    };
                }
            }
            Outcome::Failed => {
                let failures = failures.saturating_add(1);
                if failures < self.failures_max {
                    self.phase = Phase::Closed { failures };
                    return None;
                }
                let span = self.span(openings, chance);
                self.phase = Phase::Open {
                    until: now + span,
                    openings: openings.saturating_add(1),
                };
                return Some(span.max(RETRY_MIN));
            }
        }
        None
    }

    pub(super) fn state(&self, now: Timestamp) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { until, .. } if now < until => State::Open {
                remaining: until.since(now),
            },
            Phase::Open { .. } | Phase::Trying { .. } => State::HalfOpen,
        }
    }

    /// Half of the doubled span for certain, the other half by chance.
    fn span(&self, openings: u32, chance: u64) -> Duration {
        let factor = 1_u64.checked_shl(openings).unwrap_or(u64::MAX);
        let full = self
            .open_for_min
            .as_micros()
            .saturating_mul(factor)
            .min(self.open_for_max.as_micros());
        let spread = u128::from(full - full / 2) * u128::from(chance) / u128::from(u64::MAX);
        // The product is at most the half that it spreads.
        let spread = u64::try_from(spread).expect("a part of a number of 64 bits");
        Duration::from_micros(full / 2 + spread)
    }
}
