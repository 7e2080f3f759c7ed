//! Power that fails at every operation, syncs that fail, and a disk that is full: what was acknowledged is there.

use std::io;
use std::sync::Arc;

use base::{Code, ContentHash, Duration, Timestamp};
use blobs::{Blobs, GcOptions, Limits, Listed, Put, PutError, Verdict};
use bytes::Bytes;
use disk::{Faults, FaultyDisk};
use runtime::Clock;
use storage_core::compaction;
use storage_core::gc::{Holds, Terms};
use storage_core::tag::TagName;

use crate::block_on;

/// Small segments, and nothing that happens by itself.
fn limits() -> Limits {
    Limits {
        first_segment_bytes: 64 * 1_024,
        // As small as the largest blob of the log allows.
        segment_bytes: 1_200_000,
        checkpoint_after_ms: 3_600_000,
        file_tasks_max: 1,
        ..Limits::default()
    }
}

fn open(disk: &FaultyDisk) -> Result<Blobs, blobs::OpenError> {
    let (clock, _hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
    Blobs::open_on(Arc::new(disk.clone()), limits(), clock)
}

/// Opens a store with segments that have room for any blob of the log.
fn open_roomy(disk: &FaultyDisk) -> Result<Blobs, blobs::OpenError> {
    let (clock, _hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
    let limits = Limits {
        segment_bytes: 2 * 1_024 * 1_024,
        ..limits()
    };
    Blobs::open_on(Arc::new(disk.clone()), limits, clock)
}

/// What was acknowledged.
#[derive(Debug, Default)]
struct Acknowledged {
    here: Vec<(ContentHash, usize)>,
    tags: Vec<(TagName, ContentHash)>,
    untagged: Vec<TagName>,
    purged: Vec<ContentHash>,
}

fn made(seed: u8, len: usize) -> Bytes {
    (0..len)
        .map(|index| (index % 253) as u8 ^ seed)
        .collect::<Vec<u8>>()
        .into()
}

fn name(text: &str) -> TagName {
    text.parse().unwrap()
}

/// A little of everything. Stops at the first error.
async fn trace(
    blobs: &Blobs,
    acknowledged: &mut Acknowledged,
) -> Result<(), Box<dyn std::error::Error>> {
    let collect = GcOptions {
        terms: Terms {
            trash_for: Duration::ZERO,
            grace: Duration::ZERO,
        },
        ..GcOptions::default()
    };
    // It will be collected.
    let lost = blobs.put(made(9, 30_000)).await?.hash;
    let lost_large = blobs.put(made(9, 1_050_000)).await?.hash;
    for (seed, len) in [(1, 100), (2, 20_000), (3, 1_050_000)] {
        let tag = name(&format!("keep/{seed}"));
        let put = Put {
            tag: Some(tag.clone()),
            ..Put::default()
        };
        let stored = blobs.put_with(made(seed, len), put).await?;
        acknowledged.here.push((stored.hash, len));
        acknowledged.tags.push((tag, stored.hash));
    }
    blobs
        .tag(&name("moves"), &acknowledged.here[0].0, Holds::Blob)
        .await?;
    blobs.checkpoint().await?;
    blobs
        .tag(&name("moves"), &acknowledged.here[1].0, Holds::Blob)
        .await?;
    acknowledged
        .tags
        .push((name("moves"), acknowledged.here[1].0));
    blobs
        .tag(&name("gone"), &acknowledged.here[1].0, Holds::Blob)
        .await?;
    blobs.untag(&name("gone")).await?;
    acknowledged.untagged.push(name("gone"));
    blobs.gc(collect.clone()).await?;
    blobs.gc(collect).await?;
    acknowledged.purged = vec![lost, lost_large];
    for seed in 4..9 {
        let tag = name(&format!("keep/{seed}"));
        let put = Put {
            tag: Some(tag.clone()),
            ..Put::default()
        };
        let stored = blobs.put_with(made(seed, 15_000), put).await?;
        acknowledged.here.push((stored.hash, 15_000));
        acknowledged.tags.push((tag, stored.hash));
    }
    let terms = compaction::Terms {
        live_permille_max: 999,
        ..compaction::Terms::default()
    };
    blobs.compact(&terms).await?;
    let stored = blobs.put(made(20, 300)).await?;
    acknowledged.here.push((stored.hash, 300));
    Ok(())
}

/// Runs the trace on a disk that something will happen to.
fn run(disk: &FaultyDisk) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    if let Ok(blobs) = open(disk) {
        // Whatever it says, only what it acknowledged counts.
        drop(block_on(trace(&blobs, &mut acknowledged)));
    }
    acknowledged
}

/// Everything acknowledged is there and right, nothing else is half there, and the store works.
fn check(blobs: &Blobs, acknowledged: &Acknowledged, context: u64) {
    block_on(async {
        for (hash, len) in &acknowledged.here {
            assert_eq!(
                blobs.verify(hash).await.unwrap(),
                Verdict::Whole,
                "{context} {len}"
            );
        }
        for (tag, hash) in &acknowledged.tags {
            let tagged = blobs.tagged(tag).await.unwrap();
            if tag.as_str() != "moves" {
                assert_eq!(tagged.map(|tagged| tagged.hash), Some(*hash), "{context}");
            } else {
                assert!(tagged.is_some(), "{context}");
            }
        }
        for tag in &acknowledged.untagged {
            assert!(blobs.tagged(tag).await.unwrap().is_none(), "{context}");
        }
        for hash in &acknowledged.purged {
            assert!(blobs.status(hash).await.unwrap().is_none(), "{context}");
        }
        let (mut bytes, mut count) = (0, 0);
        for listed in blobs.list(None, 1_000).await.unwrap() {
            if !acknowledged
                .here
                .iter()
                .any(|(hash, _)| *hash == listed.hash)
            {
                assert_eq!(
                    blobs.verify(&listed.hash).await.unwrap(),
                    Verdict::Whole,
                    "{context}"
                );
            }
            bytes += listed.bytes;
            count += 1;
        }
        assert_eq!(
            (blobs.bytes_total(), blobs.blobs_total()),
            (bytes, count),
            "{context}"
        );
        let stored = blobs.put(made(77, 2_000)).await.unwrap();
        assert!(stored.is_new, "{context}");
        assert_eq!(
            blobs.read_small(&stored.hash).unwrap(),
            Some(made(77, 2_000))
        );
    });
}

fn operations() -> u64 {
    let disk = FaultyDisk::new(0);
    let acknowledged = run(&disk);
    assert_eq!(
        (acknowledged.here.len(), acknowledged.purged.len()),
        (9, 2),
        "the trace works"
    );
    disk.operations()
}

#[test]
fn power_that_fails_at_any_operation_loses_nothing_acknowledged() {
    let operations = operations();
    let mut acknowledged_total = 0;
    for operation in 0..operations {
        let disk = FaultyDisk::new(operation);
        disk.crash_at(operation);
        let acknowledged = run(&disk);
        acknowledged_total += acknowledged.here.len();
        disk.power_on();
        let blobs = open(&disk).unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(blobs.opening().damaged_records, 0, "{operation}");
        check(&blobs, &acknowledged, operation);
        drop(blobs);
        if operation.is_multiple_of(5) {
            // Once more, from what the first start left.
            let blobs = open(&disk).unwrap();
            assert_eq!(blobs.opening().index_rebuilt, None, "{operation}");
        }
    }
    println!("{operations} operations, {acknowledged_total} blobs acknowledged");
}

#[test]
fn a_sync_that_fails_stops_the_store_and_loses_nothing_acknowledged() {
    let operations = operations();
    let mut stopped = 0;
    for operation in 0..operations {
        let disk = FaultyDisk::new(operation);
        disk.fail_sync_at(operation);
        let mut acknowledged = Acknowledged::default();
        if let Ok(blobs) = open(&disk) {
            drop(block_on(trace(&blobs, &mut acknowledged)));
            if blobs.is_poisoned() {
                stopped += 1;
                block_on(blobs.poisoned());
                let error = block_on(blobs.put(made(50, 10))).unwrap_err();
                assert_eq!(error.code(), Code::StoreStopped, "{operation}");
                // Reading goes on.
                for (hash, _) in &acknowledged.here {
                    assert_eq!(
                        block_on(blobs.verify(hash)).unwrap(),
                        Verdict::Whole,
                        "{operation}"
                    );
                }
            }
        }
        disk.power_off();
        disk.power_on();
        let blobs = open(&disk).unwrap_or_else(|error| panic!("{operation}: {error}"));
        check(&blobs, &acknowledged, operation);
    }
    assert!(stopped > 0);
}

#[test]
fn a_full_disk_leaves_a_store_that_works() {
    let mut full = 0;
    for capacity in (100_000..4_000_000).step_by(90_001) {
        let disk = FaultyDisk::new(capacity);
        disk.set_faults(Faults {
            capacity_bytes: Some(capacity),
            ..Faults::default()
        });
        let mut acknowledged = Acknowledged::default();
        let blobs = match open(&disk) {
            Ok(blobs) => blobs,
            Err(error) => {
                assert_eq!(error.problem().code, Code::DiskFull, "{capacity} {error}");
                full += 1;
                continue;
            }
        };
        if let Err(error) = block_on(trace(&blobs, &mut acknowledged)) {
            full += 1;
            assert!(!blobs.is_poisoned(), "{capacity} {error}");
            let put = block_on(blobs.put(made(60, 5_000_000))).unwrap_err();
            assert_eq!(put.code(), Code::DiskFull, "{capacity} {put}");
            assert_eq!(blobs.usage().reserved.bytes, 0);
            for (hash, _) in &acknowledged.here {
                assert_eq!(
                    block_on(blobs.verify(hash)).unwrap(),
                    Verdict::Whole,
                    "{capacity}"
                );
            }
        }
        // Somebody makes room.
        disk.calm();
        check(&blobs, &acknowledged, capacity);
        drop(blobs);
        check_again(&disk, &acknowledged, capacity);
    }
    assert!(full > 10, "{full}");
}

/// Stores a blob of several pieces, with its length announced or not; tells whether it was acknowledged.
async fn stream(blobs: &Blobs, bytes: &Bytes, announced: Option<u64>) -> Result<bool, PutError> {
    let mut upload = blobs.upload(announced).await?;
    for start in (0..bytes.len()).step_by(900_000) {
        let chunk = bytes.slice(start..bytes.len().min(start + 900_000));
        upload.write(chunk).await?;
    }
    upload.finish(None).await.map(|stored| stored.is_new)
}

#[test]
fn a_blob_of_several_pieces_is_there_when_it_was_acknowledged_whatever_fails() {
    let bytes = made(10, 2_200_000);
    let hash = ContentHash::of(&bytes);
    for announced in [Some(bytes.len() as u64), None] {
        let disk = FaultyDisk::new(0);
        let blobs = open_roomy(&disk).unwrap();
        let begun = disk.operations();
        assert!(block_on(stream(&blobs, &bytes, announced)).unwrap());
        let operations = disk.operations();
        drop(blobs);
        let mut acknowledged_total = 0;
        for operation in begun + 1..=operations {
            for fault in 0..3 {
                let context = (announced, operation, fault);
                let disk = FaultyDisk::new(operation);
                match fault {
                    0 => disk.crash_at(operation),
                    1 => disk.fail_sync_at(operation),
                    _ => disk.fail_at(operation, io::ErrorKind::StorageFull),
                }
                let blobs = open_roomy(&disk).unwrap();
                let was_acknowledged = block_on(stream(&blobs, &bytes, announced)).is_ok();
                drop(blobs);
                disk.power_off();
                disk.power_on();
                let blobs = open_roomy(&disk).unwrap();
                let is_there = block_on(blobs.contains(&hash)).unwrap();
                assert!(is_there || !was_acknowledged, "{context:?}");
                if is_there {
                    let verdict = block_on(blobs.verify(&hash)).unwrap();
                    assert_eq!(verdict, Verdict::Whole, "{context:?}");
                }
                acknowledged_total += u32::from(was_acknowledged);
                assert_eq!(disk::Disk::names(&disk, "tmp").unwrap(), [""; 0]);
            }
        }
        println!("{operations} operations, {acknowledged_total} times acknowledged");
    }
}

fn check_again(disk: &FaultyDisk, acknowledged: &Acknowledged, context: u64) {
    let blobs = open(disk).unwrap();
    block_on(async {
        for (hash, _) in &acknowledged.here {
            assert_eq!(
                blobs.verify(hash).await.unwrap(),
                Verdict::Whole,
                "{context}"
            );
        }
    });
}

#[test]
fn without_the_index_or_with_a_damaged_one_the_answers_are_the_same() {
    let disk = FaultyDisk::new(1);
    let acknowledged = run(&disk);
    let expect = {
        let blobs = open(&disk.copy(1)).unwrap();
        block_on(blobs.list(None, 1_000)).unwrap()
    };
    let len = disk.dump("index.redb").unwrap().len() as u64;
    let damage = (0..len).step_by(4_099).map(Some).chain([None]);
    let mut rebuilt = 0;
    for place in damage {
        let disk = disk.copy(2);
        match place {
            Some(place) => assert!(disk.flip("index.redb", place, 0x10)),
            None => disk::Disk::remove(&disk, "index.redb").unwrap(),
        }
        let blobs = open(&disk).unwrap_or_else(|error| panic!("{place:?}: {error}"));
        rebuilt += u32::from(blobs.opening().index_rebuilt.is_some());
        block_on(look(&blobs, &acknowledged, &expect));
        drop(blobs);
        let blobs = open(&disk).unwrap();
        check(&blobs, &acknowledged, place.unwrap_or_default());
    }
    assert!(rebuilt > 0);
}

/// Asks for everything. The answer is right, or says that the index is damaged; then the next start makes it again.
async fn look(blobs: &Blobs, acknowledged: &Acknowledged, expect: &[Listed]) {
    fn failed(error: &blobs::ReadError) {
        assert_eq!(error.problem().code, Code::StoreFailed);
    }
    match blobs.list(None, 1_000).await {
        Ok(listed) => assert_eq!(listed, expect),
        Err(error) => failed(&error),
    }
    for (hash, _) in &acknowledged.here {
        match blobs.verify(hash).await {
            Ok(verdict) => assert_eq!(verdict, Verdict::Whole),
            Err(error) => failed(&error),
        }
    }
    for (tag, _) in &acknowledged.tags {
        match blobs.tagged(tag).await {
            Ok(tagged) => assert!(tagged.is_some()),
            Err(error) => failed(&error),
        }
    }
    for gone in &acknowledged.untagged {
        match blobs.tagged(gone).await {
            Ok(tagged) => assert!(tagged.is_none()),
            Err(error) => failed(&error),
        }
    }
    if let Err(error) = blobs.queue(None, 1_000).await {
        failed(&error);
    }
}

#[test]
fn a_newer_format_is_refused() {
    let disk = FaultyDisk::new(1);
    drop(open(&disk).unwrap());
    let file = disk::Disk::open(&disk, "format").unwrap().unwrap();
    file.write_at(0, &[io::IoSlice::new(b"commonhold blobs 2\n")])
        .unwrap();
    let error = open(&disk).unwrap_err();
    assert_eq!(error.problem().code, Code::StoreNewer);
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn files_stay_when_records_of_the_log_were_lost() {
    let disk = FaultyDisk::new(1);
    let large = made(5, 1_300_000);
    let hash = ContentHash::of(&large);
    {
        let blobs = open(&disk).unwrap();
        block_on(blobs.put(large.clone())).unwrap();
        // Behind it something that proves that it was there.
        for seed in 0..9 {
            block_on(blobs.put(made(seed, 9_000))).unwrap();
        }
    }
    let file = format!("large/{}/{hash}", &hash.to_string()[..2]);
    // The head of the record that links to the file, which ends with its hash, and no index.
    let log = disk.dump("log/00000001.seg").unwrap();
    let found = log.windows(32).position(|window| window == hash.as_bytes());
    assert!(disk.flip("log/00000001.seg", found.unwrap() as u64 - 8, 1));
    disk::Disk::remove(&disk, "index.redb").unwrap();
    for start in 0..2 {
        let blobs = open(&disk).unwrap();
        assert_eq!(blobs.opening().damaged_records > 0, start == 0);
        assert!(
            !block_on(blobs.contains(&hash)).unwrap(),
            "its link is lost"
        );
        drop(blobs);
        assert!(disk.dump(&file).is_some_and(|bytes| bytes == large));
    }
    let blobs = open(&disk).unwrap();
    block_on(blobs.put(large.clone())).unwrap();
    assert_eq!(block_on(blobs.verify(&hash)).unwrap(), Verdict::Whole);
}
