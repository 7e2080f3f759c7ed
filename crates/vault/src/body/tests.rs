//! Bodies: each comes back as it was, and no bytes make the decoder panic or take a second form.

use proptest::prelude::*;

use super::*;
use crate::envelope::HINT_BYTES_MAX;

const AGENT: [u8; 32] = [5; 32];

const OWNER: Owner = Owner {
    agent: AGENT,
    person: [6; 32],
};

fn slot(number: u16, kind: SlotKind, hint: usize) -> Slot {
    Slot {
        number,
        kind,
        hint: vec![1; hint],
        wrapped: [number as u8; WRAPPED_BYTES],
    }
}

fn place(segment: u64) -> Place {
    Place {
        segment,
        offset: 64,
        body_len: 9,
    }
}

fn all() -> Vec<Body> {
    let signed = |what, before| {
        Body::Signed(Signed {
            what,
            epoch: u64::MAX,
            seq: u32::MAX,
            hash: [7; 32],
            at: Timestamp(-1),
            detail: "x".repeat(DETAIL_BYTES_MAX),
            before,
        })
    };
    let told = Told {
        head: Some(Mark {
            seq: 3,
            hash: [8; 32],
        }),
        closes: true,
        grant_epoch: Some(4),
    };
    let at = Timestamp(i64::MAX);
    let before = None;
    let envelope = Envelope {
        owner: OWNER,
        seed: [9; SEALED_BYTES],
        slots: vec![
            slot(1, SlotKind::Password, 0),
            slot(u16::MAX, SlotKind::Passkey, HINT_BYTES_MAX),
        ],
    };
    vec![
        Body::Home(Home {
            folder: (1, u64::MAX),
            server_mark: [3; 32],
        }),
        Body::Enrolled {
            envelope,
            is_new_key: true,
            at,
        },
        Body::SlotAdded {
            owner: OWNER,
            slot: slot(3, SlotKind::Paper, 3),
        },
        Body::SlotRemoved {
            owner: OWNER,
            number: 3,
        },
        signed(What::Create, Some(place(1))),
        signed(What::Challenge, None),
        Body::Confirmed { told, at, before },
        Body::Confirmed {
            told: Told {
                head: None,
                closes: false,
                grant_epoch: None,
            },
            at,
            before: Some(place(u64::MAX)),
        },
        Body::Restored,
        Body::Retired { at, before },
    ]
}

#[test]
fn every_body_comes_back_as_it_was() {
    for body in all() {
        let bytes = body.encode();
        assert_eq!(Body::decode(body.kind(), &AGENT, &bytes), Ok(body.clone()));
        for len in 0..bytes.len() {
            let kind = body.kind();
            let cut = Body::decode(kind, &AGENT, &bytes[..len]);
            assert_eq!(cut, Err(BodyError { kind }), "{body:?} cut at {len}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(Body::decode(body.kind(), &AGENT, &longer).is_err());
        let newer = [&[2], &bytes[1..]].concat();
        assert!(Body::decode(body.kind(), &AGENT, &newer).is_err());
    }
    for kind in [0, 9, 255] {
        assert_eq!(Body::decode(kind, &AGENT, &[1]), Err(BodyError { kind }));
    }
}

proptest! {
    #[test]
    fn no_bytes_have_two_meanings(kind in 0..10_u8, mut bytes in prop::collection::vec(any::<u8>(), 0..300), whole in 0..10_usize, at in any::<prop::sample::Index>(), with in any::<u8>()) {
        // Noise, and a true body with one byte changed.
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let mut changed = all()[whole].encode();
        let index = at.index(changed.len());
        changed[index] = with;
        for (kind, bytes) in [(kind, bytes), (all()[whole].kind(), changed)] {
            if let Ok(body) = Body::decode(kind, &AGENT, &bytes) {
                prop_assert_eq!(body.encode(), bytes);
            }
        }
    }
}
