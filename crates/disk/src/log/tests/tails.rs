//! Readers that follow the end, watchers, and waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;

#[test]
fn a_tail_reads_what_is_committed_and_nothing_else() {
    let mut bench = Bench::new(0);
    assert!(bench.run(&trace()[..14]));
    bench.push(20).expect("it is staged");
    for after in 0..=bench.log().committed() {
        let mut tail = bench.log().tail(after);
        let mut read = Vec::new();
        while let Some((at, head, body)) = tail.next().expect("nothing is wrong") {
            let known = &bench.acked[&head.lsn];
            assert_eq!((&known.at, &known.body[..]), (&at, &body[..]));
            read.push(head.lsn);
        }
        let expected: Vec<Lsn> = bench
            .acked
            .range(after + 1..)
            .map(|(lsn, _)| *lsn)
            .collect();
        assert_eq!(read, expected);
        assert_eq!(tail.after(), bench.log().committed());
    }
}

#[test]
fn a_tail_goes_on_when_more_is_committed() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    let mut tail = bench.log().tail(0);
    assert!(tail.next().expect("nothing is wrong").is_none());
    assert!(!tail.wait(Duration::ZERO));
    for len in [10, 400, 800, 0, 1, 500] {
        let lsn = bench.push(len).expect("it is staged");
        assert!(tail.next().expect("nothing is wrong").is_none());
        bench.commit().expect("the disk is well");
        assert!(tail.wait(Duration::MAX));
        let (_, head, body) = tail
            .next()
            .expect("nothing is wrong")
            .expect("there is one");
        assert_eq!((head.lsn, body.len()), (lsn, len));
    }
}

#[test]
fn a_waiting_tail_is_woken_by_a_commit_and_by_the_end() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    let tail = bench.log().tail(0);
    let woken = std::thread::Builder::new()
        .spawn(move || (tail.wait(Duration::MAX), tail))
        .expect("there is a thread left");
    bench.push(10).expect("it is staged");
    bench.commit().expect("the disk is well");
    let (is_more, mut tail) = woken.join().expect("it does not panic");
    assert!(is_more);
    assert!(tail.next().expect("nothing is wrong").is_some());
    let woken = std::thread::Builder::new()
        .spawn(move || tail.wait(Duration::MAX))
        .expect("there is a thread left");
    bench.opened = None;
    assert!(
        !woken.join().expect("it does not panic"),
        "there is no more"
    );
}

#[test]
fn a_tail_is_told_what_it_missed_and_skips_what_was_moved() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    for _ in 0..8 {
        bench.push(300).expect("it is small");
        bench.commit().expect("the disk is well");
    }
    let first = bench.log().segments()[0];
    assert!(bench.step(Step::Compact));
    let mut tail = bench.log().tail(0);
    let error = tail.next().expect_err("the first ones are gone");
    assert!(
        matches!(error, TailError::Retired { lsn: 1, next } if next == first.last_lsn + 1),
        "{error}"
    );
    let mut read = Vec::new();
    while let Some((_, head, _)) = tail.next().expect("nothing is wrong") {
        read.push(head.lsn);
    }
    let expected: Vec<Lsn> = bench
        .acked
        .iter()
        .filter(|(_, known)| !known.is_moved)
        .map(|(lsn, _)| *lsn)
        .collect();
    assert_eq!(read, expected);
}

#[test]
fn watchers_hear_of_every_commit_after_it_is_stable() {
    let mut bench = Bench::new(0);
    bench.open().expect("it opens");
    let heard = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&heard);
    bench
        .log()
        .watch(Box::new(move |lsn| told.store(lsn, Ordering::SeqCst)));
    for _ in 0..5 {
        let lsn = bench.push(10).expect("it is staged");
        assert!(heard.load(Ordering::SeqCst) < lsn);
        bench.commit().expect("the disk is well");
        assert_eq!(heard.load(Ordering::SeqCst), lsn);
    }
}

#[test]
fn pieces_of_a_body_are_read_and_no_more() {
    let mut bench = Bench::new(0);
    assert!(bench.run(&[Step::Push(100), Step::Commit]));
    let known = bench.acked.values().next().expect("there is one").clone();
    let mut piece = [0; 30];
    bench
        .log()
        .read_body_at(&known.at, 70, &mut piece)
        .expect("it is inside");
    assert_eq!(piece[..], known.body[70..]);
    assert!(matches!(
        bench.log().read_body_at(&known.at, 71, &mut piece),
        Err(ReadLogError::Beyond)
    ));
    let wrong = Position {
        offset: known.at.offset + 8,
        ..known.at
    };
    assert!(bench.log().read(&wrong).is_err());
    let staged = bench.push(10).expect("it is staged");
    let at = bench.limbo[&staged].at;
    assert!(matches!(
        bench.log().read(&at),
        Err(ReadLogError::NotCommitted)
    ));
}
