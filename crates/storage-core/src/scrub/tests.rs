//! The steps of a pass one by one, a naive pass, and an engine that fails.

mod simulation;

use base::{ContentHash, Duration, Machine as _, Timestamp};
use proptest::prelude::*;

use super::{Call, Checked, Fault, Input, Item, Output, Position, Report, Scrub, Terms};
use crate::Sum;

const START: Timestamp = Timestamp(1_000_000_000);

fn item(number: u8, bytes: u64) -> Item {
    Item {
        hash: ContentHash::from_bytes([number; 32]),
        bytes,
    }
}

fn hash(number: u8) -> ContentHash {
    item(number, 0).hash
}

fn outputs(scrub: &mut Scrub, now: Timestamp, input: Input) -> Vec<Output> {
    scrub.handle(now, input);
    std::iter::from_fn(|| scrub.poll_output()).collect()
}

fn after(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

fn list(call: u64, after: Option<u8>) -> Output {
    Output::List {
        call: Call(call),
        after: after.map(hash),
        limit: 256,
    }
}

fn check(call: u64, item: Item) -> Output {
    let call = Call(call);
    Output::Check { call, item }
}

fn page(call: u64, items: &[Item]) -> Input {
    Input::Page {
        call: Call(call),
        items: items.to_vec(),
    }
}

fn checked(call: u64, outcome: Checked) -> Input {
    Input::Checked {
        call: Call(call),
        outcome,
    }
}

fn walk(call: u64) -> Output {
    Output::Walk {
        call: Call(call),
        bytes_max: 1024 * 1024,
    }
}

fn walked(call: u64, bytes: u64, faults: &[Fault], is_end: bool) -> Input {
    Input::Walked {
        call: Call(call),
        bytes,
        faults: faults.to_vec(),
        is_end,
    }
}

fn fault(offset: u64, is_mended: bool) -> Fault {
    Fault {
        segment: 3,
        offset,
        what: "the tag a".to_owned(),
        is_mended,
    }
}

fn terms() -> Terms {
    Terms {
        bytes_per_sec: 1_000,
        retries_max: 1,
        ..Terms::default()
    }
}

/// A pass that has been given two blobs, the first of them to be checked.
fn begun() -> Scrub {
    let mut scrub = Scrub::new(terms(), None);
    assert_eq!(outputs(&mut scrub, START, Input::Timeout), []);
    assert_eq!(outputs(&mut scrub, START, Input::Go), [list(0, None)]);
    let two = page(0, &[item(1, 500), item(2, 2_000)]);
    assert_eq!(outputs(&mut scrub, START, two), [check(1, item(1, 500))]);
    scrub
}

fn progress(number: u8, blobs: u64, bytes: u64) -> Output {
    Output::Progress(Position {
        after: Some(hash(number)),
        seen: Sum { blobs, bytes },
    })
}

#[test]
fn budget_puts_the_next_blob_off() {
    let mut scrub = begun();
    let sound = checked(1, Checked::Sound);
    assert_eq!(outputs(&mut scrub, after(100), sound), []);
    let (at, _) = scrub.poll_timeout().expect("it waits");
    assert_eq!(at, after(500), "500 bytes at 1,000 a second");
    assert_eq!(outputs(&mut scrub, after(499), Input::Timeout), []);
    let second = [check(2, item(2, 2_000))];
    assert_eq!(outputs(&mut scrub, at, Input::Timeout), second);
    // Reading took longer than the budget would have.
    let sound = checked(2, Checked::Sound);
    let next = [progress(2, 2, 2_500), list(3, Some(2))];
    assert_eq!(outputs(&mut scrub, after(9_000), sound), next);
}

#[test]
fn pass_ends_with_a_report() {
    let mut scrub = begun();
    outputs(&mut scrub, after(0), Input::SetPace(0));
    outputs(&mut scrub, after(1), checked(1, Checked::Sound));
    let gone = outputs(&mut scrub, after(2), checked(2, Checked::Gone));
    assert_eq!(gone, [progress(2, 2, 2_500), list(3, Some(2))]);
    assert_eq!(outputs(&mut scrub, after(3), page(3, &[])), [walk(4)]);
    let mut end = outputs(&mut scrub, after(3), walked(4, 700, &[], true));
    let Some(Output::Finished(report)) = end.pop() else {
        panic!("{end:?}");
    };
    assert_eq!(
        *report,
        Report {
            from: None,
            upto: Some(hash(2)),
            is_whole: true,
            sound: Sum::of(500),
            mended: Sum::ZERO,
            mended_named: Vec::new(),
            damaged: Sum::ZERO,
            damaged_named: Vec::new(),
            at_large: Sum::ZERO,
            unread: Sum::ZERO,
            gone: Sum::of(2_000),
            walked_bytes: 700,
            faults: 0,
            faults_named: Vec::new(),
            retries: 0,
            took: Duration::from_millis(3),
        }
    );
    assert!(scrub.is_over());
    assert_eq!(scrub.poll_timeout(), None);
    assert_eq!(outputs(&mut scrub, after(4), Input::Go), []);
}

#[test]
fn damaged_blob_is_put_aside_at_once() {
    let mut scrub = begun();
    let damaged = checked(1, Checked::Damaged);
    let quarantine = |call| Output::Quarantine {
        call: Call(call),
        item: item(1, 500),
    };
    assert_eq!(outputs(&mut scrub, after(1), damaged), [quarantine(2)]);
    let failed = |call| Input::Quarantined {
        call: Call(call),
        is_done: false,
    };
    assert_eq!(outputs(&mut scrub, after(2), failed(2)), []);
    let (at, _) = scrub.poll_timeout().expect("it tries again");
    assert_eq!(outputs(&mut scrub, at, Input::Timeout), [quarantine(3)]);
    let next = outputs(&mut scrub, at, failed(3));
    assert_eq!(next, [check(4, item(2, 2_000))]);
    let report = scrub.report();
    assert_eq!(report.damaged_named, [item(1, 500)]);
    assert_eq!(report.at_large, Sum::of(500));
    assert_eq!(report.retries, 1);
}

#[test]
fn blob_that_cannot_be_read_is_tried_again_and_then_passed_over() {
    let mut scrub = begun();
    let failed = checked(1, Checked::Failed);
    assert_eq!(outputs(&mut scrub, after(0), failed), []);
    let (at, _) = scrub.poll_timeout().expect("it tries again");
    assert_eq!(at, after(5_000));
    assert_eq!(
        outputs(&mut scrub, at, Input::Timeout),
        [check(2, item(1, 500))]
    );
    // No answer at all.
    let (at, _) = scrub.poll_timeout().expect("it waits for the answer");
    assert_eq!(at, after(605_000));
    assert_eq!(
        outputs(&mut scrub, at, Input::Timeout),
        [check(3, item(2, 2_000))]
    );
    assert_eq!(scrub.report().unread, Sum::of(500));
    let late = checked(2, Checked::Sound);
    assert_eq!(
        outputs(&mut scrub, at, late),
        [],
        "an answer to an older request"
    );
    assert_eq!(scrub.report().sound, Sum::ZERO);
}

#[test]
fn list_that_fails_ends_the_pass_and_says_so() {
    let mut scrub = Scrub::new(terms(), Some(hash(7)));
    assert_eq!(outputs(&mut scrub, START, Input::Go), [list(0, Some(7))]);
    let failed = |call| Input::ListFailed { call: Call(call) };
    outputs(&mut scrub, START, failed(0));
    assert_eq!(
        outputs(&mut scrub, after(5_000), Input::Timeout),
        [list(1, Some(7))]
    );
    let end = outputs(&mut scrub, after(5_000), failed(1));
    let Some(Output::Finished(report)) = end.last() else {
        panic!("{end:?}");
    };
    assert!(!report.is_whole);
    assert_eq!(report.upto, Some(hash(7)));
}

#[test]
fn log_is_read_after_the_blobs_within_the_budget_and_its_faults_are_named() {
    let mut scrub = Scrub::new(
        Terms {
            damaged_named_max: 2,
            ..terms()
        },
        Some(hash(7)),
    );
    outputs(&mut scrub, START, Input::Go);
    assert_eq!(outputs(&mut scrub, START, page(0, &[])), [walk(1)]);
    let first = walked(1, 2_000, &[fault(64, true), fault(128, false)], false);
    assert_eq!(outputs(&mut scrub, after(100), first), []);
    let (at, _) = scrub.poll_timeout().expect("it waits");
    assert_eq!(at, after(2_000), "2,000 bytes at 1,000 a second");
    assert_eq!(outputs(&mut scrub, at, Input::Timeout), [walk(2)]);
    let failed = Input::WalkFailed { call: Call(2) };
    assert_eq!(outputs(&mut scrub, at, failed), []);
    let (at, _) = scrub.poll_timeout().expect("it tries again");
    assert_eq!(outputs(&mut scrub, at, Input::Timeout), [walk(3)]);
    let last = walked(3, 50, &[fault(8, false)], true);
    let end = outputs(&mut scrub, at, last);
    let Some(Output::Finished(report)) = end.last() else {
        panic!("{end:?}");
    };
    assert!(report.is_whole);
    assert_eq!(
        (report.walked_bytes, report.faults, report.retries),
        (2_050, 3, 1)
    );
    assert_eq!(report.faults_named, [fault(64, true), fault(128, false)]);
}

#[test]
fn log_that_cannot_be_read_ends_the_pass_and_says_so() {
    let mut scrub = Scrub::new(terms(), Some(hash(7)));
    outputs(&mut scrub, START, Input::Go);
    assert_eq!(outputs(&mut scrub, START, page(0, &[])), [walk(1)]);
    let failed = |call| Input::WalkFailed { call: Call(call) };
    outputs(&mut scrub, START, failed(1));
    assert_eq!(outputs(&mut scrub, after(5_000), Input::Timeout), [walk(2)]);
    let end = outputs(&mut scrub, after(5_000), failed(2));
    let Some(Output::Finished(report)) = end.last() else {
        panic!("{end:?}");
    };
    assert!(!report.is_whole);
    assert_eq!(scrub.position().after, Some(hash(7)), "the log is next");
}

#[test]
fn what_was_mended_is_named_and_the_pass_goes_on() {
    let mut scrub = begun();
    outputs(&mut scrub, after(0), Input::SetPace(0));
    let next = outputs(&mut scrub, after(1), checked(1, Checked::Mended));
    assert_eq!(next, [check(2, item(2, 2_000))]);
    let report = scrub.report();
    assert_eq!(report.mended, Sum::of(500));
    assert_eq!(report.mended_named, [item(1, 500)]);
    assert_eq!((report.sound, report.damaged), (Sum::ZERO, Sum::ZERO));
}

#[test]
fn pause_asks_for_nothing_and_stop_ends() {
    let mut scrub = begun();
    outputs(&mut scrub, after(0), Input::SetPace(0));
    assert_eq!(outputs(&mut scrub, after(1), Input::Pause), []);
    assert_eq!(
        outputs(&mut scrub, after(2), checked(1, Checked::Sound)),
        []
    );
    assert_eq!(scrub.poll_timeout(), None);
    let on = outputs(&mut scrub, after(3), Input::Go);
    assert_eq!(on, [check(2, item(2, 2_000))]);
    let end = outputs(&mut scrub, after(4), Input::Stop);
    assert!(matches!(end.last(), Some(Output::Finished(report)) if !report.is_whole));
    assert_eq!(
        scrub.position().after,
        Some(hash(1)),
        "where the next one goes on"
    );
}

#[test]
fn clock_that_was_set_back_delays_nothing() {
    let mut scrub = begun();
    assert_eq!(
        outputs(&mut scrub, after(0), checked(1, Checked::Sound)),
        []
    );
    let year = Duration::from_secs(365 * 86_400);
    assert_eq!(outputs(&mut scrub, after(0) - year, Input::Timeout), []);
    let (at, _) = scrub.poll_timeout().expect("it waits");
    assert_eq!(at, after(500) - year);
    // It asks, and the clock is set back once more while it waits for the answer.
    assert_eq!(
        outputs(&mut scrub, at, Input::Timeout),
        [check(2, item(2, 2_000))]
    );
    assert_eq!(outputs(&mut scrub, at - year, Input::Timeout), []);
    let (late, _) = scrub.poll_timeout().expect("it waits for the answer");
    assert_eq!(late, at - year + terms().answer_time_max);
}

#[test]
fn position_is_told_within_a_page_of_large_blobs() {
    let terms = Terms {
        bytes_per_sec: 0,
        progress_bytes_max: 100,
        ..terms()
    };
    let mut scrub = Scrub::new(terms, None);
    outputs(&mut scrub, START, Input::Go);
    outputs(
        &mut scrub,
        START,
        page(0, &[item(1, 99), item(2, 1), item(3, 5)]),
    );
    let first = outputs(&mut scrub, START, checked(1, Checked::Sound));
    assert_eq!(first, [check(2, item(2, 1))]);
    let second = outputs(&mut scrub, START, checked(2, Checked::Sound));
    assert_eq!(second, [progress(2, 2, 100), check(3, item(3, 5))]);
}

/// The budget: what was read before any moment is within it, but for the last blob.
fn is_within_budget(read: &[(Timestamp, u64)], bytes_per_sec: u64) -> bool {
    let mut before = 0;
    read.iter().all(|(at, bytes)| {
        let is_within = before <= at.since(START).as_micros() * bytes_per_sec / 1_000_000;
        before += bytes;
        is_within
    })
}

proptest! {
    /// An engine that answers everything at once: the report is what a loop over the blobs gives.
    #[test]
    fn report_is_that_of_a_loop(
        blobs in prop::collection::btree_map(any::<u8>(), (0_u64..5_000, 0_u8..4), 0..40),
        page_items_max in 1_usize..9,
        bytes_per_sec in 0_u64..2_000,
        from in prop::option::of(any::<u8>()),
    ) {
        let terms = Terms { bytes_per_sec, page_items_max, ..Terms::default() };
        let mut scrub = Scrub::new(terms, from.map(hash));
        let mut now = START;
        scrub.handle(now, Input::Go);
        let outcome = |number: u8| match blobs[&number].1 {
            0 => Checked::Sound,
            1 => Checked::Damaged,
            2 => Checked::Mended,
            _ => Checked::Gone,
        };
        let mut report = None;
        let mut read = Vec::new();
        let mut pieces = 0;
        loop {
            let Some(output) = scrub.poll_output() else {
                let Some((at, _)) = scrub.poll_timeout() else { break };
                prop_assert!(now < at);
                now = at;
                scrub.handle(now, Input::Timeout);
                continue;
            };
            match output {
                Output::List { call, after, limit } => {
                    let later = blobs.iter().filter(|(number, _)| after.is_none_or(|after| after < hash(**number)));
                    let items = later.take(limit).map(|(number, (bytes, _))| item(*number, *bytes)).collect();
                    scrub.handle(now, Input::Page { call, items });
                }
                Output::Check { call, item } => {
                    read.push((now, item.bytes));
                    let outcome = outcome(item.hash.as_bytes()[0]);
                    scrub.handle(now, Input::Checked { call, outcome });
                }
                Output::Quarantine { call, .. } => scrub.handle(now, Input::Quarantined { call, is_done: true }),
                Output::Walk { call, .. } => {
                    // Two pieces, of which the second has a damaged place.
                    pieces += 1;
                    read.push((now, 100));
                    let faults = if pieces == 1 { vec![] } else { vec![fault(1, false)] };
                    scrub.handle(now, Input::Walked { call, bytes: 100, faults, is_end: pieces == 2 });
                }
                Output::Progress(_) => {}
                Output::Finished(finished) => report = Some(*finished),
            }
        }
        let report = report.expect("it ends");
        prop_assert_eq!((report.is_whole, report.walked_bytes, report.faults), (true, 200, 1));
        let later = blobs.iter().filter(|(number, _)| from.is_none_or(|from| from < **number));
        let sum = |wanted: &[Checked]| {
            let mut sum = Sum::ZERO;
            later.clone().filter(|(number, _)| wanted.contains(&outcome(**number))).for_each(|(_, (bytes, _))| sum.add(*bytes));
            sum
        };
        let (sound, damaged) = (sum(&[Checked::Sound]), sum(&[Checked::Damaged]));
        let (gone, mended) = (sum(&[Checked::Gone, Checked::Failed]), sum(&[Checked::Mended]));
        prop_assert_eq!((report.sound, report.damaged, report.gone, report.mended), (sound, damaged, gone, mended));
        let named = (report.damaged_named.len() as u64, report.mended_named.len() as u64);
        prop_assert_eq!(named, (damaged.blobs, mended.blobs));
        // What is gone costs nothing.
        if bytes_per_sec > 0 && gone.blobs == 0 {
            prop_assert!(is_within_budget(&read, bytes_per_sec), "{read:?}");
        }
    }
}
