//! Counters and gauges: atomics that threads do not fight over.
//!
//! # Invariants
//!
//! * Counting never waits, never allocates, and touches one cache line that few threads share.
//! * A counter only grows; what is read while others count is a value it had.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::Labels;

/// How many threads may count at the same moment without sharing a cache line.
pub(super) const STRIPES: usize = 4;

/// A value alone on its cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Line<T>(pub(super) T);

/// Counts what happened. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    stripes: Arc<[Line<AtomicU64>; STRIPES]>,
}

/// A counter for each value of a label.
#[derive(Clone)]
pub struct Counters<L> {
    series: Arc<[Counter]>,
    labels: PhantomData<L>,
}

/// A number that goes up and down. Cheap to clone; all clones are the same gauge.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    value: Arc<AtomicI64>,
}

/// A gauge for each value of a label.
#[derive(Clone)]
pub struct Gauges<L> {
    series: Arc<[Gauge]>,
    labels: PhantomData<L>,
}

/// Returns which stripe the calling thread counts on.
pub(super) fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
        }
        mine.get()
    })
}

impl Counter {
    /// Counts one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts several at once.
    pub fn add(&self, count: u64) {
        self.stripes[stripe()].0.fetch_add(count, Ordering::Relaxed);
    }

    /// Returns how many were counted since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        let stripes = self.stripes.iter();
        stripes.map(|line| line.0.load(Ordering::Relaxed)).sum()
    }
}

impl<L: Labels> Counters<L> {
    pub(super) fn new() -> Self {
        Self {
            series: (0..L::SERIES).map(|_| Counter::default()).collect(),
            labels: PhantomData,
        }
    }

    /// Returns the counter of a label's value.
    #[must_use]
    pub fn of(&self, labels: L) -> &Counter {
        &self.series[labels.place()]
    }

    /// Returns how many were counted under all values together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.series.iter().map(Counter::total).sum()
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.value.store(value, Ordering::Relaxed);
    }

    /// Sets the value; what is larger than a gauge can hold becomes its largest.
    pub fn set_count(&self, value: u64) {
        self.set(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Changes the value by a difference.
    pub fn add(&self, difference: i64) {
        self.value.fetch_add(difference, Ordering::Relaxed);
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }
}

impl<L: Labels> Gauges<L> {
    pub(super) fn new() -> Self {
        Self {
            series: (0..L::SERIES).map(|_| Gauge::default()).collect(),
            labels: PhantomData,
        }
    }

    /// Returns the gauge of a label's value.
    #[must_use]
    pub fn of(&self, labels: L) -> &Gauge {
        &self.series[labels.place()]
    }
}

impl EncodeMetric for Counter {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_counter::<NoLabelSet, _, u64>(&self.total(), None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl<L: Labels> EncodeMetric for Counters<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (place, counter) in self.series.iter().enumerate() {
            counter.encode(encoder.encode_family(&L::pairs(place))?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl EncodeMetric for Gauge {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_gauge(&self.value())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

impl<L: Labels> EncodeMetric for Gauges<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (place, gauge) in self.series.iter().enumerate() {
            gauge.encode(encoder.encode_family(&L::pairs(place))?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

impl<L: Labels> fmt::Debug for Counters<L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.series.iter()).finish()
    }
}

impl<L: Labels> fmt::Debug for Gauges<L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.series.iter()).finish()
    }
}
