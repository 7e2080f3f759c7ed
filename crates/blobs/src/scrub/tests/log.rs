//! Every byte of the log that counts is read: what a row knows is written again, what nobody knows is named.

use base::Duration;
use storage_core::gc::Holds;
use storage_core::quota::Quota;
use wire::blobs::Kind;

use super::*;
use crate::scratch::{flip_at, place_of};
use crate::{Put, Tagged};

/// Where in a record a bit is turned over.
#[derive(Clone, Copy, Debug)]
enum At {
    Head,
    Body,
}

/// Finds the first or the last record of a kind: its file, its place there, and how long its body is.
fn record(blobs: &Blobs, kind: Kind, is_last: bool) -> (String, u64, u32) {
    let log = &blobs.core().log;
    let mut found = Vec::new();
    for stat in log.segments() {
        let mut walk = log.walk(stat.number).unwrap();
        while let Some(walked) = walk.next().unwrap() {
            if walked.head.kind == kind as u8 {
                let path = format!("log/{:08}.seg", stat.number);
                found.push((path, u64::from(walked.at.offset), walked.at.body_len));
            }
        }
    }
    let found = if is_last {
        found.pop()
    } else {
        found.into_iter().next()
    };
    found.unwrap_or_else(|| panic!("there is no {kind:?}"))
}

fn hurt(blobs: &Blobs, kind: Kind, at: At) {
    let (path, offset, body_len) = record(blobs, kind, true);
    let inside = match at {
        At::Head => 17,
        At::Body => 64 + u64::from(body_len) / 2,
    };
    flip_at(&blobs.core().disk, &path, offset + inside);
}

/// A store with a record of each kind that counts.
async fn filled(disk: &FaultyDisk) -> (Blobs, Vec<ContentHash>) {
    let blobs = open(disk);
    let mut hashes = Vec::new();
    for len in [300, 1_500_000, 400_000, 20] {
        hashes.push(blobs.put(vec![3; len].into()).await.unwrap().hash);
    }
    // A state of its own.
    blobs.restore(&hashes[0]).await.unwrap();
    let put = Put {
        tag: Some("minutes/2026".parse().unwrap()),
        ..Put::default()
    };
    let put = blobs.put_with(vec![4; 100].into(), put).await.unwrap();
    hashes.push(put.hash);
    let span = Duration::from_secs(1_000);
    blobs
        .lease(&hashes[3], span, "press", Holds::Blob)
        .await
        .unwrap();
    let school = blobs.within(&"school".parse().unwrap()).await.unwrap();
    let quota = Quota {
        bytes_max: Some(9_000),
        blobs_max: None,
    };
    school.set_quota(quota).await.unwrap();
    hashes.push(blobs.put(vec![5; 30_000].into()).await.unwrap().hash);
    blobs.checkpoint().await.unwrap();
    (blobs, hashes)
}

/// All that a store says of its content.
async fn state(blobs: &Blobs, hashes: &[ContentHash]) -> (Vec<crate::Status>, Vec<Tagged>, Quota) {
    let mut all = Vec::new();
    for hash in hashes {
        all.push(blobs.status(hash).await.unwrap().unwrap());
    }
    let tags = blobs.tags(None, 100, "").await.unwrap();
    let school = blobs.within(&"school".parse().unwrap()).await.unwrap();
    (all, tags, school.quota())
}

#[tokio::test]
async fn records_that_a_row_knows_are_named_and_written_again() {
    let cases = [
        (Kind::Tag, "the tag minutes/2026"),
        (Kind::Member, "the state of blob"),
        (Kind::Lease, "a lease of blob"),
        (Kind::Namespace, "the namespace school"),
        (Kind::Link, "the record of blob"),
    ];
    for (kind, what) in cases {
        for at in [At::Head, At::Body] {
            let disk = FaultyDisk::new(1);
            let (blobs, hashes) = filled(&disk).await;
            let before = state(&blobs, &hashes).await;
            hurt(&blobs, kind, at);
            let scrubbed = blobs.scrub(FAST, |_| {}).await.unwrap();
            let report = scrubbed.report;
            assert!(report.is_whole, "{kind:?} {at:?}");
            assert_eq!(report.faults, 1, "{kind:?} {at:?}: {report:?}");
            let fault = &report.faults_named[0];
            assert!(fault.what.starts_with(what), "{kind:?} {at:?}: {fault:?}");
            assert!(fault.is_mended, "{kind:?} {at:?}: {fault:?}");
            assert_eq!((report.damaged.blobs, scrubbed.standing.blobs), (0, 0));
            assert_eq!(state(&blobs, &hashes).await, before, "{kind:?} {at:?}");
            let again = blobs.scrub(FAST, |_| {}).await.unwrap().report;
            assert_eq!(again.faults, 0, "{kind:?} {at:?}: {again:?}");
            drop(blobs);
            // The log alone says the same.
            disk.remove("index.redb").unwrap();
            let blobs = open(&disk);
            assert_eq!(blobs.opening().damaged_records, 1, "{kind:?} {at:?}");
            assert_eq!(state(&blobs, &hashes).await, before, "{kind:?} {at:?}");
        }
    }
}

#[tokio::test]
async fn groups_and_heads_of_blobs_are_mended_from_bytes_that_are_right() {
    // The list of groups in a record, what stands before it, the head of the record; and of a blob without groups.
    for (len, inside) in [
        (400_000, 64 + 24 + 40),
        (400_000, 64 + 3),
        (400_000, 17),
        (300, 64 + 3),
        (300, 17),
    ] {
        let disk = FaultyDisk::new(1);
        let (blobs, hashes) = filled(&disk).await;
        let before = state(&blobs, &hashes).await;
        let hash = ContentHash::of(&vec![3; len]);
        let groups = if len > 16_384 {
            Part::Groups
        } else {
            Part::Bytes
        };
        let (path, offset) = place_of(&blobs, &hash, groups);
        flip_at(&blobs.core().disk, &path, offset - 64 - 24 + inside);
        let report = blobs.scrub(FAST, |_| {}).await.unwrap().report;
        assert_eq!(
            (report.faults, report.damaged.blobs),
            (1, 0),
            "{len} {inside}"
        );
        let fault = &report.faults_named[0];
        assert!(
            fault.is_mended && fault.what.ends_with(&hash.to_string()),
            "{fault:?}"
        );
        let again = blobs.scrub(FAST, |_| {}).await.unwrap().report;
        assert_eq!(again.faults, 0, "{len} {inside}: {again:?}");
        assert_eq!(state(&blobs, &hashes).await, before);
        drop(blobs);
        disk.remove("index.redb").unwrap();
        let blobs = open(&disk);
        assert_eq!(state(&blobs, &hashes).await, before);
        assert_eq!(blobs.verify(&hash).await.unwrap(), crate::Verdict::Whole);
    }
}

#[tokio::test]
async fn groups_beside_a_large_blob_are_named_and_made_again() {
    for index in [0, 20, 45, 60, 85, 1_000] {
        let disk = FaultyDisk::new(1);
        let (blobs, hashes) = filled(&disk).await;
        flip(&blobs, &hashes[1], Part::Groups, index);
        let report = blobs.scrub(FAST, |_| {}).await.unwrap().report;
        assert_eq!(
            (report.mended.blobs, report.damaged.blobs),
            (1, 0),
            "{index}"
        );
        assert_eq!(report.mended_named[0].hash, hashes[1]);
        assert_eq!(report.sound.blobs, hashes.len() as u64 - 1);
        let again = blobs.scrub(FAST, |_| {}).await.unwrap().report;
        assert_eq!(again.mended.blobs, 0, "{index}");
    }
    // One that is not there is wrong, too.
    let disk = FaultyDisk::new(1);
    let (blobs, hashes) = filled(&disk).await;
    let (path, _) = place_of(&blobs, &hashes[1], Part::Groups);
    disk.remove(&path).unwrap();
    let report = blobs.scrub(FAST, |_| {}).await.unwrap().report;
    assert_eq!(report.mended_named[0].hash, hashes[1]);
    assert!(disk.file_len(&path).unwrap().is_some());
}

#[tokio::test]
async fn a_removal_that_cannot_be_read_is_named_each_time() {
    for (kind, at) in [
        (Kind::Untag, At::Head),
        (Kind::Untag, At::Body),
        (Kind::Purge, At::Head),
    ] {
        let disk = FaultyDisk::new(1);
        let (blobs, hashes) = filled(&disk).await;
        blobs.untag(&"minutes/2026".parse().unwrap()).await.unwrap();
        let hash = hashes[4];
        blobs
            .ask(128, move |writer, appender| {
                writer.purge_member(0, &hash, appender)
            })
            .await
            .unwrap();
        hurt(&blobs, kind, at);
        for _ in 0..2 {
            let report = blobs.scrub(FAST, |_| {}).await.unwrap().report;
            assert_eq!(report.faults, 1, "{kind:?} {at:?}");
            let fault = &report.faults_named[0];
            assert!(!fault.is_mended, "{kind:?} {at:?}: {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_nobody_needs_may_be_damaged() {
    for at in [17, 64 + 30] {
        let disk = FaultyDisk::new(1);
        let (blobs, hashes) = filled(&disk).await;
        // The tag is moved, so its first record does not count any more.
        let name = "minutes/2026".parse().unwrap();
        blobs.tag(&name, &hashes[0], Holds::Blob).await.unwrap();
        let (path, offset, _) = record(&blobs, Kind::Tag, false);
        flip_at(&blobs.core().disk, &path, offset + at);
        let scrubbed = blobs.scrub(FAST, |_| {}).await.unwrap();
        assert_eq!((scrubbed.report.faults, scrubbed.standing.blobs), (0, 0));
        assert!(scrubbed.report.is_whole);
    }
}
