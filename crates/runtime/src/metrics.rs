//! What a process counts about itself, and how a steward's tools read it.
//!
//! # Invariants
//!
//! * A metric is called `<domain>_<noun>_<unit>`; counters end in `_total`; each name is registered once.
//! * Labels are bounded sets, so that no request can make a series.
//! * Counting costs atomics and no lock; everything dear is done when somebody asks.
//!
//! It knows nothing about what is counted, and sends nothing anywhere.

mod counter;
mod histogram;
mod history;
mod labels;
mod process;
mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry;

pub use counter::{Counter, Counters, Gauge, Gauges};
pub use histogram::{Histogram, Histograms, Snapshot};
pub use history::{Fold, History, Resolution, Sampler, Series, Watch};
pub use labels::{Label, Labels};
pub use process::resident_bytes;
pub use text::Exposition;

/// All metrics of a process. Cheap to clone; all clones are the same registry.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    metrics: registry::Registry,
    names: BTreeSet<&'static str>,
}

/// A value that is read when somebody asks.
struct Reading<F> {
    read: F,
    kind: MetricType,
}

impl Registry {
    /// Registers a counter. `name` ends in `_total`; `help` is a sentence without its full stop.
    ///
    /// # Panics
    ///
    /// When the name is taken or is none, which is a bug; the same holds for all other kinds.
    #[must_use]
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        let counter = Counter::default();
        self.register(name, help, counter.clone());
        counter
    }

    /// Registers a counter for each value of a label.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    #[must_use]
    pub fn counters<L: Labels>(&self, name: &'static str, help: &'static str) -> Counters<L> {
        let counters = Counters::new();
        self.register(name, help, counters.clone());
        counters
    }

    /// Registers a gauge.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    #[must_use]
    pub fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        let gauge = Gauge::default();
        self.register(name, help, gauge.clone());
        gauge
    }

    /// Registers a gauge for each value of a label.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    #[must_use]
    pub fn gauges<L: Labels>(&self, name: &'static str, help: &'static str) -> Gauges<L> {
        let gauges = Gauges::new();
        self.register(name, help, gauges.clone());
        gauges
    }

    /// Registers a histogram of times; `name` ends in `_seconds`.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    #[must_use]
    pub fn histogram(&self, name: &'static str, help: &'static str) -> Histogram {
        let histogram = Histogram::default();
        self.register(name, help, histogram.clone());
        histogram
    }

    /// Registers a histogram for each value of a label.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    #[must_use]
    pub fn histograms<L: Labels>(&self, name: &'static str, help: &'static str) -> Histograms<L> {
        let histograms = Histograms::new();
        self.register(name, help, histograms.clone());
        histograms
    }

    /// Registers a gauge that is read when somebody asks. Reading must be quick and must not use the registry.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    pub fn observe<F>(&self, name: &'static str, help: &'static str, read: F)
    where
        F: Fn() -> f64 + Send + Sync + 'static,
    {
        let kind = MetricType::Gauge;
        self.register(name, help, Reading { read, kind });
    }

    /// Registers a counter that is kept elsewhere. Reading must be quick and must not use the registry.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    pub fn observe_total<F>(&self, name: &'static str, help: &'static str, read: F)
    where
        F: Fn() -> f64 + Send + Sync + 'static,
    {
        let kind = MetricType::Counter;
        self.register(name, help, Reading { read, kind });
    }

    /// Registers what the process says about itself to the kernel, and which build it is.
    ///
    /// `process_*` are the names that Prometheus' own clients use, so that ready dashboards fit.
    ///
    /// # Panics
    ///
    /// As [`Registry::counter`].
    pub fn process(&self, version: &'static str) {
        let mut inner = self.inner();
        inner.claim("commonhold_build_info");
        process::register(&mut inner.metrics);
        let build = Info::new(vec![("version", version)]);
        let help = "Which build this is";
        inner.metrics.register("commonhold_build", help, build);
    }

    /// Writes all metrics.
    #[must_use]
    pub fn expose(&self, exposition: Exposition) -> String {
        let mut out = String::new();
        prometheus_client::encoding::text::encode(&mut out, &self.inner().metrics)
            .expect("a string takes every text");
        match exposition {
            Exposition::OpenMetrics => out,
            Exposition::Prometheus => text::to_prometheus(&out),
        }
    }

    fn register(&self, name: &'static str, help: &'static str, metric: impl registry::Metric) {
        let is_counter = matches!(metric.metric_type(), MetricType::Counter);
        assert_eq!(
            name.ends_with("_total"),
            is_counter,
            "{name}: counters and nothing else end in _total"
        );
        let mut inner = self.inner();
        inner.claim(name);
        // The encoder writes the ending of a counter itself.
        let stem = name.strip_suffix("_total").unwrap_or(name);
        inner.metrics.register(stem, help, metric);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A reading that panics leaves the registry as it was.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn claim(&mut self, name: &'static str) {
        assert!(is_name(name), "{name} is no <domain>_<noun>_<unit>");
        assert!(self.names.insert(name), "{name} is registered twice");
    }
}

/// Tells whether a name has at least two words of small letters and digits, joined by `_`.
fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        let mut letters = word.bytes();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    name.contains('_') && name.split('_').all(is_word)
}

impl<F: Fn() -> f64> EncodeMetric for Reading<F> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let value = (self.read)();
        match self.kind {
            MetricType::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&value, None),
            _ => encoder.encode_gauge(&value),
        }
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

impl<F> fmt::Debug for Reading<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reading")
    }
}

#[cfg(test)]
mod tests;
