//! The wall clock, as an argument.
//!
//! Shells hold a [`Clock`] and pass `clock.now()` down; a test holds its hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base::{Duration, Timestamp};

/// Tells the time. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds since 1970 when the clock is moved by hand.
    hand: Option<Arc<AtomicI64>>,
}

/// Moves a clock that does not run by itself.
#[derive(Clone, Debug)]
pub struct ClockHand {
    micros: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self { hand: None }
    }

    /// Returns a clock that stands still at `start` until its hand moves it.
    #[must_use]
    pub fn by_hand(start: Timestamp) -> (Self, ClockHand) {
        let micros = Arc::new(AtomicI64::new(start.as_micros()));
        let hand = ClockHand {
            micros: Arc::clone(&micros),
        };
        (Self { hand: Some(micros) }, hand)
    }

    /// Returns the present time. May go backwards when somebody sets the machine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.hand {
            Some(micros) => Timestamp(micros.load(Ordering::SeqCst)),
            None => system_now(),
        }
    }
}

impl ClockHand {
    /// Moves the clock on.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, time: Timestamp) {
        self.micros.store(time.as_micros(), Ordering::SeqCst);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place where the wall clock is read"
)]
fn system_now() -> Timestamp {
    let now = SystemTime::now();
    let micros = match now.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |span| -span),
    };
    Timestamp(micros)
}

#[cfg(test)]
mod tests;
