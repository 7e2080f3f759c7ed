//! Blobs are stored whole and right, or not at all.

use api::{BlobListView, BlobPutView, BlobStatusView, UsageView};
use base::ContentHash;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{House, Plan, digest, noise, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_stored_and_told_how_safe_it_is() {
    let house = House::new().await;
    let token = house.token().await;
    let bytes = noise(1_024, 1);
    let hash = ContentHash::of(&bytes);
    let answer = house
        .ask_as(&token, "PUT", "/blobs", &[], bytes.clone())
        .await
        .is(201);
    let view: BlobPutView = answer.json();
    assert_eq!(
        (view.hash.as_str(), view.bytes, view.is_new),
        (hash.to_string().as_str(), 1_024, true)
    );
    assert_eq!(
        (view.ack.tier.as_str(), view.ack.at_us),
        ("accepted", 1_800_000_000_000_000)
    );
    assert_eq!(answer.header("location"), format!("/blobs/{hash}"));
    assert_eq!(answer.header("etag"), format!("\"{hash}\""));
    assert_eq!(answer.header("preference-applied"), "");
    let again = house
        .ask_as(&token, "PUT", "/blobs", &[("prefer", "wait=5")], bytes)
        .await
        .is(200);
    assert!(!again.json::<BlobPutView>().is_new);
    assert_eq!(again.json::<BlobPutView>().ack.tier, "accepted");
    assert_eq!(again.header("preference-applied"), "wait=5");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_around_every_edge_come_back_as_they_were() {
    let house = House::new().await;
    let token = house.token().await;
    for (seed, len) in [
        0, 1, 65_535, 65_536, 65_537, 1_048_575, 1_048_576, 1_048_577, 3_000_000,
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = noise(len, seed as u8);
        let hash = house.put(&token, &bytes).await;
        let answer = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert!(answer.body == bytes, "{len}");
        assert_eq!(answer.header("content-length"), len.to_string());
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_have_the_announced_digest_is_refused() {
    let house = House::new().await;
    let token = house.token().await;
    for len in [10, 200_000, 2_000_000] {
        let bytes = noise(len, 1);
        let other = noise(len, 2);
        let (right, wrong) = (digest(&bytes), digest(&other));
        for header in ["content-digest", "repr-digest"] {
            let put = |digest: String| {
                let (house, token, bytes) = (&house, &token, bytes.clone());
                async move {
                    let headers = [(header, digest.as_str())];
                    house.ask_as(token, "PUT", "/blobs", &headers, bytes).await
                }
            };
            assert_eq!(put(wrong.clone()).await.code(), "CH-0109", "{header}");
            assert_eq!(put("sha-256=:x:".to_owned()).await.code(), "CH-0109");
            let status = put(right.clone()).await.status;
            assert!(status.is_success(), "{header}");
        }
        let path = format!("/blobs/{}", ContentHash::of(&other));
        let named = house.ask_as(&token, "PUT", &path, &[], bytes.clone()).await;
        assert_eq!(named.code(), "CH-0109");
        let both = [("content-digest", right.as_str())];
        let contradicted = house
            .ask_as(&token, "PUT", &path, &both, bytes.clone())
            .await;
        assert_eq!(contradicted.code(), "CH-0109");
        let path = format!("/blobs/sha256-{}", ContentHash::of(&bytes));
        house
            .ask_as(&token, "PUT", &path, &both, bytes)
            .await
            .is(200);
    }
    let list: BlobListView = house.get(&token, "/blobs").await.json();
    assert_eq!(list.items.len(), 3, "nothing else is visible");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_is_none_is_refused_before_the_body() {
    let house = House::new().await;
    let token = house.token().await;
    for hash in ["abc", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
        for method in ["PUT", "GET", "HEAD", "DELETE"] {
            let path = format!("/blobs/{hash}");
            let answer = house.ask_as(&token, method, &path, &[], "").await;
            assert_eq!(answer.status, 400, "{method} {hash}");
        }
        let status = house.get(&token, &format!("/blobs/{hash}/status")).await;
        assert_eq!(status.code(), "CH-0101");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_blob_is_taken_and_a_larger_one_is_not() {
    let mut plan = Plan::new();
    plan.limits.blob_bytes_max = 100_000;
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    house.put(&token, &noise(100_000, 1)).await;
    let over = house
        .ask_as(&token, "PUT", "/blobs", &[], noise(100_001, 2))
        .await;
    assert_eq!(over.code(), "CH-0107");
    let list: BlobListView = house.get(&token, "/blobs").await.json();
    assert_eq!(list.items.len(), 1);
    house.close().await;
}

/// Sends the beginning of a request and waits for the answer, or for nothing when the sender leaves.
async fn begin(house: &House, token: &str, head: &str, body: &[u8]) -> tokio::net::TcpStream {
    let mut stream = house.connect().await;
    let head = format!(
        "PUT /blobs HTTP/1.1\r\nhost: storage.test\r\nauthorization: Bearer {token}\r\n{head}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_or_stands_still_leaves_nothing() {
    let mut plan = Plan::new();
    plan.body_window_ms = 200;
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    for len in [100, 300_000] {
        let bytes = noise(len, 1);
        let head = format!("content-length: {}", len + 1);
        let stalled = begin(&house, &token, &head, &bytes).await;
        let mut answer = String::new();
        let mut stalled = stalled;
        stalled.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.contains("408") && answer.contains("CH-0113"),
            "{answer}"
        );
        let mut short = begin(&house, &token, &head, &bytes).await;
        short.shutdown().await.unwrap();
        answer.clear();
        short.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("CH-0108"), "{answer}");
        drop(begin(&house, &token, &head, &bytes).await);
        let chunked = "transfer-encoding: chunked";
        let broken = [b"ffffff\r\n".as_slice(), &bytes].concat();
        let mut broken = begin(&house, &token, chunked, &broken).await;
        broken.shutdown().await.unwrap();
        answer.clear();
        broken.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("CH-01"), "{answer}");
    }
    let list: BlobListView = house.get(&token, "/blobs").await.json();
    assert_eq!(list.items, [], "no part is visible");
    until("the room is given back", async || {
        let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
        usage.live_bytes == 0 && usage.trash_bytes == 0
    })
    .await;
    house.put(&token, b"and all goes on").await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_unknown_length_is_stored() {
    let house = House::new().await;
    let token = house.token().await;
    for len in [0, 5, 200_000, 2_000_000] {
        let bytes = noise(len, 7);
        let mut body = Vec::new();
        for piece in bytes.chunks(10_000) {
            body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            body.extend_from_slice(piece);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        let head = "transfer-encoding: chunked\r\nconnection: close";
        let mut stream = begin(&house, &token, head, &body).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let hash = ContentHash::of(&bytes);
        let found = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert!(found.body == bytes);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_and_a_lease_come_with_the_blob() {
    let house = House::new().await;
    let token = house.token().await;
    let path = "/blobs?tag=photos/2026&lease_secs=60";
    let answer = house
        .ask_as(&token, "PUT", path, &[], "bread")
        .await
        .is(201);
    let hash = answer.json::<BlobPutView>().hash;
    let status: BlobStatusView = house
        .get(&token, &format!("/blobs/{hash}/status"))
        .await
        .json();
    assert_eq!(status.tags, ["photos/2026"]);
    assert_eq!(status.lease_until_us, Some(1_800_000_060_000_000));
    for (query, code) in [
        ("tag=%20", "CH-0802"),
        ("tag=a//b", "CH-0802"),
        ("lease_secs=x", "CH-0104"),
        ("lease_secs=99999999999", "CH-0104"),
        ("namespace=Ana", "CH-0802"),
    ] {
        let path = format!("/blobs?{query}");
        let answer = house.ask_as(&token, "PUT", &path, &[], "rye").await;
        assert_eq!(answer.code(), code, "{query}");
    }
    let list: BlobListView = house.get(&token, "/blobs").await.json();
    assert_eq!(list.items.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_is_kept_on_both_sides_of_its_edge() {
    let mut plan = Plan::new();
    plan.config.quota_bytes = 300_000;
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    house.put(&token, &noise(100_000, 1)).await;
    house.put(&token, &noise(200_000, 2)).await;
    for len in [1, 300_001, 2_000_000] {
        let over = house
            .ask_as(&token, "PUT", "/blobs", &[], noise(len, 3))
            .await;
        assert_eq!(over.code(), "CH-0801", "{len}");
    }
    house.put(&token, &noise(100_000, 1)).await;
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_blobs, usage.live_bytes), (2, 300_000));
    assert_eq!(usage.quota_bytes, Some(300_000));
    house.close().await;
}
