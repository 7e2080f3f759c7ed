//! What is kept comes back, what is forgotten does not, and who reads while somebody writes never sees a mixture.

use std::sync::atomic::AtomicBool;
use std::thread;

use proptest::prelude::*;

use super::*;

fn found(number: u64) -> Found {
    let record = Position {
        segment: number,
        offset: number as u32,
        body_len: !number as u32,
    };
    Found {
        place: match number % 2 {
            0 => Place::Log(record),
            _ => Place::File(record),
        },
        bytes: number * 3,
        root: number.is_multiple_of(3).then_some([number as u8; 32]),
        tier: number as u8 % 3,
    }
}

fn keep(known: &Known, namespace: u16, hash: &[u8; 32], number: u64) {
    known.keep(known.begin(hash), namespace, hash, found(number));
}

#[test]
fn what_is_kept_comes_back_in_its_namespace_until_it_is_forgotten() {
    let known = Known::new();
    let (one, other) = ([1; 32], [2; 32]);
    for number in 0..12 {
        keep(&known, 7, &one, number);
        assert_eq!(known.get(7, &one), Some(found(number)), "{number}");
        assert_eq!(known.get(8, &one), None);
        assert_eq!(known.get(7, &other), None);
    }
    keep(&known, 8, &one, 50);
    known.forget(7, &one);
    assert_eq!(
        (known.get(7, &one), known.get(8, &one)),
        (None, Some(found(50)))
    );
    keep(&known, 7, &one, 51);
    known.forget_all(&one);
    assert_eq!((known.get(7, &one), known.get(8, &one)), (None, None));
}

#[test]
fn a_lookup_during_which_something_changed_is_not_kept() {
    let known = Known::new();
    let begun = known.begin(&[1; 32]);
    known.forget(0, &[1; 32]);
    known.keep(begun, 0, &[1; 32], found(2));
    assert_eq!(known.get(0, &[1; 32]), None);
}

#[test]
fn a_third_blob_takes_the_place_of_one_and_a_number_that_is_too_large_is_not_kept() {
    let known = Known::new();
    let hashes: Vec<[u8; 32]> = (0..3)
        .map(|number| {
            let mut hash = [9; 32];
            hash[0] = number;
            hash
        })
        .collect();
    for (number, hash) in (1..).zip(&hashes) {
        keep(&known, 0, hash, number);
    }
    let there = hashes.iter().filter(|hash| known.get(0, hash).is_some());
    assert_eq!(there.count(), 2);
    assert_eq!(known.get(0, &hashes[2]), Some(found(3)));
    let mut large = found(2);
    large.bytes = 1 << TIER_SHIFT;
    known.keep(known.begin(&[5; 32]), 0, &[5; 32], large);
    assert_eq!(known.get(0, &[5; 32]), None);
}

#[test]
fn who_reads_while_somebody_writes_sees_one_of_the_two() {
    let known = Known::new();
    let hash = [3; 32];
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut seen = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                if let Some(read) = known.get(0, &hash) {
                    let Place::Log(record) = read.place else {
                        panic!("only such places are written");
                    };
                    assert_eq!(read, found(record.segment));
                    seen += 1;
                }
            }
            seen
        });
        for number in 0..50_000 {
            if number % 100 == 99 {
                known.forget(0, &hash);
            }
            keep(&known, 0, &hash, number * 2);
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(known.get(0, &hash), Some(found(49_999 * 2)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(
        (segment, offset, body_len) in (0..1_u64 << 48, any::<u32>(), any::<u32>()),
        bytes in 0..=BYTES_MASK,
        root in any::<Option<[u8; 32]>>(),
        (namespace, tier) in (any::<u16>(), 0..32_u8),
    ) {
        let place = Place::File(Position { segment, offset, body_len });
        let found = Found { place, bytes, root, tier };
        let written = Written::of(namespace, &[1; 4], &found).unwrap();
        prop_assert_eq!(written.read(namespace), Some(found));
        prop_assert_eq!(written.read(!namespace), None);
    }
}
