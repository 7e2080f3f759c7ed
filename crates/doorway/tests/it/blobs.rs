//! Blobs: stored whole or not at all, read whole or in ranges, by those who may.

use axum::body::Body;
use axum::http::{Method, Request};
use base::{ContentHash, Reach};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorway::Limits;

use crate::harness::{House, Person, manifest};

fn digest(bytes: &[u8]) -> String {
    let hash = ContentHash::of(bytes);
    format!("sha-256=:{}:", STANDARD.encode(hash.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_stored_with_its_hash_and_read_by_every_form_of_it() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let bytes = b"a loaf of bread".repeat(10_000);
    let request = Request::put("/store")
        .header("authorization", format!("Bearer {token}"))
        .header("content-digest", digest(&bytes))
        .body(Body::from(bytes.clone()))
        .unwrap();
    let answer = house.send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let stored: api::StoredBlobView = answer.json();
    let hash = ContentHash::of(&bytes).to_string();
    assert_eq!((stored.hash.as_str(), stored.is_new), (hash.as_str(), true));
    assert_eq!(answer.header("location"), format!("/store/{hash}"));
    let again: api::StoredBlobView = house.put_blob(&bytes, &token).await.json();
    assert!(!again.is_new);

    ana.create(&manifest(&bytes, "text/plain", Reach::Commons));
    house.publish(&ana).await;
    for form in [hash.clone(), format!("sha256-{hash}")] {
        let answer = house.get(&format!("/store/{form}")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == bytes);
        assert_eq!(answer.header("content-type"), "text/plain");
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("sandbox")
        );
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("etag"), format!("\"{hash}\""));
    }
    house.close().await;
}

/// Headers of a request, and the status and body that it gets.
type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a [u8]);

/// A doorway with a blob for everybody: the bytes from 0 to 255.
async fn with_film() -> (House, Vec<u8>, String) {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let bytes: Vec<u8> = (0..=255).collect();
    house.put_blob(&bytes, &token).await;
    ana.create(&manifest(&bytes, "video/mp4", Reach::Commons));
    house.publish(&ana).await;
    let path = format!("/store/{}", ContentHash::of(&bytes));
    (house, bytes, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_conditions_follow_the_rfc() {
    let (house, bytes, path) = with_film().await;
    let etag = format!("\"{}\"", ContentHash::of(&bytes));
    let cases: [Case<'_>; 8] = [
        (&[("range", "bytes=0-9")], 206, &bytes[..10]),
        (&[("range", "bytes=250-")], 206, &bytes[250..]),
        (&[("range", "bytes=-5")], 206, &bytes[251..]),
        (&[("range", "lines=9-3")], 200, &bytes),
        (
            &[("range", "bytes=9-3"), ("if-range", "\"old\"")],
            200,
            &bytes,
        ),
        (
            &[("range", "bytes=0-9"), ("if-range", &etag)],
            206,
            &bytes[..10],
        ),
        (
            &[("range", "bytes=0-9"), ("if-range", "\"old\"")],
            200,
            &bytes,
        ),
        (&[("if-none-match", &etag)], 304, b""),
    ];
    for (headers, status, body) in cases {
        let answer = house.get_with(&path, headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert!(answer.body == body, "{headers:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_several_ranges_and_ranges_behind_the_end_follow_the_rfc() {
    let (house, _, path) = with_film().await;
    let answer = house.get_with(&path, &[("range", "bytes=256-")]).await;
    assert_eq!(answer.code(), "CH-0102");
    assert_eq!(answer.header("content-range"), "bytes */256");
    let head = Request::builder()
        .method(Method::HEAD)
        .uri(&path)
        .body(Body::empty())
        .unwrap();
    let head = house.send(head).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), "256");
    let parts = house
        .get_with(&path, &[("range", "bytes=0-1,254-255")])
        .await;
    assert_eq!(parts.status, 206);
    assert!(
        parts
            .header("content-type")
            .starts_with("multipart/byteranges")
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_cannot_be_read_are_refused_with_the_reason() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    house.put_blob(b"a loaf of bread", &token).await;
    ana.create(&manifest(b"a loaf of bread", "text/plain", Reach::Commons));
    house.publish(&ana).await;
    let path = format!("/store/{}", ContentHash::of(b"a loaf of bread"));
    let many = format!("bytes={}", "0-0,".repeat(17));
    for (range, detail) in [
        ("bytes=9-3", "\"9-3\" ends before it starts"),
        ("bytes=a-b", "\"a-b\" is no range"),
        ("bytes=", "Range names no bytes"),
        ("bytes=0-1,x", "\"x\" is no range"),
        (&many, "more than 16 ranges are asked for"),
    ] {
        let answer = house.get_with(&path, &[("range", range)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "CH-0114".into())
        );
        assert!(
            answer.json::<api::ProblemView>().detail.ends_with(detail),
            "{range}"
        );
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_was_announced_is_not_stored() {
    let limits = Limits {
        blob_bytes_max: 1_000,
        ..Limits::default()
    };
    let house = House::with_limits(limits).await;
    let ana = Person::new(1);
    let token = house.token(&ana).await;
    let bearer = format!("Bearer {token}");
    let bytes = b"twelve bytes".to_vec();
    let put = |headers: &[(&str, String)], bytes: Vec<u8>| {
        let mut request = Request::put("/store").header("authorization", &bearer);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        house.send(request.body(Body::from(bytes)).unwrap())
    };
    let cases = [
        (
            vec![("content-length", "20".to_owned())],
            bytes.clone(),
            "CH-0108",
        ),
        (
            vec![("content-length", "5".to_owned())],
            bytes.clone(),
            "CH-0108",
        ),
        (
            vec![("content-digest", digest(b"other"))],
            bytes.clone(),
            "CH-0109",
        ),
        (
            vec![("content-digest", "sha-256=:x:".to_owned())],
            bytes.clone(),
            "CH-0109",
        ),
        (vec![], vec![0; 1_001], "CH-0107"),
        (
            vec![("content-length", "5000".to_owned())],
            bytes.clone(),
            "CH-0107",
        ),
    ];
    for (headers, body, code) in cases {
        let answer = put(&headers, body).await;
        assert_eq!(answer.code(), code, "{headers:?}: {}", answer.text());
    }
    let path = format!("/store/{}", ContentHash::of(&bytes));
    assert_eq!(house.get_as(&path, &token).await.status, 404);
    assert_eq!(put(&[], vec![7; 1_000]).await.status, 201);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_without_a_manifest_is_seen_by_nobody_but_its_uploader() {
    let house = House::new().await;
    let (ana, ben) = (Person::new(1), Person::new(2));
    house.admit(&ben, "member").await;
    let (mine, theirs) = (house.token(&ana).await, house.token(&ben).await);
    let bytes = b"secret";
    house.put_blob(bytes, &mine).await;
    let path = format!("/store/{}", ContentHash::of(bytes));
    assert_eq!(house.get(&path).await.code(), "CH-0105");
    assert_eq!(house.get_as(&path, &theirs).await.code(), "CH-0105");
    let answer = house.get_as(&path, &mine).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "private, no-store");
    house.close().await;
}
