//! Damage is told wherever a blob is asked for, stays known, and ends with a new put or with the trash.

use std::sync::Arc;

use base::Timestamp;
use disk::{Disk as _, FaultyDisk};
use runtime::Clock;

use super::*;
use crate::scratch::{Part, flip, limits};
use crate::{ScrubOptions, Verdict};

const FAST: ScrubOptions = ScrubOptions {
    bytes_per_sec: 0,
    is_resumed: false,
};

fn open(disk: &FaultyDisk) -> Blobs {
    let (clock, _hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
    Blobs::open_on(Arc::new(disk.clone()), limits(), clock).unwrap()
}

/// Stores a blob and turns a bit of it over.
async fn damaged(blobs: &Blobs, len: usize) -> ContentHash {
    let hash = blobs.put(vec![7; len].into()).await.unwrap().hash;
    flip(blobs, &hash, Part::Bytes, 5);
    hash
}

#[tokio::test]
async fn damage_is_an_error_with_the_hash_for_who_has_the_blob_and_nothing_for_others() {
    for len in [100, 40_000, 700_000, 1_500_000] {
        let blobs = open(&FaultyDisk::new(1));
        let other = blobs.within(&"other".parse().unwrap()).await.unwrap();
        let hash = damaged(&blobs, len).await;
        assert_eq!(blobs.damaged(), Sum::ZERO);
        blobs.scrub(FAST, |_| {}).await.unwrap();
        let is_told =
            |error: ReadError| matches!(error, ReadError::Damaged { hash: of } if of == hash);
        assert!(is_told(blobs.get(&hash).await.unwrap_err()));
        assert!(is_told(blobs.read_small(&hash).unwrap_err()));
        assert!(matches!(
            blobs.verify(&hash).await.unwrap(),
            Verdict::Damaged { .. }
        ));
        assert!(!blobs.contains(&hash).await.unwrap());
        assert!(blobs.ready(&hash).is_none());
        assert_eq!(blobs.have(&[hash]).await.unwrap(), [false]);
        assert_eq!(blobs.damaged(), Sum::of(len as u64));
        assert_eq!(blobs.tally().damaged, Sum::of(len as u64));
        let graded = blobs.list_damaged_graded(None, 10).await.unwrap();
        assert_eq!((graded[0].hash, graded[0].bytes), (hash, len as u64));
        assert!(blobs.list(None, 10).await.unwrap().is_empty());
        assert!(other.get(&hash).await.unwrap().is_none());
        assert_eq!(other.damaged(), Sum::ZERO);
    }
}

#[tokio::test]
async fn it_is_known_after_a_restart_and_without_the_index_until_a_new_put_heals_it() {
    for len in [100, 40_000, 700_000, 1_500_000] {
        let disk = FaultyDisk::new(1);
        let mut blobs = open(&disk);
        let hash = damaged(&blobs, len).await;
        for without in [None, Some(false), Some(true)] {
            if let Some(is_without) = without {
                drop(blobs);
                if is_without {
                    disk.remove("index.redb").unwrap();
                }
                blobs = open(&disk);
                assert_eq!(blobs.opening().index_rebuilt.is_some(), is_without);
                assert_eq!(blobs.damaged(), Sum::of(len as u64), "{len} {is_without}");
            }
            let scrubbed = blobs.scrub(FAST, |_| {}).await.unwrap();
            assert_eq!(scrubbed.standing, Sum::of(len as u64));
            assert_eq!(scrubbed.standing_named[0].hash, hash);
            assert_eq!(scrubbed.report.damaged.blobs, u64::from(without.is_none()));
            assert!(blobs.get(&hash).await.is_err());
        }
        assert!(blobs.put(vec![7; len].into()).await.unwrap().is_new);
        for is_reopened in [false, true] {
            if is_reopened {
                drop(blobs);
                blobs = open(&disk);
            }
            assert_eq!(blobs.damaged(), Sum::ZERO);
            assert!(blobs.contains(&hash).await.unwrap());
            let scrubbed = blobs.scrub(FAST, |_| {}).await.unwrap();
            assert_eq!(scrubbed.standing, Sum::ZERO);
            assert_eq!(scrubbed.report.sound, Sum::of(len as u64));
            assert_eq!(scrubbed.report.faults, 0);
        }
    }
}

#[tokio::test]
async fn what_is_thrown_away_is_not_damaged_any_more() {
    let blobs = open(&FaultyDisk::new(1));
    let hash = damaged(&blobs, 1_000).await;
    blobs.verify(&hash).await.unwrap();
    assert_eq!(blobs.damaged(), Sum::of(1_000));
    blobs.trash(&hash).await.unwrap();
    assert_eq!(blobs.damaged(), Sum::ZERO);
    assert!(blobs.list_damaged(None, 10).await.unwrap().is_empty());
    assert!(blobs.get(&hash).await.unwrap().is_none());
    let scrubbed = blobs.scrub(FAST, |_| {}).await.unwrap();
    assert_eq!(scrubbed.standing, Sum::ZERO);
}

#[tokio::test]
async fn pages_of_damaged_blobs_go_on_where_the_one_before_ended() {
    let blobs = open(&FaultyDisk::new(1));
    let other = blobs.within(&"other".parse().unwrap()).await.unwrap();
    let mut hashes = Vec::new();
    for len in 1..8 {
        let hash = damaged(&blobs, 10 * len).await;
        other.put(vec![7; 10 * len].into()).await.unwrap();
        blobs.verify(&hash).await.unwrap();
        hashes.push(hash);
    }
    hashes.sort();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = blobs.list_damaged(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.hash);
        found.extend(page.into_iter().map(|listed| listed.hash));
    }
    assert_eq!(found, hashes);
    // Each once, though two namespaces have it.
    let (named, sum) = blobs.standing(2).unwrap();
    assert_eq!((named.len(), sum.blobs), (2, 7));
    assert_eq!(blobs.tally().damaged.blobs, 14);
}
