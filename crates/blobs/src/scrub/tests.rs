//! A scrub finds what is damaged, and goes on where it stopped.

mod log;

use std::sync::Arc;

use base::Timestamp;
use disk::{Disk as _, FaultyDisk};
use runtime::Clock;

use super::*;
use crate::Limits;
use crate::scratch::{Part, flip, limits};

const FAST: ScrubOptions = ScrubOptions {
    bytes_per_sec: 0,
    is_resumed: false,
};

fn open(disk: &FaultyDisk) -> Blobs {
    let (clock, _hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
    let limits = Limits {
        file_tasks_max: 1,
        ..limits()
    };
    Blobs::open_on(Arc::new(disk.clone()), limits, clock).unwrap()
}

#[tokio::test]
async fn what_is_damaged_is_found_and_set_aside() {
    let disk = FaultyDisk::new(1);
    let blobs = open(&disk);
    let mut hashes = Vec::new();
    for len in [10, 1_000, 40_000, 300_000, 1_500_000] {
        for seed in 0..3_u8 {
            hashes.push(blobs.put(vec![seed + 1; len].into()).await.unwrap().hash);
        }
    }
    let other = blobs.within(&"other".parse().unwrap()).await.unwrap();
    hashes.push(other.put(vec![9; 500].into()).await.unwrap().hash);
    let report = blobs.scrub(FAST, |_| {}).await.unwrap().report;
    assert!(report.is_whole);
    assert_eq!((report.sound.blobs, report.damaged.blobs), (16, 0));
    let damaged = [
        hashes[1], hashes[4], hashes[8], hashes[10], hashes[13], hashes[15],
    ];
    for hash in &damaged {
        flip(&blobs, hash, Part::Bytes, 5);
    }
    let report = blobs.scrub(FAST, |_| {}).await.unwrap().report;
    let mut named: Vec<ContentHash> = report.damaged_named.iter().map(|item| item.hash).collect();
    named.sort();
    let mut expect = damaged.to_vec();
    expect.sort();
    assert_eq!(named, expect);
    assert_eq!((report.at_large.blobs, report.sound.blobs), (0, 10));
    for hash in &hashes {
        let of = if *hash == hashes[15] { &other } else { &blobs };
        assert_eq!(of.contains(hash).await.unwrap(), !damaged.contains(hash));
    }
    assert_eq!(blobs.tally().damaged_total, 6);
    // They are named each time, until they are healed.
    let again = blobs.scrub(FAST, |_| {}).await.unwrap();
    assert_eq!(
        (again.report.sound.blobs, again.report.damaged.blobs),
        (10, 0)
    );
    let mut named: Vec<ContentHash> = again.standing_named.iter().map(|item| item.hash).collect();
    named.sort();
    assert_eq!((named, again.standing.blobs), (expect, 6));
}

#[tokio::test]
async fn a_scrub_goes_on_where_it_stopped() {
    let disk = FaultyDisk::new(2);
    let blobs = open(&disk);
    for number in 0..600_u32 {
        blobs
            .put(number.to_le_bytes().to_vec().into())
            .await
            .unwrap();
    }
    // It is given up at the first position that it tells.
    let (stopped, stop) = tokio::sync::oneshot::channel();
    let mut stopped = Some(stopped);
    let scrub = blobs.scrub(FAST, |position| {
        if let Some(stopped) = stopped.take() {
            stopped.send(position).unwrap();
        }
    });
    let position = tokio::select! {
        biased;
        position = stop => position.unwrap(),
        _ = scrub => panic!("it has to go on"),
    };
    assert!(position.after.is_some() && position.seen.blobs < 600);
    // What it was reading when it was dropped is read to its end, on the only thread.
    blobs.files().run(|| ()).await;
    blobs.put(b"one more".to_vec().into()).await.unwrap();
    drop(blobs);
    let blobs = open(&disk);
    assert_eq!(blobs.tally().scrub_after, position.after);
    let resumed = ScrubOptions {
        is_resumed: true,
        ..FAST
    };
    let report = blobs.scrub(resumed, |_| {}).await.unwrap().report;
    assert_eq!(report.from, position.after);
    assert!(report.is_whole);
    assert!(report.sound.blobs <= 601 - position.seen.blobs && report.sound.blobs > 0);
    assert_eq!(blobs.tally().scrub_after, None);
}
