//! Metrics, tasks and levels, and who gets them.

use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use runtime::telemetry::{Format, Options};
use std::sync::OnceLock;
use tower::ServiceExt as _;

use super::*;

/// Logs are started once in a process; all tests share them.
fn telemetry() -> telemetry::Handle {
    static HANDLE: OnceLock<telemetry::Handle> = OnceLock::new();
    let start = || telemetry::init(&Options::new(Format::Json, "off")).unwrap();
    HANDLE.get_or_init(start).clone()
}

fn router(supervisor: &Supervisor, hosts: &[&str]) -> Router {
    let registry = Registry::default();
    registry.counter("mill_sacks_total", "Sacks filled").add(7);
    let mounted = Router::new().route("/status", get(async || "all is well"));
    let parts = Instruments {
        registry,
        supervisor: supervisor.clone(),
        telemetry: telemetry(),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
    };
    admin(parts, mounted)
}

async fn send(
    router: Router,
    request: http::request::Builder,
    body: &str,
) -> (Response<()>, String) {
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    (Response::from_parts(parts, ()), text)
}

fn ask(path: &str) -> http::request::Builder {
    Request::get(path).header(HOST, "localhost:9090")
}

#[tokio::test]
async fn metrics_are_written_as_the_reader_takes_them() {
    let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    let cases = [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        (Some("*/*"), "text/plain; version=0.0.4; charset=utf-8"),
        (
            Some("text/html,*/*;q=0.1"),
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (
            Some(prometheus),
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            Some("application/openmetrics-text;q=0.1,text/plain;q=0.9"),
            "text/plain; version=0.0.4; charset=utf-8",
        ),
    ];
    for (accept, expected) in cases {
        let mut request = ask("/metrics");
        if let Some(accept) = accept {
            request = request.header(ACCEPT, accept);
        }
        let (response, body) = send(router(&Supervisor::default(), &[]), request, "").await;
        assert_eq!(response.headers()[CONTENT_TYPE], expected, "{accept:?}");
        assert!(body.contains("mill_sacks_total 7"), "{body}");
        assert_eq!(body.ends_with("# EOF\n"), expected.contains("openmetrics"));
    }
}

#[tokio::test]
async fn tasks_are_listed_with_how_they_are() {
    let supervisor = Supervisor::default();
    let shutdown = supervisor.shutdown();
    drop(supervisor.spawn("waits", TaskKind::Essential, async move {
        shutdown.requested().await;
    }));
    let done = supervisor.spawn("ends", TaskKind::Ordinary, async {});
    done.ended().await;
    let (response, body) = send(router(&supervisor, &[]), ask("/workers"), "").await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let list: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(list["schema_version"], 1);
    let tasks = list["tasks"].as_array().unwrap();
    let shown: Vec<_> = tasks
        .iter()
        .map(|task| (&task["name"], &task["kind"], &task["status"]))
        .map(|(name, kind, status)| format!("{name} {kind} {status}"))
        .collect();
    assert_eq!(
        shown,
        [
            "\"waits\" \"essential\" \"running\"",
            "\"ends\" \"ordinary\" \"done\""
        ]
    );
    assert!(tasks[0]["ended_at_us"].is_null() && tasks[1]["ended_at_us"].is_i64());
}

#[tokio::test]
async fn the_level_is_read_and_changed_in_both_forms() {
    let routes = || router(&Supervisor::default(), &[]);
    let put = || Request::put("/log-level").header(HOST, "127.0.0.1:9090");
    let (response, body) = send(routes(), put(), "off,mill=error\n").await;
    assert_eq!(
        (response.status(), body.as_str()),
        (StatusCode::OK, "off,mill=error\n")
    );
    let request = put().header(CONTENT_TYPE, "application/json");
    let (response, _) = send(routes(), request, "{\"level\": \"off,mill=warn\"}").await;
    assert_eq!(response.status(), StatusCode::OK);
    let (_, body) = send(
        routes(),
        ask("/log-level").header(ACCEPT, "application/json"),
        "",
    )
    .await;
    assert_eq!(body, "{\"level\":\"off,mill=warn\"}");
    for (kind, broken) in [
        ("text/plain", "mill=loud"),
        ("text/plain", ""),
        ("application/json", "{\"level\": 3}"),
        ("application/json", "{\"level\": \"off\", \"more\": 1}"),
    ] {
        let (response, body) = send(routes(), put().header(CONTENT_TYPE, kind), broken).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{broken}");
        assert!(body.contains("CH-0112"), "{body}");
    }
    let long = "x".repeat(5_000);
    let (response, _) = send(routes(), put(), &long).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(telemetry().level(), "off,mill=warn");
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered() {
    let hosts = ["Blade.lan", "fd00::7", "10.0.0.5:9090"];
    for host in [
        "localhost",
        "localhost:9090",
        "LOCALHOST.",
        "127.0.0.1:1",
        "[::1]:9090",
        "[::1]",
        "blade.lan:9090",
        "[fd00::7]:9090",
        "10.0.0.5",
    ] {
        let request = Request::get("/metrics").header(HOST, host);
        let (response, _) = send(router(&Supervisor::default(), &hosts), request, "").await;
        assert_eq!(response.status(), StatusCode::OK, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:9090",
        "",
        "blade.lan.evil",
        "[::2]:9090",
        "10.0.0.6",
    ] {
        for path in ["/metrics", "/workers", "/log-level", "/status", "/nothing"] {
            let request = Request::get(path).header(HOST, host);
            let (response, body) = send(router(&Supervisor::default(), &hosts), request, "").await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{host}{path}");
            assert!(body.contains("CH-0105") && !body.contains("mill"), "{body}");
        }
    }
    let nameless = send(
        router(&Supervisor::default(), &[]),
        Request::get("/metrics"),
        "",
    )
    .await;
    assert_eq!(nameless.0.status(), StatusCode::NOT_FOUND);
    let other = Request::get("http://evil.example/metrics").header(HOST, "localhost");
    let (response, _) = send(router(&Supervisor::default(), &[]), other, "").await;
    assert_eq!(
        response.status(),
        StatusCode::NOT_FOUND,
        "the address decides"
    );
}

#[tokio::test]
async fn pages_of_another_origin_change_nothing() {
    let put = |origin: &str| {
        let request = Request::put("/log-level").header(HOST, "localhost:9090");
        request.header(ORIGIN, origin)
    };
    for (origin, status) in [
        ("http://localhost:9090", StatusCode::OK),
        ("http://localhost:3000", StatusCode::FORBIDDEN),
        ("https://evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
    ] {
        let routes = router(&Supervisor::default(), &[]);
        let (response, _) = send(routes, put(origin), "off,mill=warn").await;
        assert_eq!(response.status(), status, "{origin}");
    }
}

#[tokio::test]
async fn nothing_is_kept_by_anybody() {
    for path in ["/metrics", "/workers", "/log-level", "/status", "/nothing"] {
        let (response, _) = send(router(&Supervisor::default(), &[]), ask(path), "").await;
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(
            response.headers()[X_CONTENT_TYPE_OPTIONS],
            "nosniff",
            "{path}"
        );
        assert!(response.headers().contains_key("x-request-id"), "{path}");
    }
}
