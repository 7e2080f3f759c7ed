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
        capacity_bytes: Some(1000),
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
