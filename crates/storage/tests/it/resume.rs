//! Uploads go on after whatever broke them off: a connection, another sender, the end of the process.

use std::sync::Arc;

use base::ContentHash;
use disk::{Disk, FaultyDisk};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{House, Plan, noise, until};
use crate::tus::{begin, create, head, patch};

/// Sends the head of a piece and some of its bytes, and keeps the connection.
async fn send(
    house: &House,
    token: &str,
    path: &str,
    offset: usize,
    len: usize,
    bytes: &[u8],
) -> TcpStream {
    let mut stream = house.connect().await;
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nhost: storage.test\r\nauthorization: Bearer {token}\r\ntus-resumable: 1.0.0\r\ncontent-type: application/offset+octet-stream\r\nupload-offset: {offset}\r\ncontent-length: {len}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

async fn offset(house: &House, token: &str, path: &str) -> usize {
    let answer = head(house, token, path).await.is(200);
    answer.header("upload-offset").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_connection_broke_counts() {
    let house = House::new().await;
    let token = house.token().await;
    let bytes = noise(1_000_000, 1);
    let path = begin(&house, &token, bytes.len()).await;
    drop(send(&house, &token, &path, 0, bytes.len(), &bytes[..600_000]).await);
    until("what came is acknowledged", async || {
        offset(&house, &token, &path).await > 0
    })
    .await;
    let from = offset(&house, &token, &path).await;
    assert!(from <= 600_000);
    let last = patch(&house, &token, &path, from, &bytes[from..])
        .await
        .is(204);
    assert_eq!(
        last.header("x-blob-hash"),
        ContentHash::of(&bytes).to_string()
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sender_waits_until_the_first_is_silent_for_long() {
    let house = House::new().await;
    let token = house.token().await;
    let bytes = noise(600_000, 1);
    let path = begin(&house, &token, bytes.len()).await;
    let mut first = send(&house, &token, &path, 0, bytes.len(), &bytes[..300_000]).await;
    until("the first one is heard", async || {
        let second = patch(&house, &token, &path, 0, &bytes).await;
        assert!(
            second.status == 423 || second.status == 204,
            "{}",
            second.text()
        );
        if second.status == 204 {
            return true;
        }
        assert_eq!(second.code(), "CH-0807");
        assert_eq!(second.header("retry-after"), "5");
        // Whoever says nothing for so long is taken over from.
        house.wait(31);
        false
    })
    .await;
    let done = head(&house, &token, &path).await;
    assert_eq!(
        done.header("x-blob-hash"),
        ContentHash::of(&bytes).to_string()
    );
    let rest = noise(300_000, 9);
    first.write_all(&rest).await.unwrap();
    let mut answer = vec![0; 4_096];
    let len = first.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..len]);
    assert!(answer.starts_with("HTTP/1.1 423"), "{answer}");
    let hash = ContentHash::of(&bytes);
    let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
    assert!(blob.body == bytes);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_a_restart_and_what_it_became_is_still_told() {
    let house = House::new().await;
    let token = house.token().await;
    let bytes = noise(500_000, 1);
    let half = begin(&house, &token, bytes.len()).await;
    patch(&house, &token, &half, 0, &bytes[..200_001])
        .await
        .is(204);
    let deferred = create(&house, &token, &[("upload-defer-length", "1")]).await;
    patch(&house, &token, &deferred, 0, b"abc").await.is(204);
    let whole = begin(&house, &token, 3).await;
    let became = patch(&house, &token, &whole, 0, b"xyz").await;
    let became = became.header("x-blob-hash").to_owned();
    let folder = house.close().await;
    let house = House::open(Plan::at(folder)).await.unwrap();
    let token = house.token().await;
    assert_eq!(offset(&house, &token, &half).await, 200_001);
    assert_eq!(offset(&house, &token, &deferred).await, 3);
    assert_eq!(
        head(&house, &token, &whole).await.header("x-blob-hash"),
        became
    );
    let last = patch(&house, &token, &half, 200_001, &bytes[200_001..])
        .await
        .is(204);
    assert_eq!(
        last.header("x-blob-hash"),
        ContentHash::of(&bytes).to_string()
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_cut_at_any_point_what_was_acknowledged_is_there() {
    let bytes = noise(40_000, 1);
    let hash = ContentHash::of(&bytes).to_string();
    // The power fails at each third operation of the disk, until the upload ends before it does.
    for step in (0_u64..).step_by(3) {
        let disk = FaultyDisk::new(step);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let plan = || Plan {
            disk: Some(Arc::clone(&shared)),
            ..Plan::new()
        };
        let house = House::open(plan()).await.unwrap();
        let token = house.token().await;
        let path = begin(&house, &token, bytes.len()).await;
        let cut = disk.operations() + step;
        disk.crash_at(cut);
        let mut acknowledged = 0;
        let mut is_done = false;
        for piece in [0..10_000, 10_000..25_000, 25_000..40_000] {
            let answer = patch(&house, &token, &path, piece.start, &bytes[piece.clone()]).await;
            if answer.status != 204 {
                break;
            }
            acknowledged = piece.end;
            is_done = answer.header("x-blob-hash") == hash;
        }
        let was_in_time = is_done && disk.operations() < cut;
        house.supervisor.shutdown().request();
        house.supervisor.run().await.unwrap();
        drop(house);
        disk.power_on();
        let house = House::open(plan()).await.unwrap();
        let token = house.token().await;
        let answer = head(&house, &token, &path).await.is(200);
        let found: usize = answer.header("upload-offset").parse().unwrap();
        assert!(
            found >= acknowledged,
            "{step}: {found} of {acknowledged} that were acknowledged"
        );
        if found < bytes.len() {
            let rest = &bytes[found..];
            patch(&house, &token, &path, found, rest).await.is(204);
        }
        let blob = house.get(&token, &format!("/blobs/{hash}")).await;
        assert!(blob.is(200).body == bytes, "{step}");
        house.close().await;
        if was_in_time {
            return;
        }
    }
}
