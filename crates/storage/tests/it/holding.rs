//! Tags and leases keep blobs, and what nothing keeps can be taken away.

use api::{BlobLeaseView, BlobStatusView, TagListView, TagView, UsageView};
use base::ContentHash;
use serde_json::json;

use crate::harness::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_set_read_moved_listed_and_taken_off() {
    let house = House::new().await;
    let token = house.token().await;
    let (bread, rye) = (
        house.put(&token, b"bread").await,
        house.put(&token, b"rye").await,
    );
    let set = |name: &str, hash: ContentHash| {
        let (house, token, path) = (&house, &token, format!("/blobs/tags/{name}"));
        async move {
            let body = json!({ "hash": hash.to_string() });
            house.json(token, "PUT", &path, &body).await
        }
    };
    let view: TagView = set("photos/2026/may", bread).await.is(200).json();
    assert_eq!(
        (view.name.as_str(), view.hash),
        ("photos/2026/may", bread.to_string())
    );
    let read: TagView = house
        .get(&token, "/blobs/tags/photos/2026/may")
        .await
        .is(200)
        .json();
    assert_eq!(
        (read.hash, read.set_at_us),
        (bread.to_string(), 1_800_000_000_000_000)
    );
    set("photos/2026/may", rye).await.is(200);
    set("photos", bread).await.is(200);
    set("videos", bread).await.is(200);
    let names = |path: &str| {
        let (house, token, path) = (&house, &token, path.to_owned());
        async move {
            let view: TagListView = house.get(token, &path).await.is(200).json();
            let items = view.items.into_iter().map(|tag| (tag.name, tag.hash));
            (items.collect::<Vec<_>>(), view.next)
        }
    };
    let (all, next) = names("/blobs/tags?limit=2").await;
    assert_eq!(
        all,
        [
            ("photos".to_owned(), bread.to_string()),
            ("photos/2026/may".to_owned(), rye.to_string()),
        ]
    );
    let (rest, end) = names(&format!("/blobs/tags?limit=2&after={}", next.unwrap())).await;
    assert_eq!(
        (rest, end),
        (vec![("videos".to_owned(), bread.to_string())], None)
    );
    assert_eq!(names("/blobs/tags?prefix=photos/").await.0.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_taken_off_once_and_has_a_proper_name() {
    let house = House::new().await;
    let token = house.token().await;
    let bread = house.put(&token, b"bread").await;
    let set = |name: &str, hash: ContentHash| {
        let (house, token, path) = (&house, &token, format!("/blobs/tags/{name}"));
        async move {
            let body = json!({ "hash": hash.to_string() });
            house.json(token, "PUT", &path, &body).await
        }
    };
    set("photos/2026/may", bread).await.is(200);
    let path = "/blobs/tags/photos/2026/may";
    house.ask_as(&token, "DELETE", path, &[], "").await.is(204);
    for method in ["DELETE", "GET"] {
        let gone = house.ask_as(&token, method, path, &[], "").await;
        assert_eq!(gone.code(), "CH-0105");
    }
    let nothing = set("photos", ContentHash::of(b"not here")).await;
    assert_eq!(
        nothing.code(),
        "CH-0105",
        "nothing is named that is not there"
    );
    for name in ["a//b", "%20", "a%2F", &"x".repeat(201)] {
        assert_eq!(set(name, bread).await.code(), "CH-0802", "{name}");
    }
    set(&"x".repeat(200), bread).await.is(200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_not_taken_away_and_says_by_what() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = house.put(&token, b"bread").await;
    let path = format!("/blobs/{hash}");
    let lease = format!("{path}/lease");
    house
        .json(
            &token,
            "PUT",
            "/blobs/tags/loaf",
            &json!({ "hash": hash.to_string() }),
        )
        .await
        .is(200);
    let view: BlobLeaseView = house
        .json(
            &token,
            "PUT",
            &lease,
            &json!({ "secs": 60, "holder": "backup" }),
        )
        .await
        .is(200)
        .json();
    assert_eq!(
        (view.holder.as_str(), view.until_us),
        ("backup", 1_800_000_060_000_000)
    );
    let kept = house.ask_as(&token, "DELETE", &path, &[], "").await;
    assert_eq!(kept.code(), "CH-0803");
    assert!(
        kept.text().contains("loaf") && kept.text().contains("backup"),
        "{}",
        kept.text()
    );
    house
        .ask_as(&token, "DELETE", "/blobs/tags/loaf", &[], "")
        .await
        .is(204);
    let kept = house.ask_as(&token, "DELETE", &path, &[], "").await;
    assert_eq!(kept.code(), "CH-0803");
    house
        .json(
            &token,
            "PUT",
            &lease,
            &json!({ "secs": 0, "holder": "backup" }),
        )
        .await
        .is(200);
    house.ask_as(&token, "DELETE", &path, &[], "").await.is(204);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_away_lies_in_the_trash_until_it_is_named_again() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = house.put(&token, b"bread").await;
    let path = format!("/blobs/{hash}");
    house.ask_as(&token, "DELETE", &path, &[], "").await.is(204);
    assert_eq!(house.get(&token, &path).await.code(), "CH-0105");
    let status: BlobStatusView = house
        .get(&token, &format!("{path}/status"))
        .await
        .is(200)
        .json();
    assert!(status.is_trashed);
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_bytes, usage.trash_bytes), (0, 5));
    let again = house.ask_as(&token, "DELETE", &path, &[], "").await;
    assert_eq!(again.code(), "CH-0105");
    house
        .json(
            &token,
            "PUT",
            "/blobs/tags/loaf",
            &json!({ "hash": hash.to_string() }),
        )
        .await
        .is(200);
    assert_eq!(
        house.get(&token, &path).await.is(200).body,
        "bread",
        "a tag brings it back"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_are_bounded_and_end_by_themselves() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = house.put(&token, b"bread").await;
    let lease = format!("/blobs/{hash}/lease");
    for (body, code) in [
        (json!({ "secs": 3_153_600_001_u64 }), "CH-0104"),
        (json!({ "secs": 1, "holder": "x".repeat(1_025) }), "CH-0112"),
        (json!({ "holder": "x" }), "CH-0112"),
    ] {
        let answer = house.json(&token, "PUT", &lease, &body).await;
        assert_eq!(answer.code(), code, "{body}");
    }
    let missing = format!("/blobs/{}/lease", ContentHash::of(b"no"));
    let answer = house
        .json(&token, "PUT", &missing, &json!({ "secs": 1 }))
        .await;
    assert_eq!(answer.code(), "CH-0105");
    let body = json!({ "secs": 60, "holder": "x".repeat(1_024) });
    house.json(&token, "PUT", &lease, &body).await.is(200);
    let status = format!("/blobs/{hash}/status");
    let view: BlobStatusView = house.get(&token, &status).await.json();
    assert_eq!(view.lease_until_us, Some(1_800_000_060_000_000));
    for _ in 0..2 {
        house.wait(31);
        // Whoever writes lets the store see the time pass.
        house.put(&token, b"bread").await;
    }
    let view: BlobStatusView = house.get(&token, &status).await.json();
    assert_eq!((view.lease_until_us, view.leases), (None, vec![]));
    house.close().await;
}
