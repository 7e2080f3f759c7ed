//! Sends spans to a collector, in batches, from a thread of its own.
//!
//! # Invariants
//!
//! * Ending a span never waits: it goes into a bounded queue or is counted as lost.
//! * A collector that is away is asked again later and later; it costs no work of anybody else.
//! * The thread outlives all tasks, so that the spans of the last requests are sent too; closing takes 2 s at most.

use std::fmt;
use std::future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor,
};
use reqwest::Url;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{self, Instant};

use super::context;
use super::sampler::EdgeSampler;
use super::{InitError, Options};

/// How many spans may wait.
const QUEUE_LEN_MAX: usize = 2_048;

/// How many spans are sent at once.
const BATCH_LEN_MAX: usize = 512;

/// How long a span waits for others to be sent with.
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// How long the collector may take to answer.
const EXPORT_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a collector that was away is left alone at first, and at most.
const AWAY_MIN: Duration = Duration::from_secs(1);
const AWAY_MAX: Duration = Duration::from_secs(60);

/// How long closing may take.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(2);

/// The traces of a process.
pub(super) struct Traces {
    provider: SdkTracerProvider,
    counts: Arc<Counts>,
    end: Mutex<Option<End>>,
}

#[derive(Debug, Default)]
struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
}

/// Both ends of closing.
struct End {
    ask: oneshot::Sender<()>,
    done: oneshot::Receiver<()>,
}

/// Takes spans that have ended.
#[derive(Debug)]
struct Queue {
    spans: mpsc::Sender<SpanData>,
    counts: Arc<Counts>,
}

/// What the thread works on.
struct Export {
    spans: mpsc::Receiver<SpanData>,
    exporter: SpanExporter,
    counts: Arc<Counts>,
    away: Option<Duration>,
}

impl Traces {
    /// Starts the thread; `None` when no collector is named.
    pub(super) fn start(options: &Options) -> Result<Option<Self>, InitError> {
        let ratio = options.trace_sample_ratio;
        if !(0.0..=1.0).contains(&ratio) {
            return Err(InitError::SampleRatio(ratio));
        }
        if options.otlp_url.is_empty() {
            return Ok(None);
        }
        let refuse = |reason: String| InitError::Collector {
            url: options.otlp_url.clone(),
            reason,
        };
        let resource = resource(options);
        let exporter = exporter(&options.otlp_url, &resource).map_err(refuse)?;
        let counts = Arc::new(Counts::default());
        let (sender, spans) = mpsc::channel(QUEUE_LEN_MAX);
        let (ask, asked) = oneshot::channel();
        let (finished, done) = oneshot::channel();
        let export = Export {
            spans,
            exporter,
            counts: Arc::clone(&counts),
            away: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| refuse(error.to_string()))?;
        let thread = thread::Builder::new().name("traces".to_owned());
        let started = thread.spawn(move || {
            runtime.block_on(export.run(asked));
            if finished.send(()).is_err() {
                tracing::debug!("nobody waited for the last traces");
            }
        });
        started.map_err(|error| refuse(error.to_string()))?;
        let queue = Queue {
            spans: sender,
            counts: Arc::clone(&counts),
        };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_sampler(EdgeSampler::new(ratio))
            .with_resource(resource)
            .build();
        context::note_tracing();
        Ok(Some(Self {
            provider,
            counts,
            end: Mutex::new(Some(End { ask, done })),
        }))
    }

    /// Returns what makes spans.
    pub(super) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("commonhold")
    }

    pub(super) fn exported(&self) -> u64 {
        self.counts.exported.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Sends what is left; see [`super::Handle::close`].
    pub(super) async fn close(&self) -> bool {
        let before = self.dropped();
        let end = self
            .end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(End { ask, done }) = end else {
            return true;
        };
        if ask.send(()).is_err() {
            tracing::debug!("the traces had ended already");
        }
        let is_done = matches!(time::timeout(CLOSE_WAIT_MAX, done).await, Ok(Ok(())));
        is_done && self.dropped() == before
    }
}

fn resource(options: &Options) -> Resource {
    let given = [
        ("service.name", &options.service_name),
        ("service.version", &options.service_version),
        ("service.instance.id", &options.instance_id),
    ];
    let known = given.into_iter().filter(|(_, value)| !value.is_empty());
    let attributes = known.map(|(key, value)| KeyValue::new(key, value.clone()));
    Resource::builder_empty()
        .with_attributes(attributes)
        .build()
}

fn exporter(url: &str, resource: &Resource) -> Result<SpanExporter, String> {
    let mut endpoint = Url::parse(url).map_err(|error| error.to_string())?;
    if !matches!(endpoint.scheme(), "http" | "https") || endpoint.host_str().is_none() {
        return Err("give an address such as http://127.0.0.1:4318".to_owned());
    }
    if endpoint.path() == "/" {
        endpoint.set_path("/v1/traces");
    }
    // A provider that was installed before is as good: there is one in this program.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .timeout(EXPORT_WAIT_MAX)
        .no_proxy()
        .build()
        .map_err(|error| base::told(&error))?;
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_retry_policy(RetryPolicy::disabled())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_WAIT_MAX)
        .build()
        .map_err(|error| base::told(&error))?;
    exporter.set_resource(resource);
    Ok(exporter)
}

impl Export {
    /// Sends until it is asked to end, and then what is left.
    async fn run(mut self, asked: oneshot::Receiver<()>) {
        let asked = async {
            if asked.await.is_err() {
                // The process keeps no handle: nobody will ever ask.
                future::pending::<()>().await;
            }
        };
        tokio::pin!(asked);
        let mut batch = Vec::with_capacity(BATCH_LEN_MAX);
        let mut is_ending = false;
        loop {
            if !is_ending {
                is_ending = tokio::select! {
                    biased;
                    () = &mut asked => true,
                    is_over = self.collect(&mut batch) => is_over,
                };
            }
            if is_ending {
                self.spans.close();
                while batch.len() < BATCH_LEN_MAX
                    && let Ok(span) = self.spans.try_recv()
                {
                    batch.push(span);
                }
                if batch.is_empty() {
                    return;
                }
            }
            self.send(std::mem::take(&mut batch)).await;
            if let Some(pause) = self.away.filter(|_| !is_ending) {
                is_ending = tokio::select! {
                    () = &mut asked => true,
                    () = time::sleep(pause) => false,
                };
            }
        }
    }

    /// Waits for a batch that is full or old enough; returns whether no span will come any more.
    ///
    /// May be dropped: what was collected stays in `batch`.
    async fn collect(&mut self, batch: &mut Vec<SpanData>) -> bool {
        let Some(first) = self.spans.recv().await else {
            return true;
        };
        batch.push(first);
        let deadline = Instant::now() + BATCH_WAIT;
        while batch.len() < BATCH_LEN_MAX {
            match time::timeout_at(deadline, self.spans.recv()).await {
                Ok(Some(span)) => batch.push(span),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        match self.exporter.export(batch).await {
            Ok(()) => {
                self.counts.exported.fetch_add(count, Ordering::Relaxed);
                if self.away.take().is_some() {
                    tracing::info!(target: "runtime::event::collector_back", "the collector takes traces again");
                }
            }
            Err(error) => {
                self.counts.dropped.fetch_add(count, Ordering::Relaxed);
                if self.away.is_none() {
                    let reason = error.to_string();
                    tracing::warn!(target: "runtime::event::collector_away", reason, "the collector does not take traces; they are lost until it does");
                }
                let pause = self
                    .away
                    .map_or(AWAY_MIN, |pause| (pause * 2).min(AWAY_MAX));
                self.away = Some(pause);
            }
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.spans.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Traces")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
