//! What a collector gets, and what happens without one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tracing::dispatcher;

use crate::telemetry::sampler::{ASKED_PER_SEC_MAX, Allowance};
use crate::telemetry::tests::Pen;
use crate::telemetry::{Format, Options, build, carry_trace, continue_trace};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector on loopback that keeps what it is sent.
struct Collector {
    url: String,
    requests: Receiver<(String, ExportTraceServiceRequest)>,
}

impl Collector {
    fn start() -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let (sender, requests) = sync_channel(64);
        let serve = move || {
            for stream in socket.incoming() {
                // A connection that breaks off has sent nothing.
                stream.ok().and_then(|stream| answer(stream, &sender));
            }
        };
        thread::Builder::new().spawn(serve).unwrap();
        Self { url, requests }
    }

    /// Returns the spans of everything that was sent, and the resource they came from.
    fn spans(&self) -> (Vec<Span>, Vec<String>) {
        let (mut spans, mut resource) = (Vec::new(), Vec::new());
        while let Ok((path, request)) = self.requests.try_recv() {
            assert_eq!(path, "/v1/traces");
            for from in request.resource_spans {
                resource = from
                    .resource
                    .unwrap()
                    .attributes
                    .into_iter()
                    .map(|pair| pair.key)
                    .collect();
                spans.extend(from.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        (spans, resource)
    }
}

/// Reads one request, keeps it and then answers that all is well; one request per connection.
fn answer(stream: TcpStream, kept: &SyncSender<(String, ExportTraceServiceRequest)>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut len = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            len = value.trim().parse().ok()?;
        }
        if name.eq_ignore_ascii_case("content-type") {
            assert_eq!(value.trim(), "application/x-protobuf");
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    kept.send((path, request)).ok()?;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.get_mut().write_all(head.as_bytes()).ok()
}

fn options(url: &str, ratio: f64) -> Options {
    Options {
        otlp_url: url.to_owned(),
        instance_id: "blade-1".to_owned(),
        service_version: "0.1.0".to_owned(),
        trace_sample_ratio: ratio,
        ..Options::new(Format::Json, "info")
    }
}

fn asked_for(flags: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let context = format!("00-{TRACE}-{PARENT}-{flags}");
    headers.insert("traceparent", context.parse().unwrap());
    headers
}

/// Does what a request does: a span that goes on with the visitor's trace, a step inside it, a line in the log.
fn request(headers: &HeaderMap) -> HeaderMap {
    let span = tracing::info_span!("request", id = "01", path = "/p/lesson");
    continue_trace(headers, &span);
    span.in_scope(|| {
        let _step = tracing::info_span!("store_read", kind = "content").entered();
        tracing::debug_span!("detail").in_scope(|| ());
        tracing::info!("half way");
        let mut onward = HeaderMap::new();
        carry_trace(&mut onward);
        onward
    })
}

#[tokio::test]
async fn a_request_goes_on_with_the_trace_of_who_asked() {
    let collector = Collector::start();
    let pen = Pen::default();
    let (dispatch, handle) = build(&options(&collector.url, 0.0), pen.clone()).unwrap();
    let onward = dispatcher::with_default(&dispatch, || request(&asked_for("01")));
    assert!(handle.close().await, "{} lost", handle.spans_dropped());
    assert_eq!((handle.spans_exported(), handle.spans_dropped()), (2, 0));
    let (spans, resource) = collector.spans();
    for key in ["service.instance.id", "service.name", "service.version"] {
        assert!(
            resource.iter().any(|given| given == key),
            "{key} in {resource:?}"
        );
    }
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (request, step) = (named("request"), named("store_read"));
    assert_eq!(spans.len(), 2, "what is below INFO is not traced");
    for span in &spans {
        assert_eq!(hex(&span.trace_id), TRACE);
    }
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(step.parent_span_id, request.span_id);
    assert!(request.attributes.iter().any(|pair| pair.key == "path"));
    assert!(step.events.iter().any(|event| event.name == "half way"));
    let carried = onward["traceparent"].to_str().unwrap();
    assert_eq!(carried, format!("00-{TRACE}-{}-01", hex(&step.span_id)));
    let line: serde_json::Value = serde_json::from_str(&pen.lines()[0]).unwrap();
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["span_id"], hex(&step.span_id));
    assert_eq!(line["path"], "/p/lesson");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_trace_is_kept_by_chance_or_because_its_beginner_kept_it() {
    let cases = [
        ("it begins here and all are kept", 1.0, HeaderMap::new(), 2),
        ("it begins here and none is kept", 0.0, HeaderMap::new(), 0),
        ("its beginner did not keep it", 1.0, asked_for("00"), 0),
        ("its beginner kept it", 0.0, asked_for("01"), 2),
    ];
    for (case, ratio, headers, expected) in cases {
        let collector = Collector::start();
        let (dispatch, handle) = build(&options(&collector.url, ratio), Pen::default()).unwrap();
        dispatcher::with_default(&dispatch, || drop(request(&headers)));
        assert!(handle.close().await);
        assert_eq!(collector.spans().0.len(), expected, "{case}");
        assert_eq!(handle.spans_exported(), expected as u64, "{case}");
    }
}

#[tokio::test]
async fn headers_that_are_no_trace_begin_a_trace_of_their_own() {
    let collector = Collector::start();
    let (dispatch, handle) = build(&options(&collector.url, 1.0), Pen::default()).unwrap();
    for broken in [
        "",
        "00-0-0-01",
        "zz",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", broken.parse().unwrap());
        dispatcher::with_default(&dispatch, || drop(request(&headers)));
    }
    assert!(handle.close().await);
    let (spans, _) = collector.spans();
    let roots = spans.iter().filter(|span| span.name == "request");
    let roots: Vec<_> = roots.collect();
    assert_eq!(roots.len(), 4);
    assert!(roots.iter().all(|span| span.parent_span_id.is_empty()));
}

#[test]
fn strangers_are_allowed_only_so_many_traces_in_a_second() {
    let allowance = Allowance::new();
    for second in [0, 1, 5] {
        let taken = (0..1_000).filter(|_| allowance.take_in(second)).count();
        assert_eq!(taken as u64, ASKED_PER_SEC_MAX, "in second {second}");
    }
}

#[tokio::test]
async fn without_a_collector_spans_are_lost_and_counted_and_nobody_waits() {
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    drop(socket);
    let (dispatch, handle) = build(&options(&url, 1.0), Pen::default()).unwrap();
    let started = Instant::now();
    dispatcher::with_default(&dispatch, || {
        (0..10_000).for_each(|_| tracing::info_span!("request").in_scope(|| ()));
    });
    let is_sent = handle.close().await;
    assert!(!is_sent);
    assert!(started.elapsed() < Duration::from_secs(30), "bounded");
    dispatcher::with_default(&dispatch, || tracing::info_span!("late").in_scope(|| ()));
    assert_eq!(handle.spans_exported(), 0);
    assert_eq!(handle.spans_dropped(), 10_001);
    assert!(handle.close().await, "closing twice changes nothing");
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_nobody_longer_than_two_seconds() {
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let (dispatch, handle) = build(&options(&url, 1.0), Pen::default()).unwrap();
    dispatcher::with_default(&dispatch, || tracing::info_span!("request").in_scope(|| ()));
    let started = Instant::now();
    assert!(!handle.close().await);
    let took = started.elapsed();
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_secs(9),
        "{took:?}"
    );
    drop(socket);
}
