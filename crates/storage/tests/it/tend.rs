//! Collections, scrubs, bounds and counts, as a steward asks for them.

use api::{BlobListView, GcView, ScrubView, UsageView};
use serde_json::json;

use crate::harness::{House, noise, until};

/// Collects everything that nothing keeps.
async fn collect(house: &House, token: &str, body: serde_json::Value) -> GcView {
    let answer = house.json(token, "POST", "/blobs/gc", &body).await;
    answer.is(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_takes_what_nothing_keeps_and_a_dry_run_only_tells() {
    let house = House::new().await;
    let token = house.token().await;
    let nothing = collect(&house, &token, json!({})).await;
    assert_eq!((nothing.kept_blobs, nothing.trashed_blobs), (0, 0));
    let kept = house.put(&token, b"kept").await;
    let body = json!({ "hash": kept.to_string() });
    house
        .json(&token, "PUT", "/blobs/tags/a", &body)
        .await
        .is(200);
    let leased = house.put(&token, b"leased").await;
    let path = format!("/blobs/{leased}/lease");
    house
        .json(&token, "PUT", &path, &json!({ "secs": 3_000 }))
        .await
        .is(200);
    let garbage = house.put(&token, &noise(2_000, 1)).await;
    let now = json!({ "grace_secs": 0, "trash_secs": 500 });
    let young = collect(&house, &token, json!({})).await;
    assert_eq!(young.trashed_blobs, 0, "what was just stored is left alone");
    let dry = json!({ "dry_run": true, "grace_secs": 0, "trash_secs": 500 });
    let told = collect(&house, &token, dry).await;
    assert!(told.is_dry_run);
    assert_eq!(
        (told.trashed_blobs, told.trashed_bytes, told.kept_blobs),
        (1, 2_000, 2)
    );
    house
        .get(&token, &format!("/blobs/{garbage}"))
        .await
        .is(200);
    let done = collect(&house, &token, now.clone()).await;
    assert_eq!(
        (done.trashed_blobs, done.trashed_bytes, done.removed_blobs),
        (1, 2_000, 0)
    );
    let path = format!("/blobs/{garbage}");
    assert_eq!(house.get(&token, &path).await.code(), "CH-0105");
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_blobs, usage.trash_bytes), (2, 2_000));
    house.wait(500);
    let purged = collect(&house, &token, now).await;
    assert_eq!((purged.removed_blobs, purged.removed_bytes), (1, 2_000));
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_blobs, usage.trash_bytes), (2, 0));
    let list: BlobListView = house.get(&token, "/blobs").await.json();
    assert_eq!(list.items.len(), 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_set_and_taken_back() {
    let house = House::new().await;
    let token = house.token().await;
    let set = |bytes_max: Option<u64>| {
        let (house, token) = (&house, &token);
        async move {
            let body = json!({ "bytes_max": bytes_max });
            let answer = house.json(token, "PUT", "/blobs/quota", &body).await;
            answer.is(200).json::<UsageView>().quota_bytes
        }
    };
    assert_eq!(set(Some(10)).await, Some(10));
    house.put(&token, &[0; 10]).await;
    let over = house.ask_as(&token, "PUT", "/blobs", &[], "x").await;
    assert_eq!(over.code(), "CH-0801");
    assert_eq!(set(None).await, None);
    house.put(&token, b"x").await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_reads_everything_and_says_so() {
    let house = House::new().await;
    let token = house.token().await;
    for seed in 0..5 {
        house.put(&token, &noise(10_000, seed)).await;
    }
    house.put(&token, &noise(1_500_000, 9)).await;
    let before: ScrubView = house.get(&token, "/blobs/scrub").await.is(200).json();
    assert_eq!((before.is_running, before.ended_at_us), (false, None));
    let body = json!({ "bytes_per_sec": 1_000_000_000_u64, "restart": true });
    house
        .json(&token, "POST", "/blobs/scrub", &body)
        .await
        .is(202);
    let accept = [("accept", "text/event-stream")];
    let told = house
        .ask_as(&token, "GET", "/blobs/scrub", &accept, "")
        .await
        .is(200);
    assert_eq!(
        told.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
    assert!(
        told.text().starts_with("event: scrub\ndata: {"),
        "{}",
        told.text()
    );
    assert!(
        told.text().contains("\"is_running\":false"),
        "the stream ends with the scrub"
    );
    let view: ScrubView = house.get(&token, "/blobs/scrub").await.json();
    assert_eq!((view.checked_blobs, view.checked_bytes), (6, 1_550_000));
    assert_eq!((view.damaged.len(), view.fault.as_str()), (0, ""));
    assert!(view.ended_at_us.is_some());
    let folder = house.close().await;
    let house = House::open(crate::harness::Plan::at(folder)).await.unwrap();
    let token = house.token().await;
    let again: ScrubView = house.get(&token, "/blobs/scrub").await.json();
    assert_eq!(again.ended_at_us, view.ended_at_us, "it is remembered");
    house
        .ask_as(&token, "DELETE", "/blobs/scrub", &[], "")
        .await
        .is(204);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_scrub_can_be_stopped() {
    let house = House::new().await;
    let token = house.token().await;
    for seed in 0..4 {
        house.put(&token, &noise(100_000, seed)).await;
    }
    let body = json!({ "bytes_per_sec": 1_000 });
    house
        .json(&token, "POST", "/blobs/scrub", &body)
        .await
        .is(202);
    let view: ScrubView = house.get(&token, "/blobs/scrub").await.json();
    assert!(view.is_running);
    house
        .json(&token, "POST", "/blobs/scrub", &body)
        .await
        .is(202);
    house
        .ask_as(&token, "DELETE", "/blobs/scrub", &[], "")
        .await
        .is(204);
    until("it has stopped", async || {
        let view: ScrubView = house.get(&token, "/blobs/scrub").await.json();
        !view.is_running && view.ended_at_us.is_none()
    })
    .await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_counted() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = house.put(&token, &noise(1_000, 1)).await;
    house.get(&token, &format!("/blobs/{hash}")).await.is(200);
    house.get(&token, "/blobs/nonsense").await.is(400);
    until("the engine's counts are copied", async || {
        let metrics = house.metrics();
        [
            "storage_requests_total{kind=\"put\",outcome=\"answered\"} 1",
            "storage_requests_total{kind=\"get\",outcome=\"answered\"} 1",
            "storage_requests_total{kind=\"get\",outcome=\"refused\"} 1",
            "storage_received_bytes_total 1000",
            "storage_sent_bytes_total 1000",
            "storage_blob_bytes{room=\"live\"} 1000",
            "storage_blobs_count{room=\"live\"} 1",
            "storage_queue_blobs 1",
        ]
        .iter()
        .all(|line| metrics.contains(line))
            && !metrics.contains("storage_syncs_total 0")
            && !metrics.contains("storage_sync_records_total 0")
    })
    .await;
    house.close().await;
}
