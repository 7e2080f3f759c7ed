//! What happened in a run: the last lines, for the person who looks for the reason of a failure.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;

use base::Timestamp;

/// The last events of one run, one line each.
#[derive(Debug)]
pub struct Log {
    lines_max: usize,
    inner: RefCell<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    last: VecDeque<String>,
    count: u64,
    digest: u64,
}

impl Log {
    /// Keeps at most `lines_max` lines.
    #[must_use]
    pub fn new(lines_max: usize) -> Self {
        Self {
            lines_max,
            inner: RefCell::default(),
        }
    }

    /// Notes that `who` did `what`; the time is shown in milliseconds.
    pub fn note(&self, now: Timestamp, who: &str, what: impl fmt::Display) {
        let micros = now.as_micros();
        let line = format!(
            "{:>10}.{:03} {who:<12} {what}",
            micros.div_euclid(1_000),
            micros.rem_euclid(1_000)
        );
        let mut inner = self.inner.borrow_mut();
        // FNV-1a, to compare whole traces without keeping them.
        inner.digest = line.bytes().fold(inner.digest, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        inner.count += 1;
        inner.last.push_back(line);
        if inner.last.len() > self.lines_max {
            inner.last.pop_front();
        }
    }

    /// Returns a number that is the same for the same lines, those included that are no longer kept.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.inner.borrow().digest
    }

    /// Returns how many lines were noted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner.borrow().count
    }
}

impl fmt::Display for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner.borrow();
        let left_out = inner.count - inner.last.len() as u64;
        if left_out > 0 {
            writeln!(formatter, "({left_out} earlier lines left out)")?;
        }
        inner
            .last
            .iter()
            .try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

#[cfg(test)]
mod tests;
