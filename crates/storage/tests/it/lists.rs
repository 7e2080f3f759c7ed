//! Which blobs there are: pages, prefixes, batches, usage, the queue.

use api::{BlobListView, HaveRequest, HaveView, QueueView, SCHEMA_VERSION, UsageView};

use crate::harness::{House, noise};

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_where_the_one_before_ended() {
    let house = House::new().await;
    let token = house.token().await;
    let mut hashes = Vec::new();
    for number in 0..25_u8 {
        hashes.push(house.put(&token, &[number]).await.to_string());
    }
    hashes.sort();
    let mut found = Vec::new();
    let mut path = "/blobs?limit=10".to_owned();
    let mut pages = Vec::new();
    loop {
        let view: BlobListView = house.get(&token, &path).await.is(200).json();
        pages.push(view.items.len());
        for item in &view.items {
            assert_eq!((item.bytes, item.tier.as_str()), (1, "accepted"));
            assert_eq!(item.accepted_at_us, 1_800_000_000_000_000);
        }
        found.extend(view.items.into_iter().map(|item| item.hash));
        let Some(next) = view.next else { break };
        path = format!("/blobs?limit=10&after={next}");
    }
    assert_eq!((found, pages), (hashes.clone(), vec![10, 10, 5]));
    let whole: BlobListView = house.get(&token, "/blobs?limit=25").await.json();
    assert_eq!(
        (whole.items.len(), whole.next),
        (25, None),
        "a full last page has no next"
    );
    for prefix in ["0", "6e", "f", &hashes[7]] {
        let path = format!("/blobs?prefix={prefix}&limit=3");
        let view: BlobListView = house.get(&token, &path).await.json();
        let expect: Vec<&String> = hashes
            .iter()
            .filter(|hash| hash.starts_with(prefix))
            .collect();
        let found: Vec<String> = view.items.into_iter().map(|item| item.hash).collect();
        assert_eq!(
            found.iter().collect::<Vec<_>>(),
            expect[..expect.len().min(3)],
            "{prefix}"
        );
        assert_eq!(view.next.is_some(), expect.len() > 3, "{prefix}");
    }
    for (query, code) in [
        ("prefix=xyz", "CH-0104"),
        ("after=xyz", "CH-0103"),
        ("limit=x", "CH-0104"),
        ("limit=0", "CH-0104"),
        ("damaged=2", "CH-0104"),
    ] {
        let answer = house.get(&token, &format!("/blobs?{query}")).await;
        assert_eq!(answer.code(), code, "{query}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_tells_in_order_what_is_there_up_to_its_bound() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = house.put(&token, b"bread").await.to_string();
    let ask = |hashes: Vec<String>| {
        let (house, token) = (&house, &token);
        async move {
            let request = HaveRequest {
                schema_version: SCHEMA_VERSION,
                hashes,
            };
            house.json(token, "POST", "/blobs/have", &request).await
        }
    };
    let other = "0".repeat(64);
    let mut hashes = vec![other.clone(), hash.clone(), format!("sha256-{hash}")];
    let view: HaveView = ask(hashes.clone()).await.is(200).json();
    assert_eq!(view.have, [false, true, true]);
    hashes.resize(1_024, other.clone());
    let view: HaveView = ask(hashes.clone()).await.is(200).json();
    assert_eq!(view.have.iter().filter(|have| **have).count(), 2);
    hashes.push(other);
    assert_eq!(ask(hashes).await.code(), "CH-0112");
    assert_eq!(ask(vec!["x".to_owned()]).await.code(), "CH-0101");
    assert!(ask(vec![]).await.is(200).json::<HaveView>().have.is_empty());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_exact_and_the_queue_is_newest_first() {
    let house = House::new().await;
    let token = house.token().await;
    let mut hashes = Vec::new();
    for (number, len) in [10, 70_000, 2_000_000].into_iter().enumerate() {
        let bytes = noise(len, number as u8);
        hashes.push(house.put(&token, &bytes).await.to_string());
        house.put(&token, &bytes).await;
        house.wait(1);
    }
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_blobs, usage.live_bytes), (3, 2_070_010));
    assert_eq!(
        (usage.trash_bytes, usage.upload_bytes, usage.quota_bytes),
        (0, 0, None)
    );
    let store = usage.store.expect("a writer runs the node");
    assert_eq!((store.live_blobs, store.queue_blobs), (3, 3));
    assert_eq!(store.large_bytes, 2_000_000);
    assert_eq!(store.queue_oldest_us, Some(1_800_000_000_000_000));
    hashes.reverse();
    let mut found = Vec::new();
    let mut path = "/blobs/queue?limit=2".to_owned();
    loop {
        let view: QueueView = house.get(&token, &path).await.is(200).json();
        assert_eq!(view.total, 3);
        found.extend(view.items.into_iter().map(|item| item.hash));
        let Some(next) = view.next else { break };
        path = format!("/blobs/queue?limit=2&after={next}");
    }
    assert_eq!(found, hashes);
    for list in ["queue", "tags"] {
        let none = house.get(&token, &format!("/blobs/{list}?limit=0")).await;
        assert_eq!(none.code(), "CH-0104", "{list}");
    }
    let wrong = house.get(&token, "/blobs/queue?after=x").await;
    assert_eq!(wrong.code(), "CH-0103");
    house.close().await;
}
