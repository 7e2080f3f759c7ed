//! How long things take: fixed buckets from 100 µs to 10 s.
//!
//! # Invariants
//!
//! * Recording costs two atomic additions and no lock.
//! * The sum of the buckets is the count; both are read from the same atomics.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::Labels;
use super::counter::{Line, STRIPES, stripe};

/// Upper bounds of the buckets, in nanoseconds; what is longer falls into one more.
const BOUNDS_NS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

const BUCKETS: usize = BOUNDS_NS.len() + 1;

const NS_PER_SEC: f64 = 1e9;

/// Notes how long things take. Cheap to clone; all clones are the same histogram.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    stripes: Arc<[Line<Stripe>; STRIPES]>,
}

/// A histogram for each value of a label.
#[derive(Clone)]
pub struct Histograms<L> {
    series: Arc<[Histogram]>,
    labels: PhantomData<L>,
}

/// What a histogram held at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    counts: [u64; BUCKETS],
    sum_ns: u64,
}

#[derive(Debug, Default)]
struct Stripe {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Notes one that took this long.
    pub fn record(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < ns);
        let stripe = &self.stripes[stripe()].0;
        stripe.counts[bucket].fetch_add(1, Ordering::Relaxed);
        stripe.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// Returns what was noted since the start.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut whole = Snapshot::default();
        for Line(stripe) in self.stripes.iter() {
            for (sum, count) in whole.counts.iter_mut().zip(&stripe.counts) {
                *sum += count.load(Ordering::Relaxed);
            }
            let sum_ns = stripe.sum_ns.load(Ordering::Relaxed);
            whole.sum_ns = whole.sum_ns.wrapping_add(sum_ns);
        }
        whole
    }
}

impl<L: Labels> Histograms<L> {
    pub(super) fn new() -> Self {
        Self {
            series: (0..L::SERIES).map(|_| Histogram::default()).collect(),
            labels: PhantomData,
        }
    }

    /// Returns the histogram of a label's value.
    #[must_use]
    pub fn of(&self, labels: L) -> &Histogram {
        &self.series[labels.place()]
    }
}

impl Snapshot {
    /// Returns how many were noted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns how long they took together, in seconds.
    #[must_use]
    pub fn sum_secs(&self) -> f64 {
        self.sum_ns as f64 / NS_PER_SEC
    }

    /// Returns what was noted after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut difference = *self;
        for (count, before) in difference.counts.iter_mut().zip(&earlier.counts) {
            *count = count.saturating_sub(*before);
        }
        difference.sum_ns = self.sum_ns.wrapping_sub(earlier.sum_ns);
        difference
    }

    /// Returns the time that `share` (0 to 1) of them did not exceed, in seconds; `None` when nothing was noted.
    ///
    /// Exact to the width of a bucket, evenly spread inside it as Prometheus' `histogram_quantile` does; what took
    /// longer than the last bound counts as that bound.
    #[must_use]
    pub fn quantile_secs(&self, share: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = share.clamp(0.0, 1.0) * count as f64;
        let (mut below, mut lower_ns) = (0.0, 0);
        for (count, upper_ns) in self.counts.iter().zip(BOUNDS_NS) {
            let here = *count as f64;
            if here > 0.0 && below + here >= wanted {
                let width = (upper_ns - lower_ns) as f64;
                let ns = lower_ns as f64 + width * ((wanted - below) / here);
                return Some(ns / NS_PER_SEC);
            }
            below += here;
            lower_ns = upper_ns;
        }
        Some(lower_ns as f64 / NS_PER_SEC)
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let snapshot = self.snapshot();
        let bounds = BOUNDS_NS.iter().map(|bound| *bound as f64 / NS_PER_SEC);
        let bounds = bounds.chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(snapshot.counts).collect();
        encoder.encode_histogram::<NoLabelSet>(
            snapshot.sum_secs(),
            snapshot.count(),
            &buckets,
            None,
        )
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

impl<L: Labels> EncodeMetric for Histograms<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (place, histogram) in self.series.iter().enumerate() {
            histogram.encode(encoder.encode_family(&L::pairs(place))?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

impl<L: Labels> fmt::Debug for Histograms<L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.series.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
