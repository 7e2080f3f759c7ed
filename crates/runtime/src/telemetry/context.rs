//! Where a trace comes from and goes to: the W3C's `traceparent` and `tracestate` headers (Trace Context, level 1).

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Whether anything of this process is traced; without traces headers are not even looked at.
static IS_TRACING: AtomicBool = AtomicBool::new(false);

struct Incoming<'h>(&'h HeaderMap);

struct Outgoing<'h>(&'h mut HeaderMap);

/// Notes that this process traces.
pub(super) fn note_tracing() {
    IS_TRACING.store(true, Ordering::Relaxed);
}

/// Makes `span` a part of the trace that the request belongs to, if its headers name one.
///
/// To be called before the span is entered. Headers that are no trace context are left aside, as the standard says.
pub fn continue_trace(headers: &HeaderMap, span: &Span) {
    let is_wanted = IS_TRACING.load(Ordering::Relaxed) && !span.is_disabled();
    if !is_wanted || !headers.contains_key(TRACEPARENT) {
        return;
    }
    let parent = TraceContextPropagator::new().extract(&Incoming(headers));
    if parent.has_active_span()
        && let Err(error) = span.set_parent(parent)
    {
        tracing::debug!(%error, "a trace could not be continued");
    }
}

/// Adds the trace of the current span to a request to another server, so that it can go on there.
pub fn carry_trace(headers: &mut HeaderMap) {
    if IS_TRACING.load(Ordering::Relaxed) {
        let context = Span::current().context();
        TraceContextPropagator::new().inject_context(&context, &mut Outgoing(headers));
    }
}

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value))
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}
