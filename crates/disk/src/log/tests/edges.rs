//! Sizes around every edge, wrong configurations, and logs that are not ours.

use super::*;

/// Bytes that a log record can have at most in an empty segment of the small log.
const BODY_MAX: usize = 1024 - 128;

#[test]
fn log_records_around_the_end_of_a_segment_come_back() {
    // What the first segment has left after one log record of 100 bytes.
    let left = 512 - 64 - 168 - 64;
    for first in left - 17..=left + 17 {
        for second in [0, 1, 7, 8, 9, BODY_MAX - 1, BODY_MAX] {
            let mut bench = Bench::new(first as u64);
            bench.open().expect("it opens");
            for len in [100, first, second, 0] {
                bench.push(len).expect("it fits into a segment");
            }
            bench.commit().expect("the disk is well");
            let firsts = bench.acked.values().filter(|known| known.at.segment == 1);
            let expected =
                2 + usize::from(first + 15 <= left && first > left) - usize::from(first > left);
            assert_eq!(firsts.count(), expected, "first {first}");
            bench.read_all();
            bench.live();
        }
    }
}

#[test]
fn a_log_record_that_is_too_large_is_refused_and_others_stay_staged() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    bench.push(1).expect("it is small");
    let error = bench.push(BODY_MAX + 1).expect_err("it is too large");
    assert_eq!(
        error,
        PushError::TooLarge {
            len: BODY_MAX as u64 + 1,
            limit: BODY_MAX as u64
        }
    );
    let lsn = bench.push(BODY_MAX).expect("it just fits");
    assert_eq!(bench.appender().staged().0, 2);
    assert_eq!(bench.commit().expect("the disk is well"), lsn);
    bench.live();
}

#[test]
fn a_body_of_the_largest_size_goes_through_and_one_more_byte_does_not() {
    let config = LogConfig {
        first_segment_bytes: 4 << 20,
        segment_bytes: 4 << 20,
        ..small()
    };
    let mut bench = Bench::with(FaultyDisk::new(0), config);
    bench.open().expect("it opens");
    let most = wire::segment::BODY_BYTES_MAX as usize;
    bench.push(most).expect("it fits");
    assert!(bench.push(most + 1).is_err());
    bench.push(most - 1).expect("it fits");
    bench.commit().expect("the disk is well");
    bench.read_all();
    bench.open().expect("it opens");
}

#[test]
fn the_stream_of_the_log_is_its_own() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    let record = Record {
        stream: wire::segment::STREAM_OF_LOG,
        kind: 1,
        key: [0; 32],
        body: &[],
    };
    assert_eq!(bench.appender().push(record), Err(PushError::Stream));
}

#[test]
fn an_empty_commit_writes_nothing() {
    let mut bench = Bench::new(0);
    assert!(bench.run(&[Step::Push(3), Step::Commit]));
    let before = bench.disk.operations();
    let last = bench.log().committed();
    assert_eq!(bench.commit().expect("there is nothing to fail"), last);
    bench.push(3).expect("it is staged");
    bench.step(Step::Discard);
    assert_eq!(bench.commit().expect("there is nothing to fail"), last);
    assert_eq!(bench.disk.operations(), before);
}

#[test]
fn replay_begins_behind_what_the_owner_has() {
    let mut bench = Bench::new(0);
    assert!(bench.run(&trace()[..14]));
    let last = bench.log().committed();
    for after in 0..=last {
        bench.opened = None;
        let mut replayed = Vec::new();
        let disk: Arc<dyn Disk> = Arc::new(bench.disk.clone());
        let opened = Log::open(disk, small(), after, &mut |_, head, _| {
            replayed.push(head.lsn);
        })
        .expect("it opens");
        let expected: Vec<Lsn> = bench
            .acked
            .range(after + 1..)
            .map(|(lsn, _)| *lsn)
            .collect();
        assert_eq!(replayed, expected);
        assert_eq!(opened.recovery.replayed, expected.len() as u64);
        assert_eq!(opened.recovery.last, last);
        for known in bench.acked.values() {
            opened.log.read(&known.at).expect("it is there");
        }
    }
    let disk: Arc<dyn Disk> = Arc::new(bench.disk.clone());
    let error = Log::open(disk, small(), last + 1, &mut |_, _, _| {}).expect_err("it is behind");
    assert!(matches!(error, OpenLogError::Corrupt { .. }), "{error}");
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new(0));
    let error = Log::open(disk, small(), 1, &mut |_, _, _| {}).expect_err("it is empty");
    assert!(
        matches!(
            error,
            OpenLogError::Behind {
                last: 0,
                after: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn impossible_configurations_are_refused() {
    let disk = || -> Arc<dyn Disk> { Arc::new(FaultyDisk::new(0)) };
    for config in [
        LogConfig {
            first_segment_bytes: 120,
            ..small()
        },
        LogConfig {
            segment_bytes: 1025,
            ..small()
        },
        LogConfig {
            segment_bytes: (1 << 30) + 8,
            ..small()
        },
        LogConfig {
            batch_bytes_max: 0,
            ..small()
        },
    ] {
        let error = Log::open(disk(), config, 0, &mut |_, _, _| {}).expect_err("it cannot be");
        assert!(matches!(error, OpenLogError::Config { .. }), "{error}");
    }
}

#[test]
fn a_log_of_another_owner_or_a_newer_format_is_refused() {
    let mut bench = Bench::new(0);
    assert!(bench.run(&[Step::Push(3), Step::Commit]));
    let mut other = small();
    other.owner = LogConfig::new("log", "others").owner;
    let disk: Arc<dyn Disk> = Arc::new(bench.disk.clone());
    let error = Log::open(disk, other, 0, &mut |_, _, _| {}).expect_err("it is of tests");
    let told = error.to_string();
    assert!(
        told.contains("\"tests\"") && told.contains("\"others\""),
        "{told}"
    );

    let mut head = bench.disk.dump("log/00000001.seg").expect("it is there");
    head.truncate(60);
    let was = head[7];
    head[7] = 2;
    let sum = wire::segment::crc(&head);
    let file = bench
        .disk
        .open("log/00000001.seg")
        .expect("it opens")
        .expect("it is there");
    file.write_at(7, &[std::io::IoSlice::new(&[2])])
        .expect("the disk is well");
    file.write_at(60, &[std::io::IoSlice::new(&sum.to_le_bytes())])
        .expect("the disk is well");
    let error = bench.open().expect_err("it is newer");
    assert!(
        matches!(error, OpenLogError::Newer { found: 2, .. }),
        "{error}"
    );
    assert_eq!(error.code(), base::Code::StoreNewer);
    file.write_at(60, &[std::io::IoSlice::new(&[!sum as u8; 4])])
        .expect("the disk is well");
    let error = bench.open().expect_err("it is damaged");
    assert!(matches!(error, OpenLogError::Corrupt { .. }), "{error}");
    assert_eq!(was, 1);
}

#[test]
fn a_spare_that_lies_ready_is_used() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    let preparer = bench.log().preparer();
    let thread = std::thread::Builder::new()
        .name("preparer".to_owned())
        .spawn(move || preparer.run())
        .expect("there is a thread left");
    for _ in 0..20 {
        bench.push(300).expect("it is small");
        bench.commit().expect("the disk is well");
    }
    bench.read_all();
    bench.opened = None;
    thread.join().expect("it ends with the writer");
    let names = bench.disk.names("log").expect("the disk is well");
    assert!(
        names.iter().all(|name| !name.ends_with(".new")),
        "{names:?}"
    );
    bench.live();
}
