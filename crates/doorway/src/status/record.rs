//! Keeps what the metrics were lately, and makes the model of the page of it.

use base::Timestamp;
use runtime::Clock;
use runtime::metrics::{Fold, Gauge, History, Label as _, Sampler, Series, Watch};

use super::model::{Charts, ClassLine, LatencyLine, Span, Sparkline, States, StatusModel};
use super::{DoorwayMetrics, RequestClass, StatusSource};

/// What the metrics were in the last hour and the last day. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recording {
    history: History,
    lines: Lines,
    clock: Clock,
    started: Timestamp,
}

/// A [`StatusSource`] that adds what is so now to what was recorded.
#[derive(Clone, Debug)]
pub struct Board<F> {
    recording: Recording,
    states: F,
}

/// Which series is which.
#[derive(Clone, Debug)]
struct Lines {
    requests: Vec<(RequestClass, Series)>,
    latency: Vec<(RequestClass, Series, Series)>,
    hit_ratio: Series,
    origin_calls: Series,
    projection_lag: Series,
    follower_lag: Series,
    consumers: Series,
    memory: Series,
    blob_sent: Series,
    blob_stored: Series,
}

impl Recording {
    /// Begins to record. The sampler is a worker for the caller to start; without it nothing is recorded.
    #[must_use]
    pub fn new(metrics: &DoorwayMetrics, clock: Clock) -> (Self, Sampler) {
        let mut watch = Watch::default();
        let lines = Lines::watch(&mut watch, metrics);
        let (history, sampler) = watch.build();
        let started = clock.now();
        let recording = Self {
            history,
            lines,
            clock,
            started,
        };
        (recording, sampler)
    }

    /// Returns the source of the page; `states` says what is so now, and must be quick.
    pub fn board<F>(self, states: F) -> Board<F>
    where
        F: Fn() -> States + Send + Sync + 'static,
    {
        let recording = self;
        Board { recording, states }
    }

    /// Returns all charts.
    #[must_use]
    pub fn charts(&self, span: Span) -> Charts {
        let line = |series: Series, fold: Fold| self.line(series, span, fold);
        let lines = &self.lines;
        let requests = lines.requests.iter().map(|(class, series)| ClassLine {
            class: *class,
            values: line(*series, Fold::Mean),
        });
        let latency = lines
            .latency
            .iter()
            .map(|(class, median, slow)| LatencyLine {
                class: *class,
                median: line(*median, Fold::Max),
                slow: line(*slow, Fold::Max),
            });
        let mut origin_calls = line(lines.origin_calls, Fold::Mean);
        for value in origin_calls.values.iter_mut().flatten() {
            // Recorded per second, shown per minute.
            *value *= 60.0;
        }
        Charts {
            requests: requests.collect(),
            latency: latency.collect(),
            hit_ratio: line(lines.hit_ratio, Fold::Mean),
            origin_calls,
            projection_lag: line(lines.projection_lag, Fold::Max),
            follower_lag: line(lines.follower_lag, Fold::Max),
            consumers: line(lines.consumers, Fold::Max),
            memory: line(lines.memory, Fold::Max),
            blob_sent: line(lines.blob_sent, Fold::Mean),
            blob_stored: line(lines.blob_stored, Fold::Max),
        }
    }

    fn line(&self, series: Series, span: Span, fold: Fold) -> Sparkline {
        let resolution = span.resolution();
        Sparkline {
            values: self.history.values(series, resolution),
            step_secs: u32::try_from(resolution.step().as_secs()).unwrap_or(u32::MAX),
            fold,
        }
    }
}

impl<F> StatusSource for Board<F>
where
    F: Fn() -> States + Send + Sync + 'static,
{
    fn snapshot(&self, span: Span) -> StatusModel {
        StatusModel {
            taken_at: self.recording.clock.now().as_micros(),
            started_at: self.recording.started.as_micros(),
            span,
            states: (self.states)(),
            charts: self.recording.charts(span),
        }
    }
}

impl Lines {
    fn watch(watch: &mut Watch, metrics: &DoorwayMetrics) -> Self {
        let mut requests = Vec::new();
        let mut latency = Vec::new();
        for class in RequestClass::ALL.iter().copied() {
            let counts = metrics.clone();
            requests.push((class, watch.rate(move || counts.requests(class))));
            // A reader of the event log stays; how long says nothing about the doorway.
            if class != RequestClass::Events {
                let mut quantile = |share| {
                    let times = metrics.clone();
                    watch.quantile(share, move || times.request_seconds(class))
                };
                latency.push((class, quantile(0.5), quantile(0.99)));
            }
        }
        let (hits, questions) = (metrics.clone(), metrics.clone());
        let (calls, sent) = (metrics.clone(), metrics.clone());
        let level = |watch: &mut Watch, gauge: Gauge| {
            watch.level(Fold::Max, move || Some(gauge.value() as f64))
        };
        let [projection_lag, follower_lag, consumers, blob_stored] = metrics.levels();
        Self {
            requests,
            latency,
            hit_ratio: watch.share(move || hits.hot_hits(), move || questions.hot_questions()),
            origin_calls: watch.rate(move || calls.origin_calls()),
            projection_lag: level(watch, projection_lag),
            follower_lag: level(watch, follower_lag),
            consumers: level(watch, consumers),
            memory: watch.level(Fold::Max, || {
                runtime::metrics::resident_bytes().map(|bytes| bytes as f64)
            }),
            blob_sent: watch.rate(move || sent.blob_bytes_sent_total()),
            blob_stored: level(watch, blob_stored),
        }
    }
}
