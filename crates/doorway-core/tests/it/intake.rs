//! Which sent records are taken: cases one by one, a naive reference, and senders on a bad network.

mod reference;
mod simulation;

use std::ops::Range;

use base::{Code, Problem, Timestamp};
use chain::{AgentPubKey, Author, Head, Record, Rejection, dna, record};
use doorway_core::intake::{Claim, Known, Limits, Plan, Refusal, overlap, plan};

use crate::chains::{Writer, dna_hash, page, sign, with_bad_signature};

/// Returns the head after these records.
fn head_of(records: &[Record]) -> Option<Head> {
    records.last().map(|record| Head {
        seq: record.action().action_seq(),
        hash: record.action_address().clone(),
        timestamp: record::timestamp(record),
    })
}

/// Plans as a doorway does that knows these records of a member who has not closed the chain.
fn send(author: &AgentPubKey, known: &[Record], incoming: &[Record]) -> Result<Plan, Refusal> {
    let head = head_of(known);
    let places = overlap(head.as_ref(), incoming).map_or(0..0, |places| {
        *places.start() as usize..*places.end() as usize + 1
    });
    let dna = dna_hash();
    let claim = Claim {
        author,
        dna: &dna,
        is_member: true,
    };
    let known = Known {
        head: head.as_ref(),
        is_closed: false,
        overlap: &known[places],
    };
    plan(claim, known, incoming, &Limits { records_max: 20 })
}

fn writer(count: usize) -> Writer {
    let mut writer = Writer::new(1);
    for number in 4..count {
        writer.create(&page(&format!("page {number}")));
    }
    writer
}

/// Sends a range of a chain to a doorway that knows the first `known` records.
fn check(known: usize, sent: Range<usize>, expect: Result<Range<usize>, (u32, u32)>) {
    let writer = writer(10);
    let found = send(
        &writer.agent(),
        &writer.records[..known],
        &writer.records[sent.clone()],
    );
    match (found, expect) {
        (Ok(plan), Ok(fresh)) => {
            assert_eq!(plan.fresh, fresh, "known {known}, sent {sent:?}");
            let end = if sent.is_empty() {
                known
            } else {
                known.max(sent.end)
            };
            assert_eq!(plan.head, head_of(&writer.records[..end]));
            assert!(!plan.is_closed);
        }
        (Err(Refusal::Gap { wanted, found }), Err(expect)) => assert_eq!((wanted, found), expect),
        (found, expect) => panic!("known {known}, sent {sent:?}: {found:?} instead of {expect:?}"),
    }
}

#[test]
fn new_records_are_taken_and_known_ones_left_out() {
    check(0, 0..10, Ok(0..10));
    check(4, 4..10, Ok(0..6));
    check(4, 2..10, Ok(2..8));
    check(4, 0..10, Ok(4..10));
    check(10, 0..10, Ok(10..10));
    check(10, 3..7, Ok(4..4));
    check(10, 9..10, Ok(1..1));
    check(4, 5..5, Ok(0..0));
    check(0, 0..0, Ok(0..0));
}

#[test]
fn records_that_come_too_early_are_refused_with_what_is_wanted() {
    check(0, 1..10, Err((0, 1)));
    check(4, 5..10, Err((4, 5)));
    check(9, 10..10, Ok(0..0));
}

#[test]
fn hole_among_the_sent_records_is_refused_wherever_it_is() {
    let writer = writer(10);
    for (known, order, expect) in [
        (4, vec![4, 6], (5, 6)),
        (4, vec![4, 4], (5, 4)),
        (4, vec![5, 4], (4, 5)),
        (8, vec![3, 5, 6], (4, 5)),
        (8, vec![3, 2], (4, 2)),
        (5, vec![4, 6], (5, 6)),
    ] {
        let sent: Vec<Record> = order
            .iter()
            .map(|seq: &usize| writer.records[*seq].clone())
            .collect();
        let refusal =
            send(&writer.agent(), &writer.records[..known], &sent).expect_err("there is a hole");
        assert_eq!(
            refusal,
            Refusal::Gap {
                wanted: expect.0,
                found: expect.1
            },
            "known {known}, sent {order:?}"
        );
        assert_eq!(refusal.code(), Code::ChainGap);
    }
}

#[test]
fn membership_is_asked_before_anything_else() {
    let (writer, dna) = (writer(10), dna_hash());
    let agent = writer.agent();
    let claim = Claim {
        author: &agent,
        dna: &dna,
        is_member: false,
    };
    let known = Known {
        head: None,
        is_closed: false,
        overlap: &[],
    };
    for sent in [&writer.records[..], &writer.records[5..], &[]] {
        let refusal = plan(claim, known, sent, &Limits { records_max: 0 })
            .expect_err("nobody knows the author");
        assert_eq!(refusal, Refusal::NotAMember(agent.clone()));
        assert_eq!(refusal.code(), Code::NotAMember);
    }
}

#[test]
fn number_of_records_is_limited_on_both_sides_of_the_edge() {
    let writer = writer(21);
    assert!(send(&writer.agent(), &[], &writer.records[..20]).is_ok());
    let refusal = send(&writer.agent(), &[], &writer.records).expect_err("one too many");
    assert_eq!(refusal, Refusal::TooMany { sent: 21, max: 20 });
    assert_eq!(refusal.code(), Code::BodyTooLarge);
}

#[test]
fn two_signed_records_for_one_place_are_a_fork_with_its_proof() {
    let mut one = writer(6);
    let mut other = one.clone();
    one.create(&page("one"));
    other.create(&page("other"));
    let refusal = send(&one.agent(), &one.records, &other.records[4..]).expect_err("it forks");
    assert_eq!(refusal.code(), Code::ChainFork);
    let Refusal::Fork { seq: 6, proof } = refusal else {
        panic!("{refusal:?}")
    };
    let proof = proof.expect("the branches part here");
    let (first, second) = proof.sides();
    assert_eq!(first.action_address(), one.records[6].action_address());
    assert_eq!(second.action_address(), other.records[6].action_address());
    // Behind the known head it shows by the link.
    other.create(&page("further"));
    let refusal = send(&one.agent(), &one.records, &other.records[7..]).expect_err("it forks");
    assert_eq!(refusal, Refusal::Record(Rejection::Link { seq: 7 }));
    assert_eq!(refusal.code(), Code::ChainFork);
}

#[test]
fn branches_that_part_before_what_was_sent_are_a_fork_without_its_proof() {
    let mut one = writer(6);
    let mut other = one.clone();
    for number in 0..2 {
        one.create(&page(&format!("one {number}")));
        other.create(&page(&format!("other {number}")));
    }
    let refusal = send(&one.agent(), &one.records, &other.records[7..]).expect_err("it forks");
    assert_eq!(
        refusal,
        Refusal::Fork {
            seq: 7,
            proof: None
        }
    );
    assert_eq!(refusal.code(), Code::ChainFork);
}

#[test]
fn chain_of_another_community_is_no_fork() {
    let writer = writer(6);
    let mut author = Author::new(writer.agent(), None);
    let drafts = author.genesis(&dna::hash_for("elsewhere"), Timestamp::EPOCH);
    let sent: Vec<Record> = drafts
        .into_iter()
        .map(|draft| sign(1, draft.action, draft.entry))
        .collect();
    for known in [0, 6] {
        let refusal = send(&writer.agent(), &writer.records[..known], &sent)
            .expect_err("it is from elsewhere");
        assert_eq!(refusal.code(), Code::WrongDna, "{refusal}");
    }
}

#[test]
fn different_record_that_nobody_signed_proves_nothing() {
    let one = writer(6);
    let mut other = Writer::new(1);
    other.create(&page("not this"));
    let forged = with_bad_signature(&other.records[4]);
    let refusal = send(&one.agent(), &one.records, &[forged]).expect_err("it is not signed");
    assert_eq!(refusal, Refusal::Record(Rejection::Signature { seq: 4 }));
    assert_eq!(refusal.code(), Code::BadSignature);
}

#[test]
fn known_record_that_is_not_at_hand_is_the_doorways_fault() {
    let writer = writer(6);
    let (agent, dna, head) = (writer.agent(), dna_hash(), head_of(&writer.records));
    let claim = Claim {
        author: &agent,
        dna: &dna,
        is_member: true,
    };
    let known = Known {
        head: head.as_ref(),
        is_closed: false,
        overlap: &writer.records[..4],
    };
    let refusal = plan(claim, known, &writer.records[3..6], &Limits::default())
        .expect_err("record 4 is missing");
    assert_eq!(refusal, Refusal::Unread { seq: 4 });
    assert_eq!(refusal.code(), Code::StoreFailed);
}

#[test]
fn records_of_another_author_are_refused_known_or_new() {
    let (ada, bob) = (writer(6), Writer::new(2));
    for known in [0, 2, 6] {
        let refusal = send(
            &ada.agent(),
            &ada.records[..known],
            &bob.records[..1.max(known.min(3))],
        );
        assert_eq!(
            refusal,
            Err(Refusal::Record(Rejection::ForeignAuthor {
                seq: 0,
                found: bob.agent()
            }))
        );
    }
}

#[test]
fn nothing_is_taken_when_one_record_is_bad() {
    let mut writer = writer(10);
    writer.records[8] = with_bad_signature(&writer.records[8]);
    let refusal = send(&writer.agent(), &writer.records[..4], &writer.records[4..]);
    assert_eq!(
        refusal,
        Err(Refusal::Record(Rejection::Signature { seq: 8 }))
    );
}

#[test]
fn public_entries_come_along_and_private_ones_stay_at_home() {
    let mut writer = writer(6);
    writer.create_private(&page("mine"));
    let mut sent = writer.records.clone();
    assert_eq!(
        send(&writer.agent(), &[], &sent),
        Err(Refusal::EntryPrivate { seq: 6 })
    );
    sent[6] = record::withhold(&sent[6]);
    assert!(send(&writer.agent(), &[], &sent).is_ok());
    sent[5] = record::withhold(&sent[5]);
    let refusal = send(&writer.agent(), &[], &sent).expect_err("an entry is missing");
    assert_eq!(refusal, Refusal::EntryMissing { seq: 5 });
    assert_eq!(refusal.code(), Code::EntryMismatch);
    // What is known already need not be sent whole again.
    assert!(send(&writer.agent(), &writer.records[..6], &sent).is_ok());
}

#[test]
fn closed_chain_takes_no_more() {
    let mut writer = writer(6);
    writer.close();
    let closing =
        send(&writer.agent(), &writer.records[..4], &writer.records[4..]).expect("it may close");
    assert!(closing.is_closed);
    writer.create(&page("after the end"));
    let (agent, dna, head) = (writer.agent(), dna_hash(), head_of(&writer.records[..7]));
    let claim = Claim {
        author: &agent,
        dna: &dna,
        is_member: true,
    };
    let known = Known {
        head: head.as_ref(),
        is_closed: true,
        overlap: &[],
    };
    let refusal =
        plan(claim, known, &writer.records[7..], &Limits::default()).expect_err("it is closed");
    assert_eq!(refusal, Refusal::Record(Rejection::Closed { seq: 7 }));
    let known = Known {
        overlap: &writer.records[6..7],
        ..known
    };
    let again = plan(claim, known, &writer.records[6..7], &Limits::default()).expect("nothing new");
    assert!(again.is_closed && again.fresh.is_empty());
}

#[test]
fn refusals_are_told_in_words() {
    let refusal = Refusal::Gap {
        wanted: 4,
        found: 9,
    };
    let problem = Problem::from(refusal);
    assert_eq!(
        problem,
        Problem::new(Code::ChainGap, "record 9 was sent where 4 is wanted")
    );
}

#[test]
fn overlap_is_never_longer_than_what_was_sent() {
    let writer = writer(10);
    let head = head_of(&writer.records);
    let of = |known: &[Record], sent: &[Record]| overlap(head_of(known).as_ref(), sent);
    assert_eq!(overlap(head.as_ref(), &writer.records[3..5]), Some(3..=4));
    assert_eq!(of(&writer.records[..6], &writer.records[3..9]), Some(3..=5));
    assert_eq!(of(&writer.records[..6], &writer.records[6..9]), None);
    assert_eq!(of(&[], &writer.records), None);
    assert_eq!(of(&writer.records, &[]), None);
}
