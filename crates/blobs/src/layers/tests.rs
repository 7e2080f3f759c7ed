//! A layer against a map, and its order.

use std::collections::BTreeMap;

use disk::log::Position;
use proptest::prelude::*;
use wire::blobs::{Accepted, Member};

use super::*;
use crate::rows::Place;

/// What a change says: of the blob, and of members.
type Change = (Option<Option<BlobRow>>, BTreeMap<u16, Option<MemberRow>>);

fn record() -> impl Strategy<Value = Position> {
    (0..9_u64, any::<u32>(), any::<u32>()).prop_map(|(segment, offset, body_len)| Position {
        segment,
        offset,
        body_len,
    })
}

fn blob() -> impl Strategy<Value = BlobRow> {
    let place = prop_oneof![
        Just(Place::Nowhere),
        record().prop_map(Place::Log),
        record().prop_map(Place::File),
    ];
    (place, any::<u64>(), any::<Option<[u8; 32]>>(), any::<u32>()).prop_map(
        |(place, bytes, root, members)| BlobRow {
            place,
            bytes,
            root,
            members,
        },
    )
}

fn member() -> impl Strategy<Value = MemberRow> {
    let numbers = (
        any::<u64>(),
        any::<u64>(),
        any::<i64>(),
        any::<u64>(),
        any::<u64>(),
    );
    let rest = (
        any::<Option<(u64, u64)>>(),
        any::<bool>(),
        any::<bool>(),
        0..3_u8,
    );
    (record(), numbers, rest).prop_map(|(record, numbers, rest)| {
        let (bytes, accepted_lsn, at, slow, touched) = numbers;
        let (trashed, is_own, is_damaged, tier) = rest;
        MemberRow {
            record,
            is_own,
            is_damaged,
            state: Member {
                bytes,
                accepted_lsn,
                accepted: Accepted {
                    at: base::Timestamp(at),
                    slow,
                },
                touched,
                touched_at: touched / 3,
                trashed,
                tier,
            },
        }
    })
}

fn change() -> impl Strategy<Value = ([u8; 32], Change)> {
    let members = prop::collection::btree_map(126..131_u16, any::<bool>(), 0..4);
    let members = (members, prop::collection::vec(member(), 4)).prop_map(|(numbers, rows)| {
        let members = numbers.into_iter().zip(rows);
        let members =
            members.map(|((namespace, is_there), row)| (namespace, is_there.then_some(row)));
        members.collect::<BTreeMap<_, _>>()
    });
    let blob = prop::option::of(prop::option::of(blob()));
    (0..9_u8, blob, members).prop_map(|(seed, blob, members)| ([seed; 32], (blob, members)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn says_what_was_put_in_last(changes in prop::collection::vec(change(), 0..40)) {
        let layers = Layers::new();
        let mut model: BTreeMap<[u8; 32], Change> = BTreeMap::new();
        for (hash, (blob, members)) in &changes {
            let put: Vec<_> = members.iter().map(|(of, row)| (*of, *row)).collect();
            layers.present().active.put(*hash, *blob, &put);
            let (blob_before, before) = model.entry(*hash).or_default();
            *blob_before = blob.or(*blob_before);
            before.extend(members);
        }
        let layer = layers.freeze().unwrap();
        prop_assert_eq!(layer.rows(), changes.len() as u64);
        for (hash, (blob, members)) in &model {
            prop_assert_eq!(layer.blob(hash), *blob);
            for namespace in 125..132 {
                prop_assert_eq!(layer.member(namespace, hash), members.get(&namespace).copied());
            }
        }
        let held = layer.hold();
        let read = held.blobs().into_iter().map(|(hash, kept)| {
            let (blob, members) = kept.parts();
            (*hash, (blob, members.collect()))
        });
        prop_assert!(read.eq(model));
    }
}
