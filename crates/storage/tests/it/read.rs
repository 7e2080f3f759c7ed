//! Blobs are read whole, in ranges, or not at all because the reader has them.

use api::BlobPutView;
use base::ContentHash;

use crate::harness::{House, digest, noise};

/// Headers of a request, and the status and body that it gets.
type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a [u8]);

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_hash_leads_to_the_blob_and_to_what_is_known_of_it() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = house.put(&token, b"").await;
    let cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
    for form in [hash.to_string(), format!("sha256-{hash}"), cid.to_owned()] {
        let answer = house.get(&token, &format!("/blobs/{form}")).await.is(200);
        assert_eq!(answer.header("etag"), format!("\"{hash}\""));
        assert_eq!(answer.header("cache-control"), "private, no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("sandbox")
        );
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("x-tier"), "accepted");
        assert_eq!(answer.header("x-blake3"), blake3_of_nothing());
        assert_eq!(answer.header("repr-digest"), digest(b""));
    }
    house.close().await;
}

/// BLAKE3 of no bytes, as the paper's test vectors give it.
fn blake3_of_nothing() -> &'static str {
    "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_conditions_follow_the_rfc() {
    let house = House::new().await;
    let token = house.token().await;
    for len in [1_000, 700_000, 2_500_000] {
        let bytes = noise(len, 3);
        let hash = house.put(&token, &bytes).await;
        let path = format!("/blobs/{hash}");
        let etag = format!("\"{hash}\"");
        let last = format!("bytes={}-{}", len - 10, len + 90);
        let cases: [Case<'_>; 9] = [
            (&[("range", "bytes=0-9")], 206, &bytes[..10]),
            (&[("range", "bytes=990-")], 206, &bytes[990..]),
            (&[("range", "bytes=-5")], 206, &bytes[len - 5..]),
            (&[("range", &last)], 206, &bytes[len - 10..]),
            (&[("range", "lines=9-3")], 200, &bytes),
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
            (&[("if-none-match", "\"old\"")], 200, &bytes),
        ];
        for (headers, status, body) in cases {
            let answer = house.ask_as(&token, "GET", &path, headers, "").await;
            assert_eq!(answer.status, status, "{len} {headers:?}");
            assert!(answer.body == body, "{len} {headers:?}");
        }
        let several = [("range", "bytes=0-1,5-6,-2")];
        let parts = house
            .ask_as(&token, "GET", &path, &several, "")
            .await
            .is(206);
        assert!(
            parts
                .header("content-type")
                .starts_with("multipart/byteranges")
        );
        let outside = [("range", format!("bytes={len}-"))];
        let outside = [(outside[0].0, outside[0].1.as_str())];
        let answer = house.ask_as(&token, "GET", &path, &outside, "").await;
        assert_eq!(answer.code(), "CH-0102");
        assert_eq!(answer.header("content-range"), format!("bytes */{len}"));
        let head = house.ask_as(&token, "HEAD", &path, &[], "").await.is(200);
        assert_eq!(head.header("content-length"), len.to_string());
        assert!(head.body.is_empty());
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = ContentHash::of(b"never stored");
    for path in [format!("/blobs/{hash}"), format!("/blobs/{hash}/status")] {
        assert_eq!(house.get(&token, &path).await.code(), "CH-0105");
        let head = house.ask_as(&token, "HEAD", &path, &[], "").await;
        assert_eq!(head.status, 404);
    }
    assert_eq!(
        house.get(&token, "/blobs/abc/def/ghi").await.code(),
        "CH-0105"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_there_after_a_restart() {
    let house = House::new().await;
    let token = house.token().await;
    let (small, large) = (noise(5_000, 1), noise(1_500_000, 2));
    let hashes = [
        house.put(&token, &small).await,
        house.put(&token, &large).await,
    ];
    let folder = house.close().await;
    let house = House::open(crate::harness::Plan::at(folder)).await.unwrap();
    let token = house.token().await;
    for (hash, bytes) in hashes.iter().zip([small, large]) {
        let answer = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert!(answer.body == bytes);
        let again = house
            .ask_as(&token, "PUT", "/blobs", &[], bytes)
            .await
            .is(200);
        assert!(!again.json::<BlobPutView>().is_new);
    }
    house.close().await;
}
