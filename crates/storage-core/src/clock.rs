//! A clock that never runs ahead: how much time was really seen to pass.
//!
//! What is thrown away after seven days must not vanish because somebody set the clock to next year.
//! So ages are measured in [`SlowTime`]: the sum of the steps between two readings of the machine's clock.
//! A step back counts as nothing, and so does a step that is longer than `step_max`: nobody knows what happened in it.
//!
//! # Invariants
//! It never runs backwards.
//! A jump of the clock behind it by more than `step_max`, in either direction, adds nothing; a smaller jump forward
//! adds at most itself. So an age is never larger than what truly passed and the small jumps forward together.
//! With readings at least every `step_max` and no jumps it is exact. It stands still while nobody reads it: what was to
//! happen after seven days happens later on a machine that is switched off at night, never sooner.
//!
//! It does not know which time it is for people; what they are shown is a [`Timestamp`] of the machine's clock.

use std::fmt;
use std::ops::Add;

use base::{Duration, Timestamp};

/// A point in the time that was seen to pass: microseconds since the store was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlowTime(pub u64);

/// Bounds of a slow clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest step between two readings that counts; to be read at least twice as often.
    pub step_max: Duration,
}

/// A clock that never runs ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowClock {
    limits: Limits,
    shown: SlowTime,
    last: Option<Timestamp>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            step_max: Duration::from_secs(60 * 60),
        }
    }
}

impl SlowTime {
    /// When the store was made.
    pub const START: Self = Self(0);

    /// Returns how long ago `earlier` was, or no time when it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for SlowTime {
    type Output = Self;

    /// Saturates after half a million years.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_micros()))
    }
}

impl fmt::Display for SlowTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} µs seen", self.0)
    }
}

impl SlowClock {
    /// Starts for a store that was just made.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self::resume(limits, SlowTime::START, None)
    }

    /// Goes on where [`SlowClock::shown`] and [`SlowClock::last`] were when they were written down.
    #[must_use]
    pub const fn resume(limits: Limits, shown: SlowTime, last: Option<Timestamp>) -> Self {
        Self {
            limits,
            shown,
            last,
        }
    }

    /// Takes a reading of the machine's clock and returns the time that was seen to pass.
    pub fn advance(&mut self, now: Timestamp) -> SlowTime {
        if let Some(last) = self.last {
            let step = now.since(last);
            if step <= self.limits.step_max {
                self.shown = self.shown + step;
            }
        }
        self.last = Some(now);
        self.shown
    }

    /// Goes forward to a time that was shown before, as a replayed record says.
    pub fn not_before(&mut self, seen: SlowTime) {
        self.shown = self.shown.max(seen);
    }

    /// Returns the time of the last reading.
    #[must_use]
    pub const fn shown(&self) -> SlowTime {
        self.shown
    }

    /// Returns the last reading of the machine's clock.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

/// Takes a reading of a clock and returns by how much it went back since the last one: machines that keep deadlines of
/// seconds move them with it.
pub(crate) fn step_back(last: &mut Option<Timestamp>, now: Timestamp) -> Duration {
    let back = last.map_or(Duration::ZERO, |last| last.since(now));
    *last = Some(now);
    back
}

#[cfg(test)]
mod tests;
