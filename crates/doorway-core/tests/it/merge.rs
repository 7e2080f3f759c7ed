//! What becomes of a change, case by case.

use doorway_core::projector::{Change, Known, Merge, Skip, Version, merge};

use crate::chains::{Writer, any_action, page};
use chain::{Item, kind::Profile};

/// Returns the change that the newest record of a page's author makes.
fn put(is_first: bool, content: Item) -> Change {
    let mut writer = Writer::new(1);
    let item = writer.create(&page("first"));
    let action = if is_first {
        item.clone()
    } else {
        writer.update(&item, &page("second"))
    };
    let record = writer.records.last().expect("it was written").clone();
    let (seq, at) = (
        record.action().action_seq(),
        chain::record::timestamp(&record),
    );
    Change::Put(Box::new(Version {
        item,
        action,
        seq,
        author: writer.agent(),
        at,
        is_first,
        content,
        spilled: None,
    }))
}

fn withdraw() -> Change {
    let author = Writer::new(1).agent();
    Change::Withdraw {
        item: any_action(),
        action: any_action(),
        author,
        seq: 5,
        at: base::Timestamp(0),
    }
}

fn known(author: u8, kind: &str, seq: u32, is_withdrawn: bool) -> Known {
    Known {
        author: Writer::new(author).agent(),
        kind: kind.to_owned(),
        seq,
        is_withdrawn,
        reach: base::Reach::Commons,
        course: String::new(),
        slug: "a".to_owned(),
    }
}

fn check(cases: impl IntoIterator<Item = (&'static str, Option<Known>, Change, Merge)>) {
    for (label, existing, change, expect) in cases {
        assert_eq!(merge(existing.as_ref(), &change), expect, "{label}");
    }
}

/// A page of agent 1, projected up to record 4.
fn own() -> Option<Known> {
    Some(known(1, "content", 4, false))
}

fn first() -> Item {
    page("first")
}

fn skip(reason: Skip) -> Merge {
    Merge::Skip(reason)
}

#[test]
fn changes_of_an_authors_own_items_are_taken() {
    check([
        ("first version", None, put(true, first()), Merge::Insert),
        ("newer version", own(), put(false, first()), Merge::Replace),
        (
            "a version that was withheld hides an item of any kind",
            Some(known(1, "path", 4, false)),
            put(false, Version::withheld_content()),
            Merge::Replace,
        ),
        ("withdrawal", own(), withdraw(), Merge::Withdraw),
    ]);
}

#[test]
fn changes_of_what_is_not_there_not_ones_own_or_of_another_kind_are_skipped() {
    let foreign = || Some(known(2, "content", 4, false));
    let profile = Item::Profile(Profile {
        name: "Ada".to_owned(),
        ..Profile::default()
    });
    check([
        (
            "update of nothing",
            None,
            put(false, first()),
            skip(Skip::UnknownItem),
        ),
        (
            "withdrawal of nothing",
            None,
            withdraw(),
            skip(Skip::UnknownItem),
        ),
        (
            "foreign update",
            foreign(),
            put(false, first()),
            skip(Skip::ForeignItem),
        ),
        (
            "foreign withdrawal",
            foreign(),
            withdraw(),
            skip(Skip::ForeignItem),
        ),
        (
            "of a kind that was withheld until now",
            Some(Known {
                slug: String::new(),
                ..known(1, "content", 4, false)
            }),
            put(false, profile.clone()),
            Merge::Replace,
        ),
        (
            "other kind",
            own(),
            put(false, profile),
            skip(Skip::OtherKind),
        ),
    ]);
}

#[test]
fn withdrawn_items_stay_withdrawn() {
    let withdrawn = || Some(known(1, "content", 4, true));
    check([
        (
            "update after withdrawal",
            withdrawn(),
            put(false, first()),
            skip(Skip::Withdrawn),
        ),
        (
            "second withdrawal",
            withdrawn(),
            withdraw(),
            skip(Skip::Withdrawn),
        ),
    ]);
}

#[test]
fn changes_that_are_projected_already_are_skipped() {
    let earlier = || Some(known(1, "content", 3, false));
    let same = |is_withdrawn| Some(known(1, "content", 5, is_withdrawn));
    check([
        (
            "first version again",
            own(),
            put(true, first()),
            skip(Skip::Superseded),
        ),
        (
            "first version late",
            earlier(),
            put(true, first()),
            skip(Skip::Superseded),
        ),
        (
            "update again",
            same(false),
            put(false, first()),
            skip(Skip::Superseded),
        ),
        (
            "withdrawal again",
            same(true),
            withdraw(),
            skip(Skip::Superseded),
        ),
    ]);
}

#[test]
fn what_was_skipped_before_stays_skipped() {
    let change = |reason| Change::Skip {
        action: any_action(),
        seq: 5,
        reason,
    };
    for reason in Skip::ALL {
        check([
            ("new", None, change(reason), skip(reason)),
            ("known", own(), change(reason), skip(reason)),
        ]);
    }
}

#[test]
fn reasons_have_different_words() {
    let words: std::collections::BTreeSet<&str> = Skip::ALL.into_iter().map(Skip::as_str).collect();
    assert_eq!(words.len(), Skip::ALL.len());
}
