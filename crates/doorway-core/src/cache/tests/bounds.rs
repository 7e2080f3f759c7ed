//! What does not fit: entries, bytes, questions without answers, readers.

use crate::cache::{Freshness, Limits, Outcome, Purpose};

use super::desk::{Desk, Heard, item, made};

#[test]
fn what_was_not_used_since_the_hand_came_by_makes_room() {
    let mut desk = Desk::new(Limits {
        entries_max: 3,
        ..Limits::default()
    });
    for (value, text) in [(1, "a"), (2, "b"), (3, "c")] {
        desk.keep(text, value, 10, vec![]);
    }
    desk.hit("a");
    desk.keep("d", 4, 10, vec![]);
    assert_eq!(desk.hit("b"), None, "a was used, b was not");
    desk.keep("e", 5, 10, vec![]);
    assert_eq!(desk.hit("c"), None, "the hand goes on where it was");
    let is_in = |desk: &mut Desk, text| desk.hit(text).is_some();
    assert!(
        ["a", "d", "e"]
            .into_iter()
            .all(|text| is_in(&mut desk, text))
    );
    assert_eq!(desk.cache.tally().evictions, 2);
}

#[test]
fn bytes_are_bounded_on_both_sides_of_the_edge() {
    let limits = Limits {
        bytes_max: 30,
        entry_bytes_max: 20,
        entry_tags_max: 2,
        ..Limits::default()
    };
    let mut desk = Desk::new(limits);
    let keep = |desk: &mut Desk, text, bytes, tags| {
        desk.keep(text, 1, bytes, vec![item(1); tags]);
        let is_kept = desk.hit(text).is_some();
        (
            is_kept,
            desk.cache.tally().entries,
            desk.cache.tally().bytes,
        )
    };
    assert_eq!(keep(&mut desk, "a", 20, 1), (false, 0, 0), "the key counts");
    assert_eq!(keep(&mut desk, "b", 19, 1), (true, 1, 20));
    assert_eq!(keep(&mut desk, "c", 9, 2), (true, 2, 30));
    assert_eq!(keep(&mut desk, "d", 9, 3), (false, 2, 30), "too many tags");
    assert_eq!(keep(&mut desk, "e", u64::MAX, 1), (false, 2, 30));
    let (is_kept, entries, bytes) = keep(&mut desk, "f", 0, 1);
    assert!(is_kept && entries == 2 && bytes <= 30);
}

#[test]
fn cache_without_places_answers_and_keeps_nothing() {
    let mut desk = Desk::new(Limits {
        entries_max: 0,
        absent_entries_max: 0,
        ..Limits::default()
    });
    let reader = desk.ask("a");
    desk.fill(0, made(1, 10, vec![]));
    assert_eq!(desk.heard[&reader], Heard::Found(1, Freshness::Fresh));
    let reader = desk.ask("b");
    desk.fill(1, Outcome::Absent);
    assert_eq!(desk.heard[&reader], Heard::Absent);
    let tally = desk.cache.tally();
    assert_eq!((tally.entries, tally.absent, tally.bytes), (0, 0, 0));
}

#[test]
fn ten_thousand_questions_without_answers_push_nothing_out() {
    let mut desk = Desk::new(Limits {
        entries_max: 100,
        ..Limits::default()
    });
    for number in 0..100 {
        desk.keep(&format!("page {number}"), number, 10, vec![item(1)]);
    }
    for number in 0..10_000 {
        desk.ask(&format!("missing {number}"));
        desk.fill(desk.begun.len() - 1, Outcome::Absent);
    }
    let tally = desk.cache.tally();
    assert_eq!(
        (tally.entries, tally.absent, tally.evictions),
        (100, 1_000, 0)
    );
    for number in 0..100 {
        assert!(desk.hit(&format!("page {number}")).is_some());
    }
    let long = "x".repeat(2_049);
    desk.ask(&long);
    desk.fill(desk.begun.len() - 1, Outcome::Absent);
    assert_eq!(desk.cache.tally().absent, 1_000);
    desk.ask(&long);
    assert_eq!(desk.begun.len(), 10_102, "a question that long is not kept");
}

#[test]
fn answer_that_cannot_be_kept_goes_to_all_who_wait_and_the_next_ones_do_not_queue() {
    let mut desk = Desk::new(Limits {
        entry_bytes_max: 100,
        ..Limits::default()
    });
    let readers = [desk.ask("big"), desk.ask("big")];
    desk.fill(0, made(1, 1_000, vec![item(1)]));
    for reader in readers {
        assert_eq!(desk.heard[&reader], Heard::Found(1, Freshness::Fresh));
    }
    let readers = [desk.ask("big"), desk.ask("big")];
    assert_eq!(desk.begun.len(), 3, "each has it made alone");
    assert!(
        desk.begun[1..]
            .iter()
            .all(|begun| begun.purpose == Purpose::Pass)
    );
    desk.fill(2, made(3, 1_000, vec![item(1)]));
    assert_eq!(
        desk.heard.get(&readers[0]),
        Some(&Heard::Found(3, Freshness::Fresh))
    );
    desk.fill(1, made(2, 50, vec![item(1)]));
    desk.wait(1);
    let reader = desk.ask("big");
    assert!(
        !desk.heard.contains_key(&reader),
        "an older attempt changes nothing"
    );
    desk.fill(3, made(4, 50, vec![item(1)]));
    assert_eq!(
        desk.hit("big"),
        Some((4, Freshness::Fresh)),
        "it became light"
    );
    desk.change(&[item(1)]);
    desk.ask("big");
    desk.ask("big");
    assert_eq!(desk.begun.len(), 5, "from now on they wait for one another");
}

#[test]
fn too_many_readers_are_told_so() {
    let mut desk = Desk::new(Limits {
        waiters_max: 3,
        fills_max: 2,
        ..Limits::default()
    });
    desk.ask("a");
    desk.ask("b");
    let refused = desk.ask("c");
    assert_eq!(
        desk.heard[&refused],
        Heard::Overloaded,
        "two are being made"
    );
    let third = desk.ask("a");
    let refused = desk.ask("a");
    assert_eq!(desk.heard[&refused], Heard::Overloaded, "three wait");
    desk.tell(crate::cache::Input::Leave { reader: third });
    let waiting = desk.ask("a");
    desk.fill(0, made(1, 10, vec![]));
    assert_eq!(desk.heard[&waiting], Heard::Found(1, Freshness::Fresh));
    assert!(!desk.heard.contains_key(&third), "who left hears nothing");
}
