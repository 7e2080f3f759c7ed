//! The rules of the cache one by one.

mod bounds;
mod desk;
mod failures;
mod reference;

use base::{Duration, Machine as _, Reach};
use chain::AgentPubKey;

use super::{Freshness, Input, KeyRef, Limits, Outcome, Purpose, Seeds, Shared, Tag};
use desk::{Desk, Heard, item, made};

#[test]
fn only_the_commons_are_shared() {
    let shared: Vec<Reach> = Reach::ALL
        .into_iter()
        .filter(|reach| Shared::of(*reach).is_some())
        .collect();
    assert_eq!(shared, [Reach::Commons]);
}

#[test]
fn first_reader_makes_the_answer_and_the_others_wait() {
    let mut desk = Desk::new(Limits::default());
    let readers: Vec<_> = (0..1_000).map(|_| desk.ask("a")).collect();
    assert_eq!(desk.begun.len(), 1);
    assert_eq!(desk.begun[0].maker, readers[0]);
    assert!(desk.heard.is_empty());
    desk.fill(0, made(7, 10, vec![item(1)]));
    for reader in readers {
        assert_eq!(desk.heard[&reader], Heard::Found(7, Freshness::Fresh));
    }
    assert_eq!(desk.hit("a"), Some((7, Freshness::Fresh)));
    let late = desk.ask("a");
    assert_eq!(desk.heard[&late], Heard::Found(7, Freshness::Fresh));
    assert_eq!(desk.begun.len(), 1);
}

#[test]
fn answer_is_served_until_one_of_its_tags_is_invalidated() {
    let author = Tag::Author(AgentPubKey::from_raw_32(vec![1; 32]));
    let tags = [item(1), Tag::Course("git".to_owned()), author, Tag::Lists];
    for changed in &tags {
        let mut desk = Desk::new(Limits::default());
        desk.keep("kept", 1, 10, tags.to_vec());
        desk.keep("other", 2, 10, vec![item(2)]);
        desk.change(&[item(9)]);
        assert_eq!(desk.hit("kept"), Some((1, Freshness::Fresh)));
        desk.change(std::slice::from_ref(changed));
        assert_eq!(desk.hit("kept"), None, "{changed:?}");
        assert_eq!(desk.hit("other"), Some((2, Freshness::Fresh)));
        let tally = desk.cache.tally();
        assert_eq!((tally.entries, tally.bytes), (1, 15));
    }
}

#[test]
fn outdated_answer_goes_to_those_who_asked_before_and_the_others_get_a_newer_one() {
    let mut desk = Desk::new(Limits::default());
    let early = [desk.ask("a"), desk.ask("a")];
    desk.change(&[item(1)]);
    let late = [desk.ask("a"), desk.ask("a")];
    assert_eq!(desk.begun.len(), 1, "nobody knows yet what it shows");
    desk.fill(0, made(1, 10, vec![item(1)]));
    for reader in early {
        assert_eq!(desk.heard[&reader], Heard::Found(1, Freshness::Fresh));
    }
    assert!(!desk.heard.contains_key(&late[0]));
    assert_eq!((desk.begun.len(), desk.begun[1].maker), (2, late[0]));
    assert_eq!(desk.hit("a"), None, "it is not kept");
    desk.fill(1, made(2, 10, vec![item(1)]));
    for reader in late {
        assert_eq!(desk.heard[&reader], Heard::Found(2, Freshness::Fresh));
    }
    assert_eq!(desk.hit("a"), Some((2, Freshness::Fresh)));
}

#[test]
fn everything_may_have_changed() {
    let mut desk = Desk::new(Limits::default());
    desk.keep("a", 1, 10, vec![]);
    let early = desk.ask("b");
    desk.tell(Input::EverythingChanged);
    let late = desk.ask("b");
    assert_eq!(desk.hit("a"), None);
    desk.fill(1, made(2, 10, vec![]));
    assert_eq!(
        desk.heard.get(&early),
        Some(&Heard::Found(2, Freshness::Fresh))
    );
    assert_eq!(desk.heard.get(&late), None);
    assert_eq!(desk.hit("b"), None, "it is not kept");
}

#[test]
fn change_of_something_else_does_no_harm_to_an_answer_in_the_making() {
    let mut desk = Desk::new(Limits::default());
    desk.ask("a");
    desk.change(&[item(2)]);
    let late = desk.ask("a");
    desk.fill(0, made(1, 10, vec![item(1)]));
    assert_eq!(desk.heard[&late], Heard::Found(1, Freshness::Fresh));
    assert_eq!(desk.hit("a"), Some((1, Freshness::Fresh)));
}

#[test]
fn changes_that_are_no_longer_remembered_count_for_everything() {
    let mut desk = Desk::new(Limits {
        tags_remembered_max: 2,
        ..Limits::default()
    });
    let early = desk.ask("a");
    desk.change(&[item(1)]);
    desk.change(&[item(2), item(3)]);
    let late = desk.ask("a");
    desk.fill(0, made(1, 10, vec![item(7)]));
    assert_eq!(desk.heard[&early], Heard::Found(1, Freshness::Fresh));
    assert!(!desk.heard.contains_key(&late));
    assert_eq!(desk.hit("a"), None);
    desk.fill(1, made(2, 10, vec![item(1)]));
    assert_eq!(
        desk.hit("a"),
        Some((2, Freshness::Fresh)),
        "this one is newer"
    );
}

#[test]
fn nothing_is_remembered_for_a_short_while_or_until_something_new_comes() {
    let mut desk = Desk::new(Limits::default());
    desk.ask("gone");
    desk.fill(0, Outcome::Absent);
    desk.wait(9);
    let reader = desk.ask("gone");
    assert_eq!(desk.heard[&reader], Heard::Absent);
    desk.wait(1);
    desk.ask("gone");
    assert_eq!(desk.begun.len(), 2);
    desk.fill(1, Outcome::Absent);
    desk.change(&[item(1), Tag::Lists]);
    let reader = desk.ask("gone");
    assert_eq!(desk.begun.len(), 3);
    desk.change(&[Tag::Lists]);
    desk.fill(2, Outcome::Absent);
    assert_eq!(desk.heard[&reader], Heard::Absent, "they asked before");
    desk.ask("gone");
    assert_eq!(desk.begun.len(), 4, "something new came meanwhile");
}

#[test]
fn old_answer_is_served_while_exactly_one_newer_one_is_made() {
    let mut desk = Desk::new(Limits::default());
    desk.keep("a", 1, 10, vec![item(1)]);
    desk.wait(269);
    assert_eq!(desk.hit("a"), Some((1, Freshness::Fresh)), "at least 270 s");
    desk.wait(62);
    assert_eq!(
        desk.hit("a"),
        None,
        "at most 330 s, then somebody has to ask"
    );
    let readers = [desk.ask("a"), desk.ask("a")];
    for reader in readers {
        assert_eq!(desk.heard[&reader], Heard::Found(1, Freshness::Stale));
    }
    assert_eq!(desk.begun.len(), 2);
    assert_eq!(desk.begun[1].purpose, Purpose::Refresh);
    assert_eq!(desk.hit("a"), Some((1, Freshness::Stale)));
    desk.fill(1, made(2, 10, vec![item(1)]));
    assert_eq!(desk.hit("a"), Some((2, Freshness::Fresh)));
}

#[test]
fn old_answer_is_not_served_after_a_change() {
    let mut desk = Desk::new(Limits::default());
    desk.keep("a", 1, 10, vec![item(1)]);
    desk.wait(331);
    desk.ask("a");
    desk.change(&[item(1)]);
    let reader = desk.ask("a");
    assert!(!desk.heard.contains_key(&reader));
    desk.fill(1, Outcome::Failed("down"));
    assert_eq!(desk.heard[&reader], Heard::Failed("down"));
}

#[test]
fn answers_of_one_moment_do_not_end_in_one_moment() {
    let mut desk = Desk::new(Limits::default());
    for number in 0..100 {
        desk.keep(&number.to_string(), number, 10, vec![item(1)]);
    }
    let mut fresh = Vec::new();
    for _ in 0..70 {
        let count = (0..100).filter(|number| desk.hit(&number.to_string()).is_some());
        fresh.push(count.count());
        desk.wait(if fresh.len() == 1 { 265 } else { 1 });
    }
    assert_eq!((fresh[1], fresh[69]), (100, 0));
    let drops = fresh.windows(2).map(|pair| pair[0] - pair[1]).max();
    assert!(drops < Some(15), "{fresh:?}");
}

#[test]
fn encodings_belong_to_one_entry_and_count() {
    let mut desk = Desk::new(Limits::default());
    desk.keep("a", 1, 10, vec![item(1)]);
    let first = desk.kept[0];
    let encode = |desk: &mut Desk, entry, value, bytes| {
        desk.tell(Input::Encoded {
            entry,
            value,
            bytes,
        });
    };
    encode(&mut desk, first, 100, 25);
    assert_eq!(desk.hit("a"), Some((100, Freshness::Fresh)));
    assert_eq!(desk.cache.tally().bytes, 26);
    encode(&mut desk, first, 101, u64::MAX);
    assert_eq!(desk.hit("a"), Some((100, Freshness::Fresh)), "too heavy");
    desk.change(&[item(1)]);
    encode(&mut desk, first, 102, 25);
    assert_eq!(desk.hit("a"), None);
    desk.keep("a", 2, 10, vec![item(1)]);
    encode(&mut desk, first, 103, 25);
    assert_eq!(desk.hit("a"), Some((2, Freshness::Fresh)), "another entry");
    assert_eq!(desk.cache.tally().bytes, 11);
}

#[test]
fn questions_are_hashed_with_the_key_and_classes_are_apart() {
    let key = |class, text| KeyRef { class, text };
    let seeds = |first| Seeds {
        hash: (first, 2),
        jitter: 3,
    };
    let hash = |first, class, text| seeds(first).hashed(key(class, text)).hash;
    assert_eq!(hash(1, "en", "/"), hash(1, "en", "/"));
    assert_ne!(hash(1, "en", "/"), hash(9, "en", "/"));
    assert_ne!(hash(1, "en", "/"), hash(1, "de", "/"));
    assert_ne!(hash(1, "en", "g"), hash(1, "eng", ""));
}

#[test]
fn clock_that_goes_back_stops_nothing() {
    let mut desk = Desk::new(Limits::default());
    desk.keep("a", 1, 10, vec![item(1)]);
    let waiting = desk.ask("b");
    desk.jump_back(1_000_000);
    assert_eq!(desk.hit("a"), Some((1, Freshness::Fresh)));
    let (at, _) = desk.cache.poll_timeout().expect("somebody waits");
    assert!(at.since(desk.now) <= Duration::from_secs(10));
    desk.wait(10);
    desk.tell(Input::Timeout);
    assert_eq!(desk.heard[&waiting], Heard::TimedOut);
    desk.wait(300);
    desk.ask("a");
    desk.wait(1_000_000_000);
    assert_eq!(desk.hit("a"), None);
    desk.tell(Input::Timeout);
}
