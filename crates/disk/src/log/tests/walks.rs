//! Walking one segment: for compaction, and for who looks for rot.

use super::*;

/// Walks a segment; damage is given as its offset.
fn walked(log: &Log, segment: u64) -> Vec<Result<Walked, u64>> {
    let mut walk = log.walk(segment).expect("it is there");
    let mut found = Vec::new();
    loop {
        match walk.next() {
            Ok(Some(walked)) => found.push(Ok(walked)),
            Ok(None) => return found,
            Err(ReadLogError::Corrupt(corrupt)) => found.push(Err(corrupt.offset)),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_walk_sees_everything_that_is_committed_in_a_segment_and_no_mark() {
    let mut bench = Bench::new(0);
    assert!(bench.run(&trace()));
    bench.push(9).expect("it is staged");
    let mut seen = 0;
    for stat in bench.log().segments() {
        let found = walked(bench.log(), stat.number);
        let expected: Vec<_> = bench
            .acked
            .iter()
            .filter(|(_, known)| known.at.segment == stat.number)
            .collect();
        assert_eq!(found.len(), expected.len());
        for (found, (lsn, known)) in found.into_iter().zip(expected) {
            let found = found.expect("nothing is damaged");
            let body = found.body.expect("nothing is damaged");
            assert_eq!((found.head.lsn, found.at), (*lsn, known.at));
            assert_eq!(
                (&body[..], found.head.is_moved()),
                (&known.body[..], known.is_moved)
            );
            seen += 1;
        }
    }
    assert_eq!(seen, bench.acked.len());
    assert!(matches!(bench.log().walk(99), Err(ReadLogError::Gone)));
}

#[test]
fn a_walk_names_damage_and_goes_on_behind_it() {
    let mut bench = Bench::new(0);
    let config = LogConfig {
        first_segment_bytes: 400 << 10,
        segment_bytes: 400 << 10,
        ..small()
    };
    bench = Bench::with(bench.disk.clone(), config);
    bench.open().expect("it opens");
    // The third is longer than what is looked through at once.
    for len in [10, 20, 200_000, 0, 33, 5] {
        bench.push(len).expect("it fits");
    }
    bench.commit().expect("the disk is well");
    let all: Vec<(Lsn, Position)> = bench
        .acked
        .iter()
        .map(|(lsn, known)| (*lsn, known.at))
        .collect();
    for (damaged, (_, at)) in all.iter().enumerate() {
        for (shift, is_head) in [(0, true), (20, true), (40, true), (64, false)] {
            if !is_head && at.body_len == 0 {
                continue;
            }
            let offset = u64::from(at.offset) + shift;
            assert!(bench.disk.flip("log/00000001.seg", offset, 1));
            let found = walked(bench.log(), 1);
            assert!(bench.disk.flip("log/00000001.seg", offset, 1));
            assert_eq!(found.len(), all.len());
            for (place, (found, (lsn, at))) in found.into_iter().zip(&all).enumerate() {
                match found {
                    Ok(found) => {
                        assert_eq!((found.head.lsn, found.at), (*lsn, *at));
                        assert_eq!(found.body.is_err(), place == damaged && !is_head);
                    }
                    Err(found) => {
                        assert_eq!(found, u64::from(at.offset));
                        assert!(place == damaged && is_head);
                    }
                }
            }
        }
    }
}

#[test]
fn a_walk_in_a_segment_that_is_recycled_meanwhile_says_so() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    for _ in 0..8 {
        bench.push(300).expect("it is small");
        bench.commit().expect("the disk is well");
    }
    let second = bench.log().segments()[1].number;
    let mut walk = bench.log().walk(second).expect("it is there");
    bench.acked.clear();
    bench
        .appender()
        .recycle(second)
        .expect("nothing is wanted in it");
    // Its file becomes another segment.
    for _ in 0..6 {
        bench.push(300).expect("it is small");
        bench.commit().expect("the disk is well");
    }
    assert!(matches!(walk.next(), Err(ReadLogError::Gone)));
}
