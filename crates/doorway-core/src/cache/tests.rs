//! The cache against a map that never forgets, and its rules one by one.

mod reference;

use base::{Duration, Reach, Timestamp};
use chain::{ActionHash, AgentPubKey};

use super::{Admission, Answer, Cache, Key, Limits, Lookup, Shared, Tag, Ticket};

const START: Timestamp = Timestamp(1_000_000_000);

fn key(text: &str) -> Key {
    Key {
        class: "page",
        text: text.to_owned(),
    }
}

fn item(byte: u8) -> Tag {
    Tag::Item(ActionHash::from_raw_32(vec![byte; 32]))
}

fn found(value: u32, bytes: u64, tags: Vec<Tag>) -> Answer<u32> {
    let shared = Shared::of(Reach::Commons).expect("everybody may see the commons");
    Answer::Found {
        shared,
        value,
        bytes,
        tags,
    }
}

fn ticket(cache: &mut Cache<u32>, now: Timestamp, key: &Key) -> Ticket {
    match cache.look_up(now, key) {
        Lookup::Miss(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

/// Keeps an answer of 10 bytes and returns what became of it.
fn keep(cache: &mut Cache<u32>, text: &str, value: u32, tags: Vec<Tag>) -> Admission {
    let ticket = ticket(cache, START, &key(text));
    cache.admit(ticket, key(text), found(value, 10, tags))
}

fn has(cache: &mut Cache<u32>, text: &str) -> bool {
    matches!(cache.look_up(START, &key(text)), Lookup::Hit(_))
}

#[test]
fn only_the_commons_are_shared() {
    let shared: Vec<Reach> = Reach::ALL
        .into_iter()
        .filter(|reach| Shared::of(*reach).is_some())
        .collect();
    assert_eq!(shared, [Reach::Commons]);
}

#[test]
fn answer_is_served_until_one_of_its_tags_is_invalidated() {
    let author = Tag::Author(AgentPubKey::from_raw_32(vec![1; 32]));
    let tags = [item(1), Tag::Course("git".to_owned()), author, Tag::Lists];
    for changed in &tags {
        let mut cache = Cache::new(Limits::default());
        keep(&mut cache, "kept", 1, tags.to_vec());
        keep(&mut cache, "other", 2, vec![item(2)]);
        cache.invalidate(&[item(9)]);
        assert_eq!(cache.look_up(START, &key("kept")), Lookup::Hit(1));
        cache.invalidate(std::slice::from_ref(changed));
        assert!(!has(&mut cache, "kept"), "{changed:?}");
        assert!(has(&mut cache, "other"));
        assert_eq!((cache.len(), cache.bytes()), (1, 15));
    }
}

#[test]
fn answer_that_was_begun_before_an_invalidation_is_not_kept() {
    let mut cache = Cache::new(Limits::default());
    let early = ticket(&mut cache, START, &key("a"));
    cache.invalidate(&[item(1)]);
    assert_eq!(
        cache.admit(early, key("a"), found(1, 10, vec![item(1)])),
        Admission::Outdated
    );
    assert_eq!(
        cache.admit(early, key("a"), found(1, 10, vec![item(2)])),
        Admission::Kept,
        "another thing changed"
    );
    assert_eq!(
        keep(&mut cache, "b", 2, vec![item(1)]),
        Admission::Kept,
        "this one was begun later"
    );
}

#[test]
fn invalidations_that_are_no_longer_remembered_keep_out_everything_older() {
    let mut cache = Cache::new(Limits {
        tags_remembered_max: 2,
        ..Limits::default()
    });
    let early = ticket(&mut cache, START, &key("a"));
    cache.invalidate(&[item(1)]);
    cache.invalidate(&[item(2), item(3)]);
    let late = ticket(&mut cache, START, &key("a"));
    for tag in [item(1), item(7)] {
        assert_eq!(
            cache.admit(early, key("a"), found(1, 10, vec![tag])),
            Admission::Outdated
        );
    }
    assert_eq!(
        cache.admit(late, key("a"), found(1, 10, vec![item(1)])),
        Admission::Kept
    );
}

#[test]
fn nothing_is_remembered_for_a_short_while_or_until_something_new_comes() {
    let mut cache = Cache::<u32>::new(Limits::default());
    let ask = |cache: &mut Cache<u32>, secs| {
        cache.look_up(START + Duration::from_secs(secs), &key("gone"))
    };
    let miss = ticket(&mut cache, START, &key("gone"));
    cache.admit(miss, key("gone"), Answer::Absent);
    assert_eq!(ask(&mut cache, 9), Lookup::Absent);
    assert!(matches!(ask(&mut cache, 10), Lookup::Miss(_)));
    let miss = ticket(&mut cache, START, &key("gone"));
    cache.admit(miss, key("gone"), Answer::Absent);
    cache.invalidate(&[item(1), Tag::Lists]);
    assert!(matches!(ask(&mut cache, 0), Lookup::Miss(_)));
    assert_eq!(
        cache.admit(miss, key("gone"), Answer::Absent),
        Admission::Outdated
    );
}

#[test]
fn answers_live_from_when_they_were_begun_to_the_safety_limit() {
    let mut cache = Cache::new(Limits::default());
    keep(&mut cache, "a", 1, vec![item(1)]);
    let ask = |cache: &mut Cache<u32>, span| cache.look_up(START + span, &key("a"));
    assert_eq!(
        ask(&mut cache, Duration::from_micros(299_999_999)),
        Lookup::Hit(1)
    );
    assert!(matches!(
        ask(&mut cache, Duration::from_secs(300)),
        Lookup::Miss(_)
    ));
    assert!(cache.is_empty());
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn answer_used_longest_ago_makes_room() {
    let mut cache = Cache::new(Limits {
        entries_max: 2,
        ..Limits::default()
    });
    keep(&mut cache, "a", 1, vec![]);
    keep(&mut cache, "b", 2, vec![]);
    assert!(has(&mut cache, "a"), "now b was used longest ago");
    keep(&mut cache, "c", 3, vec![]);
    assert_eq!(
        ["a", "b", "c"].map(|text| has(&mut cache, text)),
        [true, false, true]
    );
}

#[test]
fn bytes_are_bounded_on_both_sides_of_the_edge() {
    let limits = Limits {
        bytes_max: 30,
        entry_bytes_max: 20,
        entry_tags_max: 2,
        ..Limits::default()
    };
    let mut cache = Cache::new(limits);
    let mut admit = |text: &str, bytes, tags: usize| {
        let ticket = ticket(&mut cache, START, &key(text));
        let admission = cache.admit(ticket, key(text), found(1, bytes, vec![item(1); tags]));
        (admission, cache.len(), cache.bytes())
    };
    assert_eq!(
        admit("a", 20, 1),
        (Admission::TooLarge, 0, 0),
        "the key counts"
    );
    assert_eq!(admit("a", 19, 1), (Admission::Kept, 1, 20));
    assert_eq!(admit("b", 9, 2), (Admission::Kept, 2, 30));
    assert_eq!(admit("c", 9, 3), (Admission::TooLarge, 2, 30));
    assert_eq!(admit("c", 0, 1), (Admission::Kept, 2, 11), "a made room");
    assert_eq!(admit("d", u64::MAX, 1), (Admission::TooLarge, 2, 11));
}

#[test]
fn cache_without_places_keeps_nothing() {
    let mut cache = Cache::new(Limits {
        entries_max: 0,
        ..Limits::default()
    });
    assert_eq!(keep(&mut cache, "a", 1, vec![]), Admission::TooLarge);
    assert!(cache.is_empty());
}

#[test]
fn newer_answer_takes_the_place_of_the_older_one() {
    let mut cache = Cache::new(Limits::default());
    let miss = ticket(&mut cache, START, &key("a"));
    cache.admit(miss, key("a"), found(1, 10, vec![item(1)]));
    cache.admit(miss, key("a"), found(2, 20, vec![item(2)]));
    assert_eq!(cache.look_up(START, &key("a")), Lookup::Hit(2));
    assert_eq!((cache.len(), cache.bytes()), (1, 21));
    cache.invalidate(&[item(1)]);
    assert!(
        has(&mut cache, "a"),
        "what the older answer showed does not matter any more"
    );
}
