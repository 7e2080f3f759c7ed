//! What the faulty disk may lose and what it never loses.

use std::io::{ErrorKind, IoSlice};

use super::*;
use crate::{BLOCK_ALIGN, Block};

fn write(file: &dyn DiskFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
    file.write_at(offset, &[IoSlice::new(bytes)])
}

fn reopened(disk: &FaultyDisk, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(path).expect("the power is on")?;
    let mut bytes = vec![0; usize::try_from(file.len().expect("the power is on")).expect("small")];
    crate::read_exact_at(&*file, 0, &mut bytes).expect("nothing fails");
    Some(bytes)
}

/// Makes a disk with one file of four sectors of 1s whose name and bytes are stable.
fn with_a_file(seed: u64) -> (FaultyDisk, Arc<dyn DiskFile>) {
    let disk = FaultyDisk::new(seed);
    disk.make_folder("folder").expect("nothing fails");
    let file = disk.create("folder/file").expect("nothing fails");
    write(&*file, 0, &[1; 2048]).expect("nothing fails");
    file.sync().expect("nothing fails");
    disk.sync_folder("folder").expect("nothing fails");
    (disk, file)
}

#[test]
fn what_was_synced_is_never_lost() {
    for seed in 0..200 {
        let (disk, file) = with_a_file(seed);
        write(&*file, 100, &[2; 700]).expect("nothing fails");
        file.sync().expect("nothing fails");
        let before = disk.dump("folder/file");
        disk.power_on();
        assert_eq!(reopened(&disk, "folder/file"), before);
        assert!(file.len().is_err(), "a file of an earlier life is dead");
    }
}

#[test]
fn what_was_not_synced_is_old_or_new_sector_by_sector() {
    let mut seen = BTreeMap::<Vec<u8>, u64>::new();
    for seed in 0..300 {
        let (disk, file) = with_a_file(seed);
        write(&*file, 256, &[2; 1536]).expect("nothing fails");
        disk.power_on();
        let bytes = reopened(&disk, "folder/file").expect("its name was stable");
        assert_eq!(bytes.len(), 2048);
        let new = |place: usize| (256..1792).contains(&place);
        let mut shape = Vec::new();
        for sector in 0..4 {
            let is_new = bytes[sector * 512 + 255..][..2].contains(&2);
            for (place, byte) in bytes.iter().enumerate().skip(sector * 512).take(512) {
                let expected = if is_new && new(place) { 2 } else { 1 };
                assert_eq!(*byte, expected, "sectors are whole");
            }
            shape.push(u8::from(is_new));
        }
        *seen.entry(shape).or_default() += 1;
    }
    assert_eq!(seen.len(), 16, "every way to tear it happens: {seen:?}");
}

#[test]
fn a_file_that_grew_may_be_short_or_have_zeros() {
    let (mut short, mut zeros, mut whole) = (0, 0, 0);
    for seed in 0..200 {
        let (disk, file) = with_a_file(seed);
        write(&*file, 2048, &[3; 512]).expect("nothing fails");
        disk.power_on();
        let bytes = reopened(&disk, "folder/file").expect("its name was stable");
        assert_eq!(bytes[..2048], [1; 2048]);
        match &bytes[2048..] {
            [] => short += 1,
            rest if rest == [0; 512] => zeros += 1,
            rest if rest == [3; 512] => whole += 1,
            rest => panic!("{rest:?}"),
        }
    }
    assert!(
        short > 20 && zeros > 10 && whole > 20,
        "{short} {zeros} {whole}"
    );
}

#[test]
fn names_that_were_not_synced_survive_in_the_order_in_which_they_were_made() {
    let mut counts = [0; 4];
    for seed in 0..200 {
        let (disk, file) = with_a_file(seed);
        disk.rename("folder/file", "folder/one")
            .expect("it is there");
        let second = disk.create("folder/two").expect("the name is free");
        second.sync().expect("nothing fails");
        disk.remove("folder/one").expect("it is there");
        drop(file);
        disk.power_on();
        let names = disk.names("folder").expect("the power is on");
        let place = match &names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["file"] => 0,
            ["one"] => 1,
            ["one", "two"] => 2,
            ["two"] => 3,
            names => panic!("{names:?}"),
        };
        counts[place] += 1;
    }
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
}

#[test]
fn a_synced_folder_keeps_its_names() {
    for seed in 0..50 {
        let (disk, _) = with_a_file(seed);
        disk.make_folder("other/deeper").expect("nothing fails");
        disk.rename("folder/file", "other/deeper/file")
            .expect("it is there");
        disk.sync_folder("other/deeper").expect("nothing fails");
        disk.power_on();
        assert_eq!(disk.names("folder").expect("the power is on"), [""; 0]);
        assert_eq!(reopened(&disk, "other/deeper/file"), Some(vec![1; 2048]));
    }
}

#[test]
fn what_a_failed_sync_called_clean_may_be_gone_although_a_later_one_succeeds() {
    let mut lost = 0;
    for seed in 0..100 {
        let (disk, file) = with_a_file(seed);
        write(&*file, 0, &[2; 512]).expect("nothing fails");
        disk.fail_sync_at(disk.operations() + 1);
        file.sync().expect_err("this one fails");
        assert_eq!(reopened(&disk, "folder/file").expect("it is there")[0], 2);
        file.sync().expect("and this one does not");
        disk.power_on();
        let first = reopened(&disk, "folder/file").expect("it is there")[0];
        lost += u64::from(first == 1);

        let (disk, file) = with_a_file(seed);
        write(&*file, 0, &[2; 512]).expect("nothing fails");
        disk.fail_sync_at(disk.operations() + 1);
        file.sync().expect_err("this one fails");
        write(&*file, 0, &[2; 512]).expect("nothing fails");
        file.sync().expect("and this one does not");
        disk.power_on();
        let first = reopened(&disk, "folder/file").expect("it is there")[0];
        assert_eq!(first, 2, "what is written again is stable");
    }
    assert!(20 < lost && lost < 80, "{lost}");
}

#[test]
fn the_power_fails_in_the_middle_of_the_operation_that_was_named() {
    for operation in 1..=9 {
        let disk = FaultyDisk::new(operation);
        disk.crash_at(operation);
        let run = || -> io::Result<()> {
            disk.make_folder("folder")?;
            let file = disk.create("folder/file")?;
            file.allocate(1000)?;
            write(&*file, 0, &[1; 1000])?;
            file.sync()?;
            disk.sync_folder("folder")?;
            file.set_len(500)?;
            disk.rename("folder/file", "folder/other")?;
            disk.remove("folder/other")
        };
        let error = run().expect_err("the power fails");
        assert_eq!(error.to_string(), "power is off");
        assert_eq!(disk.operations(), operation);
        assert!(disk.is_off() && disk.names("").is_err() && disk.free_bytes().is_err());
        disk.power_on();
        disk.names("").expect("the power is on");
    }
}

#[test]
fn a_block_is_stable_after_the_sync_and_not_before() {
    let mut block = Block::new(2 * BLOCK_ALIGN);
    block.fill([&[7; 5_000][..]]);
    let mut seen = BTreeMap::<(usize, u8), u64>::new();
    for seed in 0..100 {
        let disk = FaultyDisk::new(seed);
        let file = disk.create_direct("file").expect("nothing fails");
        disk.sync_folder("").expect("nothing fails");
        file.allocate(5_000).expect("there is room");
        file.sync().expect("nothing fails");
        file.write_block(0, &block).expect("nothing fails");
        let error = file.write_block(512, &block).expect_err("it is misplaced");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let is_synced = seed % 2 == 0;
        if is_synced {
            file.sync().expect("nothing fails");
        }
        disk.power_on();
        let bytes = reopened(&disk, "file").expect("it is there");
        let sevens = bytes.iter().filter(|byte| **byte == 7).count();
        assert!(!is_synced || sevens == 5_000);
        *seen.entry((sevens, bytes[0])).or_default() += 1;
    }
    assert!(seen.len() > 5, "{seen:?}");
}

#[test]
fn a_write_in_a_crash_is_torn() {
    let mut seen = BTreeMap::<Vec<u8>, u64>::new();
    for seed in 0..300 {
        let (disk, file) = with_a_file(seed);
        disk.crash_at(disk.operations() + 1);
        write(&*file, 0, &[2; 1024]).expect_err("the power fails");
        disk.power_on();
        let bytes = reopened(&disk, "folder/file").expect("it is there");
        *seen.entry(vec![bytes[0], bytes[512]]).or_default() += 1;
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn a_full_disk_takes_no_more_and_gives_back_what_is_removed() {
    let (disk, file) = with_a_file(0);
    disk.set_faults(Faults {
        capacity_bytes: Some(3000),
        ..Faults::default()
    });
    assert_eq!(disk.free_bytes().expect("the power is on"), 952);
    for error in [
        file.allocate(3001).expect_err("it is too much"),
        write(&*file, 2990, &[1; 20]).expect_err("it is too much"),
        file.set_len(3001).expect_err("it is too much"),
    ] {
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
    assert_eq!(file.len().expect("the power is on"), 2048, "nothing grew");
    write(&*file, 0, &[1; 2048]).expect("overwriting takes no room");
    file.allocate(3000).expect("it just fits");
    let other = disk.create("other").expect("a name takes no room");
    write(&*other, 0, &[1]).expect_err("it is full");
    disk.remove("folder/file").expect("it is there");
    disk.sync_folder("folder").expect("nothing fails");
    write(&*other, 0, &[1; 3000]).expect("there is room again");
}

#[test]
fn faults_by_chance_come_about_as_often_as_asked() {
    let (disk, file) = with_a_file(1);
    disk.set_faults(Faults {
        write_permille: 250,
        sync_permille: 500,
        read_permille: 100,
        ..Faults::default()
    });
    let mut counts = [0; 3];
    for _ in 0..1000 {
        counts[0] += u64::from(write(&*file, 0, &[1; 8]).is_err());
        counts[1] += u64::from(file.sync().is_err());
        counts[2] += u64::from(file.read_at(0, &mut [0; 8]).is_err());
    }
    for (count, expected) in counts.iter().zip([250, 500, 100]) {
        assert!(count.abs_diff(expected) < 60, "{counts:?}");
    }
    disk.calm();
    write(&*file, 0, &[1; 8]).expect("it is calm");
}

#[test]
fn the_same_seed_and_the_same_calls_give_the_same_disk() {
    let run = |seed| {
        let (disk, file) = with_a_file(seed);
        for round in 0..20 {
            write(&*file, round * 90, &[round as u8; 300]).expect("nothing fails");
            if round % 7 == 0 {
                disk.rename("folder/file", "folder/file")
                    .expect("it is there");
            }
        }
        disk.power_on();
        (
            disk.dump("folder/file"),
            disk.names("folder").expect("the power is on"),
        )
    };
    assert_eq!(run(42), run(42));
    assert!((0..20).any(|seed| run(seed) != run(42)));
}

#[test]
fn rot_stays() {
    let (disk, _file) = with_a_file(0);
    assert!(disk.flip("folder/file", 5, 0x81));
    assert!(!disk.flip("folder/file", 5000, 1) && !disk.flip("nothing", 0, 1));
    disk.power_on();
    let bytes = reopened(&disk, "folder/file").expect("it is there");
    assert_eq!((bytes[4], bytes[5]), (1, 0x80));
}

#[test]
fn a_slow_sync_takes_its_time() {
    let (disk, file) = with_a_file(0);
    let delay = Duration::from_millis(30);
    disk.set_faults(Faults {
        sync_delay: Some(delay),
        ..Faults::default()
    });
    let start = std::time::Instant::now();
    file.sync().expect("it is only slow");
    assert!(start.elapsed() >= delay);
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let (disk, _) = with_a_file(0);
    for path in [
        "",
        "/x",
        "../x",
        "folder/../x",
        "folder//x",
        ".lock",
        "a/.b",
        "x/",
    ] {
        let error = disk.create(path).expect_err("it leads elsewhere");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path}");
    }
    let error = disk.create("missing/file").expect_err("there is no folder");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = disk.create("folder/file").expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(
        disk.open("folder/other")
            .expect("the power is on")
            .is_none()
    );
}
