//! Lists of digests, and sidecars that are not what they should be.

use proptest::prelude::*;

use super::*;

fn made(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

fn digests(bytes: &[u8], piece: usize) -> Digests {
    let mut digester = Digester::default();
    for piece in bytes.chunks(piece) {
        digester.update(piece);
    }
    digester.finish()
}

#[test]
fn each_chunk_is_admitted_in_its_place_alone() {
    let bytes = made(CHUNK_BYTES * 2 + 1);
    let list = digests(&bytes, 100_000);
    assert_eq!(list.bytes(), bytes.len() as u64);
    for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
        for place in 0..5 {
            assert_eq!(
                list.admit(place, chunk),
                place == index as u64,
                "{index} {place}"
            );
        }
    }
    assert!(!list.admit(u64::MAX, b""));
}

#[test]
fn a_sidecar_of_something_else_is_none() {
    let bytes = made(CHUNK_BYTES + 5);
    let (hash, len) = (ContentHash::of(&bytes), bytes.len() as u64);
    let list = digests(&bytes, 7_777);
    let sidecar = list.encode(&hash);
    assert_eq!(sidecar_bytes(len), Some(sidecar.len() as u64));
    assert_eq!(Digests::decode(&hash, len, &sidecar), Some(list));
    assert_eq!(Digests::decode(&hash, len + 1, &sidecar), None);
    assert_eq!(
        Digests::decode(&ContentHash::of(b"other"), len, &sidecar),
        None
    );
    for cut in 0..sidecar.len() {
        assert_eq!(Digests::decode(&hash, len, &sidecar[..cut]), None, "{cut}");
    }
    for place in 0..sidecar.len() {
        let mut flipped = sidecar.clone();
        flipped[place] ^= 1;
        assert_eq!(Digests::decode(&hash, len, &flipped), None, "{place}");
    }
    assert_eq!(Digests::decode(&hash, u64::MAX, &sidecar), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn pieces_make_no_difference(len in 0..700_000_usize, piece in 1..400_000_usize) {
        let bytes = made(len);
        let expect: Vec<[u8; 32]> = bytes.chunks(CHUNK_BYTES).map(|chunk| *blake3::hash(chunk).as_bytes()).collect();
        let list = digests(&bytes, piece.max(len / 100));
        prop_assert_eq!(&list.list[..], &expect[..]);
    }
}
