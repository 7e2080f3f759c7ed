//! Groups against BLAKE3 itself.

use super::*;

fn made(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (index % 251) as u8 ^ (index / 1_024) as u8)
        .collect()
}

/// Lengths around every edge.
const LENGTHS: [usize; 16] = [
    0,
    1,
    1_024,
    GROUP_BYTES - 1,
    GROUP_BYTES,
    GROUP_BYTES + 1,
    GROUP_BYTES * 2,
    65_535,
    65_537,
    CHUNK_BYTES - 1,
    CHUNK_BYTES,
    CHUNK_BYTES + 1,
    CHUNK_BYTES * 3 - 1,
    CHUNK_BYTES * 3 + GROUP_BYTES * 5 + 3,
    1_048_575,
    1_048_577,
];

#[test]
fn the_root_is_the_ordinary_hash() {
    for len in LENGTHS {
        let bytes = made(len);
        let expect = *blake3::hash(&bytes).as_bytes();
        let (groups, root) = Groups::of(&bytes);
        assert_eq!(root, expect, "{len}");
        assert_eq!(groups.count() as u64, groups_of(len as u64), "{len}");
        for piece in [1_000, GROUP_BYTES, 70_001] {
            let mut hasher = GroupHasher::default();
            for piece in bytes.chunks(piece) {
                hasher.update(piece);
            }
            assert_eq!(hasher.finish(), (groups.clone(), expect), "{len} {piece}");
        }
    }
}

#[test]
fn a_chunk_is_admitted_at_its_place_alone() {
    for len in LENGTHS.into_iter().filter(|len| *len > CHUNK_BYTES) {
        let bytes = made(len);
        let (groups, root) = Groups::of(&bytes);
        let checks = groups.checks(&root).unwrap();
        for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
            let index = index as u64;
            assert!(checks.admit(index, chunk), "{len} {index}");
            assert!(!checks.admit(index + 1, chunk), "{len} {index}");
            let mut flipped = chunk.to_vec();
            *flipped.last_mut().unwrap() ^= 1;
            assert!(!checks.admit(index, &flipped), "{len} {index}");
        }
    }
}

#[test]
fn groups_that_do_not_lead_to_the_root_are_refused() {
    let bytes = made(CHUNK_BYTES * 2 + 5);
    let hash = ContentHash::of(&bytes);
    let (groups, root) = Groups::of(&bytes);
    let len = bytes.len() as u64;
    let outboard = groups.encode(&hash, len, &root);
    assert_eq!(outboard.len() as u64, outboard_bytes(len).unwrap());
    assert_eq!(
        Groups::decode(&hash, len, &root, &outboard),
        Some(groups.clone())
    );
    for place in 0..outboard.len() {
        let mut flipped = outboard.clone();
        flipped[place] ^= 16;
        assert_eq!(Groups::decode(&hash, len, &root, &flipped), None, "{place}");
    }
    for cut in [0, HEAD_BYTES, outboard.len() - 32, outboard.len() - 1] {
        assert_eq!(Groups::decode(&hash, len, &root, &outboard[..cut]), None);
    }
    assert_eq!(Groups::decode(&hash, len + 1, &root, &outboard), None);
    assert!(groups.checks(&[0; 32]).is_none());
}
