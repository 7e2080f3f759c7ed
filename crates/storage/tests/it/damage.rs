//! Blobs that rot on the disk: told as what they are until they are stored again, and never given out.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::{BlobListView, BlobStatusView, ScrubView, StoreUsageView, UsageView};
use base::ContentHash;
use disk::{Disk, Faults, FaultyDisk};
use serde_json::json;

use crate::harness::{House, Plan, noise, until};

/// Turns over a bit of the byte at `index` of bytes that lie in some file below a folder.
fn flip(folder: &Path, bytes: &[u8], index: usize) {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let held = fs::read(&path).unwrap();
            let first = &bytes[..32];
            let place = held.windows(32).position(|window| window == first);
            if let Some(place) = place {
                let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                let place = place + index;
                file.write_all_at(&[held[place] ^ 4], place as u64).unwrap();
                return;
            }
        }
    }
    panic!("the bytes lie nowhere");
}

/// Scrubs everything and returns what was told at the end.
async fn scrub(house: &House, token: &str) -> ScrubView {
    let body = json!({ "bytes_per_sec": 0, "restart": true });
    let begun = house.json(token, "POST", "/blobs/scrub", &body).await;
    begun.is(202);
    until("the scrub has ended", async || {
        let view: ScrubView = house.get(token, "/blobs/scrub").await.json();
        !view.is_running
    })
    .await;
    house.get(token, "/blobs/scrub").await.is(200).json()
}

async fn usage(house: &House, token: &str) -> (UsageView, StoreUsageView) {
    let mut usage: UsageView = house.get(token, "/blobs/usage").await.is(200).json();
    let store = usage.store.take().expect("a writer runs the node");
    (usage, store)
}

/// Every way to ask for the bytes is told that they are damaged.
async fn check_damaged(house: &House, token: &str, hash: &ContentHash) {
    let path = format!("/blobs/{hash}");
    for headers in [&[][..], &[("range", "bytes=0-9")]] {
        let answer = house.ask_as(token, "GET", &path, headers, "").await.is(500);
        assert_eq!(answer.code(), "CH-0403");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.text().contains(&hash.to_string()));
        assert!(answer.headers.get("etag").is_none());
    }
    let head = house.ask_as(token, "HEAD", &path, &[], "").await.is(500);
    assert_eq!(head.header("cache-control"), "no-store");
    let status = house.get(token, &format!("{path}/status")).await.is(200);
    assert!(status.json::<BlobStatusView>().is_damaged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_blob_is_a_fault_with_its_hash_until_it_is_stored_again() {
    for len in [700, 40_000, 700_000, 1_500_000] {
        let house = House::new().await;
        let token = house.token().await;
        let bytes = noise(len, 1);
        let hash = house.put(&token, &bytes).await;
        let other = house.put(&token, &noise(500, 2)).await;
        flip(house.folder.path(), &bytes, 17);
        check_damaged(&house, &token, &hash).await;
        // It is counted and listed, and nothing else is.
        let (own, store) = usage(&house, &token).await;
        assert_eq!((own.damaged_blobs, own.damaged_bytes), (1, len as u64));
        assert_eq!((store.damaged_blobs, own.live_blobs), (1, 1));
        let list: BlobListView = house.get(&token, "/blobs").await.is(200).json();
        assert_eq!((list.damaged_blobs, list.items.len()), (1, 1));
        assert_eq!(list.items[0].hash, other.to_string());
        let list = house.get(&token, "/blobs?damaged=1").await.is(200);
        let list: BlobListView = list.json();
        assert_eq!(list.items.len(), 1);
        assert_eq!(list.items[0].hash, hash.to_string());
        assert!(list.items[0].is_damaged && list.next.is_none());
        until("metrics tell of it", async || {
            let metrics = house.metrics();
            metrics.contains("storage_blobs_count{room=\"damaged\"} 1")
        })
        .await;
        for _ in 0..2 {
            let view = scrub(&house, &token).await;
            assert_eq!(view.damaged, [hash.to_string()]);
            assert_eq!(view.fault, "");
        }
        // After a restart it is known, too.
        let folder = house.close().await;
        let house = House::open(Plan::at(folder)).await.unwrap();
        let token = house.token().await;
        check_damaged(&house, &token, &hash).await;
        let healed = house.ask_as(&token, "PUT", "/blobs", &[], bytes.clone());
        healed.await.is(201);
        let answer = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert!(answer.body == bytes);
        assert_eq!(usage(&house, &token).await.0.damaged_blobs, 0);
        let view = scrub(&house, &token).await;
        assert!(view.damaged.is_empty() && view.faults.is_empty());
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_tells_what_it_finds_before_anybody_asks_and_what_it_mends() {
    let house = House::new().await;
    let token = house.token().await;
    let (small, large) = (noise(3_000, 1), noise(1_500_000, 2));
    let hash = house.put(&token, &small).await;
    let kept = house.put(&token, &large).await;
    flip(house.folder.path(), &small, 5);
    let mut groups = Vec::from(b"CHgrps\x00\x01");
    groups.extend_from_slice(kept.as_bytes());
    flip(house.folder.path(), &groups, 100);
    let view = scrub(&house, &token).await;
    assert_eq!(view.damaged, [hash.to_string()]);
    assert_eq!(view.mended, [format!("the groups of blob {kept}")]);
    assert_eq!((view.faults.len(), view.checked_blobs), (0, 2));
    let view = scrub(&house, &token).await;
    assert_eq!(view.damaged, [hash.to_string()], "each time");
    assert!(view.mended.is_empty(), "once");
    // What is taken away is not damaged any more.
    let path = format!("/blobs/{hash}");
    house.ask_as(&token, "DELETE", &path, &[], "").await.is(204);
    assert_eq!(house.get(&token, &path).await.code(), "CH-0105");
    assert!(scrub(&house, &token).await.damaged.is_empty());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_range_that_is_asked_for_is_told_before_the_answer_begins() {
    let house = House::new().await;
    let token = house.token().await;
    let bytes = noise(1_500_000, 1);
    let hash = house.put(&token, &bytes).await;
    flip(house.folder.path(), &bytes, 1_000_000);
    let path = format!("/blobs/{hash}");
    let sound = [("range", "bytes=0-99")];
    let answer = house.ask_as(&token, "GET", &path, &sound, "").await.is(206);
    assert!(answer.body == bytes[..100]);
    let hurt = [("range", "bytes=999990-1000010")];
    let answer = house.ask_as(&token, "GET", &path, &hurt, "").await.is(500);
    assert_eq!(answer.code(), "CH-0403");
    check_damaged(&house, &token, &hash).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_a_blob_is_not_told_that_it_is_damaged() {
    let house = House::new().await;
    let token = house.token().await;
    let bytes = noise(3_000, 1);
    let hash = house.put(&token, &bytes).await;
    flip(house.folder.path(), &bytes, 9);
    let path = format!("/blobs/{hash}");
    house.get(&token, &path).await.is(500);
    let answer = house.ask("GET", &path, &[], "").await.is(404);
    assert_eq!(answer.code(), "CH-0105");
    let elsewhere = format!("{path}?namespace=community");
    assert_eq!(house.get(&token, &elsewhere).await.code(), "CH-0105");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_memory_is_answered_without_the_disk() {
    let disk = FaultyDisk::new(1);
    let plan = Plan {
        disk: Some(Arc::new(disk.clone()) as Arc<dyn Disk>),
        ..Plan::new()
    };
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    for len in [500, 40_000] {
        let bytes = noise(len, 1);
        let hash = house.put(&token, &bytes).await;
        let path = format!("/blobs/{hash}");
        let status = house.get(&token, &format!("{path}/status")).await;
        let status: BlobStatusView = status.is(200).json();
        let first = house.get(&token, &path).await.is(200);
        disk.set_faults(Faults {
            read_permille: 1_000,
            ..Faults::default()
        });
        let again = house.get(&token, &path).await.is(200);
        assert!(again.body == bytes);
        for name in ["etag", "x-blake3", "x-tier", "repr-digest", "cache-control"] {
            assert!(!first.header(name).is_empty());
            assert_eq!(first.header(name), again.header(name), "{name}");
        }
        assert_eq!(again.header("x-blake3"), status.blake3);
        let part = [("range", "bytes=5-9")];
        let part = house.ask_as(&token, "GET", &path, &part, "").await.is(206);
        assert!(part.body == bytes[5..10]);
        disk.set_faults(Faults::default());
        house.ask_as(&token, "DELETE", &path, &[], "").await.is(204);
        assert_eq!(house.get(&token, &path).await.code(), "CH-0105");
    }
    house.close().await;
}
