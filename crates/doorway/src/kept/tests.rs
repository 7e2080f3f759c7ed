//! What counts as a hash.

use std::collections::BTreeSet;

use base::ContentHash;

use super::look_at;

#[track_caller]
fn check(bytes: &[u8], expect: &[ContentHash]) {
    let mut found = BTreeSet::new();
    look_at(bytes, &mut found);
    let expect: BTreeSet<ContentHash> = expect.iter().copied().collect();
    assert_eq!(found, expect, "{}", String::from_utf8_lossy(bytes));
}

#[test]
fn every_form_of_a_hash_is_found_and_nothing_else() {
    let (one, two) = (ContentHash::of(b"1"), ContentHash::of(b"2"));
    check(b"", &[]);
    check(b"![bread](/pages/bread)", &[]);
    check(format!("![bread](/store/{one})").as_bytes(), &[one]);
    check(format!("sha256-{one} and {two}.").as_bytes(), &[one, two]);
    // The CIDv1 of no bytes at all.
    let cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
    check(format!("src={cid}").as_bytes(), &[ContentHash::of(b"")]);
    check(&one.to_string().as_bytes()[1..], &[]);
    let packed = [&[0xc4, 32][..], one.as_bytes(), b"x"].concat();
    check(&packed, &[one]);
    check(&packed[..33], &[]);
    // A letter that happens to stand before it does not hide it.
    let mut found = BTreeSet::new();
    look_at(format!("a{one}").as_bytes(), &mut found);
    assert!(found.contains(&one));
    // A long dump is none.
    check("0123456789abcdef".repeat(16).as_bytes(), &[]);
}
