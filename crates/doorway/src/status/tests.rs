//! The page as it is served, and the models that other tests show.

use std::time::Duration;

use axum::http::Request;
use http_body_util::BodyExt as _;
use runtime::Clock;
use runtime::metrics::{Fold, Label as _, Registry};
use tower::ServiceExt as _;

use super::*;

const AT: i64 = 1_795_167_247_000_000;

fn line(fold: Fold, value: impl Fn(usize) -> Option<f64>) -> Sparkline {
    Sparkline {
        values: (0..360).map(value).collect(),
        step_secs: 10,
        fold,
    }
}

/// A busy doorway that follows another, with everything that a page can show.
pub(crate) fn busy() -> StatusModel {
    let wave = |size: f64| {
        move |at: usize| {
            let phase = (at % 60) as f64 / 60.0;
            (!at.is_multiple_of(97)).then_some(size * (0.5 + (phase - 0.5).abs()))
        }
    };
    let requests = RequestClass::ALL.iter().enumerate();
    let requests = requests.map(|(idx, class)| ClassLine {
        class: *class,
        values: line(Fold::Mean, wave(1_000.0 / (idx + 1) as f64)),
    });
    let latency = RequestClass::ALL.iter().map(|class| LatencyLine {
        class: *class,
        median: line(Fold::Max, wave(0.000_8)),
        slow: line(Fold::Max, wave(0.035)),
    });
    StatusModel {
        taken_at: AT,
        started_at: AT - 273_600_000_000,
        span: Span::Hour,
        states: States {
            writer: Writer::Elsewhere {
                holder: "blade-2".to_owned(),
                epoch: Some(17),
            },
            bus: Bus::Away {
                kind: "Redis".to_owned(),
                since: Some(AT - 60_000_000),
            },
            database: Database::Connected {
                kind: "PostgreSQL 15.4".to_owned(),
            },
            damaged_blobs: 0,
            following: Some(Following {
                source: "https://lindenhof.example".to_owned(),
                state: FollowingState::CatchingUp,
                lag_events: Some(1_204),
                heard_at: Some(AT - 2_000_000),
            }),
        },
        charts: Charts {
            requests: requests.collect(),
            latency: latency.collect(),
            hit_ratio: line(Fold::Mean, wave(1.0)),
            origin_calls: line(Fold::Mean, wave(12.0)),
            projection_lag: line(Fold::Max, |at| Some((360 - at) as f64)),
            follower_lag: line(Fold::Max, |at| Some(4.0 * (660 - at) as f64)),
            consumers: line(Fold::Max, |_| Some(3.0)),
            memory: line(Fold::Max, |at| Some(90e6 + 1e4 * at as f64)),
            blob_sent: line(Fold::Mean, wave(2e6)),
            blob_stored: line(Fold::Max, |_| Some(3.2e9)),
        },
    }
}

/// A doorway that has just started.
pub(crate) fn young() -> StatusModel {
    let metrics = DoorwayMetrics::new(&Registry::default());
    let (recording, _sampler) = Recording::new(&metrics, Clock::by_hand(base::Timestamp(AT)).0);
    let board = recording.board(|| States {
        writer: Writer::Here { epoch: 1 },
        bus: Bus::InProcess,
        database: Database::Embedded,
        damaged_blobs: 0,
        following: None,
    });
    board.snapshot(Span::Hour)
}

struct Fixed;

impl StatusSource for Fixed {
    fn snapshot(&self, span: Span) -> StatusModel {
        StatusModel { span, ..busy() }
    }
}

async fn ask(port: Port, path: &str, language: &str) -> (Response<()>, String) {
    let site = |language| Site {
        name: "Parents of Lindenhof".to_owned(),
        language,
        version: "0.1.0".to_owned(),
        origin: "http://127.0.0.1:8080".to_owned(),
    };
    let router = routes(Arc::new(site), Arc::new(Fixed), port);
    let request = Request::get(path).header(ACCEPT_LANGUAGE, language);
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (Response::from_parts(parts, ()), text)
}

#[tokio::test]
async fn the_page_is_served_in_the_readers_language_and_kept_by_nobody() {
    for (language, heading) in [("en", "<h1>Status</h1>"), ("de", "<h1>Zustand</h1>")] {
        let (response, body) = ask(Port::Readers, "/status", language).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert!(body.contains(heading), "{body}");
        assert!(body.contains("<meta http-equiv=\"refresh\" content=\"30\">"));
    }
    let (_, body) = ask(Port::Readers, "/status?span=day", "en").await;
    assert!(body.contains("<a href=\"/status?span=day\" aria-current=\"page\">The last day</a>"));
    let (response, body) = ask(Port::Readers, "/status?span=year", "en").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(body.contains("CH-0104"), "{body}");
}

#[tokio::test]
async fn the_admin_port_brings_the_style_along() {
    let (response, _) = ask(Port::Admin, "/", "en").await;
    assert_eq!(response.headers()[LOCATION], "/status");
    let (response, body) = ask(Port::Admin, assets::style_href(), "en").await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
    assert_eq!(body, assets::stylesheet());
    let (response, _) = ask(Port::Admin, "/assets/nothing.css", "en").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let (response, _) = ask(Port::Admin, "/openapi.json", "en").await;
    assert_eq!(
        response.headers()[LOCATION],
        "http://127.0.0.1:8080/openapi.json"
    );
    for path in ["/", "/openapi.json", assets::style_href()] {
        let (response, _) = ask(Port::Readers, path, "en").await;
        assert_eq!(
            response.status(),
            StatusCode::NOT_FOUND,
            "readers have their own {path}"
        );
    }
}

#[test]
fn what_is_counted_is_seen_after_two_samples() {
    let metrics = DoorwayMetrics::new(&Registry::default());
    let (recording, mut sampler) = Recording::new(&metrics, Clock::system());
    sampler.take(Duration::ZERO);
    for _ in 0..50 {
        metrics.request(RequestClass::Page, 200, Duration::from_millis(3));
        metrics.add_hot_answers(HotAnswer::Hit, 1);
    }
    metrics.add_origin_calls(OriginAnswer::Found, 1);
    metrics.add_hot_answers(HotAnswer::Miss, 1);
    metrics.follower_lag(8);
    sampler.take(Duration::from_secs(10));
    let charts = recording.charts(Span::Hour);
    let page = &charts.requests[RequestClass::Page.index()];
    assert_eq!(
        (page.class, page.values.latest()),
        (RequestClass::Page, Some(5.0))
    );
    assert_eq!(charts.hit_ratio.latest(), Some(50.0 / 51.0));
    assert_eq!(charts.origin_calls.latest(), Some(6.0), "per minute");
    assert_eq!(charts.follower_lag.latest(), Some(8.0));
    assert!(charts.memory.latest().is_some_and(|bytes| bytes > 1e6));
    let slow = &charts.latency[RequestClass::Page.index()].slow;
    assert!(
        slow.latest()
            .is_some_and(|secs| (0.002_5..=0.005).contains(&secs))
    );
    assert!(
        charts
            .latency
            .iter()
            .all(|line| line.class != RequestClass::Events)
    );
    assert!(recording.charts(Span::Day).memory.is_blank());
}
