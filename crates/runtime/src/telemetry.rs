//! Logs and traces of a process.
//!
//! Logs are one line per event on standard error, for people or for programs. Traces go to an OpenTelemetry collector
//! (OTLP over HTTP, protobuf) when an address is given.
//!
//! # Invariants
//!
//! * Neither ever waits for its reader: a collector that is away costs nothing but spans, and those are counted.
//! * The level may change while the process runs; traces do not depend on it.

mod context;
mod json;
mod sampler;
mod traces;

use std::fmt;
use std::panic;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::filter::{Directive, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

use crate::metrics::Registry;

pub use context::{carry_trace, continue_trace};

use traces::Traces;

/// Crates whose spans would tell of the export itself, or of nothing that a steward knows.
const UNTRACED: [&str; 6] = ["h2", "hyper", "opentelemetry", "reqwest", "rustls", "tokio"];

/// Crates whose events below warnings are about their own insides.
const TALKATIVE: [&str; 9] = [
    "async_nats",
    "h2",
    "hyper",
    "hyper_util",
    "redis",
    "reqwest",
    "rustls",
    "tokio_postgres",
    "tower",
];

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// A flat JSON object per line.
    Json,
}

/// How a process logs and traces.
#[derive(Clone, Debug)]
pub struct Options {
    /// How a line looks.
    pub format: Format,
    /// `error`, `warn`, `info`, `debug`, `trace`, `off`, or a list such as `info,doorway=debug`.
    pub level: String,
    /// Address of a collector, such as `http://127.0.0.1:4318`; empty means that nothing is traced.
    ///
    /// Without a path, `/v1/traces` is added (OTLP 1.x, "Endpoint URLs for OTLP/HTTP").
    pub otlp_url: String,
    /// What the process is called in traces (`service.name`).
    pub service_name: String,
    /// Its version (`service.version`).
    pub service_version: String,
    /// Which of several processes of this name it is (`service.instance.id`); may be empty.
    pub instance_id: String,
    /// Which share of the traces that begin here is kept, from 0 to 1.
    pub trace_sample_ratio: f64,
}

/// Logs could not be started.
#[derive(Debug, Error)]
pub enum InitError {
    /// The level is neither a level nor a list of `target=level`.
    #[error("log level {level:?}: {reason}")]
    Level {
        /// The level as given.
        level: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The collector's address cannot be used.
    #[error("collector {url:?}: {reason}")]
    Collector {
        /// The address as given.
        url: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The share of traces is no share.
    #[error("trace sample ratio {0}: give a number from 0 to 1")]
    SampleRatio(f64),
    /// This process has logs already.
    #[error("logs were started already")]
    Again,
}

/// The text is no format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no log format: give text or json")]
pub struct ParseFormatError(pub String);

/// The level cannot be changed to this.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetLevelError {
    /// It is neither a level nor a list of `target=level`.
    #[error("log level {level:?}: {reason}")]
    Unreadable {
        /// The level as given.
        level: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// Nobody logs any more.
    #[error("logs have ended")]
    Ended,
}

/// Changes the level while the process runs, and ends the traces in order. Cheap to clone; dropping it changes nothing.
#[derive(Clone)]
pub struct Handle {
    filter: reload::Handle<EnvFilter, tracing_subscriber::Registry>,
    level: Arc<Mutex<String>>,
    traces: Option<Arc<Traces>>,
}

impl Options {
    /// Returns options for logs alone, without traces.
    #[must_use]
    pub fn new(format: Format, level: impl Into<String>) -> Self {
        Self {
            format,
            level: level.into(),
            otlp_url: String::new(),
            service_name: "commonhold".to_owned(),
            service_version: String::new(),
            instance_id: String::new(),
            trace_sample_ratio: 1.0,
        }
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(ParseFormatError(text.to_owned())),
        }
    }
}

/// Starts the logs of this process, and its traces where a collector is named. From then on a panic is a line as well.
///
/// # Errors
///
/// [`InitError`] when an option cannot be used or logs were started before. A collector that does not answer is none.
pub fn init(options: &Options) -> Result<Handle, InitError> {
    let (logs, handle) = build(options, std::io::stderr)?;
    logs.try_init().map_err(|_| InitError::Again)?;
    panic::set_hook(Box::new(log_panic));
    Ok(handle)
}

/// Makes what [`init`] installs, with another writer.
fn build<W>(options: &Options, writer: W) -> Result<(Dispatch, Handle), InitError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = parse(&options.level).map_err(|reason| InitError::Level {
        level: options.level.clone(),
        reason,
    })?;
    let traces = Traces::start(options)?.map(Arc::new);
    let (filter, reload) = reload::Layer::new(filter);
    let lines = match options.format {
        Format::Text => tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(false)
            .boxed(),
        Format::Json => json::Lines::new(writer).boxed(),
    };
    let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
    let dispatch = match &traces {
        None => Dispatch::new(registry),
        Some(traces) => {
            let layer = tracing_opentelemetry::layer()
                .with_tracer(traces.tracer())
                .with_context_activation(false)
                .with_tracked_inactivity(false)
                .with_location(false)
                .with_threads(false);
            Dispatch::new(registry.with(layer.with_filter(filter_fn(is_traced))))
        }
    };
    let handle = Handle {
        filter: reload,
        level: Arc::new(Mutex::new(options.level.clone())),
        traces,
    };
    Ok((dispatch, handle))
}

/// Reads a level. One that is for everything holds libraries that talk much back to warnings, unless it names them.
fn parse(level: &str) -> Result<EnvFilter, String> {
    let filter = EnvFilter::builder().parse(level);
    let mut filter = filter.map_err(|error| error.to_string())?;
    let mut parts = level.split(',').map(str::trim);
    let is_wordy = parts.any(|part| {
        let level = part.parse::<LevelFilter>();
        level.is_ok_and(|level| level > LevelFilter::WARN)
    });
    for name in TALKATIVE {
        if is_wordy && !level.contains(name) {
            let held = Directive::from_str(&format!("{name}=warn"));
            filter = filter.add_directive(held.expect("a crate's name and a level"));
        }
    }
    Ok(filter)
}

/// Tells whether a span or event is part of a trace: all of ours that an operator recognises.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let first = target.split("::").next().unwrap_or(target);
    *metadata.level() <= Level::INFO && !UNTRACED.iter().any(|name| first.starts_with(name))
}

impl Handle {
    /// Returns the level in force.
    #[must_use]
    pub fn level(&self) -> String {
        let level = self.level.lock();
        level.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the level, for all events from now on.
    ///
    /// # Errors
    ///
    /// [`SetLevelError`] when the level cannot be read; the one in force stays.
    pub fn set_level(&self, level: &str) -> Result<(), SetLevelError> {
        let level = level.trim();
        let unreadable = |reason: String| SetLevelError::Unreadable {
            level: level.to_owned(),
            reason,
        };
        if level.is_empty() {
            return Err(unreadable("it is empty".to_owned()));
        }
        let filter = parse(level).map_err(unreadable)?;
        let reloaded = self.filter.reload(filter);
        reloaded.map_err(|_| SetLevelError::Ended)?;
        let mut present = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        level.clone_into(&mut present);
        Ok(())
    }

    /// Tells whether spans are sent to a collector.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        self.traces.is_some()
    }

    /// Returns how many spans a collector has taken.
    #[must_use]
    pub fn spans_exported(&self) -> u64 {
        self.traces.as_ref().map_or(0, |traces| traces.exported())
    }

    /// Returns how many spans were lost because the collector was away or slow.
    #[must_use]
    pub fn spans_dropped(&self) -> u64 {
        self.traces.as_ref().map_or(0, |traces| traces.dropped())
    }

    /// Registers how many spans were sent and lost.
    ///
    /// # Panics
    ///
    /// When they are registered already, which is a bug.
    pub fn register(&self, registry: &Registry) {
        let handle = self.clone();
        registry.observe_total(
            "telemetry_spans_exported_total",
            "Spans that a collector has taken",
            move || handle.spans_exported() as f64,
        );
        let handle = self.clone();
        registry.observe_total(
            "telemetry_spans_dropped_total",
            "Spans that were lost because the collector was away or slow",
            move || handle.spans_dropped() as f64,
        );
    }

    /// Sends what is left, for at most 2 s, and ends the traces. To be called last, when the tasks have ended.
    ///
    /// Returns whether nothing was left behind. Spans that end later are counted as lost.
    ///
    /// # Cancel safety
    ///
    /// May be dropped; sending goes on for as long as the process lives.
    pub async fn close(&self) -> bool {
        match &self.traces {
            Some(traces) => traces.close().await,
            None => true,
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handle")
            .field("level", &self.level())
            .field("is_tracing", &self.is_tracing())
            .finish_non_exhaustive()
    }
}

fn log_panic(panic: &panic::PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string);
    tracing::error!(
        target: "runtime::event::panicked",
        place,
        reason = panic.payload_as_str().unwrap_or("unknown"),
        "a task panicked"
    );
}

#[cfg(test)]
mod tests;
