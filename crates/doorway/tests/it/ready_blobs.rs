//! Small blobs that lie ready for anonymous readers: the same answer as the route's, gone at once when it changes, and
//! nobody else's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};
use base::{ContentHash, Duration, Reach};
use bytes::Bytes;
use doorway::{Limits, RequestClass};
use http_kit::Ask;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{House, Person, manifest, page};

/// Headers of a request.
type Headers<'a> = &'a [(&'a str, &'a str)];

/// A header that nothing of ours depends on, and with which a blob is not answered from where it lies ready.
const BY_ROUTE: (&str, &str) = ("cookie", "a=b");

/// 64 KiB that begin like no other of these blobs.
fn bytes_of(letter: u8) -> Vec<u8> {
    vec![letter; 64 * 1_024]
}

fn path_of(bytes: &[u8]) -> String {
    format!("/store/{}", ContentHash::of(bytes))
}

/// Asks the hot path alone.
fn hit(
    house: &House,
    method: &Method,
    path: &str,
    headers: Headers<'_>,
) -> Option<Response<Bytes>> {
    let uri: Uri = path.parse().unwrap();
    let pairs = headers.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    house.doorway.hot_path().answer(&Ask {
        method,
        uri: &uri,
        headers: &HeaderMap::from_iter(pairs),
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
    })
}

fn is_ready(house: &House, path: &str) -> bool {
    hit(house, &Method::GET, path, &[]).is_some()
}

/// An answer as it came over the wire, without the time and the number of the request.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    head: Vec<String>,
    body: Vec<u8>,
}

/// Asks over a connection of its own; returns the answer and whether a route made it, which numbers its requests.
async fn ask(address: SocketAddr, method: &str, path: &str, headers: Headers<'_>) -> (Sent, bool) {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    let end = received.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap();
    let head = String::from_utf8(received[..end].to_vec()).unwrap();
    let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
    let all = lines.len();
    lines.retain(|line| !line.starts_with("x-request-id: "));
    let is_by_route = lines.len() < all;
    lines.retain(|line| !line.starts_with("date: "));
    let sent = Sent {
        head: lines,
        body: received[end + 4..].to_vec(),
    };
    (sent, is_by_route)
}

/// A doorway with the bytes of [`bytes_of`] `a` for everybody.
async fn with_blob() -> (House, Person, Vec<u8>) {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let bytes = bytes_of(b'a');
    house.put_blob(&bytes, &token).await;
    ana.create(&manifest(&bytes, "image/png", Reach::Commons));
    house.publish(&ana).await;
    (house, ana, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_ready_is_the_routes_answer_byte_for_byte() {
    let (house, _, bytes) = with_blob().await;
    let port = house.listen().await;
    let path = path_of(&bytes);
    let tag = format!("\"{}\"", ContentHash::of(&bytes));
    let (weak, listed) = (format!("W/{tag}"), format!("\"other\", {tag}"));
    let first = ask(port.address, "GET", &path, &[]).await;
    assert!(first.1, "nothing lay ready");
    let conditions = [
        None,
        Some(tag.as_str()),
        Some(weak.as_str()),
        Some(listed.as_str()),
        Some("*"),
        Some("\"other\""),
        Some("not a tag"),
    ];
    for method in ["GET", "HEAD"] {
        for condition in conditions {
            let asked: Vec<_> = condition
                .map(|tag| ("if-none-match", tag))
                .into_iter()
                .collect();
            let routed = [asked.as_slice(), &[BY_ROUTE]].concat();
            let routed = ask(port.address, method, &path, &routed).await;
            let ready = ask(port.address, method, &path, &asked).await;
            assert!(routed.1 && !ready.1, "{method} {condition:?}");
            assert_eq!(ready.0.head, routed.0.head, "{method} {condition:?}");
            assert!(ready.0.body == routed.0.body, "{method} {condition:?}");
            let is_whole = !routed.0.head[0].contains("304");
            assert_eq!(
                is_whole,
                matches!(condition, None | Some("\"other\"" | "not a tag"))
            );
            assert_eq!(ready.0.body == bytes, is_whole && method == "GET");
        }
    }
    let again = ask(port.address, "GET", &path, &[]).await;
    assert_eq!(first.0, again.0);
    port.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_counted_whoever_answers() {
    let (house, _, bytes) = with_blob().await;
    let port = house.listen().await;
    let path = path_of(&bytes);
    let tag = format!("\"{}\"", ContentHash::of(&bytes));
    for (method, headers) in [
        ("GET", &[][..]),
        ("GET", &[]),
        ("GET", &[("if-none-match", tag.as_str())]),
        ("HEAD", &[]),
        ("GET", &[BY_ROUTE]),
    ] {
        ask(port.address, method, &path, headers).await;
    }
    assert_eq!(
        house.metrics.blob_bytes_sent_total(),
        3 * bytes.len() as u64
    );
    assert_eq!(house.metrics.requests(RequestClass::Blob), 5);
    port.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_plain_questions_of_nobody_in_particular_are_answered() {
    let (house, ana, bytes) = with_blob().await;
    let path = path_of(&bytes);
    house.get(&path).await;
    assert!(is_ready(&house, &path));
    assert!(hit(&house, &Method::HEAD, &path, &[]).is_some());
    let token = format!("Bearer {}", house.token(&ana).await);
    for header in [
        ("authorization", token.as_str()),
        ("range", "bytes=0-9"),
        ("if-range", "\"other\""),
        ("if-match", "*"),
        ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        BY_ROUTE,
    ] {
        let answer = hit(&house, &Method::GET, &path, &[header]);
        assert!(answer.is_none(), "{}", header.0);
    }
    assert!(hit(&house, &Method::PUT, &path, &[]).is_none());
    let hash = ContentHash::of(&bytes).to_string();
    for other in [
        format!("{path}?a=b"),
        format!("{path}/"),
        format!("/store/sha256-{hash}"),
        format!("/store/{}", hash.to_uppercase()),
    ] {
        assert!(!is_ready(&house, &other), "{other}");
        let answer = house.get(&other).await;
        assert_eq!(answer.status == 200, !other.ends_with('/'), "{other}");
    }
    let part = house.get_with(&path, &[("range", "bytes=0-9")]).await;
    assert_eq!((part.status.as_u16(), part.body.len()), (206, 10));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_gone_at_once_when_its_manifest_narrows_or_is_withdrawn() {
    let (house, mut ana, bytes) = with_blob().await;
    let (path, index) = (path_of(&bytes), ana.chain.len() - 1);
    for round in 0..3 {
        assert_eq!(house.get(&path).await.status, 200);
        assert!(is_ready(&house, &path), "round {round}");
        match round {
            0 | 1 => ana.update(index, &manifest(&bytes, "image/png", Reach::ALL[round])),
            _ => ana.delete(index),
        }
        house.publish(&ana).await;
        assert!(!is_ready(&house, &path), "round {round}");
        assert_eq!(house.get(&path).await.code(), "CH-0105", "round {round}");
        assert!(!is_ready(&house, &path), "round {round}");
        if round < 2 {
            ana.update(index, &manifest(&bytes, "image/png", Reach::Commons));
            house.publish(&ana).await;
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_manifest_of_the_blob_changes_what_it_is_said_to_be() {
    let (house, mut ana, bytes) = with_blob().await;
    let mut ben = Person::new(2);
    house.admit(&ben, "member").await;
    let (path, index) = (path_of(&bytes), ana.chain.len() - 1);
    let said = async || {
        let answer = house.get(&path).await;
        assert!(is_ready(&house, &path));
        answer.header("content-type").to_owned()
    };
    assert_eq!(said().await, "image/png");
    ana.update(index, &manifest(&bytes, "image/gif", Reach::Commons));
    house.publish(&ana).await;
    assert_eq!(said().await, "image/gif");
    ben.create(&manifest(&bytes, "text/plain", Reach::Commons));
    house.publish(&ben).await;
    assert_eq!(
        said().await,
        "text/plain",
        "the route takes this one of the two"
    );
    ben.delete(ben.chain.len() - 1);
    house.publish(&ben).await;
    assert_eq!(said().await, "image/gif");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_for_again_when_its_time_is_over() {
    let (house, _, bytes) = with_blob().await;
    let path = path_of(&bytes);
    house.get(&path).await;
    assert!(is_ready(&house, &path));
    house.hand.advance(Duration::from_secs(400));
    assert!(!is_ready(&house, &path));
    assert_eq!(house.get(&path).await.status, 200);
    assert_eq!(house.doorway.hot_tally().fills, 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_large_or_not_for_everybody_lies_nowhere() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let mut paths = Vec::new();
    for (bytes, reach, status) in [
        (vec![1; 256 * 1_024], Reach::Commons, 200),
        (vec![2; 256 * 1_024 + 1], Reach::Commons, 200),
        (vec![3; 1_024], Reach::Neighborhood, 404),
        (Vec::new(), Reach::Commons, 200),
    ] {
        house.put_blob(&bytes, &token).await;
        ana.create(&manifest(&bytes, "text/plain", reach));
        paths.push((path_of(&bytes), bytes, status));
    }
    house.publish(&ana).await;
    for (path, bytes, status) in &paths {
        for _ in 0..2 {
            let answer = house.get(path).await;
            assert_eq!(answer.status, *status);
            assert!(answer.body == *bytes || *status == 404);
        }
        let signed_in = house.get_as(path, &token).await;
        assert_eq!(signed_in.status, 200);
    }
    let ready: Vec<bool> = paths
        .iter()
        .map(|(path, ..)| is_ready(&house, path))
        .collect();
    assert_eq!(ready, [true, false, false, true]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_take_no_more_memory_than_they_may_and_push_no_page_out() {
    let limits = Limits {
        ready_blob_bytes_max: 1_024 * 1_024,
        ..Limits::default()
    };
    let house = House::at(Arc::new(tempfile::tempdir().unwrap()), limits.clone()).await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    ana.create(&page("bread", "flour", Reach::Commons));
    let blobs: Vec<_> = (0..40).map(bytes_of).collect();
    for bytes in &blobs {
        house.put_blob(bytes, &token).await;
        ana.create(&manifest(bytes, "image/png", Reach::Commons));
    }
    house.publish(&ana).await;
    house.get("/pages/bread").await;
    let page_bytes = house.doorway.hot_tally().bytes;
    for bytes in blobs.iter().chain(&blobs) {
        let answer = house.get(&path_of(bytes)).await;
        assert!(answer.body == *bytes);
        assert!(is_ready(&house, &path_of(bytes)));
        let tally = house.doorway.hot_tally();
        assert!(tally.bytes - page_bytes <= limits.ready_blob_bytes_max);
    }
    let ready = blobs
        .iter()
        .filter(|bytes| is_ready(&house, &path_of(bytes)));
    assert_eq!(ready.count(), 15, "as many as fit");
    assert!(is_ready(&house, "/pages/bread"));
    house.close().await;
}
