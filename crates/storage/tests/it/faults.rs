//! A world that is wrong: full disks, disks that take nothing, folders that are taken or too new.

use std::sync::Arc;

use api::{BlobListView, UsageView};
use base::Code;
use disk::{Disk, Faults, FaultyDisk};

use crate::harness::{House, Plan, noise};
use crate::tus::{begin, head, patch};

fn on(disk: &FaultyDisk) -> Plan {
    Plan {
        disk: Some(Arc::new(disk.clone()) as Arc<dyn Disk>),
        ..Plan::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_leaves_everything_usable() {
    let disk = FaultyDisk::new(1);
    let house = House::open(on(&disk)).await.unwrap();
    let token = house.token().await;
    let kept = house.put(&token, &noise(50_000, 1)).await;
    let path = begin(&house, &token, 3_000_000).await;
    patch(&house, &token, &path, 0, &noise(300_000, 2))
        .await
        .is(204);
    let full = disk.free_bytes().unwrap();
    disk.set_faults(Faults {
        capacity_bytes: Some(1),
        ..Faults::default()
    });
    assert!(disk.free_bytes().unwrap() < full);
    for len in [2_000_000, 3_000_000] {
        let put = house
            .ask_as(&token, "PUT", "/blobs", &[], noise(len, 3))
            .await;
        assert_eq!(put.code(), "CH-0401", "{len}");
    }
    let piece = patch(&house, &token, &path, 300_000, &noise(700_000, 4)).await;
    assert_eq!(piece.code(), "CH-0401");
    let more = [("tus-resumable", "1.0.0"), ("upload-length", "9")];
    let more = house
        .ask_as(&token, "POST", "/blobs/uploads", &more, "")
        .await;
    assert_eq!(more.code(), "CH-0401");
    let blob = house.get(&token, &format!("/blobs/{kept}")).await.is(200);
    assert_eq!(blob.body.len(), 50_000, "readers notice nothing");
    disk.set_faults(Faults::default());
    let list: BlobListView = house.get(&token, "/blobs").await.json();
    assert_eq!(list.items.len(), 1, "no part is visible");
    let offset = head(&house, &token, &path).await.is(200);
    let offset: usize = offset.header("upload-offset").parse().unwrap();
    assert_eq!(offset, 300_000);
    patch(&house, &token, &path, offset, &noise(100_000, 4))
        .await
        .is(204);
    house.put(&token, &noise(2_000_000, 3)).await;
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!(
        (usage.live_bytes, usage.upload_bytes),
        (2_050_000, 3_000_000)
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_nothing_is_acknowledged_and_the_process_ends() {
    let disk = FaultyDisk::new(2);
    let house = House::open(on(&disk)).await.unwrap();
    storage::watch(&house.blobs, &house.supervisor);
    let token = house.token().await;
    house.put(&token, b"before").await;
    disk.set_faults(Faults {
        sync_permille: 1_000,
        ..Faults::default()
    });
    let put = house.ask_as(&token, "PUT", "/blobs", &[], "after").await;
    assert!(
        ["CH-0811", "CH-0402"].contains(&put.code().as_str()),
        "{}",
        put.text()
    );
    let report = house.supervisor.run().await.unwrap();
    assert!(!report.is_clean());
    assert!(
        report.cause.to_string().contains("blob store"),
        "{}",
        report.cause
    );
    assert!(house.blobs.is_poisoned());
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_a_newer_version_are_not_touched() {
    let house = House::new().await;
    let token = house.token().await;
    begin(&house, &token, 10).await;
    let folder = house.close().await;
    let uploads = folder.path().join("state/uploads");
    let lines = "commonhold upload 2\nsomething else\n";
    let sealed = format!(
        "{lines}sha256 {}\n",
        base::ContentHash::of(lines.as_bytes())
    );
    let newer = uploads.join("00.state");
    std::fs::write(&newer, &sealed).unwrap();
    let refused = House::open(Plan::at(Arc::clone(&folder)))
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code, Code::StoreNewer);
    assert_eq!(std::fs::read_to_string(&newer).unwrap(), sealed);
    std::fs::write(&newer, "torn").unwrap();
    let house = House::open(Plan::at(folder)).await.unwrap();
    assert!(!newer.exists(), "what cannot go on is removed");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_bytes_are_lost_is_forgotten() {
    let house = House::new().await;
    let token = house.token().await;
    let path = begin(&house, &token, 10).await;
    patch(&house, &token, &path, 0, b"abcdef").await.is(204);
    let folder = house.close().await;
    let id = path.rsplit('/').next().unwrap();
    let bytes = folder.path().join(format!("state/uploads/{id}.part"));
    std::fs::write(&bytes, "abc").unwrap();
    let house = House::open(Plan::at(folder)).await.unwrap();
    let token = house.token().await;
    assert_eq!(head(&house, &token, &path).await.status, 404);
    house.close().await;
}
