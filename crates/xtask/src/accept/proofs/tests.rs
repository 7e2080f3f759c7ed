//! Which places are tried.

use super::*;

#[test]
fn places_are_spread_from_end_to_end() {
    assert!(spread(0, 4).is_empty());
    assert_eq!(spread(3, 4), [0, 1, 2]);
    assert_eq!(spread(100, 4), [0, 33, 66, 99]);
    assert_eq!(spread(9, 1), [0]);
}

#[test]
fn every_mask_turns_over_one_bit_and_all_bits_come_up() {
    let all = (0..8).fold(0, |all, position| all | mask(position));
    assert_eq!(all, 255);
    assert!((0..100).all(|position| mask(position).count_ones() == 1));
}
