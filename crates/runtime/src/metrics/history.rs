//! What chosen values were in the last hour and the last day, for the small charts of a status page.
//!
//! # Invariants
//!
//! * Memory is bounded: an hour in steps of 10 s and a day in steps of 5 min, for each series.
//! * A time about which nothing is known is a gap and never a zero.
//! * Charts never hide a machine that slept: missed steps are gaps.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Snapshot;
use crate::{Next, Worker};

/// How far apart two fine values are.
const FINE_STEP: Duration = Duration::from_secs(10);

/// How many fine values are kept: an hour.
const FINE_LEN: usize = 360;

/// How many fine values make a coarse one: 5 min.
const FOLD_LEN: usize = 30;

/// How many coarse values are kept: a day.
const COARSE_LEN: usize = 288;

/// How finely the past is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The last hour in steps of 10 s.
    Hour,
    /// The last day in steps of 5 min.
    Day,
}

/// How several fine values become a coarse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Their mean: rates, shares, levels.
    Mean,
    /// The largest: lags and slow answers, which a mean would hide.
    Max,
}

/// Names a series that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Series(usize);

/// Which values are to be watched; made once, at the start.
#[derive(Default)]
pub struct Watch {
    probes: Vec<(Probe, Fold)>,
}

/// The past of all watched values. Cheap to clone.
#[derive(Clone, Debug)]
pub struct History {
    rings: Arc<Mutex<Vec<Ring>>>,
}

/// The worker that takes the values; see [`crate::Supervisor::spawn_worker`].
pub struct Sampler {
    probes: Vec<Probe>,
    history: History,
    last: Option<Instant>,
}

type Total = Box<dyn FnMut() -> u64 + Send>;

enum Probe {
    Rate {
        total: Total,
        last: Option<u64>,
    },
    Level {
        read: Box<dyn FnMut() -> Option<f64> + Send>,
    },
    Share {
        part: Total,
        whole: Total,
        last: Option<(u64, u64)>,
    },
    Quantile {
        read: Box<dyn FnMut() -> Snapshot + Send>,
        share: f64,
        last: Option<Snapshot>,
    },
}

#[derive(Debug)]
struct Ring {
    fold: Fold,
    fine: VecDeque<Option<f64>>,
    coarse: VecDeque<Option<f64>>,
    /// How many fine values came since the last coarse one.
    unfolded: usize,
}

impl Resolution {
    /// Returns how far apart two values are.
    #[must_use]
    pub const fn step(self) -> Duration {
        match self {
            Self::Hour => FINE_STEP,
            Self::Day => Duration::from_secs(FINE_STEP.as_secs() * FOLD_LEN as u64),
        }
    }

    /// Returns how many values are kept.
    #[must_use]
    pub const fn len_max(self) -> usize {
        match self {
            Self::Hour => FINE_LEN,
            Self::Day => COARSE_LEN,
        }
    }
}

impl Watch {
    /// Watches how fast a counter grows, per second.
    pub fn rate(&mut self, total: impl FnMut() -> u64 + Send + 'static) -> Series {
        let total = Box::new(total);
        self.add(Probe::Rate { total, last: None }, Fold::Mean)
    }

    /// Watches a value as it is; `None` is a gap.
    pub fn level(
        &mut self,
        fold: Fold,
        read: impl FnMut() -> Option<f64> + Send + 'static,
    ) -> Series {
        let read = Box::new(read);
        self.add(Probe::Level { read }, fold)
    }

    /// Watches which share of what one counter counted another counted too, from 0 to 1; a gap when there was nothing.
    pub fn share(
        &mut self,
        part: impl FnMut() -> u64 + Send + 'static,
        whole: impl FnMut() -> u64 + Send + 'static,
    ) -> Series {
        let probe = Probe::Share {
            part: Box::new(part),
            whole: Box::new(whole),
            last: None,
        };
        self.add(probe, Fold::Mean)
    }

    /// Watches a quantile of a histogram, in seconds, of each step alone; a gap when there was nothing.
    pub fn quantile(
        &mut self,
        share: f64,
        read: impl FnMut() -> Snapshot + Send + 'static,
    ) -> Series {
        let probe = Probe::Quantile {
            read: Box::new(read),
            share,
            last: None,
        };
        self.add(probe, Fold::Max)
    }

    /// Returns the past, which is empty, and the worker that fills it.
    #[must_use]
    pub fn build(self) -> (History, Sampler) {
        let (probes, folds): (Vec<_>, Vec<_>) = self.probes.into_iter().unzip();
        let rings = folds.into_iter().map(Ring::new).collect();
        let history = History {
            rings: Arc::new(Mutex::new(rings)),
        };
        let sampler = Sampler {
            probes,
            history: history.clone(),
            last: None,
        };
        (history, sampler)
    }

    fn add(&mut self, probe: Probe, fold: Fold) -> Series {
        self.probes.push((probe, fold));
        Series(self.probes.len() - 1)
    }
}

impl History {
    /// Returns what a series was, oldest first, at most [`Resolution::len_max`] values; empty when nothing is known yet.
    ///
    /// # Panics
    ///
    /// When the series belongs to another [`Watch`], which is a bug.
    #[must_use]
    pub fn values(&self, series: Series, resolution: Resolution) -> Vec<Option<f64>> {
        let rings = self.rings();
        let ring = &rings[series.0];
        let values = match resolution {
            Resolution::Hour => &ring.fine,
            Resolution::Day => &ring.coarse,
        };
        values.iter().copied().collect()
    }

    fn rings(&self) -> MutexGuard<'_, Vec<Ring>> {
        // A panic while the rings are held leaves rings that are still right value by value.
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sampler {
    /// Takes one value of each series, `elapsed` after the last time; the first time there is nothing to compare with.
    ///
    /// The worker does this by itself; it is for who keeps another time.
    pub fn take(&mut self, elapsed: Duration) {
        let values: Vec<_> = self
            .probes
            .iter_mut()
            .map(|probe| probe.take(elapsed.as_secs_f64()))
            .collect();
        let steps = (elapsed.as_secs_f64() / FINE_STEP.as_secs_f64()).round() as usize;
        let missed = steps.saturating_sub(1).min(FINE_LEN * FOLD_LEN);
        for (ring, value) in self.history.rings().iter_mut().zip(values) {
            for _ in 0..missed {
                ring.push(None);
            }
            ring.push(value);
        }
    }
}

impl Worker for Sampler {
    type Error = Infallible;

    fn name(&self) -> String {
        "history".to_owned()
    }

    async fn round(&mut self) -> Result<Next, Infallible> {
        let now = Instant::now();
        let elapsed = self.last.map_or(Duration::ZERO, |last| now - last);
        if self.last.is_none() || elapsed >= FINE_STEP / 2 {
            self.last = Some(now);
            self.take(elapsed);
        }
        Ok(Next::After(FINE_STEP))
    }
}

impl Probe {
    fn take(&mut self, secs: f64) -> Option<f64> {
        match self {
            Self::Rate { total, last } => {
                let now = total();
                let before = last.replace(now)?;
                (secs > 0.0).then(|| now.saturating_sub(before) as f64 / secs)
            }
            Self::Level { read } => read().filter(|value| value.is_finite()),
            Self::Share { part, whole, last } => {
                let now = (part(), whole());
                let before = last.replace(now)?;
                let whole = now.1.saturating_sub(before.1);
                let part = now.0.saturating_sub(before.0).min(whole);
                (whole > 0).then(|| part as f64 / whole as f64)
            }
            Self::Quantile { read, share, last } => {
                let now = read();
                let before = last.replace(now)?;
                now.since(&before).quantile_secs(*share)
            }
        }
    }
}

impl Ring {
    fn new(fold: Fold) -> Self {
        Self {
            fold,
            fine: VecDeque::with_capacity(FINE_LEN),
            coarse: VecDeque::with_capacity(COARSE_LEN),
            unfolded: 0,
        }
    }

    fn push(&mut self, value: Option<f64>) {
        put(&mut self.fine, FINE_LEN, value);
        self.unfolded += 1;
        if self.unfolded == FOLD_LEN {
            self.unfolded = 0;
            let start = self.fine.len() - FOLD_LEN;
            let known = self.fine.range(start..).filter_map(|value| *value);
            let folded = self.fold.apply(known);
            put(&mut self.coarse, COARSE_LEN, folded);
        }
    }
}

impl Fold {
    fn apply(self, known: impl Iterator<Item = f64>) -> Option<f64> {
        match self {
            Self::Mean => {
                let (sum, count) =
                    known.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
                (count > 0).then(|| sum / f64::from(count))
            }
            Self::Max => known.reduce(f64::max),
        }
    }
}

fn put(ring: &mut VecDeque<Option<f64>>, len_max: usize, value: Option<f64>) {
    if ring.len() == len_max {
        ring.pop_front();
    }
    ring.push_back(value);
}

impl fmt::Debug for Sampler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sampler")
            .field("series", &self.probes.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("series", &self.probes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
