//! Formats, levels and addresses that can and cannot be used.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::dispatcher;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(super) struct Pen {
    text: Arc<Mutex<Vec<u8>>>,
}

impl Pen {
    pub(super) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.text.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Pen {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[test]
fn formats_have_names() {
    assert_eq!("text".parse(), Ok(Format::Text));
    assert_eq!("json".parse(), Ok(Format::Json));
    let error = "xml".parse::<Format>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"xml\" is no log format: give text or json"
    );
}

#[test]
fn options_that_cannot_be_used_are_refused_and_a_second_start_too() {
    let error = init(&Options::new(Format::Text, "doorway=loud")).unwrap_err();
    assert!(matches!(error, InitError::Level { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("log level \"doorway=loud\": "),
        "{error}"
    );
    for url in ["collector", "ftp://127.0.0.1/", "127.0.0.1:4318", "http://"] {
        let mut options = Options::new(Format::Text, "off");
        options.otlp_url = url.to_owned();
        let error = init(&options).unwrap_err();
        assert!(
            matches!(error, InitError::Collector { .. }),
            "{url}: {error:?}"
        );
    }
    for ratio in [-0.1, 1.1, f64::NAN] {
        let mut options = Options::new(Format::Text, "off");
        options.trace_sample_ratio = ratio;
        let error = init(&options).unwrap_err();
        assert!(
            matches!(error, InitError::SampleRatio(_)),
            "{ratio}: {error:?}"
        );
    }
    let options = Options::new(Format::Json, "off,runtime=off");
    init(&options).unwrap();
    assert!(matches!(init(&options), Err(InitError::Again)));
}

#[test]
fn the_level_changes_while_the_process_runs() {
    for format in [Format::Text, Format::Json] {
        let pen = Pen::default();
        let (dispatch, handle) = build(&Options::new(format, "warn"), pen.clone()).unwrap();
        dispatcher::with_default(&dispatch, || {
            let say = |text: &str| tracing::info!(target: "runtime::event::said", "{text}");
            say("before");
            handle.set_level(" info ").unwrap();
            assert_eq!(handle.level(), "info");
            say("during");
            assert!(matches!(
                handle.set_level("runtime=loud"),
                Err(SetLevelError::Unreadable { .. })
            ));
            assert!(handle.set_level("").is_err());
            assert_eq!(
                handle.level(),
                "info",
                "what cannot be read changes nothing"
            );
            say("still");
            handle.set_level("error,runtime=warn").unwrap();
            say("after");
        });
        let lines = pen.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("during") && lines[1].contains("still"));
        drop(dispatch);
        assert_eq!(handle.set_level("info"), Err(SetLevelError::Ended));
    }
}

#[tokio::test]
async fn without_a_collector_there_is_nothing_to_close() {
    let (_dispatch, handle) = build(&Options::new(Format::Text, "off"), Pen::default()).unwrap();
    assert!(!handle.is_tracing());
    assert!(handle.close().await);
    let registry = Registry::default();
    handle.register(&registry);
    let text = registry.expose(crate::metrics::Exposition::Prometheus);
    assert!(text.contains("telemetry_spans_dropped_total 0"), "{text}");
}

#[test]
fn libraries_that_talk_much_are_heard_when_they_are_named() {
    let check = |level: &str, expect: &[&str]| {
        let pen = Pen::default();
        let (dispatch, handle) = build(&Options::new(Format::Text, level), pen.clone()).unwrap();
        assert_eq!(handle.level(), level, "what was asked for is what is told");
        dispatcher::with_default(&dispatch, || {
            tracing::info!(target: "doorway", "ours");
            tracing::info!(target: "async_nats", "theirs");
            tracing::warn!(target: "async_nats", "their warning");
        });
        let lines = pen.lines();
        let said = |word: &&&str| lines.iter().any(|line| line.ends_with(**word));
        let words = ["ours", "theirs", "their warning"];
        let heard: Vec<&str> = words.iter().filter(said).copied().collect();
        assert_eq!(heard, expect, "{level}: {lines:?}");
    };
    check("info", &["ours", "their warning"]);
    check("debug,doorway=trace", &["ours", "their warning"]);
    check("info,async_nats=info", &["ours", "theirs", "their warning"]);
    check("warn", &["their warning"]);
    check("error", &[]);
    check("async_nats=error,info", &["ours"]);
}
