//! The rules one by one, a naive collector beside the real one, and a store in a bad world.

mod reference;
mod simulation;

use base::{ContentHash, Duration};

use super::{
    Generation, Halt, Holds, Item, Keep, Limits, Mark, Plan, Report, Root, State, Terms, Verdict,
    recheck,
};
use crate::Sum;
use crate::clock::SlowTime;

const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// When the collections of these tests begin, and with which generation.
const NOW: SlowTime = SlowTime(100 * 86_400 * 1_000_000);
const BEGIN: Generation = Generation(1_000);

fn hash(number: u8) -> ContentHash {
    ContentHash::from_bytes([number; 32])
}

fn ago(span: Duration) -> SlowTime {
    SlowTime(NOW.0 - span.as_micros())
}

fn mark() -> Mark {
    Mark::begin(BEGIN, NOW, Terms::default(), Limits::default())
}

fn plan(roots: &[Root]) -> Plan {
    let mut mark = mark();
    roots.iter().for_each(|root| mark.add(root));
    mark.finish().expect("nothing to read")
}

/// A blob that nobody has touched for a long time.
fn old(number: u8) -> Item {
    Item {
        hash: hash(number),
        bytes: 10,
        touched: Generation(5),
        touched_at: ago(WEEK),
        state: State::Live,
    }
}

fn trashed(number: u8, collection: u64, span: Duration) -> Item {
    let mut item = old(number);
    item.touched_at = SlowTime::START;
    item.trash(Generation(collection), ago(span));
    item
}

const MICRO: Duration = Duration::from_micros(1);

fn more(span: Duration) -> Duration {
    Duration::from_micros(span.as_micros() + 1)
}

fn less(span: Duration) -> Duration {
    Duration::from_micros(span.as_micros() - MICRO.as_micros())
}

#[test]
fn roots_keep_what_they_name() {
    let blob = Holds::Blob;
    let cases = [
        (
            Root::Tag {
                hash: hash(1),
                holds: blob,
            },
            true,
        ),
        (Root::Upload { hash: hash(1) }, true),
        (
            Root::Lease {
                hash: hash(1),
                holds: blob,
                until: NOW + MICRO,
            },
            true,
        ),
        (
            Root::Lease {
                hash: hash(1),
                holds: blob,
                until: NOW,
            },
            false,
        ),
        (
            Root::Tag {
                hash: hash(2),
                holds: blob,
            },
            false,
        ),
    ];
    for (root, is_kept) in cases {
        let expect = if is_kept {
            Verdict::Keep(Keep::Reachable)
        } else {
            Verdict::Trash
        };
        assert_eq!(plan(&[root]).verdict(&old(1)), expect, "{root:?}");
    }
}

#[test]
fn folder_keeps_its_children() {
    let mut mark = mark();
    let folder = Root::Tag {
        hash: hash(1),
        holds: Holds::Folder,
    };
    mark.add(&folder);
    mark.add(&folder);
    assert_eq!(mark.poll_folder(), Some(hash(1)));
    assert_eq!(mark.poll_folder(), None, "each is read once");
    mark.take_children(&hash(1), [hash(2), hash(3)]);
    mark.add(&folder);
    assert_eq!(mark.poll_folder(), None, "each is read once");
    let plan = mark.finish().expect("all is read");
    let verdicts: Vec<bool> = (1..=4)
        .map(|number| plan.verdict(&old(number)) == Verdict::Keep(Keep::Reachable))
        .collect();
    assert_eq!(verdicts, [true, true, true, false]);
}

#[test]
fn mark_that_knows_too_little_gives_no_plan() {
    let root = |number| Root::Tag {
        hash: hash(number),
        holds: Holds::Folder,
    };
    let mut unread = mark();
    unread.add(&root(1));
    assert_eq!(
        unread.clone().finish().err(),
        Some(Halt::Unfinished { count: 1 })
    );
    unread.poll_folder();
    assert_eq!(
        unread.clone().finish().err(),
        Some(Halt::Unfinished { count: 1 })
    );
    unread.take_unreadable(&hash(1));
    let halt = Halt::Unreadable {
        first: hash(1),
        count: 1,
    };
    assert_eq!(unread.finish().err(), Some(halt));

    for (marked_max, is_enough) in [(2, true), (1, false)] {
        let mut mark = Mark::begin(BEGIN, NOW, Terms::default(), Limits { marked_max });
        mark.add(&Root::Upload { hash: hash(1) });
        mark.add(&Root::Upload { hash: hash(1) });
        mark.add(&Root::Upload { hash: hash(2) });
        assert_eq!(mark.finish().is_ok(), is_enough, "{marked_max}");
    }
}

#[test]
fn what_was_touched_since_or_not_long_ago_is_kept() {
    let plan = plan(&[]);
    let cases = [
        (BEGIN.0 - 1, ago(HOUR), Verdict::Trash),
        (BEGIN.0 - 1, ago(less(HOUR)), Verdict::Keep(Keep::Young)),
        (BEGIN.0 - 1, NOW + HOUR, Verdict::Keep(Keep::Young)),
        (BEGIN.0, SlowTime::START, Verdict::Keep(Keep::TouchedSince)),
        (
            BEGIN.0 + 9,
            SlowTime::START,
            Verdict::Keep(Keep::TouchedSince),
        ),
    ];
    for (touched, touched_at, expect) in cases {
        let item = Item {
            touched: Generation(touched),
            touched_at,
            ..old(1)
        };
        assert_eq!(plan.verdict(&item), expect, "{item:?}");
    }
}

#[test]
fn trash_is_purged_when_it_has_lain_there_long_enough() {
    let plan = plan(&[Root::Upload { hash: hash(9) }]);
    let cases = [
        (trashed(1, 7, WEEK), Verdict::Purge),
        (trashed(1, 7, more(WEEK)), Verdict::Purge),
        (trashed(1, 7, less(WEEK)), Verdict::Keep(Keep::InTrash)),
        (
            trashed(1, BEGIN.0, more(WEEK)),
            Verdict::Keep(Keep::InTrash),
        ),
        (trashed(9, 7, more(WEEK)), Verdict::Restore),
    ];
    for (item, expect) in cases {
        assert_eq!(plan.verdict(&item), expect, "{item:?}");
    }
}

#[test]
fn what_was_deleted_after_the_mark_stays_deleted() {
    let plan = plan(&[Root::Upload { hash: hash(1) }]);
    let before = trashed(1, BEGIN.0 - 1, HOUR);
    assert_eq!(plan.verdict(&before), Verdict::Restore);
    let since = trashed(1, BEGIN.0 + 1, Duration::ZERO);
    let stays = Verdict::Keep(Keep::InTrash);
    assert_eq!(plan.verdict(&since), stays);
    assert_eq!(recheck(&plan, Verdict::Restore, Some(&since)), stays);
}

#[test]
fn touch_brings_back_from_the_trash() {
    let mut item = trashed(1, 7, WEEK);
    assert!(item.is_trashed());
    assert!(item.touch(Generation(2_000), NOW));
    assert!(!item.is_trashed());
    assert!(
        !item.touch(Generation(2_001), NOW),
        "it was not in the trash"
    );
    assert_eq!((item.touched, item.touched_at), (Generation(2_001), NOW));
}

#[test]
fn writer_does_only_what_was_planned_and_still_holds() {
    let plan = plan(&[]);
    let touched = Item {
        touched: BEGIN,
        ..old(1)
    };
    let cases = [
        (Verdict::Trash, Some(old(1)), Verdict::Trash),
        (
            Verdict::Trash,
            Some(touched),
            Verdict::Keep(Keep::TouchedSince),
        ),
        (Verdict::Trash, None, Verdict::Keep(Keep::Gone)),
        (
            Verdict::Trash,
            Some(trashed(1, 7, WEEK)),
            Verdict::Keep(Keep::Changed),
        ),
        (Verdict::Purge, Some(old(1)), Verdict::Keep(Keep::Changed)),
        (Verdict::Purge, Some(trashed(1, 7, WEEK)), Verdict::Purge),
        (
            Verdict::Keep(Keep::Young),
            Some(old(1)),
            Verdict::Keep(Keep::Changed),
        ),
    ];
    for (planned, current, expect) in cases {
        let found = recheck(&plan, planned, current.as_ref());
        assert_eq!(found, expect, "{planned:?} {current:?}");
    }
}

#[test]
fn report_counts_each_blob_once() {
    let plan = plan(&[Root::Upload { hash: hash(2) }]);
    let mut report = Report::new(&plan, false);
    for item in [old(1), old(2), trashed(3, 7, WEEK), trashed(4, 7, HOUR)] {
        let verdict = plan.verdict(&item);
        report.note(&item, verdict, verdict);
    }
    report.note(&old(5), Verdict::Trash, Verdict::Keep(Keep::TouchedSince));
    let one = Sum::of(10);
    assert_eq!(
        report.scanned,
        Sum {
            blobs: 5,
            bytes: 50
        }
    );
    assert_eq!(
        [
            report.trashed,
            report.reachable,
            report.purged,
            report.in_trash,
            report.touched_since
        ],
        [one; 5]
    );
    assert_eq!(report.withdrawn, one);
}
