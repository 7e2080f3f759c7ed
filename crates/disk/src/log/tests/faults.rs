//! A disk that is full, at every operation and at every size, and devices that fail by chance.

use std::io::ErrorKind;

use super::*;
use crate::Faults;

#[test]
fn a_full_disk_at_any_operation_loses_nothing_and_brings_nothing_back() {
    let trace = trace();
    let last = operations(&trace);
    let mut survived = 0;
    for operation in 1..=last {
        for seed in 0..6 {
            let mut bench = Bench::new(seed * 6151 + operation);
            bench.disk.fail_at(operation, ErrorKind::StorageFull);
            survived += u64::from(bench.run(&trace));
            bench.disk.power_on();
            bench.live();
        }
    }
    assert!(survived > last * 2, "a full disk is no poison: {survived}");
}

#[test]
fn a_full_disk_tells_so_and_the_log_goes_on_when_there_is_room() {
    let mut bench = Bench::new(3);
    bench.disk.set_faults(Faults {
        capacity_bytes: Some(900),
        ..Faults::default()
    });
    bench.open().expect("an empty log takes no room");
    bench.push(100).expect("it is small");
    bench.commit().expect("there is room for the first segment");
    let mut refused = 0;
    for len in [400, 500, 300, 20] {
        bench.push(len).expect("it is staged");
        match bench.commit() {
            Ok(_) => {}
            Err(CommitError::Full { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        assert_eq!(bench.appender().staged(), (0, 0));
    }
    assert_eq!(refused, 3, "what fits into the first segment is taken");
    assert_eq!(
        bench.log().bytes_total(),
        512,
        "what was begun is given back"
    );
    bench.disk.calm();
    bench.push(400).expect("it is staged");
    bench.commit().expect("there is room again");
    bench.read_all();
    bench.live();
}

#[test]
fn a_disk_without_room_for_a_segment_gets_a_smaller_one() {
    // The first segment takes 512 bytes; what is left never suffices for one of 1024.
    for left in (128..1024_u64).step_by(8) {
        let most = left as usize - 128;
        for len in [0, most / 2, most.saturating_sub(1), most] {
            let mut bench = Bench::new(left);
            bench.open().expect("it opens");
            bench.push(300).expect("it is small");
            bench.commit().expect("the disk is well");
            bench.disk.set_faults(Faults {
                capacity_bytes: Some(512 + left),
                ..Faults::default()
            });
            bench.push(len.max(30)).expect("it is staged");
            if len.max(30) > most {
                assert!(matches!(bench.commit(), Err(CommitError::Full { .. })));
                continue;
            }
            bench.commit().expect("there is room for what it needs");
            let second = *bench.log().segments().last().expect("there are two");
            assert!(second.number == 2 && second.bytes < 1024 && second.bytes <= left);
            assert!(second.bytes >= second.used_bytes);
            bench.read_all();
            bench.open().expect("it opens");
            // More comes as long as it fits, and then the disk says that it is full.
            while bench.push(8).is_ok() && bench.commit().is_ok() {}
            assert!(!bench.log().is_poisoned());
            bench.disk.calm();
            bench.push(700).expect("it is staged");
            bench.commit().expect("there is room again");
            let third = *bench.log().segments().last().expect("there are more");
            assert_eq!(third.bytes, 1024);
            bench.read_all();
            bench.live();
        }
    }
}

#[test]
fn a_batch_over_several_segments_takes_smaller_ones_where_it_must() {
    let mut bench = Bench::new(11);
    bench.open().expect("it opens");
    bench.push(300).expect("it is small");
    bench.commit().expect("the disk is well");
    bench.disk.set_faults(Faults {
        capacity_bytes: Some(512 + 1024 + 700),
        ..Faults::default()
    });
    for len in [800, 400] {
        bench.push(len).expect("it is staged");
    }
    bench.commit().expect("one whole segment and a smaller one");
    let sizes: Vec<u64> = bench
        .log()
        .segments()
        .iter()
        .map(|stat| stat.bytes)
        .collect();
    assert_eq!(sizes, [512, 1024, 528]);
    bench.read_all();
    bench.live();
}

#[test]
fn a_batch_that_a_full_disk_cut_off_never_comes_back_behind_a_new_one() {
    // The part that was written stays readable behind the end, and the next batch has the same numbers.
    for seed in 0..200 {
        let mut bench = Bench::new(seed);
        assert!(bench.run(&[Step::Push(8), Step::Commit]));
        for _ in 0..4 {
            bench.push(0).expect("it is staged");
        }
        let next = bench.disk.operations() + 1;
        bench.disk.fail_at(next, ErrorKind::StorageFull);
        let error = bench.commit().expect_err("the disk is full");
        assert!(!error.is_poison(), "{error}");
        bench.push(0).expect("it is staged");
        bench.commit().expect("there is room again");
        bench.live();
    }
}

#[test]
fn a_device_that_fails_by_chance_never_makes_it_lie() {
    let trace = trace();
    for seed in 0..400 {
        let mut bench = Bench::new(seed);
        bench.disk.set_faults(Faults {
            write_permille: (seed % 5) as u16 * 8,
            sync_permille: (seed % 3) as u16 * 10,
            read_permille: (seed % 2) as u16 * 10,
            ..Faults::default()
        });
        for _ in 0..3 {
            bench.run(&trace);
            bench.opened = None;
        }
        if seed % 4 == 0 {
            bench.disk.power_on();
        }
        bench.live();
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let mut bench = Bench::new(9);
    assert!(bench.run(&[Step::Push(100), Step::Commit]));
    let at = bench.acked.values().next().expect("there is one").at;
    bench.disk.set_faults(Faults {
        read_permille: 1000,
        ..Faults::default()
    });
    let error = bench.log().read(&at).expect_err("the device fails");
    assert!(matches!(error, ReadLogError::Io { .. }), "{error}");
    assert!(matches!(bench.open(), Err(OpenLogError::Io { .. })));
}
