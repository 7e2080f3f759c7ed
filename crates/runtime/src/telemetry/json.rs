//! Log lines for programs: one flat JSON object per line, as Loki's `json` stage takes it.
//!
//! # Invariants
//!
//! * Every line is one object whose values are texts, numbers, truths or null; nothing is nested.
//! * A line feed in a message never ends a line.
//! * No key stands twice: the event's fields win over its spans', an inner span's over an outer's, and what would
//!   look like one of the fixed keys gets `field_` in front.
//!
//! Fixed keys: `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, `span` (name of the innermost), and, inside
//! a trace, `trace_id` and `span_id` as OpenTelemetry writes them.

use std::fmt::Debug;
use std::io::Write as _;
use std::sync::OnceLock;

use opentelemetry::trace::TraceContextExt as _;
use serde_json::{Map, Number, Value};
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Keys that no field may take.
const FIXED: [&str; 7] = [
    "timestamp",
    "level",
    "target",
    "message",
    "span",
    "trace_id",
    "span_id",
];

/// Writes events as lines.
#[derive(Debug)]
pub(super) struct Lines<W> {
    writer: W,
    /// Who can tell the trace of a span.
    dispatch: OnceLock<WeakDispatch>,
}

/// The fields of a span or event.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl<W> Lines<W> {
    pub(super) fn new(writer: W) -> Self {
        Self {
            writer,
            dispatch: OnceLock::new(),
        }
    }

    /// Returns trace and span as OpenTelemetry numbers them.
    fn trace(&self, span: &Id) -> Option<(String, String)> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let context = tracing_opentelemetry::get_otel_context(span, &dispatch)?;
        let span = context.span();
        let ids = span.span_context();
        ids.is_valid()
            .then(|| (ids.trace_id().to_string(), ids.span_id().to_string()))
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // The first is the one that this layer belongs to.
        drop(self.dispatch.set(dispatch.downgrade()));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let span = context.event_span(event);
        let trace = span.as_ref().and_then(|span| self.trace(&span.id()));
        let mut line = line(event, span.as_ref(), trace);
        line.push('\n');
        let mut writer = self.writer.make_writer_for(event.metadata());
        // Whoever read the log has gone; there is no other place to say so.
        drop(writer.write_all(line.as_bytes()));
    }
}

/// Writes one event, without the end of its line.
fn line<S>(
    event: &Event<'_>,
    span: Option<&SpanRef<'_, S>>,
    trace: Option<(String, String)>,
) -> String
where
    S: for<'l> LookupSpan<'l>,
{
    let mut fields = Fields::default();
    event.record(&mut fields);
    let Fields(mut fields) = fields;
    let metadata = event.metadata();
    let message = fields.remove("message").unwrap_or_else(|| "".into());
    let mut now = String::new();
    let written = SystemTime.format_time(&mut Writer::new(&mut now));
    written.expect("a string takes every text");
    let mut out = String::with_capacity(256);
    put(&mut out, "timestamp", &now.into());
    put(&mut out, "level", &metadata.level().as_str().into());
    put(&mut out, "target", &metadata.target().into());
    put(&mut out, "message", &message);
    if let Some(span) = span {
        put(&mut out, "span", &span.name().into());
        for outer in span.scope() {
            if let Some(Fields(more)) = outer.extensions().get::<Fields>() {
                for (key, value) in more {
                    if !fields.contains_key(key) {
                        fields.insert(key.clone(), value.clone());
                    }
                }
            }
        }
    }
    if let Some((trace, span)) = trace {
        put(&mut out, "trace_id", &trace.into());
        put(&mut out, "span_id", &span.into());
    }
    for (key, value) in &fields {
        if FIXED.contains(&key.as_str()) {
            put(&mut out, &format!("field_{key}"), value);
        } else {
            put(&mut out, key, value);
        }
    }
    out.push('}');
    out
}

fn put(out: &mut String, key: &str, value: &Value) {
    out.push(if out.is_empty() { '{' } else { ',' });
    out.push_str(&Value::from(key).to_string());
    out.push(':');
    out.push_str(&value.to_string());
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        // Rust keywords are written with a prefix when they are fields.
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let number = Number::from_f64(value).map(Value::Number);
        self.set(field, number.unwrap_or_else(|| value.to_string().into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.set(field, value.to_string().into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(field, value.to_string().into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, base::told(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests;
