//! Decides for whom the writer waits before it commits a batch, and how long.
//!
//! # Invariants
//!
//! * It never waits longer than the last commit took, and never for more than that one answered or found waiting.
//! * Where those who were answered do not come back in time, it stops waiting for a while.

use std::time::{Duration, Instant};

/// For how many batches it does not wait after a wait that was in vain.
const REST_BATCHES: u32 = 64;

/// The longest wait, however slow the disk is.
const WAIT_MAX: Duration = Duration::from_millis(2);

/// What the last batches were like.
#[derive(Debug)]
pub(super) struct Pace {
    records_max: usize,
    /// How many commands are expected: those that were just answered, and those that came meanwhile.
    expected: usize,
    patience: Duration,
    /// For how many batches it does not wait.
    rest: u32,
}

/// The wait of one batch.
#[derive(Debug)]
pub(super) struct Wait {
    expected: usize,
    patience: Duration,
    /// When the first wait began.
    begun: Option<Instant>,
}

impl Pace {
    pub(super) const fn new(records_max: usize) -> Self {
        Self {
            records_max,
            expected: 0,
            patience: Duration::ZERO,
            rest: 0,
        }
    }

    /// Begins a batch.
    pub(super) const fn begin(&mut self) -> Wait {
        let is_resting = self.rest > 0;
        self.rest = self.rest.saturating_sub(1);
        Wait {
            expected: if is_resting { 0 } else { self.expected },
            patience: self.patience,
            begun: None,
        }
    }

    /// Hears of how many commands the batch is in the end.
    pub(super) const fn end(&mut self, wait: &Wait, taken: usize) {
        // Three quarters are nearly all: some are always late.
        if wait.begun.is_some() && taken * 4 < wait.expected * 3 {
            self.rest = REST_BATCHES;
        }
    }

    /// Hears of a commit: of how many commands it was, what it took, and how many wait behind it.
    pub(super) fn committed(&mut self, taken: usize, took: Duration, waiting: usize) {
        self.expected = (taken + waiting).min(self.records_max);
        self.patience = took.min(WAIT_MAX);
    }
}

impl Wait {
    /// Waits with `wait`, for so many more and so long, unless enough were taken or it took too long already; tells
    /// whether it did.
    pub(super) fn goes_on(&mut self, taken: usize, wait: impl FnOnce(usize, Duration)) -> bool {
        let Some(missing) = self
            .expected
            .checked_sub(taken)
            .filter(|missing| *missing > 0)
        else {
            return false;
        };
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let Some(left) = self.patience.checked_sub(begun.elapsed()) else {
            return false;
        };
        // What came is staged while the rest is on its way.
        wait(missing.div_ceil(2), left);
        true
    }
}

#[cfg(test)]
mod tests;
