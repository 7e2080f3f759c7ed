//! What a page is worth, record by record.

use super::*;

#[test]
fn records_that_are_known_or_come_twice_are_left_out_of_the_batch() {
    let (mut shell, writer) = (Shell::new(), writer(8));
    shell.follow(&writer);
    shell.page(&writer, None, 0..4);
    shell.stored(&writer, 3);
    let order = [2, 3, 4, 4, 3, 5];
    let fetched = order.map(|seq: usize| Fetched {
        record: writer.records[seq].clone(),
        body: None,
    });
    let outputs = shell.raw(Input::Page {
        agent: writer.agent(),
        after: Some(3),
        fetched: Ok(fetched.into()),
    });
    let [Output::Store(batch)] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!((batch.after, batch.cursor.seq), (Some(3), 5));
    assert_eq!(
        batch.changes.iter().map(Change::seq).collect::<Vec<_>>(),
        [4, 5]
    );
}

#[test]
fn gap_in_a_page_stores_what_is_before_it_and_fetches_again() {
    let (mut shell, writer) = (Shell::new(), writer(8));
    shell.follow(&writer);
    shell.page(&writer, None, 0..4);
    shell.stored(&writer, 3);
    let fetched = [4, 6].map(|seq: usize| Fetched {
        record: writer.records[seq].clone(),
        body: None,
    });
    let said = shell.tell(Input::Page {
        agent: writer.agent(),
        after: Some(3),
        fetched: Ok(fetched.into()),
    });
    assert_eq!(
        said,
        [Said::Store {
            after: Some(3),
            seq: 4
        }]
    );
    assert_eq!(shell.stored(&writer, 4), [Said::Fetch(Some(4))]);
    let gap = Stall::Gap {
        wanted: 5,
        found: 6,
    };
    assert_eq!(
        shell.page(&writer, Some(4), 6..8),
        [stalled(&writer, Some(4), gap)]
    );
    assert_eq!(shell.wait().2, [Said::Fetch(Some(4))]);
    assert_eq!(
        shell.page(&writer, Some(4), 5..8),
        [Said::Store {
            after: Some(4),
            seq: 7
        }]
    );
}

#[test]
fn gap_that_persists_is_quarantined() {
    let (mut shell, writer) = (Shell::new(), writer(8));
    shell.follow(&writer);
    for _ in 1..10 {
        shell.page(&writer, None, 1..4);
        shell.wait();
    }
    let said = shell.page(&writer, None, 1..4);
    assert_eq!(
        said,
        [quarantined(
            &writer,
            None,
            Rejection::Gap {
                wanted: 0,
                found: 1
            }
        )]
    );
    assert_eq!(shell.projector.poll_timeout(), None);
}

#[test]
fn invalid_record_quarantines_after_what_is_valid_was_stored() {
    let (mut shell, mut writer) = (Shell::new(), writer(6));
    writer.records[3] = with_bad_signature(&writer.records[3]);
    shell.follow(&writer);
    assert_eq!(
        shell.page(&writer, None, 0..4),
        [Said::Store {
            after: None,
            seq: 2
        }]
    );
    assert_eq!(shell.stored(&writer, 2), [Said::Fetch(Some(2))]);
    let said = shell.page(&writer, Some(2), 3..6);
    assert_eq!(
        said,
        [quarantined(
            &writer,
            Some(2),
            Rejection::Signature { seq: 3 }
        )]
    );
    assert_eq!(shell.nudge(&writer, 9), [], "nudges do not lift it");
    assert_eq!(shell.projector.poll_timeout(), None);
    let cursor = Some(cursor_at(&writer, 2));
    assert_eq!(
        shell.tell(Input::Follow {
            agent: writer.agent(),
            cursor
        }),
        [Said::Fetch(Some(2))]
    );
}

#[test]
fn fork_is_quarantined_wherever_it_shows() {
    let trunk = writer(5);
    let (mut one, mut other) = (trunk.clone(), trunk);
    one.create(&page("one"));
    for number in 0..2 {
        other.create(&page(&format!("other {number}")));
    }
    // The next record does not follow the one that was stored.
    let mut shell = Shell::new();
    shell.catch_up(&one);
    assert_eq!(shell.nudge(&one, 6), [Said::Fetch(Some(5))]);
    let link = |seq| Rejection::Link { seq };
    assert_eq!(
        shell.page(&other, Some(5), 6..7),
        [quarantined(&one, Some(5), link(6))]
    );
    // The page overlaps with what was stored and shows another record there.
    let mut shell = Shell::new();
    shell.catch_up(&one);
    shell.nudge(&one, 6);
    assert_eq!(
        shell.page(&other, Some(5), 5..7),
        [quarantined(&one, Some(5), link(5))]
    );
}

#[test]
fn body_in_a_blob_is_waited_for_after_what_is_before_it_was_stored() {
    let (mut shell, mut writer) = (Shell::new(), writer(5));
    writer.create(&long_page("long"));
    let (hash, bytes) = writer.blobs.clone().pop_first().expect("it spilled");
    shell.catch_up(&self::writer(5));
    shell.nudge(&writer, 5);
    let awaiting = stalled(&writer, Some(4), Stall::Blob(hash));
    assert_eq!(shell.page(&writer, Some(4), 5..6), [awaiting]);
    assert_eq!(shell.nudge(&writer, 6), [], "nudges do not bring the blob");
    assert_eq!(
        shell.tell(Input::BlobStored {
            hash: ContentHash::of(b"another")
        }),
        []
    );
    assert_eq!(
        shell.tell(Input::BlobStored { hash }),
        [Said::Fetch(Some(4))]
    );
    let fetched = vec![Fetched {
        record: writer.records[5].clone(),
        body: Some(bytes),
    }];
    let outputs = shell.raw(Input::Page {
        agent: writer.agent(),
        after: Some(4),
        fetched: Ok(fetched),
    });
    let [Output::Store(Batch { changes, .. })] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    let [Change::Put(version)] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!(version.content, long_page("long"));
}

#[test]
fn blob_that_arrives_while_its_page_is_under_way_is_not_waited_for() {
    let (mut shell, mut writer) = (Shell::new(), writer(5));
    writer.create(&long_page("long"));
    let (hash, _) = writer.blobs.clone().pop_first().expect("it spilled");
    shell.catch_up(&self::writer(5));
    shell.nudge(&writer, 5);
    assert_eq!(shell.tell(Input::BlobStored { hash }), []);
    assert_eq!(shell.page(&writer, Some(4), 5..6), [Said::Fetch(Some(4))]);
    let awaiting = stalled(&writer, Some(4), Stall::Blob(hash));
    assert_eq!(
        shell.page(&writer, Some(4), 5..6),
        [awaiting],
        "once is enough"
    );
    assert_eq!(shell.wait().1, "look for a missing blob");
}

#[test]
fn wrong_bytes_for_a_body_are_as_good_as_none() {
    let (mut shell, mut writer) = (Shell::new(), writer(5));
    writer.create(&long_page("long"));
    let (hash, _) = writer.blobs.clone().pop_first().expect("it spilled");
    shell.catch_up(&self::writer(5));
    shell.nudge(&writer, 5);
    let fetched = vec![Fetched {
        record: writer.records[5].clone(),
        body: Some(b"wrong".to_vec()),
    }];
    let said = shell.tell(Input::Page {
        agent: writer.agent(),
        after: Some(4),
        fetched: Ok(fetched),
    });
    assert_eq!(said, [stalled(&writer, Some(4), Stall::Blob(hash))]);
}

#[test]
fn odd_records_are_skipped_with_their_reason_and_the_cursor_moves() {
    let mut writer = writer(4);
    let Some(spill) = page_spill() else {
        panic!("a long page spills")
    };
    writer.create_private(&page("mine"));
    writer.create_odd("poem", 1, b"");
    writer.create_odd("content", 2, b"");
    writer.create_odd("content", 1, b"\xc1");
    writer.create_odd("poem", 1, &spill);
    writer.create_odd("content", 9, &spill);
    let mut shell = Shell::with(Limits::default());
    shell.follow(&writer);
    let outputs = shell.raw(page_of(&writer, None, 0..writer.records.len()));
    let [
        Output::Store(Batch {
            changes, cursor, ..
        }),
    ] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    let reasons: Vec<Skip> = changes
        .iter()
        .map(|change| match change {
            Change::Skip { reason, .. } => *reason,
            Change::Put(_) | Change::Withdraw { .. } => panic!("{change:?}"),
        })
        .collect();
    let (unknown, newer) = (Skip::UnknownKind, Skip::NewerVersion);
    assert_eq!(
        reasons,
        [
            Skip::Private,
            unknown,
            newer,
            Skip::MalformedKind,
            unknown,
            newer
        ]
    );
    assert_eq!(cursor.seq, 9);
}

/// Returns the body of an envelope that points to a blob.
fn page_spill() -> Option<Vec<u8>> {
    long_page("long")
        .seal()
        .ok()
        .filter(|sealed| sealed.spilled.is_some())
        .map(|sealed| sealed.envelope.body)
}

#[test]
fn public_entry_that_was_held_back_hides_its_item() {
    let writer = writer(5);
    let mut shell = Shell::with(Limits::default());
    shell.follow(&writer);
    let fetched = writer.records.iter().map(|record| Fetched {
        record: chain::record::withhold(record),
        body: None,
    });
    let outputs = shell.raw(Input::Page {
        agent: writer.agent(),
        after: None,
        fetched: Ok(fetched.collect()),
    });
    let [Output::Store(Batch { changes, .. })] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    let [Change::Put(version)] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert!(version.is_withheld() && version.is_first);
    assert_eq!(version.content.reach(), base::Reach::Private);
    assert_eq!(version.item, version.action);
}
