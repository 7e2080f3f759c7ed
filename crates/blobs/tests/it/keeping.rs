//! Lengths around every edge, quotas, and what an older version left.

use std::sync::Arc;

use base::{Code, ContentHash, Timestamp};
use blobs::{Blobs, Limits, Put, Verdict};
use bytes::Bytes;
use disk::FaultyDisk;
use runtime::{Clock, ReadAt as _};
use storage_core::Sum;
use storage_core::quota::Quota;

use crate::block_on;

/// Segments that hold the largest blob of the log.
const SEGMENT_BYTES: u64 = 2 * 1_024 * 1_024;

fn limits() -> Limits {
    Limits {
        first_segment_bytes: SEGMENT_BYTES,
        segment_bytes: SEGMENT_BYTES,
        checkpoint_after_ms: 3_600_000,
        ..Limits::default()
    }
}

fn open(disk: &FaultyDisk) -> Blobs {
    let (clock, _hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
    Blobs::open_on(Arc::new(disk.clone()), limits(), clock).unwrap()
}

fn made(len: usize) -> Bytes {
    let bytes = (0..len).map(|index| (index % 247) as u8 ^ (index / 999) as u8);
    bytes.collect::<Vec<u8>>().into()
}

async fn check_read(blobs: &Blobs, hash: &ContentHash, expect: &Bytes) {
    let blob = blobs.get(hash).await.unwrap().unwrap();
    let mut read = vec![0; expect.len()];
    let mut filled = 0;
    while filled < read.len() {
        filled += blob.read_at(filled as u64, &mut read[filled..]).unwrap();
    }
    assert!(read == expect[..], "{}", expect.len());
    let small = blobs.read_small(hash).unwrap();
    assert_eq!(small.is_some(), expect.len() <= 1_048_576);
    assert!(small.is_none_or(|small| small == expect));
}

#[test]
fn lengths_around_every_edge_come_back() {
    let disk = FaultyDisk::new(1);
    let edges = [16 * 1_024, 64 * 1_024, 256 * 1_024, 1_024 * 1_024];
    let around = edges
        .into_iter()
        .flat_map(|edge| [edge - 1, edge, edge + 1]);
    let lengths: Vec<usize> = [0, 1, 2].into_iter().chain(around).collect();
    for is_restarted in [false, true] {
        let blobs = open(&disk);
        block_on(async {
            for len in &lengths {
                let bytes = made(*len);
                let stored = blobs.put(bytes.clone()).await.unwrap();
                assert_eq!(stored.is_new, !is_restarted, "{len}");
                assert_eq!(stored.hash, ContentHash::of(&bytes));
                let status = blobs.status(&stored.hash).await.unwrap().unwrap();
                assert_eq!(
                    status.blake3,
                    Some(*blake3::hash(&bytes).as_bytes()),
                    "{len}"
                );
                check_read(&blobs, &stored.hash, &bytes).await;
                assert_eq!(blobs.verify(&stored.hash).await.unwrap(), Verdict::Whole);
            }
        });
    }
}

#[test]
fn records_that_end_near_the_end_of_a_segment_come_back() {
    let disk = FaultyDisk::new(1);
    let mut hashes = Vec::new();
    let put_all = |blobs: &Blobs, hashes: &mut Vec<(ContentHash, usize)>| {
        block_on(async {
            // Two of them, with their heads and groups, fill a segment to the last bytes, or the second just does not fit.
            for len in 1_045_900..1_045_918 {
                hashes.push((blobs.put(made(len)).await.unwrap().hash, len));
                let second = made(len + 1_000);
                hashes.push((blobs.put(second).await.unwrap().hash, len + 1_000));
            }
        });
    };
    put_all(&open(&disk), &mut hashes);
    let blobs = open(&disk);
    block_on(async {
        for (hash, len) in &hashes {
            check_read(&blobs, hash, &made(*len)).await;
        }
    });
}

#[test]
fn a_quota_holds_on_both_sides_of_the_edge() {
    let disk = FaultyDisk::new(1);
    {
        let blobs = open(&disk);
        block_on(async {
            let class = blobs.within(&"class-4b".parse().unwrap()).await.unwrap();
            let quota = Quota {
                bytes_max: Some(3_000_000),
                blobs_max: Some(4),
            };
            class.set_quota(quota).await.unwrap();
            class.put(made(1_000_000)).await.unwrap();
            let error = class.put(made(2_000_001)).await.unwrap_err();
            assert_eq!(error.code(), Code::QuotaReached, "{error}");
            let mut upload = class.upload(None).await.unwrap();
            upload.write(made(1_900_000)).await.unwrap();
            assert_eq!(
                class.put(made(100_001)).await.unwrap_err().code(),
                Code::QuotaReached
            );
            upload.write(made(100_000)).await.unwrap();
            assert_eq!(
                upload.write(made(300_000)).await.unwrap_err().code(),
                Code::QuotaReached
            );
            drop(upload);
            let whole = class.put(made(2_000_000)).await.unwrap().hash;
            assert_eq!(
                class.put(made(1)).await.unwrap_err().code(),
                Code::QuotaReached
            );
            assert!(
                !class.put(made(1_000_000)).await.unwrap().is_new,
                "it is there already"
            );
            // What lies in the trash still counts; nobody else is concerned.
            assert!(class.trash(&whole).await.unwrap());
            assert_eq!(
                class.put(made(1)).await.unwrap_err().code(),
                Code::QuotaReached
            );
            blobs.put(made(1)).await.unwrap();
            assert_eq!(class.usage().live, Sum::of(1_000_000));
            assert_eq!(class.usage().trash, Sum::of(2_000_000));
            assert_eq!(class.usage().reserved, Sum::ZERO);
        });
    }
    let blobs = open(&disk);
    block_on(async {
        let class = blobs.within(&"class-4b".parse().unwrap()).await.unwrap();
        assert_eq!(class.quota().blobs_max, Some(4));
        let room = Quota {
            bytes_max: None,
            blobs_max: Some(4),
        };
        class.set_quota(room).await.unwrap();
        class.put(made(3)).await.unwrap();
        class.put(made(4)).await.unwrap();
        assert_eq!(
            class.put(made(5)).await.unwrap_err().code(),
            Code::QuotaReached
        );
    });
}

#[test]
fn a_wrong_hash_names_nothing() {
    let blobs = open(&FaultyDisk::new(1));
    block_on(async {
        let put = Put {
            expected: Some(ContentHash::of(b"other")),
            tag: Some("t".parse().unwrap()),
            ..Put::default()
        };
        for len in [10, 200_000, 1_500_000] {
            let error = blobs.put_with(made(len), put.clone()).await.unwrap_err();
            assert_eq!(error.code(), Code::DigestMismatch);
        }
        assert!(blobs.tags(None, 10, "").await.unwrap().is_empty());
        assert_eq!(blobs.blobs_total(), 0);
    });
}

#[test]
fn blobs_of_the_older_format_are_taken_over() {
    let outer = tempfile::tempdir().unwrap();
    let mut expect = Vec::new();
    for len in [0, 10, 300_000, 1_500_000] {
        let bytes = made(len);
        let hash = ContentHash::of(&bytes).to_string();
        let folder = outer.path().join(&hash[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(&hash[2..]), &bytes).unwrap();
        expect.push(bytes);
    }
    let damaged = ContentHash::of(b"something else").to_string();
    let folder = outer.path().join(&damaged[..2]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(&damaged[2..]), b"damaged").unwrap();
    for _ in 0..2 {
        let blobs = Blobs::open(outer.path(), limits()).unwrap();
        block_on(async {
            for bytes in &expect {
                check_read(&blobs, &ContentHash::of(bytes), bytes).await;
            }
        });
        assert_eq!(blobs.blobs_total(), 4);
        assert!(!folder.join(&damaged[2..]).exists());
        assert!(outer.path().join("damaged").join(&damaged).exists());
    }
}
