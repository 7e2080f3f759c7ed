//! Nothing that was added is missing, little else is there, and it comes back as it was written.

use base::ContentHash;

use super::*;

fn hash(number: u64) -> [u8; 32] {
    *ContentHash::of(&number.to_le_bytes()).as_bytes()
}

fn full() -> Filter {
    let filter = Filter::for_blobs(0);
    let mut number = 0;
    while !filter.is_full() {
        filter.add(&hash(number));
        number += 1;
    }
    filter
}

#[test]
fn nothing_is_missing_and_little_is_there_that_was_not_added() {
    let filter = full();
    let added = filter.added.load(Ordering::Relaxed);
    assert!((0..added).all(|number| filter.may_have(&hash(number))));
    let wrong = (added..added + 50_000).filter(|number| filter.may_have(&hash(*number)));
    assert!(wrong.count() < 1_000, "two in a hundred, when it is full");
    assert!(!Filter::for_blobs(added).is_full());
}

#[test]
fn it_comes_back_with_its_record_and_with_no_other() {
    let filter = full();
    let head = filter.head(7);
    assert!(Filter::begin(8, &head).is_none());
    let mut read = Filter::begin(7, &head).unwrap();
    let pieces: Vec<_> = filter.pieces().collect();
    assert!(!read.take(1, &pieces[1].1), "the first is missing");
    for (index, piece) in &pieces {
        assert!(!read.is_whole());
        let mut flipped = piece.clone();
        flipped[9] ^= 1;
        assert!(!read.take(*index, &flipped));
        assert!(read.take(*index, piece));
    }
    assert!(read.is_whole());
    let words = |filter: &Filter| -> Vec<u64> {
        let words = filter.words.iter();
        words.map(|word| word.load(Ordering::Relaxed)).collect()
    };
    assert_eq!(words(&read), words(&filter));
    assert!(read.is_full());
}
