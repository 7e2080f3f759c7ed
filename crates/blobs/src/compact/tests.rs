//! Compaction: room comes back, and nothing else changes, also for who rebuilds the index from what is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{ContentHash, Timestamp};
use disk::{Disk, FaultyDisk};
use runtime::{Clock, ClockHand};
use storage_core::gc::Holds;
use storage_core::tag::TagName;

use super::*;
use crate::scratch::limits;
use crate::{GcOptions, Limits, Listed, Put};

fn small() -> Limits {
    Limits {
        first_segment_bytes: 64 * 1_024,
        segment_bytes: 64 * 1_024,
        // Each blob must fit into a segment.
        blob_bytes_max: 32 * 1_024,
        checkpoint_after_ms: 3_600_000,
        ..limits()
    }
}

/// Everything counts as worth it.
const ALL: Terms = Terms {
    live_permille_max: 999,
    copied_bytes_max: u64::MAX,
    gain_bytes_min: 1,
    segments_max: 1_000,
};

fn open(disk: &FaultyDisk) -> (Blobs, ClockHand) {
    let (clock, hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
    (
        Blobs::open_on(Arc::new(disk.clone()), small(), clock).unwrap(),
        hand,
    )
}

fn made(number: u64) -> Vec<u8> {
    let len = 500 + (number * 7_919) % 20_000;
    (0..len)
        .map(|index| (index ^ number.wrapping_mul(31)) as u8)
        .collect()
}

/// Purges everything that has no name, at once.
async fn purge(blobs: &Blobs) {
    let terms = storage_core::gc::Terms {
        trash_for: base::Duration::ZERO,
        grace: base::Duration::ZERO,
    };
    for _ in 0..2 {
        let options = GcOptions {
            terms,
            ..GcOptions::default()
        };
        blobs.gc(options).await.unwrap();
    }
}

/// What a store answers.
#[derive(Debug, PartialEq)]
struct Answers {
    listed: Vec<Listed>,
    tags: BTreeMap<String, ContentHash>,
    leased: Vec<usize>,
    usage: storage_core::quota::Usage,
    queue: Vec<(ContentHash, u64)>,
    live_bytes: u64,
}

async fn answers(blobs: &Blobs) -> Answers {
    let listed = blobs.list(None, 1_000).await.unwrap();
    let tags = blobs.tags(None, 1_000, "").await.unwrap();
    let mut leased = Vec::new();
    for listed in &listed {
        leased.push(
            blobs
                .status(&listed.hash)
                .await
                .unwrap()
                .unwrap()
                .leases
                .len(),
        );
        let bytes = blobs.read_small(&listed.hash).unwrap().unwrap();
        assert_eq!(ContentHash::of(&bytes), listed.hash);
    }
    let queue = blobs.queue(None, 1_000).await.unwrap();
    Answers {
        listed,
        tags: tags
            .into_iter()
            .map(|tag| (tag.name.as_str().to_owned(), tag.hash))
            .collect(),
        leased,
        usage: blobs.usage(),
        queue: queue
            .into_iter()
            .map(|queued| (queued.hash, queued.lsn))
            .collect(),
        live_bytes: blobs.tally().log_live_bytes,
    }
}

/// The same without the index.
async fn check_rebuilt(disk: &FaultyDisk, of: &Blobs, expect: &Answers) {
    let copy = disk.copy(3);
    copy.remove(crate::index::FILE).unwrap();
    let (blobs, _hand) = open(&copy);
    assert!(blobs.opening().index_rebuilt.is_some());
    assert_eq!(blobs.core().space().segments, of.core().space().segments);
    assert_eq!(&answers(&blobs).await, expect);
}

#[tokio::test]
async fn room_comes_back_and_answers_stay() {
    let disk = FaultyDisk::new(5);
    let (blobs, _hand) = open(&disk);
    for number in 0..120_u64 {
        let name: TagName = format!("keep/{number}").parse().unwrap();
        let put = Put {
            tag: number.is_multiple_of(6).then_some(name),
            ..Put::default()
        };
        blobs.put_with(made(number).into(), put).await.unwrap();
    }
    // Names that come and go, leases that end, blobs that are touched.
    for number in 0..20 {
        let name: TagName = format!("gone/{number}").parse().unwrap();
        let hash = ContentHash::of(&made(number * 6));
        blobs.tag(&name, &hash, Holds::Blob).await.unwrap();
        blobs
            .lease(&hash, base::Duration::from_secs(90_000), "a", Holds::Blob)
            .await
            .unwrap();
        blobs
            .lease(&hash, base::Duration::from_secs(90_000), "b", Holds::Blob)
            .await
            .unwrap();
        blobs
            .lease(&hash, base::Duration::ZERO, "b", Holds::Blob)
            .await
            .unwrap();
        assert!(blobs.untag(&name).await.unwrap());
    }
    purge(&blobs).await;
    let before = answers(&blobs).await;
    assert_eq!(before.listed.len(), 20);
    assert!(before.usage.dead.bytes > 0);
    check_rebuilt(&disk, &blobs, &before).await;
    let log_before = blobs.tally().log_live_bytes;
    let mut rounds = 0;
    loop {
        let compacted = blobs.compact(&ALL).await.unwrap();
        rounds += 1;
        if compacted.freed_bytes == 0 || rounds == 5 {
            break;
        }
        check_rebuilt(&disk, &blobs, &answers(&blobs).await).await;
    }
    let after = answers(&blobs).await;
    assert_eq!(
        (&after.listed, &after.tags, &after.leased, &after.queue),
        (&before.listed, &before.tags, &before.leased, &before.queue)
    );
    assert_eq!(
        (after.usage.live, after.usage.trash),
        (before.usage.live, before.usage.trash)
    );
    assert_eq!(after.usage.dead.bytes, 0, "what was dead is gone");
    assert!(blobs.tally().log_live_bytes <= log_before);
    let used: u64 = blobs
        .core()
        .log
        .segments()
        .iter()
        .map(|stat| stat.used_bytes)
        .sum();
    assert!(used < log_before * 2 + 200_000, "{used} of {log_before}");
    check_rebuilt(&disk, &blobs, &after).await;
    drop(blobs);
    let (blobs, _hand) = open(&disk);
    assert_eq!(answers(&blobs).await, after);
}

#[tokio::test]
async fn what_was_purged_does_not_come_back() {
    let disk = FaultyDisk::new(6);
    let (blobs, _hand) = open(&disk);
    let hash = blobs.put(made(1).into()).await.unwrap().hash;
    for number in 10..40 {
        let put = Put {
            tag: Some(format!("keep/{number}").parse().unwrap()),
            ..Put::default()
        };
        blobs.put_with(made(number).into(), put).await.unwrap();
    }
    purge(&blobs).await;
    assert!(blobs.status(&hash).await.unwrap().is_none());
    for number in 50..90 {
        blobs.put(made(number).into()).await.unwrap();
    }
    purge(&blobs).await;
    // Only what is nearly empty is emptied: the first segment stays, with the purged blob in it.
    let terms = Terms {
        live_permille_max: 300,
        ..ALL
    };
    for _ in 0..3 {
        blobs.compact(&terms).await.unwrap();
    }
    let expect = answers(&blobs).await;
    check_rebuilt(&disk, &blobs, &expect).await;
    let copy = disk.copy(9);
    copy.remove(crate::index::FILE).unwrap();
    let (rebuilt, _hand) = open(&copy);
    assert!(rebuilt.status(&hash).await.unwrap().is_none());
}
