//! Calls and replies come back as they were, and noise does no harm.

use base::Timestamp;
use chain::person::{EventHash, HostingGrant, Inception};
use chain::{Author, DnaHash, agent_of};
use crypto::Keypair;
use proptest::prelude::*;

use super::*;

fn pair() -> Keypair {
    Keypair::from_seed(&[4; 32])
}

fn secret() -> Secret {
    Secret::new([9; 32])
}

fn new_slot(hint: usize) -> NewSlot {
    NewSlot {
        kind: SlotKind::Passkey,
        hint: vec![3; hint],
        key: secret(),
    }
}

fn actions() -> Vec<Action> {
    let mut author = Author::new(agent_of(pair().public()), None);
    let dna = DnaHash::from_raw_32(vec![9; 32]);
    let drafts = author.genesis(&dna, Timestamp(5));
    drafts.into_iter().map(|draft| draft.action).collect()
}

fn grant() -> HostingGrant {
    HostingGrant {
        person: PersonId::from_bytes([1; 32]),
        seq: 2,
        key_event: EventHash([2; 32]),
        made: Timestamp(3),
        agent: pair().public(),
        epoch: 4,
        expires: Timestamp(5),
        doorway: "https://bread.example".to_owned(),
    }
}

fn calls() -> Vec<Call> {
    let agent = pair().public();
    let mut calls = vec![
        Call::Stat,
        Call::List {
            after: None,
            limit: 1,
        },
        Call::List {
            after: Some(agent),
            limit: u16::MAX,
        },
        Call::Enroll {
            next: KeyCommitment([5; 32]),
            slots: vec![new_slot(0), new_slot(HINT_BYTES_MAX)],
        },
        Call::Adopt {
            person: PersonId::from_bytes([8; 32]),
            seed: secret(),
            slots: Vec::new(),
        },
        Call::Unlock {
            agent,
            slot: 7,
            key: secret(),
        },
        Call::Lock(agent),
        Call::AddSlot {
            agent,
            by: 1,
            key: secret(),
            slot: new_slot(3),
        },
        Call::RemoveSlot { agent, number: 2 },
    ];
    calls.extend(calls_of_a_chain());
    calls
}

fn calls_of_a_chain() -> Vec<Call> {
    let agent = pair().public();
    let place = disk::log::Position {
        segment: 3,
        offset: 64,
        body_len: 90,
    };
    let told = ToldHead {
        head: Some((actions()[0].clone(), Signature([6; 64]))),
        grant: Some(KeyEvent::Grant(grant()).sign(&pair())),
    };
    vec![
        Call::Confirm {
            agent,
            told: Box::new(told),
        },
        Call::Retire(agent),
        Call::SignActions {
            agent,
            epoch: u64::MAX,
            actions: actions(),
        },
        Call::SignGrant {
            agent,
            grant: grant(),
        },
        Call::SignChallenge {
            agent,
            challenge: "x".repeat(CHALLENGE_BYTES_MAX),
        },
        Call::History {
            agent,
            from: Some(Cursor(place)),
            limit: 9,
        },
        Call::Export {
            agent,
            slot: 1,
            key: secret(),
        },
    ]
}

fn answers() -> Vec<Result<Reply, Problem>> {
    let inception = KeyEvent::Inception(Inception {
        made: Timestamp(1),
        key: pair().public(),
        next: KeyCommitment([1; 32]),
    })
    .sign(&pair());
    let listed = Listed {
        agent: [1; 32],
        person: PersonId::from_bytes([2; 32]),
        head: Some(Mark {
            seq: 3,
            hash: [4; 32],
        }),
        epoch: 5,
        is_confirmed: true,
        slots: vec![ListedSlot {
            number: 6,
            kind: SlotKind::Paper,
            hint: vec![7; 19],
        }],
    };
    let signed = Signed {
        what: What::Grant,
        epoch: 1,
        seq: 2,
        hash: [3; 32],
        at: Timestamp(4),
        detail: "https://bread.example".to_owned(),
        before: None,
    };
    let problem = Problem::new(Code::KeyLocked, "ü".repeat(2_000));
    vec![
        Ok(Reply::Done),
        Ok(Reply::Was(true)),
        Ok(Reply::Stat(Stat {
            keys: 1,
            unconfirmed: 2,
            unlocked: 3,
            is_memory_locked: true,
            log_bytes: 4,
            syncs: 5,
        })),
        Ok(Reply::Listed(vec![listed])),
        Ok(Reply::Enrolled(Box::new(Enrolled {
            agent: pair().public(),
            person: inception.event.person(),
            inception,
        }))),
        Ok(Reply::Adopted([3; 32])),
        Ok(Reply::Slot(3)),
        Ok(Reply::Signed(
            vec![Signature([1; 64])],
            Some(problem.clone()),
        )),
        Ok(Reply::History(Page {
            signed: vec![signed],
            next: None,
        })),
        Ok(Reply::Seed(secret())),
        Err(problem),
    ]
}

#[test]
fn calls_come_back_as_they_were() {
    for call in calls() {
        let bytes = call.encode();
        let again = Call::decode(&bytes).expect("a call");
        assert_eq!(*again.encode(), *bytes);
        for len in 0..bytes.len() {
            assert!(Call::decode(&bytes[..len]).is_none(), "{} cut", bytes[0]);
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(Call::decode(&longer).is_none());
    }
}

#[test]
fn answers_come_back_as_they_were() {
    for answer in answers() {
        let bytes = encode_answer(&answer);
        let again = decode_answer(&bytes).expect("an answer");
        assert_eq!(*encode_answer(&again), *bytes);
        assert!(decode_answer(&bytes[..bytes.len() - 1]).is_none());
    }
}

#[test]
fn more_than_the_limits_is_refused() {
    let agent = pair().public();
    let many = Call::SignActions {
        agent,
        epoch: 1,
        actions: vec![actions()[0].clone(); ACTIONS_MAX + 1],
    };
    assert!(Call::decode(&many.encode()).is_none());
    let long = Call::SignChallenge {
        agent,
        challenge: "x".repeat(CHALLENGE_BYTES_MAX + 1),
    };
    assert!(Call::decode(&long.encode()).is_none());
    let hint = Call::Enroll {
        next: KeyCommitment([5; 32]),
        slots: vec![new_slot(HINT_BYTES_MAX + 1)],
    };
    assert!(Call::decode(&hint.encode()).is_none());
}

proptest! {
    #[test]
    fn noise_is_a_call_or_none(bytes in prop::collection::vec(any::<u8>(), 0..400), which in 0..16_usize, at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut changed = calls()[which].encode().to_vec();
        let index = at.index(changed.len());
        changed[index] = with;
        for bytes in [bytes, changed] {
            if let Some(call) = Call::decode(&bytes) {
                prop_assert_eq!(call.encode().to_vec(), bytes.clone());
            }
            drop(decode_answer(&bytes));
        }
    }
}
