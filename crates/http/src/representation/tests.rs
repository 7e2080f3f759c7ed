//! Answers with bytes: whole, in parts, unchanged, refused.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use proptest::prelude::*;

use super::pieces::PIECE_BYTES;
use super::*;
use crate::cache;

const TEXT: &[u8] = b"0123456789";

/// Bytes that say how much of them was read, and in how large pieces at most.
struct Watched {
    bytes: Vec<u8>,
    read: AtomicU64,
    largest: AtomicU64,
}

impl Watched {
    fn new(bytes: &[u8]) -> Arc<Self> {
        Arc::new(Self {
            bytes: bytes.to_vec(),
            read: AtomicU64::new(0),
            largest: AtomicU64::new(0),
        })
    }
}

impl ReadAt for Watched {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // Fewer bytes than asked for, as files may do.
        let some = buffer.len().div_ceil(2);
        let count = self.bytes.read_at(offset, &mut buffer[..some])?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        self.largest
            .fetch_max(buffer.len() as u64, Ordering::Relaxed);
        Ok(count)
    }
}

fn representation(source: Arc<dyn ReadAt>) -> Representation {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, cache::PUBLIC_IMMUTABLE);
    Representation {
        source,
        etag: Some(ETag::strong("xyzzy").unwrap()),
        last_modified: date::parse("Sat, 29 Oct 1994 19:43:31 GMT"),
        headers,
    }
}

/// An answer as a table can hold it.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

async fn ask(source: Arc<dyn ReadAt>, method: Method, lines: &[(&'static str, &str)]) -> Answer {
    let mut request = HeaderMap::new();
    for (name, value) in lines {
        request.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let response = blob_response(&method, &request, representation(source), &Blocking::new(2));
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = response
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .to_vec();
    let answer = Answer {
        status,
        headers,
        body,
    };
    if method == Method::GET && status < 300 {
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
    }
    answer
}

async fn get(lines: &[(&'static str, &str)]) -> Answer {
    ask(Watched::new(TEXT), Method::GET, lines).await
}

#[tokio::test]
async fn the_whole_is_sent_with_its_headers() {
    let answer = get(&[]).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, TEXT));
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "10"),
        ("accept-ranges", "bytes"),
        ("etag", "\"xyzzy\""),
        ("last-modified", "Sat, 29 Oct 1994 19:43:31 GMT"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("content-range", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn head_is_told_everything_and_sent_nothing() {
    let source = Watched::new(TEXT);
    let answer = ask(
        Arc::clone(&source) as _,
        Method::HEAD,
        &[("range", "bytes=0-1")],
    )
    .await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-length"), "10");
    assert_eq!(source.read.load(Ordering::Relaxed), 0);
    let answer = ask(source, Method::HEAD, &[("if-none-match", "\"xyzzy\"")]).await;
    assert_eq!(answer.status, 304);
}

#[tokio::test]
async fn one_range_is_sent_as_it_is() {
    for (range, body, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=0-3,2-5", "012345", "bytes 0-5/10"),
        ("bytes=5-5,70-", "5", "bytes 5-5/10"),
    ] {
        let answer = get(&[("range", range)]).await;
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (206, body.as_bytes()),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.header("content-type"), "text/plain");
        assert_eq!(answer.header("etag"), "\"xyzzy\"");
    }
}

#[tokio::test]
async fn several_ranges_are_sent_as_parts() {
    let answer = get(&[("range", "bytes=8-,0-1")]).await;
    assert_eq!(answer.status, 206);
    let boundary = answer
        .header("content-type")
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    assert_eq!(boundary.len(), 32);
    assert_eq!(answer.header("content-range"), "");
    let expect = format!(
        "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n\
         --{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(answer.body.clone()).unwrap(), expect);
    let again = get(&[("range", "bytes=8-,0-1")]).await;
    assert_ne!(
        again.header("content-type"),
        answer.header("content-type"),
        "a boundary is never used twice"
    );
}

#[tokio::test]
async fn a_range_outside_is_refused_with_the_length() {
    let answer = get(&[("range", "bytes=10-")]).await;
    assert_eq!(answer.status, 416);
    assert_eq!(answer.header("content-range"), "bytes */10");
    assert_eq!(answer.header("cache-control"), "no-store");
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["code"], "CH-0102");
    assert_eq!(document["detail"], "there are 10 bytes");
}

#[tokio::test]
async fn a_malformed_range_is_refused_with_the_reason() {
    for (range, detail) in [
        ("bytes=4-2", "\"4-2\" ends before it starts"),
        ("bytes=x", "\"x\" is no range"),
        ("bytes=", "Range names no bytes"),
    ] {
        let source = Watched::new(TEXT);
        let answer = ask(Arc::clone(&source) as _, Method::GET, &[("range", range)]).await;
        assert_eq!(answer.status, 400, "{range}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(document["code"], "CH-0114");
        assert_eq!(document["detail"], detail);
        assert_eq!(source.read.load(Ordering::Relaxed), 0);
        let answer = ask(source, Method::HEAD, &[("range", range)]).await;
        assert_eq!(answer.status, 200, "{range} means nothing to HEAD");
    }
}

#[tokio::test]
async fn a_range_of_another_unit_gets_the_whole() {
    for range in ["lines=1-2", "lines=x"] {
        let answer = get(&[("range", range)]).await;
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, TEXT),
            "{range}"
        );
    }
}

#[tokio::test]
async fn conditions_decide_first() {
    for (lines, status, len) in [
        (&[("if-none-match", "\"xyzzy\"")][..], 304, 0),
        (
            &[("if-none-match", "\"xyzzy\""), ("range", "bytes=0-1")],
            304,
            0,
        ),
        (
            &[("if-none-match", "\"xyzzy\""), ("range", "bytes=99-")],
            304,
            0,
        ),
        (
            &[("if-none-match", "\"xyzzy\""), ("range", "bytes=x")],
            304,
            0,
        ),
        (&[("if-range", "\"other\""), ("range", "bytes=x")], 200, 10),
        (
            &[("if-modified-since", "Sat, 29 Oct 1994 19:43:31 GMT")],
            304,
            0,
        ),
        (&[("if-match", "\"other\"")], 412, 0),
        (&[("if-match", "\"xyzzy\""), ("range", "bytes=0-1")], 206, 2),
        (&[("if-range", "\"xyzzy\""), ("range", "bytes=0-1")], 206, 2),
        (
            &[("if-range", "\"other\""), ("range", "bytes=0-1")],
            200,
            10,
        ),
        (
            &[("if-range", "\"other\""), ("range", "bytes=99-")],
            200,
            10,
        ),
        (
            &[("if-range", "W/\"xyzzy\""), ("range", "bytes=0-1")],
            200,
            10,
        ),
        (
            &[
                ("if-range", "Sat, 29 Oct 1994 19:43:31 GMT"),
                ("range", "bytes=0-1"),
            ],
            206,
            2,
        ),
    ] {
        let answer = get(lines).await;
        assert_eq!(
            (answer.status, answer.body.len()),
            (status, len),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn unchanged_is_said_with_the_headers_a_cache_needs() {
    let answer = get(&[("if-none-match", "\"xyzzy\"")]).await;
    let names: Vec<&str> = answer.headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["cache-control", "etag", "last-modified"]);
}

#[tokio::test]
async fn nothing_is_sent_of_nothing() {
    let empty = || Watched::new(b"");
    for (range, status) in [("bytes=0-", 416), ("bytes=-1", 200), ("bytes=x", 400)] {
        let answer = ask(empty(), Method::GET, &[("range", range)]).await;
        assert_eq!(answer.status, status, "{range}");
    }
    let answer = ask(empty(), Method::GET, &[]).await;
    assert_eq!(
        (answer.header("content-length"), answer.body.len()),
        ("0", 0)
    );
}

#[tokio::test]
async fn large_bytes_come_in_bounded_chunks() {
    let bytes: Vec<u8> = (0..PIECE_BYTES * 3 + 17)
        .map(|index| (index % 253) as u8)
        .collect();
    let source = Watched::new(&bytes);
    let answer = ask(Arc::clone(&source) as _, Method::GET, &[]).await;
    assert!(answer.body == bytes);
    assert!(source.largest.load(Ordering::Relaxed) <= PIECE_BYTES as u64);
    let answer = ask(
        Arc::clone(&source) as _,
        Method::GET,
        &[("range", "bytes=5-300000")],
    )
    .await;
    assert!(answer.body == bytes[5..=300_000]);
}

#[tokio::test]
async fn nobody_reads_ahead_of_the_peer() {
    let source = Watched::new(&vec![1; PIECE_BYTES * 8]);
    let response = blob_response(
        &Method::GET,
        &HeaderMap::new(),
        representation(Arc::clone(&source) as _),
        &Blocking::new(2),
    );
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(source.read.load(Ordering::Relaxed), PIECE_BYTES as u64);
}

/// Bytes that end before they should, as a file that was cut.
struct Cut;

impl ReadAt for Cut {
    fn len(&self) -> u64 {
        100
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        vec![7; 60].read_at(offset, buffer)
    }
}

#[tokio::test]
async fn bytes_that_cannot_be_read_break_the_answer_off() {
    let response = blob_response(
        &Method::GET,
        &HeaderMap::new(),
        representation(Arc::new(Cut)),
        &Blocking::new(2),
    );
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_body_ends_after_the_error() {
    let response = blob_response(
        &Method::GET,
        &HeaderMap::new(),
        representation(Arc::new(Cut)),
        &Blocking::new(2),
    );
    let mut body = response.into_body();
    // What could be read is sent; the rest is missing, and that is told.
    assert_eq!(
        body.frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap()
            .len(),
        60
    );
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
}

/// Bytes in memory up to a position, and to be read from there on; never more than `step` at once.
struct Half {
    bytes: Bytes,
    cached: u64,
    step: usize,
    fetched: AtomicU64,
}

impl Half {
    fn new(cached: u64, step: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes: Bytes::from_static(TEXT),
            cached,
            step,
            fetched: AtomicU64::new(0),
        })
    }
}

impl ReadAt for Half {
    fn len(&self) -> u64 {
        ReadAt::len(&self.bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        self.bytes.read_at(offset, buffer)
    }

    fn cached(&self, offset: u64, len_max: usize) -> Option<Bytes> {
        let left = usize::try_from(self.cached.checked_sub(offset)?).unwrap();
        let count = len_max.min(left).min(self.step);
        self.bytes.cached(offset, count)
    }
}

#[tokio::test]
async fn what_is_in_memory_is_not_read() {
    for step in [1, 3, 100] {
        for cached in 0..=10 {
            let source = Half::new(cached, step);
            let answer = ask(Arc::clone(&source) as _, Method::GET, &[]).await;
            assert_eq!(answer.body, TEXT);
            assert_eq!(
                source.fetched.load(Ordering::Relaxed),
                u64::from(cached < 10)
            );
            for (range, expect) in [
                ("bytes=2-4", &b"234"[..]),
                ("bytes=-3", b"789"),
                ("bytes=0-4,5-9", TEXT),
            ] {
                let answer = ask(Arc::clone(&source) as _, Method::GET, &[("range", range)]).await;
                assert_eq!(
                    (answer.status, answer.body.as_slice()),
                    (206, expect),
                    "{range}"
                );
            }
            let parts = ask(source, Method::GET, &[("range", "bytes=0-1,4-5,8-")]).await;
            let boundary = parts.header("content-type").rsplit('=').next().unwrap();
            assert_eq!(
                parts
                    .body
                    .windows(boundary.len())
                    .filter(|part| *part == boundary.as_bytes())
                    .count(),
                4
            );
        }
    }
}

#[tokio::test]
async fn memory_is_sent_without_a_copy() {
    let bytes = Bytes::from(vec![7; 1_000]);
    let mut request = HeaderMap::new();
    request.insert("range", HeaderValue::from_static("bytes=100-199"));
    let response = blob_response(
        &Method::GET,
        &request,
        representation(Arc::new(bytes.clone())),
        &Blocking::new(1),
    );
    let mut body = response.into_body();
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!((frame.as_ptr(), frame.len()), (bytes[100..].as_ptr(), 100));
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn parts_of_an_unknown_kind_have_no_kind() {
    let bare = Representation {
        source: Arc::new(Bytes::from_static(TEXT)),
        etag: None,
        last_modified: None,
        headers: HeaderMap::new(),
    };
    let mut request = HeaderMap::new();
    request.insert("range", HeaderValue::from_static("bytes=0-0,-1"));
    let response = blob_response(&Method::GET, &request, bare, &Blocking::new(1));
    let kind = response.headers()[CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let expect = format!(
        "--{boundary}\r\nContent-Range: bytes 0-0/10\r\n\r\n0\r\n\
         --{boundary}\r\nContent-Range: bytes 9-9/10\r\n\r\n9\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(
        response.headers()[CONTENT_LENGTH],
        expect.len().to_string().as_str()
    );
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        expect
    );
}

#[tokio::test]
async fn head_is_conditional_and_never_partial() {
    for (lines, status, len) in [
        (&[("range", "bytes=99-")][..], 200, "10"),
        (&[("range", "bytes=0-0,2-2")], 200, "10"),
        (&[("if-match", "\"other\"")], 412, ""),
        (
            &[("if-range", "\"xyzzy\""), ("range", "bytes=0-0")],
            200,
            "10",
        ),
        (
            &[("if-modified-since", "Sat, 29 Oct 1994 19:43:31 GMT")],
            304,
            "",
        ),
        (
            &[("if-unmodified-since", "Sat, 29 Oct 1994 19:43:30 GMT")],
            412,
            "",
        ),
    ] {
        let answer = ask(Watched::new(TEXT), Method::HEAD, lines).await;
        assert_eq!(
            (
                answer.status,
                answer.header("content-length"),
                answer.body.len()
            ),
            (status, len, 0),
            "{lines:?}"
        );
    }
    let answer = ask(Watched::new(b""), Method::HEAD, &[]).await;
    assert_eq!((answer.status, answer.header("content-length")), (200, "0"));
}

/// Takes a multipart answer apart again, byte by byte, without the code that made it.
fn take_apart(body: &[u8], boundary: &str) -> Vec<(u64, Vec<u8>)> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let inner = text
        .strip_suffix(&format!("\r\n--{boundary}--\r\n"))
        .unwrap();
    let line = format!("--{boundary}\r\n");
    inner
        .split(&line)
        .skip(1)
        .map(|part| {
            let (head, content) = part.split_once("\r\n\r\n").unwrap();
            let range = head.rsplit("bytes ").next().unwrap();
            let (first, rest) = range.split_once('-').unwrap();
            let (last, total) = rest.split_once('/').unwrap();
            let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!(total, "64");
            let content = content.as_bytes()[..usize::try_from(last - first + 1).unwrap()].to_vec();
            (first, content)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn parts_hold_the_bytes_of_their_range(firsts in prop::collection::vec((0..64_u64, 0..9_u64), 1..8)) {
        let bytes: Vec<u8> = (b'0'..b'0' + 64).collect();
        let items: Vec<String> = firsts.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
        let range = format!("bytes={}", items.join(","));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(ask(Watched::new(&bytes), Method::GET, &[("range", &range)]));
        prop_assert_eq!(answer.status, 206);
        if let Some(boundary) = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=") {
            let parts = take_apart(&answer.body, boundary);
            prop_assert!(parts.len() >= 2);
            for (first, content) in parts {
                let first = usize::try_from(first).unwrap();
                prop_assert_eq!(&content, &bytes[first..first + content.len()]);
            }
        }
    }
}
