//! Blobs that rot on the disk under a doorway: told to who may see them, kept by no cache, and healed by a new put.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Request;
use base::{ContentHash, Reach};

use crate::harness::{House, Person, manifest};

/// Turns over a bit of bytes that lie in some file below a folder.
fn flip(folder: &Path, bytes: &[u8]) {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let held = fs::read(&path).unwrap();
            let place = held.windows(32).position(|window| window == &bytes[..32]);
            if let Some(place) = place {
                let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                file.write_all_at(&[held[place + 3] ^ 4], place as u64 + 3)
                    .unwrap();
                return;
            }
        }
    }
    panic!("the bytes lie nowhere");
}

/// Bytes in which each piece differs from the others.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = ContentHash::of(&len.to_le_bytes());
    while bytes.len() < len {
        bytes.extend_from_slice(block.as_bytes());
        block = ContentHash::of(block.as_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_blob_is_a_fault_with_its_hash_until_it_is_stored_again() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let all: Vec<Vec<u8>> = [600, 40_000, 700_000, 1_500_000].map(noise).into();
    for bytes in &all {
        house.put_blob(bytes, &token).await;
        ana.create(&manifest(bytes, "text/plain", Reach::Commons));
    }
    house.publish(&ana).await;
    for bytes in &all {
        let hash = ContentHash::of(bytes);
        let path = format!("/store/{hash}");
        flip(house.folder.path(), bytes);
        for round in 0..2 {
            let answer = house.get(&path).await;
            assert_eq!(answer.status, 500, "{} {round}", bytes.len());
            assert_eq!(answer.code(), "CH-0403");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.text().contains(&hash.to_string()));
            let part = house.get_with(&path, &[("range", "bytes=0-9")]).await;
            assert_eq!(
                (part.status.as_u16(), part.code().as_str()),
                (500, "CH-0403")
            );
            let head = Request::head(&path).body(Body::empty()).unwrap();
            let head = house.send(head).await;
            assert_eq!(head.status, 500);
            assert_eq!(head.header("cache-control"), "no-store");
        }
        assert_eq!(house.blobs.damaged().blobs, 1);
        let healed = house.put_blob(bytes, &token).await;
        assert_eq!(healed.status, 201);
        for _ in 0..2 {
            let answer = house.get(&path).await;
            assert_eq!(answer.status, 200);
            assert!(answer.body == *bytes);
        }
        assert_eq!(house.blobs.damaged().blobs, 0);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_a_blob_is_not_told_that_it_is_damaged() {
    let house = House::new().await;
    let ana = Person::new(1);
    let token = house.token(&ana).await;
    let bytes = noise(5_000);
    house.put_blob(&bytes, &token).await;
    flip(house.folder.path(), &bytes);
    let path = format!("/store/{}", ContentHash::of(&bytes));
    for _ in 0..2 {
        assert_eq!(house.get(&path).await.code(), "CH-0105");
        assert_eq!(house.get_as(&path, &token).await.code(), "CH-0403");
    }
    house.close().await;
}
