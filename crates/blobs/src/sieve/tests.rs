//! The sieve against its own rules, and a scan that must not wash out what is popular.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn nobody(_: &u64) -> bool {
    false
}

#[test]
fn what_was_asked_for_outlives_what_was_not() {
    let mut sieve = Sieve::new(3, nobody);
    for key in 0..3_u64 {
        sieve.insert(key, key, 1);
    }
    assert_eq!(sieve.get(&0), Some(0));
    sieve.insert(3, 3, 1);
    assert_eq!(sieve.get(&1), None, "the oldest that nobody asked for");
    assert_eq!((sieve.get(&0), sieve.get(&3)), (Some(0), Some(3)));
}

#[test]
fn a_scan_leaves_what_is_popular() {
    let mut sieve = Sieve::new(100, nobody);
    for key in 0..50_u64 {
        sieve.insert(key, key, 1);
    }
    for scanned in 1_000..11_000_u64 {
        sieve.insert(scanned, scanned, 1);
        let popular = scanned % 50;
        assert_eq!(
            sieve.get(&popular),
            Some(popular),
            "while {scanned} is scanned"
        );
    }
}

#[test]
fn what_somebody_uses_goes_last() {
    let mut sieve = Sieve::new(4, |value: &u64| *value < 2);
    for key in 0..4_u64 {
        sieve.insert(key, key, 1);
    }
    sieve.insert(10, 10, 2);
    assert_eq!((sieve.get(&0), sieve.get(&1)), (Some(0), Some(1)));
    assert_eq!((sieve.get(&2), sieve.get(&3)), (None, None));
    // When all are in use the bound still holds.
    let mut sieve = Sieve::new(4, |_: &u64| true);
    for key in 0..40_u64 {
        sieve.insert(key, key, 1);
        assert!(sieve.weight() <= 4);
        assert_eq!(sieve.get(&key), Some(key));
    }
}

#[test]
fn what_is_too_heavy_is_not_taken() {
    let mut sieve = Sieve::new(10, nobody);
    sieve.insert(1, 1, 10);
    sieve.insert(2, 2, 11);
    assert_eq!((sieve.get(&1), sieve.get(&2)), (Some(1), None));
    sieve.insert(1, 5, 11);
    assert_eq!((sieve.get(&1), sieve.weight()), (None, 0));
    let mut nothing = Sieve::new(0, nobody);
    nothing.insert(1, 1, 1);
    assert_eq!(nothing.get(&1), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn holds_what_was_put_in_and_never_too_much(steps in prop::collection::vec((0..4_u8, 0..20_u64, 0..8_u64), 1..200)) {
        let mut sieve = Sieve::new(30, |value| value % 3 == 0);
        let mut put: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for (index, (kind, key, weight)) in steps.into_iter().enumerate() {
            match kind {
                0 => {
                    prop_assert!(sieve.get(&key).is_none_or(|value| put.get(&key).is_some_and(|(now, _)| *now == value)));
                }
                1 => {
                    sieve.remove(&key);
                    put.remove(&key);
                    prop_assert_eq!(sieve.get(&key), None);
                }
                _ => {
                    sieve.insert(key, index as u64, weight);
                    put.insert(key, (index as u64, weight));
                    prop_assert_eq!(sieve.get(&key), Some(index as u64), "what was put in last is there");
                }
            }
            prop_assert!(sieve.weight() <= 30);
            let kept: u64 = put.iter().filter(|(key, _)| sieve.places.contains_key(key)).map(|(_, (_, weight))| weight).sum();
            prop_assert_eq!(kept, sieve.weight());
        }
    }
}
