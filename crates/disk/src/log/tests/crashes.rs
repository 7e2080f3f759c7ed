//! The power fails, or a sync does, in the middle of every operation.

use super::*;

const SEEDS: u64 = 6;

#[test]
fn a_crash_at_any_operation_loses_nothing_acknowledged() {
    let trace = trace();
    let last = operations(&trace);
    assert!(last > 60, "the trace is long enough to be worth it: {last}");
    for operation in 1..=last {
        for seed in 0..SEEDS {
            let mut bench = Bench::new(seed * 7919 + operation);
            bench.disk.crash_at(operation);
            assert!(!bench.run(&trace), "the crash comes");
            assert!(bench.disk.is_off());
            bench.disk.power_on();
            bench.live();
        }
    }
}

#[test]
fn a_crash_while_it_recovers_from_a_crash_loses_nothing_acknowledged() {
    let trace = &trace()[..14];
    let last = operations(trace);
    for first in 1..=last {
        for seed in 0..2 {
            // How many operations opening takes after this crash is known only by doing it.
            for second in 1.. {
                let mut bench = Bench::new(seed * 7919 + first);
                bench.disk.crash_at(first);
                assert!(!bench.run(trace));
                bench.disk.power_on();
                bench.disk.crash_at(bench.disk.operations() + second);
                if bench.open().is_ok() {
                    // Nothing was left to do: the crash comes while it appends, if at all.
                    let went_on = bench.run(&[Step::Push(40), Step::Commit]);
                    if went_on {
                        break;
                    }
                }
                bench.disk.power_on();
                bench.live();
            }
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_the_log_is_read_again() {
    let trace = trace();
    let last = operations(&trace);
    let mut failed = 0;
    for operation in 1..=last {
        for seed in 0..SEEDS {
            for loses_power in [false, true] {
                let mut bench = Bench::new(seed * 104_729 + operation);
                bench.disk.fail_sync_at(operation);
                let went_on = bench.run(&trace);
                failed += u64::from(!went_on);
                if loses_power {
                    bench.disk.power_on();
                }
                // Without a loss of power the bytes can still be read although they are nowhere else: what is replayed
                // from them must have been made stable before.
                bench.live();
            }
        }
    }
    assert!(failed > last, "most syncs are of the log itself: {failed}");
}

#[test]
fn a_sync_that_fails_while_opening_leaves_the_log_as_it_was() {
    let trace = &trace()[..14];
    let last = operations(trace);
    for first in 1..=last {
        for second in 1..6 {
            let mut bench = Bench::new(second * 31 + first);
            bench.disk.crash_at(first);
            assert!(!bench.run(trace));
            bench.disk.power_on();
            bench.disk.fail_sync_at(bench.disk.operations() + second);
            // It fails or does not, and the process starts again with what the cache still shows.
            if bench.open().is_ok() {
                bench.run(&[Step::Push(40), Step::Commit]);
            }
            bench.live();
        }
    }
}

#[test]
fn two_failures_one_after_the_other_are_no_worse() {
    let trace = &trace()[..14];
    let last = operations(trace);
    for first in 1..=last {
        for second in first + 1..(first + 9).min(last + 6) {
            let mut bench = Bench::new(second * 131 + first);
            bench.disk.fail_sync_at(first);
            bench.run(trace);
            bench
                .disk
                .crash_at(bench.disk.operations() + second - first);
            if bench.open().is_ok() {
                bench.run(&[Step::Push(40), Step::Push(80), Step::Commit, Step::Commit]);
            }
            bench.disk.power_on();
            bench.live();
        }
    }
}

/// Opens a log in which the next log record starts at the start of a sector, and bodies of 448 bytes fill sectors.
fn by_sectors(seed: u64) -> Bench {
    let config = LogConfig {
        first_segment_bytes: 4096,
        segment_bytes: 4096,
        ..small()
    };
    let mut bench = Bench::with(FaultyDisk::new(seed), config);
    assert!(bench.run(&[Step::Push(384), Step::Commit]));
    bench
}

/// Writes over what is left of a batch, tears that as well, and checks that nothing of the first batch is behind it.
fn tear_over(mut bench: Bench, operation: u64) {
    bench.disk.crash_at(bench.disk.operations() + operation);
    bench.run(&[Step::Push(448), Step::Commit]);
    bench.disk.power_on();
    bench.live();
}

#[test]
fn what_a_crash_left_of_a_batch_never_comes_back_behind_another_that_was_torn() {
    for seed in 0..150 {
        for operation in 1..=4 {
            let mut bench = by_sectors(seed);
            bench.disk.crash_at(bench.disk.operations() + 1);
            bench.run(&[
                Step::Push(448),
                Step::Push(448),
                Step::Push(448),
                Step::Commit,
            ]);
            bench.disk.power_on();
            bench.open().expect("a torn end is no fault");
            tear_over(bench, operation);
        }
    }
}

#[test]
fn what_a_full_disk_left_of_a_batch_never_comes_back_behind_another_that_was_torn() {
    for seed in 0..150 {
        for operation in 1..=4 {
            let mut bench = by_sectors(seed);
            let next = bench.disk.operations() + 1;
            bench.disk.fail_at(next, std::io::ErrorKind::StorageFull);
            let went_on = bench.run(&[Step::Push(448), Step::Push(448), Step::Commit]);
            assert!(went_on, "a full disk is no poison");
            tear_over(bench, operation);
        }
    }
}

#[test]
fn a_mark_is_stable_before_anything_is_written_behind_it() {
    for seed in 0..100 {
        for operation in 1..=5 {
            let mut bench = by_sectors(seed);
            // The mark is the last thing in a sector, and what follows it is in the next one.
            assert!(bench.run(&[Step::Push(384), Step::Commit, Step::Restart]));
            assert_eq!(bench.log().segments()[0].used_bytes % 512, 448);
            tear_over(bench, operation);
        }
    }
}
