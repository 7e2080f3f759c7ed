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
        record,
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
    }
}

#[test]
fn every_case_of_the_rule() {
    let page = || page("first");
    let profile = || {
        Item::Profile(Profile {
            name: "Ada".to_owned(),
            ..Profile::default()
        })
    };
    let skip = |reason| Change::Skip {
        action: any_action(),
        seq: 5,
        reason,
    };
    let cases = [
        ("first version", None, put(true, page()), Merge::Insert),
        (
            "update of nothing",
            None,
            put(false, page()),
            Merge::Skip(Skip::UnknownItem),
        ),
        (
            "withdrawal of nothing",
            None,
            withdraw(),
            Merge::Skip(Skip::UnknownItem),
        ),
        (
            "newer version",
            Some(known(1, "content", 4, false)),
            put(false, page()),
            Merge::Replace,
        ),
        (
            "withdrawal",
            Some(known(1, "content", 4, false)),
            withdraw(),
            Merge::Withdraw,
        ),
        (
            "foreign update",
            Some(known(2, "content", 4, false)),
            put(false, page()),
            Merge::Skip(Skip::ForeignItem),
        ),
        (
            "foreign withdrawal",
            Some(known(2, "content", 4, false)),
            withdraw(),
            Merge::Skip(Skip::ForeignItem),
        ),
        (
            "other kind",
            Some(known(1, "content", 4, false)),
            put(false, profile()),
            Merge::Skip(Skip::OtherKind),
        ),
        (
            "update after withdrawal",
            Some(known(1, "content", 4, true)),
            put(false, page()),
            Merge::Skip(Skip::Withdrawn),
        ),
        (
            "second withdrawal",
            Some(known(1, "content", 4, true)),
            withdraw(),
            Merge::Skip(Skip::Withdrawn),
        ),
        (
            "first version again",
            Some(known(1, "content", 4, false)),
            put(true, page()),
            Merge::Skip(Skip::Superseded),
        ),
        (
            "first version late",
            Some(known(1, "content", 3, false)),
            put(true, page()),
            Merge::Skip(Skip::Superseded),
        ),
        (
            "update again",
            Some(known(1, "content", 5, false)),
            put(false, page()),
            Merge::Skip(Skip::Superseded),
        ),
        (
            "withdrawal again",
            Some(known(1, "content", 5, true)),
            withdraw(),
            Merge::Skip(Skip::Superseded),
        ),
        (
            "skipped before",
            None,
            skip(Skip::Private),
            Merge::Skip(Skip::Private),
        ),
        (
            "skipped before",
            Some(known(1, "content", 4, false)),
            skip(Skip::UnknownKind),
            Merge::Skip(Skip::UnknownKind),
        ),
    ];
    for (label, existing, change, expect) in cases {
        assert_eq!(merge(existing.as_ref(), &change), expect, "{label}");
    }
}

#[test]
fn reasons_have_different_words() {
    let words: std::collections::BTreeSet<&str> = Skip::ALL.into_iter().map(Skip::as_str).collect();
    assert_eq!(words.len(), Skip::ALL.len());
}
