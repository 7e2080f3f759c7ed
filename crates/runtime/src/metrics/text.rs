//! The two text forms of metrics: OpenMetrics 1.0, and Prometheus' own of version 0.0.4.
//!
//! The encoder writes OpenMetrics. The older form differs in three places: a counter's family carries the ending
//! `_total` and an info's the ending `_info` and the type `gauge`, there are no units, and no line says that it is the end.

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, which every tool reads.
    Prometheus,
}

impl Exposition {
    /// Returns the media type for `Content-Type`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Writes what the encoder wrote in the older form.
pub(super) fn to_prometheus(open: &str) -> String {
    let mut out = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // The type, which follows, decides what the family is called.
            help = rest.split_once(' ').map(|(_, text)| text);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (family, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let (ending, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            if let Some(text) = help.take() {
                out.push_str(&format!("# HELP {family}{ending} {text}\n"));
            }
            out.push_str(&format!("# TYPE {family}{ending} {kind}\n"));
        } else if !line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
