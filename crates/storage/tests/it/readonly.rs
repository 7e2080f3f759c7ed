//! A file system that takes no changes any more: writes say so, reads go on, and the process goes on when it takes them again.

use std::io::ErrorKind;
use std::sync::Arc;

use api::ProblemView;
use base::ContentHash;
use disk::{Disk, FaultyDisk};

use crate::harness::{Answer, House, Plan, noise};
use crate::tus::{begin, head, patch};

/// How many operations are refused; more than this test makes.
const REFUSED: u64 = 5_000;

fn says_so(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text());
    let view: ProblemView = answer.json();
    assert_eq!(view.code, "CH-0812", "{what}: {}", view.detail);
    assert!(
        view.detail
            .contains("the file system of the node takes no changes"),
        "{what}: {}",
        view.detail
    );
    assert!(!answer.header("retry-after").is_empty(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_say_that_the_disk_takes_no_changes_and_reads_go_on() {
    let disk = FaultyDisk::new(1);
    let plan = Plan {
        disk: Some(Arc::new(disk.clone()) as Arc<dyn Disk>),
        ..Plan::new()
    };
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    let small = house.put(&token, &noise(50_000, 1)).await;
    let large = house.put(&token, &noise(2_000_000, 2)).await;
    let open = begin(&house, &token, 1_500_000).await;
    patch(&house, &token, &open, 0, &noise(500_000, 3))
        .await
        .is(204);
    let first = disk.operations() + 1;
    for operation in first..first + REFUSED {
        disk.fail_at(operation, ErrorKind::ReadOnlyFilesystem);
    }
    let put = async |len: usize| {
        let bytes = noise(len, 9);
        house.ask_as(&token, "PUT", "/blobs", &[], bytes).await
    };
    for len in [0, 1_000, 100_000, 2_000_000] {
        says_so(&put(len).await, &format!("a put of {len} bytes"));
    }
    let piece = patch(&house, &token, &open, 500_000, &noise(600_000, 4)).await;
    says_so(&piece, "a piece");
    let headers = [("tus-resumable", "1.0.0"), ("upload-length", "9")];
    let create = house
        .ask_as(&token, "POST", "/blobs/uploads", &headers, "")
        .await;
    says_so(&create, "a creation");
    let kind = [("content-type", "application/json")];
    let tag = format!("{{\"schema_version\":1,\"hash\":\"{small}\"}}");
    let tagged = house
        .ask_as(&token, "PUT", "/blobs/tags/a", &kind, tag)
        .await;
    says_so(&tagged, "a tag");
    let trashed = house
        .ask_as(&token, "DELETE", &format!("/blobs/{small}"), &[], "")
        .await;
    says_so(&trashed, "a blob that is taken away");
    for hash in [small, large] {
        let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert_eq!(ContentHash::of(&blob.body), hash);
    }
    house.get(&token, "/blobs").await.is(200);
    house.get(&token, "/blobs/usage").await.is(200);
    house.get(&token, "/ready").await.is(200);
    assert!(!house.blobs.is_poisoned());
    assert!(disk.operations() < first + REFUSED, "all of it was refused");
    disk.calm();
    let offset = head(&house, &token, &open).await.is(200);
    assert_eq!(offset.header("upload-offset"), "500000");
    patch(&house, &token, &open, 500_000, &noise(1_000_000, 4))
        .await
        .is(204);
    put(1_000).await.is(201);
    put(2_000_000).await.is(201);
    house.close().await;
}
