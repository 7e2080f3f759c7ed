//! Counts come back from the index as they were.

use super::*;

#[test]
fn counts_come_back() {
    let mut space = Space::default();
    let record = Position {
        segment: 3,
        offset: 64,
        body_len: 10,
    };
    let quota = Quota {
        bytes_max: Some(1_000),
        blobs_max: None,
    };
    space.count(Counted::Named {
        number: 2,
        name: "class-4b".parse().unwrap(),
        quota,
        record,
    });
    space.count(Counted::Needed(record));
    space.count(Counted::Books(2, Change::Put(40)));
    space.count(Counted::Books(2, Change::Put(2)));
    space.count(Counted::Books(2, Change::Trash(40)));
    space.count(Counted::Books(2, Change::Purge(40)));
    space.count(Counted::Dead {
        segment: 3,
        namespace: 2,
        bytes: 40,
    });
    space.count(Counted::FileCame(5_000));
    let row = space.encode();
    let back = Space::decode(&row).unwrap();
    assert_eq!(format!("{back:?}"), format!("{space:?}"));
    assert_eq!(back.number_of(&"class-4b".parse().unwrap()), Some(2));
    assert_eq!(back.segments[&3].live, 80);
    for place in 0..row.len() {
        let mut flipped = row.clone();
        flipped[place] ^= 1;
        assert!(Space::decode(&flipped).is_none(), "{place}");
    }
}

#[test]
fn what_was_dead_in_a_segment_is_reclaimed_with_it() {
    let mut space = Space::default();
    for change in [Change::Put(9), Change::Trash(9), Change::Purge(9)] {
        space.count(Counted::Books(0, change));
    }
    space.count(Counted::Dead {
        segment: 1,
        namespace: 0,
        bytes: 9,
    });
    let dead = |space: &Space| space.namespaces[0].books.usage().dead;
    assert_eq!(dead(&space), Sum::of(9));
    space.recycled(1);
    assert_eq!(dead(&space), Sum::ZERO);
    assert!(space.segments.is_empty());
}
