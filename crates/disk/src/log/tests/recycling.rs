//! Segments that are gone on purpose, gone by accident, or full of what an earlier use left.

use super::*;

#[test]
fn a_recycled_segment_shows_nothing_of_its_earlier_use() {
    let mut bench = Bench::new(5);
    bench.open().expect("it opens");
    // The same sizes each time: old heads lie exactly where new ones would.
    for _ in 0..30 {
        for _ in 0..3 {
            bench.push(200).expect("it is small");
            bench.commit().expect("the disk is well");
        }
        assert!(bench.step(Step::Compact));
        let recovery = bench.open().expect("it opens");
        assert_eq!(
            recovery.tail,
            TailState::Clean,
            "zeros end what was written"
        );
        bench.read_all();
    }
    let generations = |name: &String| {
        let bytes = bench.disk.dump(&format!("log/{name}"))?;
        wire::segment::Reader::new(&bytes)
            .ok()
            .map(|(head, _)| head.generation)
    };
    let names = bench.disk.names("log").expect("the disk is well");
    let most = names.iter().filter_map(generations).max();
    assert!(most > Some(2), "files are used again and again: {most:?}");
    bench.live();
}

#[test]
fn a_crash_in_a_recycled_segment_brings_nothing_of_its_earlier_use_back() {
    let mut grown = Bench::new(5);
    grown.open().expect("it opens");
    for _ in 0..8 {
        grown.push(200).expect("it is small");
        grown.commit().expect("the disk is well");
        assert!(grown.step(Step::Compact));
    }
    let more = [
        Step::Push(200),
        Step::Push(0),
        Step::Commit,
        Step::Push(200),
        Step::Commit,
        Step::Push(64),
        Step::Push(64),
        Step::Commit,
    ];
    for operation in 1..30 {
        for seed in 0..8 {
            let mut bench = Bench::with(grown.disk.copy(seed * 31 + operation), small());
            bench.acked = grown.acked.clone();
            bench.pushed = grown.pushed;
            bench.disk.crash_at(operation);
            bench.run(&more);
            bench.disk.power_on();
            bench.live();
        }
    }
}

/// Makes a log of several segments of which the second is recycled.
fn with_a_hole() -> Bench {
    let mut bench = Bench::new(2);
    bench.open().expect("it opens");
    for _ in 0..12 {
        bench.push(250).expect("it is small");
        bench.commit().expect("the disk is well");
    }
    let live: Vec<_> = bench
        .acked
        .iter()
        .filter(|(_, known)| known.at.segment == 2)
        .map(|(lsn, known)| (*lsn, known.at))
        .collect();
    assert!(!live.is_empty());
    for (lsn, at) in live {
        bench.appender().copy(&at).expect("it is there");
        bench.acked.remove(&lsn);
    }
    bench.limbo.clear();
    bench.appender().commit().expect("the disk is well");
    bench
        .appender()
        .recycle(2)
        .expect("nothing is wanted in it");
    bench
}

#[test]
fn a_hole_that_was_made_on_purpose_is_no_fault() {
    let mut bench = with_a_hole();
    let error = bench.log().read(&Position {
        segment: 2,
        offset: 64,
        body_len: 250,
    });
    assert!(matches!(error, Err(ReadLogError::Gone)));
    let mut replayed = 0;
    bench.opened = None;
    let disk: Arc<dyn Disk> = Arc::new(bench.disk.clone());
    let opened = Log::open(disk, small(), 0, &mut |_, _, _| replayed += 1).expect("it opens");
    assert_eq!(replayed, 12);
    let numbers: Vec<u64> = opened
        .log
        .segments()
        .iter()
        .map(|stat| stat.number)
        .collect();
    assert!(!numbers.contains(&2) && numbers.contains(&1) && numbers.contains(&3));
}

#[test]
fn a_segment_that_is_missing_is_named() {
    let whole = with_a_hole();
    let numbers: Vec<u64> = whole
        .log()
        .segments()
        .iter()
        .map(|stat| stat.number)
        .collect();
    let newest = *numbers.last().expect("there are some");
    for number in numbers {
        let disk = whole.disk.copy(number);
        let name = format!("log/{number:08}.seg");
        disk.remove(&name).expect("it is there");
        let mut none = |_: Position, _: &RecordHead, _: &[u8]| {};
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        // Without an index nobody can tell that the newest one is gone; the owner's number can.
        let after = if number == newest {
            whole.log().committed()
        } else {
            0
        };
        let error = Log::open(shared, small(), after, &mut none).expect_err("one is missing");
        match &error {
            OpenLogError::Missing { segment, .. } => assert_eq!(*segment, number),
            OpenLogError::Behind { .. } | OpenLogError::Corrupt { .. } => {
                assert_eq!(number, newest);
            }
            error => panic!("{error}"),
        }

        let config = LogConfig {
            on_corruption: OnCorruption::Quarantine,
            ..small()
        };
        let shared: Arc<dyn Disk> = Arc::new(disk);
        let opened = Log::open(shared, config, after, &mut none).expect("it goes on without");
        assert_eq!(opened.recovery.quarantined.len(), 1);
    }
}

#[test]
fn a_damaged_list_of_retired_segments_is_told() {
    let bench = with_a_hole();
    let list = bench.disk.dump("log/retired").expect("there is one");
    for offset in 0..list.len() as u64 {
        let disk = bench.disk.copy(0);
        assert!(disk.flip("log/retired", offset, 0x10));
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let error = Log::open(disk, small(), 0, &mut |_, _, _| {}).expect_err("it is damaged");
        assert!(matches!(error, OpenLogError::Retired { .. }), "{error}");
    }
    bench.disk.remove("log/retired").expect("it is there");
    let disk: Arc<dyn Disk> = Arc::new(bench.disk.clone());
    let error = Log::open(disk, small(), 0, &mut |_, _, _| {}).expect_err("nothing excuses it");
    assert!(
        matches!(error, OpenLogError::Missing { segment: 2, .. }),
        "{error}"
    );
}

#[test]
fn the_segment_that_is_written_is_never_recycled() {
    let mut bench = with_a_hole();
    let newest = bench.log().segments().last().expect("there is one").number;
    for (segment, is_active) in [(newest, true), (2, false), (newest + 5, false), (0, false)] {
        let error = bench.appender().recycle(segment).expect_err("it cannot be");
        assert_eq!(
            matches!(error, RecycleError::Active { .. }),
            is_active,
            "{error}"
        );
    }
}

#[test]
fn long_use_keeps_the_list_short_and_the_disk_small() {
    let mut bench = Bench::new(11);
    bench.open().expect("it opens");
    for _ in 0..200 {
        bench.push(300).expect("it is small");
        bench.commit().expect("the disk is well");
        while bench.log().segments().len() > 4 {
            let oldest = bench.log().segments()[0].number;
            bench.acked.retain(|_, known| known.at.segment != oldest);
            bench
                .appender()
                .recycle(oldest)
                .expect("nothing is wanted in it");
        }
    }
    assert_eq!(
        bench.disk.dump("log/retired").map(|list| list.len()),
        Some(56)
    );
    assert!(bench.log().bytes_total() <= 7 * 1024);
    bench.live();
}
