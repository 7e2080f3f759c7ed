//! Every body comes back as it was, and nothing else is taken for one.

use proptest::prelude::*;

use super::*;

fn accepted() -> impl Strategy<Value = Accepted> {
    (any::<i64>(), any::<u64>()).prop_map(|(at, slow)| Accepted {
        at: Timestamp(at),
        slow,
    })
}

fn bound() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0..u64::MAX)
}

fn check(body: Body<'_>) {
    let bytes = body.encode();
    let kind = body.kind() as u8;
    assert_eq!(Kind::find(kind), Some(body.kind()));
    assert_eq!(Body::decode(kind, &bytes), Ok(body));
    let mut longer = bytes.clone();
    longer.push(0);
    assert_ne!(Body::decode(kind, &longer), Ok(body), "a byte too many");
    if let Some((_, shorter)) = bytes.split_last() {
        assert_ne!(Body::decode(kind, shorter), Ok(body), "a byte too few");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_body_comes_back(
        accepted in accepted(), numbers in any::<[u64; 4]>(), root in any::<[u8; 32]>(),
        trashed in prop::option::of(any::<(u64, u64)>()), tier in 0..3_u8,
        name in "[a-z/]{1,40}", is_folder in any::<bool>(), bytes_max in bound(), blobs_max in bound(),
    ) {
        let [bytes, accepted_lsn, touched, touched_at] = numbers;
        check(Body::Link(Link { accepted, bytes, root }));
        check(Body::Member(Member { bytes, accepted_lsn, accepted, touched, touched_at, trashed, tier }));
        check(Body::Tag(Tag { hash: ContentHash::from_bytes(root), at: accepted.at, is_folder, name: &name }));
        check(Body::Untag(&name));
        check(Body::Namespace(Namespace { bytes_max, blobs_max, name: &name }));
        check(Body::Lease(Lease { until: bytes, is_folder, holder: &name }));
        check(Body::Purge);
        check(Body::Damaged);
    }

    #[test]
    fn what_decodes_has_one_encoding(kind in 0..12_u8, bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        match Body::decode(kind, &bytes) {
            Ok(Body::Blob(head)) => prop_assert_eq!(&head.encode()[..], &bytes[..BLOB_HEAD_BYTES]),
            Ok(body) => prop_assert_eq!(body.encode(), bytes),
            Err(_) => {}
        }
    }
}

#[test]
fn a_blob_is_its_head_its_groups_and_its_bytes() {
    for (bytes, groups) in [(0, 0), (1, 0), (16_384, 0), (16_385, 2), (1_048_576, 64)] {
        let head = BlobHead {
            accepted: Accepted {
                at: Timestamp(-5),
                slow: 7,
            },
            bytes,
            groups,
        };
        let mut body = head.encode().to_vec();
        body.resize(head.data_offset() + bytes as usize, 9);
        assert_eq!(Body::decode(1, &body), Ok(Body::Blob(head)));
        assert_eq!(
            head.data_offset(),
            BLOB_HEAD_BYTES + usize::from(groups) * 32
        );
        body.push(9);
        assert_eq!(Body::decode(1, &body), Err(DecodeError::Length { kind: 1 }));
    }
    let wrong = BlobHead {
        accepted: Accepted {
            at: Timestamp(0),
            slow: 0,
        },
        bytes: 40_000,
        groups: 2,
    };
    assert_eq!(
        BlobHead::decode(&wrong.encode()),
        Err(DecodeError::Malformed { kind: 1 })
    );
}

#[test]
fn an_unknown_kind_is_told() {
    assert_eq!(Body::decode(0, &[]), Err(DecodeError::Kind { kind: 0 }));
    assert_eq!(Body::decode(10, &[]), Err(DecodeError::Kind { kind: 10 }));
}
