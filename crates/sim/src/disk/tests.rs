//! What survives a crash and what may not; faults happen, and stop in calm.

use std::collections::BTreeSet;

use super::{Disk, DiskFault, DiskFaults, SECTOR_BYTES, Storage as _};
use crate::Seed;

const NO_FAULTS: DiskFaults = DiskFaults {
    write_permille: 0,
    sync_permille: 0,
    capacity_bytes: None,
};

fn disk(seed: u64) -> Disk {
    Disk::new(Seed(seed), NO_FAULTS)
}

/// Makes a file of `count` sectors of `byte` that is stable under its name.
fn with_stable(seed: u64, byte: u8, count: usize) -> Disk {
    let mut disk = disk(seed);
    disk.write("log", 0, &vec![byte; count * SECTOR_BYTES])
        .unwrap();
    disk.sync("log").unwrap();
    disk.sync_names().unwrap();
    disk
}

#[test]
fn what_was_synced_survives_every_crash() {
    for seed in 0..100 {
        let mut disk = with_stable(seed, 1, 4);
        disk.write("log", 4 * SECTOR_BYTES, &[2; 700]).unwrap();
        disk.crash();
        let bytes = disk.read("log").unwrap();
        assert_eq!(bytes[..4 * SECTOR_BYTES], [1; 4 * SECTOR_BYTES]);
        assert!(bytes.len() <= 4 * SECTOR_BYTES + 700);
    }
}

#[test]
fn unsynced_bytes_are_lost_kept_or_torn() {
    let (mut kept, mut lost, mut torn) = (0, 0, 0);
    for seed in 0..300 {
        let mut disk = with_stable(seed, 1, 1);
        disk.write("log", SECTOR_BYTES, &[2; 3 * SECTOR_BYTES])
            .unwrap();
        disk.crash();
        match &disk.read("log").unwrap()[SECTOR_BYTES..] {
            [] => lost += 1,
            tail if *tail == [2; 3 * SECTOR_BYTES] => kept += 1,
            tail => {
                assert!(
                    tail.iter().all(|byte| *byte == 2 || *byte == 0),
                    "old, new or zero"
                );
                torn += 1;
            }
        }
    }
    assert!(
        kept > 5 && lost > 50 && torn > 50,
        "kept {kept}, lost {lost}, torn {torn}"
    );
}

#[test]
fn overwriting_in_place_mixes_old_and_new_sectors() {
    let mixtures: BTreeSet<Vec<u8>> = (0..200)
        .map(|seed| {
            let mut disk = with_stable(seed, 1, 2);
            disk.write("log", 0, &[2; 2 * SECTOR_BYTES]).unwrap();
            disk.crash();
            let bytes = disk.read("log").unwrap();
            vec![bytes[0], bytes[SECTOR_BYTES]]
        })
        .collect();
    assert_eq!(mixtures.len(), 4, "{mixtures:?}");
}

#[test]
fn replacing_by_rename_gives_the_old_or_the_new_file_whole() {
    let seen: BTreeSet<u8> = (0..100)
        .map(|seed| {
            let mut disk = with_stable(seed, 1, 3);
            disk.write("new", 0, &[2; 3 * SECTOR_BYTES]).unwrap();
            disk.sync("new").unwrap();
            disk.rename("new", "log").unwrap();
            disk.crash();
            let bytes = disk.read("log").unwrap();
            assert!(bytes == [1; 3 * SECTOR_BYTES] || bytes == [2; 3 * SECTOR_BYTES]);
            bytes[0]
        })
        .collect();
    assert_eq!(seen, BTreeSet::from([1, 2]));
}

#[test]
fn rename_without_a_sync_of_the_file_may_show_a_torn_file() {
    let is_torn = (0..100).any(|seed| {
        let mut disk = with_stable(seed, 1, 3);
        disk.write("new", 0, &[2; 3 * SECTOR_BYTES]).unwrap();
        disk.rename("new", "log").unwrap();
        disk.sync_names().unwrap();
        disk.crash();
        disk.read("log").unwrap() != [2; 3 * SECTOR_BYTES]
    });
    assert!(is_torn);
}

#[test]
fn names_that_were_not_synced_may_vanish_and_removed_files_come_back() {
    let outcomes: BTreeSet<Vec<String>> = (0..100)
        .map(|seed| {
            let mut disk = with_stable(seed, 1, 1);
            disk.remove("log").unwrap();
            disk.write("other", 0, &[3]).unwrap();
            disk.sync("other").unwrap();
            disk.crash();
            disk.names()
        })
        .collect();
    let name = |text: &str| text.to_owned();
    assert_eq!(
        outcomes,
        BTreeSet::from([vec![name("log")], vec![], vec![name("other")]])
    );
}

#[test]
fn failed_sync_loses_bytes_although_the_next_one_succeeds() {
    let mut is_lost = false;
    for seed in 0..100 {
        let mut disk = with_stable(seed, 1, 1);
        disk.faults.sync_permille = 1_000;
        disk.write("log", 0, &[2; SECTOR_BYTES]).unwrap();
        assert_eq!(disk.sync("log"), Err(DiskFault::Sync));
        disk.calm();
        disk.sync("log").unwrap();
        assert_eq!(
            disk.read("log").unwrap(),
            [2; SECTOR_BYTES],
            "still readable"
        );
        disk.crash();
        is_lost |= disk.read("log").unwrap() == [1; SECTOR_BYTES];
    }
    assert!(is_lost);
}

#[test]
fn full_disk_takes_what_fits_and_says_so() {
    let mut disk = Disk::new(
        Seed(1),
        DiskFaults {
            capacity_bytes: Some(10),
            ..NO_FAULTS
        },
    );
    disk.write("a", 0, &[1; 6]).unwrap();
    assert_eq!(disk.write("b", 0, &[2; 6]), Err(DiskFault::Full));
    assert_eq!(disk.read("b").unwrap(), [2; 4]);
    assert_eq!(disk.used_bytes(), 10);
    disk.write("a", 0, &[3; 6]).unwrap();
    disk.remove("b").unwrap();
    disk.write("a", 6, &[3; 4]).unwrap();
    assert_eq!(disk.write("a", 10, &[3]), Err(DiskFault::Full));
    disk.calm();
    disk.write("a", 10, &[3]).unwrap();
}

#[test]
fn faults_happen_and_calm_switches_them_off() {
    let faults = DiskFaults {
        write_permille: 300,
        sync_permille: 300,
        ..NO_FAULTS
    };
    let count = |disk: &mut Disk| {
        (0..100)
            .filter(|step| {
                let write = disk.write("log", step * 10, &[1; 10]).is_err();
                write | disk.sync("log").is_err() | disk.sync_names().is_err()
            })
            .count()
    };
    let mut disk = Disk::new(Seed(1), faults);
    assert!(count(&mut disk) > 30);
    disk.calm();
    assert_eq!(count(&mut disk), 0);
}

#[test]
fn same_seed_gives_the_same_disk() {
    let trace = |seed| {
        let mut disk = Disk::new(
            Seed(seed),
            DiskFaults {
                write_permille: 200,
                sync_permille: 200,
                ..NO_FAULTS
            },
        );
        let mut trace = Vec::new();
        for step in 0..50 {
            trace.push(disk.write("log", step * 300, &[step as u8; 300]).is_ok());
            trace.push(disk.sync("log").is_ok());
            if step % 7 == 0 {
                disk.crash();
            }
        }
        (trace, disk.read("log").ok())
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn truncating_and_growing_again_shows_zeros() {
    let mut disk = with_stable(1, 1, 1);
    disk.truncate("log", 3).unwrap();
    disk.write("log", 5, &[2]).unwrap();
    assert_eq!(disk.read("log").unwrap(), [1, 1, 1, 0, 0, 2]);
    disk.sync("log").unwrap();
    disk.crash();
    assert_eq!(disk.read("log").unwrap(), [1, 1, 1, 0, 0, 2]);
    assert_eq!(disk.read("absent"), Err(DiskFault::Absent));
}
