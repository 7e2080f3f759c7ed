//! Blobs as HTTP sends them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RANGE};
use axum::http::{HeaderMap, Method, Response};
use blobs::{Blob, Blobs, CHUNK_BYTES, Limits};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_kit::{Representation, blob_response};
use hyper::body::Body as _;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::block_on;

const LEN: usize = CHUNK_BYTES * 3 + 77;

fn made() -> Vec<u8> {
    (0..LEN).map(|index| (index % 249) as u8).collect()
}

async fn stored(limits: Limits) -> (TempDir, Blobs, Blob) {
    let outer = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(outer.path(), limits).unwrap();
    let hash = blobs.put(made().into()).await.unwrap().hash;
    let blob = blobs.get(&hash).await.unwrap().unwrap();
    (outer, blobs, blob)
}

fn get(blobs: &Blobs, blob: &Blob, range: Option<&str>) -> Response<Body> {
    let mut request = HeaderMap::new();
    if let Some(range) = range {
        request.insert(RANGE, HeaderValue::from_str(range).unwrap());
    }
    let representation = Representation {
        source: Arc::new(blob.clone()),
        etag: None,
        last_modified: None,
        headers: HeaderMap::new(),
    };
    blob_response(&Method::GET, &request, representation, blobs.files())
}

/// Flips a bit of a blob in a segment of the log: its bytes stand behind the head of its record, whose last field is
/// the blob's hash, the head of the body, and the list of its groups.
fn flip(segment: &std::path::Path, blob: &Blob, index: usize) {
    let mut bytes = std::fs::read(segment).unwrap();
    let key = blob.hash();
    let found = bytes
        .windows(32)
        .position(|window| window == key.as_bytes());
    let start = found.unwrap() + 32 + 24 + LEN.div_ceil(16_384) * 32;
    bytes[start + index] ^= 1;
    std::fs::write(segment, bytes).unwrap();
}

async fn body(response: Response<Body>) -> Vec<u8> {
    let announced: usize = response.headers()[CONTENT_LENGTH]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body.len(), announced);
    body.to_vec()
}

#[test]
fn what_is_in_memory_is_one_body_without_a_copy() {
    block_on(async {
        let (_outer, blobs, blob) = stored(Limits::default()).await;
        let chunk = blob.chunk(1).await.unwrap();
        let first = CHUNK_BYTES + 10;
        let range = format!("bytes={first}-{}", first + 99);
        let mut body = get(&blobs, &blob, Some(&range)).into_body();
        assert_eq!(body.size_hint().exact(), Some(100));
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame.as_ptr(), chunk[10..].as_ptr());
        assert!(body.is_end_stream());
    });
}

#[test]
fn a_thousand_slow_readers_share_their_chunks() {
    block_on(async {
        let limits = Limits {
            cache_bytes_max: CHUNK_BYTES as u64 * 2,
            ..Limits::default()
        };
        let (_outer, blobs, blob) = stored(limits).await;
        let mut waiting = Vec::new();
        for _ in 0..1_000 {
            let mut body = get(&blobs, &blob, None).into_body();
            let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
            waiting.push((frame, body));
        }
        let first: &Bytes = &waiting[0].0;
        assert_eq!(first.len(), CHUNK_BYTES);
        assert!(
            waiting
                .iter()
                .all(|(frame, _)| frame.as_ptr() == first.as_ptr())
        );
        assert_eq!(blobs.chunks_read_total(), 1);
        for (_, body) in waiting.drain(..20) {
            let rest = body.collect().await.unwrap().to_bytes();
            assert!(rest == made()[CHUNK_BYTES..]);
        }
    });
}

#[test]
fn a_blob_that_is_damaged_while_it_is_sent_breaks_off() {
    block_on(async {
        let (outer, blobs, blob) = stored(Limits::default()).await;
        let mut body = get(&blobs, &blob, None).into_body();
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(frame == made()[..CHUNK_BYTES]);
        flip(
            &outer.path().join("log/00000001.seg"),
            &blob,
            CHUNK_BYTES * 2,
        );
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(frame == made()[CHUNK_BYTES..CHUNK_BYTES * 2]);
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        assert!(body.frame().await.is_none());
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn any_ranges_are_the_bytes(
        ranges in prop::collection::vec((0..LEN, 1..LEN), 1..5),
        is_small in any::<bool>(),
    ) {
        block_on(async {
            let cache_bytes_max = if is_small { CHUNK_BYTES as u64 + 1_000 } else { Limits::default().cache_bytes_max };
            let limits = Limits { cache_bytes_max, ..Limits::default() };
            let (_outer, blobs, blob) = stored(limits).await;
            let whole = made();
            let items: Vec<String> = ranges.iter().map(|(first, count)| format!("{first}-{}", first + count - 1)).collect();
            for item in &items {
                let (first, last) = item.split_once('-').unwrap();
                let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                let got = body(get(&blobs, &blob, Some(&format!("bytes={item}")))).await;
                assert!(got == whole[first..=last.min(LEN - 1)]);
            }
            let response = get(&blobs, &blob, Some(&format!("bytes={}", items.join(","))));
            assert_eq!(response.status(), 206);
            let is_multipart = response.headers().contains_key(CONTENT_TYPE);
            let got = body(response).await;
            let mut asked: Vec<(usize, usize)> = ranges.iter().map(|(first, count)| (*first, (first + count).min(LEN))).collect();
            asked.sort_unstable();
            let mut joined: Vec<(usize, usize)> = Vec::new();
            for (first, end) in asked {
                match joined.last_mut() {
                    Some(before) if first <= before.1 => before.1 = before.1.max(end),
                    _ => joined.push((first, end)),
                }
            }
            assert_eq!(is_multipart, joined.len() > 1);
            for (first, end) in joined {
                let head = format!("Content-Range: bytes {first}-{}/{LEN}\r\n\r\n", end - 1);
                let start = match is_multipart {
                    true => got.windows(head.len()).position(|window| window == head.as_bytes()).unwrap() + head.len(),
                    false => 0,
                };
                assert!(got[start..start + end - first] == whole[first..end]);
            }
            assert!(body(get(&blobs, &blob, None)).await == whole);
        });
    }
}
