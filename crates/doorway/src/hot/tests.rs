//! The shell of the cache by itself, with makings that a test holds in its hand.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use base::{Duration, Timestamp};
use futures::FutureExt as _;
use futures::future::join_all;
use http_kit::Ask;
use runtime::{ClockHand, Supervisor};
use tokio::sync::Notify;

use super::*;

struct Rig {
    hot: Hot,
    hand: ClockHand,
    calls: Arc<AtomicUsize>,
    supervisor: Supervisor,
}

fn rig(documents: Limits) -> Rig {
    let (clock, hand) = Clock::by_hand(Timestamp::from_secs(1_800_000_000));
    let supervisor = Supervisor::default();
    let tasks = supervisor.group("answers");
    let shutdown = supervisor.shutdown();
    let bounds = Bounds {
        documents,
        blob_bytes_max: 16 * 1_024 * 1_024,
    };
    Rig {
        hot: Hot::new(&bounds, clock, [1, 2, 3], tasks, shutdown),
        hand,
        calls: Arc::default(),
        supervisor,
    }
}

fn page(text: &str) -> Made {
    let body = format!("<p>{text}</p>").repeat(100);
    Made::new(
        "text/html; charset=utf-8",
        body,
        Reach::Commons,
        vec![Tag::Lists],
    )
}

impl Rig {
    /// Asks for a page; the making counts and comes to `made`.
    async fn ask(&self, path: &str, made: Result<Made, Problem>) -> Result<Arc<Ready>, Problem> {
        let key = path::key_of(&path.parse().unwrap(), &HeaderMap::new());
        assert!(key.is_some(), "{path}");
        let calls = Arc::clone(&self.calls);
        let make = move || {
            calls.fetch_add(1, Ordering::SeqCst);
            async move { made }.boxed()
        };
        self.hot.answer(key, &Sight::ANONYMOUS, make).await
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn hit(&self, path: &str, headers: &[(&str, &str)]) -> Option<Response<Bytes>> {
        hit(&self.hot, &Method::GET, path, headers)
    }
}

fn hit(
    hot: &Hot,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Option<Response<Bytes>> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    let uri: Uri = path.parse().unwrap();
    let ask = Ask {
        method,
        uri: &uri,
        headers: &map,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    HotPath::answer(hot, &ask)
}

#[tokio::test(flavor = "multi_thread")]
async fn thousand_readers_of_one_missing_answer_make_it_once() {
    let rig = rig(Limits::default());
    let gate = Arc::new(Notify::new());
    let readers = (0..1_000).map(|_| {
        let (calls, gate) = (Arc::clone(&rig.calls), Arc::clone(&gate));
        let make = move || {
            calls.fetch_add(1, Ordering::SeqCst);
            async move {
                gate.notified().await;
                Ok(page("once"))
            }
            .boxed()
        };
        let key = path::key_of(&Uri::from_static("/pages/cold"), &HeaderMap::new());
        rig.hot.answer(key, &Sight::ANONYMOUS, make)
    });
    let readers = join_all(readers);
    let opened = async {
        while rig.hot.0.tally().waiting < 1_000 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
    };
    let (answers, ()) = tokio::join!(readers, opened);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(rig.calls(), 1);
    let tally = rig.hot.0.tally();
    assert_eq!(
        (tally.fills, tally.misses, tally.coalesced),
        (1, 1_000, 999)
    );
    assert!(rig.hit("/pages/cold", &[]).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_in_the_query_ask_nothing_new() {
    let rig = rig(Limits::default());
    for number in 0..50 {
        let path = format!("/search?_={number}&q=a+b&utm={number}");
        rig.ask(&path, Ok(page("found"))).await.unwrap();
    }
    assert_eq!(rig.calls(), 1);
    assert!(rig.hit("/search?q=a%20b", &[]).is_some());
    assert!(rig.hit("/search?q=a%20c", &[]).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_without_answers_push_no_answer_out() {
    let rig = rig(Limits::default());
    rig.ask("/pages/popular", Ok(page("popular")))
        .await
        .unwrap();
    for number in 0..10_000 {
        let missing = Problem::new(Code::NotFound, "nothing");
        let path = format!("/pages/missing-{number}");
        assert!(rig.ask(&path, Err(missing)).await.is_err());
    }
    assert!(rig.hit("/pages/popular", &[]).is_some());
    let missing = rig.ask("/pages/missing-9999", Ok(page("new"))).await;
    assert_eq!(
        missing.unwrap_err().code,
        Code::NotFound,
        "it is remembered"
    );
    assert_eq!(rig.calls(), 10_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_answer_stands_in_when_a_newer_one_cannot_be_made() {
    let rig = rig(Limits::default());
    rig.ask("/pages/a", Ok(page("first"))).await.unwrap();
    let down = || Err(Problem::new(Code::StoreFailed, "down"));
    rig.hand.advance(Duration::from_secs(400));
    assert!(rig.hit("/pages/a", &[]).is_none(), "somebody has to ask");
    rig.ask("/pages/a", down()).await.unwrap();
    rig.hand.advance(Duration::from_secs(1_000));
    let old = rig.ask("/pages/a", down()).await.unwrap();
    assert!(
        old.respond(&HeaderMap::new(), Sent::default())
            .body()
            .starts_with(b"<p>first")
    );
    rig.hand.advance(Duration::from_secs(3_600));
    let error = rig.ask("/pages/a", down()).await.unwrap_err();
    assert_eq!(error.code, Code::StoreFailed);
    rig.hand.advance(Duration::from_secs(2));
    rig.ask("/pages/a", Ok(page("second"))).await.unwrap();
    let new = rig.hit("/pages/a", &[]).unwrap();
    assert!(new.body().starts_with(b"<p>second"));
    assert!(rig.hot.0.tally().fill_failures >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn making_that_panics_is_followed_by_another() {
    let rig = rig(Limits::default());
    let key = || path::key_of(&Uri::from_static("/pages/a"), &HeaderMap::new());
    let gate = Arc::new(Notify::new());
    let bad = {
        let gate = Arc::clone(&gate);
        move || -> Making {
            async move {
                gate.notified().await;
                panic!("a test's own panic")
            }
            .boxed()
        }
    };
    let first = rig.hot.answer(key(), &Sight::ANONYMOUS, bad.clone());
    let second = rig.ask("/pages/a", Ok(page("good")));
    let open = async {
        while rig.hot.0.tally().waiting < 2 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
    };
    let (first, second, ()) = tokio::join!(first, second, open);
    assert!(second.is_ok());
    assert!(
        first.is_ok(),
        "the second one's answer is for the first as well"
    );
    gate.notify_one();
    rig.hot.everything_changed();
    let alone = rig.hot.answer(key(), &Sight::ANONYMOUS, bad).await;
    assert_eq!(alone.unwrap_err().code, Code::Bug);
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_who_goes_away_stops_nothing() {
    let rig = rig(Limits::default());
    let gate = Arc::new(Notify::new());
    let make = {
        let gate = Arc::clone(&gate);
        move || {
            async move {
                gate.notified().await;
                Ok(page("made all the same"))
            }
            .boxed()
        }
    };
    let key = path::key_of(&Uri::from_static("/pages/a"), &HeaderMap::new());
    let first = rig.hot.answer(key, &Sight::ANONYMOUS, make);
    assert!(first.now_or_never().is_none(), "it was asked and dropped");
    assert_eq!(rig.hot.0.tally().waiting, 0);
    let second = rig.ask("/pages/a", Ok(page("not needed")));
    let open = async { gate.notify_one() };
    let (second, ()) = tokio::join!(second, open);
    assert!(
        second
            .unwrap()
            .respond(&HeaderMap::new(), Sent::default())
            .body()
            .starts_with(b"<p>made all")
    );
    assert_eq!(rig.calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_everybody_may_see_is_kept() {
    let rig = rig(Limits::default());
    let narrow = Made {
        reach: Reach::Local,
        ..page("narrow")
    };
    let ready = rig.ask("/pages/a", Ok(narrow)).await.unwrap();
    let head = ready.respond(&HeaderMap::new(), Sent::default());
    assert_eq!(head.headers()["cache-control"], "private, no-store");
    assert!(rig.hit("/pages/a", &[]).is_none());
    let key = path::key_of(&Uri::from_static("/pages/b"), &HeaderMap::new());
    let member = Sight {
        key: Some("a key".to_owned()),
        is_member: true,
    };
    let make = || async { Ok(page("for a member")) }.boxed();
    let ready = rig.hot.answer(key, &member, make).await.unwrap();
    let head = ready.respond(&HeaderMap::new(), Sent::default());
    assert_eq!(head.headers()["cache-control"], "private, no-store");
    assert!(rig.hit("/pages/b", &[]).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_path_leaves_to_the_router_what_is_not_plain() {
    let rig = rig(Limits::default());
    rig.ask("/pages/a", Ok(page("a"))).await.unwrap();
    assert!(hit(&rig.hot, &Method::HEAD, "/pages/a", &[]).is_some());
    assert!(hit(&rig.hot, &Method::POST, "/pages/a", &[]).is_none());
    for name in ["authorization", "range", "if-match", "if-unmodified-since"] {
        assert!(rig.hit("/pages/a", &[(name, "x")]).is_none(), "{name}");
    }
    for path in ["/pages/b", "/pages//a", "/pages/a/", "/health"] {
        assert!(rig.hit(path, &[]).is_none(), "{path}");
    }
    assert!(rig.hit("/pages/a", &[("accept-language", "de")]).is_none());
    assert!(
        rig.hit("/pages/a", &[("accept-language", "en;q=0.9")])
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn blob_that_was_begun_before_a_change_is_not_kept_after_it() {
    let rig = rig(Limits::default());
    let hash = ContentHash::of(b"a");
    let uri: Uri = format!("/store/{hash}").parse().unwrap();
    let blob = Made {
        tags: vec![Tag::Blob(hash.to_string())],
        ..page("a blob")
    };
    for is_changed in [true, false] {
        let key = path::blob_key_of(&Method::GET, &uri, &HeaderMap::new(), &hash);
        assert!(key.is_some());
        let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let make = {
            let (begun, gate, blob) = (Arc::clone(&begun), Arc::clone(&gate), blob.clone());
            move || {
                async move {
                    begun.notify_one();
                    gate.notified().await;
                    Ok(blob)
                }
                .boxed()
            }
        };
        let reader = rig.hot.answer(key, &Sight::ANONYMOUS, make);
        let change = async {
            begun.notified().await;
            if is_changed {
                rig.hot.0.changed(&[Tag::Blob(hash.to_string())]);
            }
            gate.notify_one();
        };
        let (answer, ()) = tokio::join!(reader, change);
        assert!(answer.is_ok(), "who asked before the change gets it");
        let kept = rig.hit(uri.path(), &[]);
        assert_eq!(kept.is_none(), is_changed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packing_ends_with_the_process() {
    let rig = rig(Limits::default());
    rig.supervisor.shutdown().request();
    rig.ask("/pages/a", Ok(page("a"))).await.unwrap();
    rig.hot.0.packer.done().await;
    let plain = rig.hit("/pages/a", &[("accept-encoding", "br")]).unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    assert_eq!(plain.status(), StatusCode::OK);
}

#[test]
fn a_cache_is_divided_no_further_than_is_of_use() {
    let shards = |entries_max, bytes_max| {
        shards_of(&Limits {
            entries_max,
            bytes_max,
            ..Limits::default()
        })
    };
    let mib = 1_024 * 1_024;
    assert_eq!(shards(10_000, 64 * mib), 16);
    assert_eq!(shards(10_000, 32 * mib), 16);
    assert_eq!(shards(10_000, 8 * mib), 4);
    assert_eq!(shards(600, 64 * mib), 2);
    assert_eq!(shards(0, 0), 1);
}
