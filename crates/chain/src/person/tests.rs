//! Persons: what counts and what does not, every single byte, and a second opinion on whole logs.

mod reference;

use proptest::prelude::*;

use super::*;

/// What a script does with a person.
#[derive(Clone, Debug)]
struct Step {
    /// An inception, a rotation or a grant.
    kind: u8,
    /// Which key signs, promises, or is promised: relative to the right one; usually 0.
    off: [u8; 3],
    /// How much is added to place, time and epoch beyond what is right.
    shift: [i8; 3],
}

fn pair(number: u64) -> Keypair {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Keypair::from_seed(&seed)
}

fn inception(made: i64, key: u64) -> SignedEvent {
    let event = KeyEvent::Inception(Inception {
        made: Timestamp(made),
        key: pair(key).public(),
        next: KeyCommitment::of(&pair(key + 1).public()),
    });
    event.sign(&pair(key))
}

/// Makes the events of a script: right ones where all numbers are 0.
fn play(steps: &[Step]) -> Vec<SignedEvent> {
    let first = inception(100, 0);
    let person = first.event.person();
    let (mut key, mut seq, mut made, mut epoch) = (0_u64, 0_u32, 100_i64, 0_u64);
    let mut head = first.event.hash();
    let mut events = vec![first];
    for step in steps {
        let [signer, shown, promised] = step.off.map(u64::from);
        let [place, time, more] = step.shift;
        made += 1;
        let event = match step.kind {
            0 => KeyEvent::Rotation(Rotation {
                person,
                seq: (seq + 1).saturating_add_signed(place.into()).max(1),
                previous: head,
                made: Timestamp(made + i64::from(time)),
                key: pair(key + 1 + shown).public(),
                next: KeyCommitment::of(&pair(key + 2 - promised.min(1)).public()),
            }),
            1 => {
                epoch += 1;
                KeyEvent::Grant(HostingGrant {
                    person,
                    seq: seq.saturating_add_signed(place.into()),
                    key_event: head,
                    made: Timestamp(made + i64::from(time)),
                    agent: pair(key + shown).public(),
                    epoch: epoch.saturating_add_signed(more.into()),
                    expires: Timestamp(made + 50),
                    doorway: "https://bread.example".to_owned(),
                })
            }
            _ => {
                // Something that was there before comes again.
                let again = usize::from(step.off[0]) % events.len();
                events.push(events[again].clone());
                continue;
            }
        };
        let is_rotation = step.kind == 0;
        let signed = event.sign(&pair(key + u64::from(is_rotation) + signer));
        if is_rotation && step.off == [0; 3] && step.shift == [0; 3] {
            (key, seq) = (key + 1, seq + 1);
            head = signed.event.hash();
        }
        events.push(signed);
    }
    events
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seldom = || prop_oneof![12 => Just(0_u8), 1 => 1..3_u8];
    let shift = || prop_oneof![12 => Just(0_i8), 1 => -2..3_i8];
    let step = (
        prop_oneof![4 => Just(0_u8), 4 => Just(1_u8), 1 => Just(2_u8)],
        [seldom(), seldom(), seldom()],
        [shift(), shift(), shift()],
    );
    let step = step.prop_map(|(kind, off, shift)| Step { kind, off, shift });
    prop::collection::vec(step, 0..12)
}

proptest! {
    #[test]
    fn the_log_agrees_with_the_naive_reference(steps in steps()) {
        let events = play(&steps);
        let mut log = PersonLog::begin(&events[0]).expect("a right inception");
        let mut taken = vec![events[0].clone()];
        for event in &events[1..] {
            let before = log.clone();
            taken.push(event.clone());
            let expected = reference::accepts(&taken);
            match log.apply(event) {
                Ok(()) => prop_assert!(expected, "{event:?}"),
                Err(rejection) => {
                    prop_assert!(!expected, "{rejection}");
                    prop_assert_eq!(&log, &before);
                    taken.pop();
                }
            }
        }
        prop_assert_eq!(log.key(), reference::key(&taken));
        let whole = PersonLog::verify(&taken).map_err(|(_, rejection)| rejection);
        prop_assert_eq!(whole, Ok(log));
        prop_assert_eq!(decode_log(&encode_log(&taken)), Ok(taken));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic_or_take_a_second_form(bytes in prop::collection::vec(any::<u8>(), 0..500), kind in 0..5_u8) {
        let mut framed = b"CHPERSON\x01".to_vec();
        framed.push(kind);
        framed.extend_from_slice(&[0; 2]);
        framed.extend_from_slice(&bytes);
        for bytes in [bytes, framed] {
            if let Ok(event) = SignedEvent::decode(&bytes) {
                prop_assert_eq!(event.encode(), bytes);
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed(at in 0..216_usize, bit in 0..8_u8) {
        let mut bytes = inception(100, 0).encode();
        bytes[at] ^= 1 << bit;
        let accepted = SignedEvent::decode(&bytes).is_ok_and(|event| PersonLog::begin(&event).is_ok());
        prop_assert!(!accepted);
    }
}

#[test]
fn a_person_leaves_a_host_that_has_the_first_key() {
    let first = inception(100, 0);
    let mut log = PersonLog::begin(&first).expect("an inception");
    let grant = |epoch, key: u64, log: &PersonLog| {
        KeyEvent::Grant(HostingGrant {
            person: log.person(),
            seq: log.seq(),
            key_event: log.head(),
            made: Timestamp(200),
            agent: pair(key).public(),
            epoch,
            expires: Timestamp(300),
            doorway: "https://bread.example".to_owned(),
        })
        .sign(&pair(key))
    };
    log.apply(&grant(1, 0, &log)).expect("the host is granted");
    assert!(log.hosted(Timestamp(299)).is_some());
    assert!(log.hosted(Timestamp(300)).is_none());
    let rotation = |key: u64, next: u64| {
        KeyEvent::Rotation(Rotation {
            person: log.person(),
            seq: 1,
            previous: log.head(),
            made: Timestamp(150),
            key: pair(key).public(),
            next: KeyCommitment::of(&pair(next).public()),
        })
        .sign(&pair(key))
    };
    // The host has the first key, and makes up a second one.
    let (by_host, by_person) = (rotation(9, 10), rotation(1, 2));
    let mut left = log.clone();
    assert_eq!(left.apply(&by_host), Err(Rejection::Commitment));
    assert_eq!(left.apply(&by_person), Ok(()));
    assert_eq!(left.apply(&by_host), Err(Rejection::Commitment));
    assert_eq!(left.key(), pair(1).public());
    assert_eq!(left.hosted(Timestamp(260)), None);
    assert_eq!(left.keys().count(), 2);
    assert_eq!(
        left.apply(&grant(2, 0, &left)),
        Err(Rejection::OtherKey),
        "the old key grants nothing any more"
    );
    assert_eq!(left.apply(&grant(2, 1, &left)), Ok(()));
    assert_eq!(left.newest_grant().map(|grant| grant.epoch), Some(2));
}

#[test]
fn there_are_at_most_so_many_events() {
    let first = inception(100, 0);
    let mut log = PersonLog::begin(&first).expect("an inception");
    log.events = EVENTS_MAX - 1;
    let rotation = |seq, log: &PersonLog| {
        let key = u64::from(seq);
        KeyEvent::Rotation(Rotation {
            person: log.person(),
            seq,
            previous: log.head(),
            made: Timestamp(100),
            key: pair(key).public(),
            next: KeyCommitment::of(&pair(key + 1).public()),
        })
        .sign(&pair(key))
    };
    log.apply(&rotation(1, &log)).expect("one more");
    assert_eq!(log.apply(&rotation(2, &log)), Err(Rejection::TooMany));
    let too_many = encode_log(&vec![first; EVENTS_MAX + 1]);
    assert_eq!(decode_log(&too_many), Err(DecodeError::TooMany));
}

#[test]
fn a_person_has_one_text() {
    let person = inception(100, 0).event.person();
    assert_eq!(person.to_string().parse(), Ok(person));
    let text = person.to_string();
    for wrong in [
        String::new(),
        text.to_uppercase(),
        text.replace("person-", ""),
        text.replace("person-", "person-sha256-"),
        format!("{text}0"),
        text[..70].to_owned(),
    ] {
        assert_eq!(wrong.parse::<PersonId>(), Err(ParsePersonError), "{wrong}");
    }
}

#[test]
fn every_rejection_has_a_code() {
    let rejections = [
        Rejection::Gap {
            wanted: 1,
            found: 2,
        },
        Rejection::Fork { seq: 1 },
        Rejection::Time,
        Rejection::Signature,
        Rejection::Person,
        Rejection::Life,
    ];
    let codes = rejections.map(|rejection| base::Problem::from(rejection).code.number());
    assert_eq!(codes, [302, 303, 309, 301, 304, 306]);
}
