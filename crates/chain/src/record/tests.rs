//! Records from bytes: canonical form, limits, and what is said about a missing entry.

use holochain_integrity_types::record::RecordEntry;

use super::*;
use crate::fixture::Chain;

type Parts = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

fn parts(record: &Record) -> Parts {
    let entry = present(record).map(entry_bytes);
    let signature = record.signature().0.to_vec();
    (action_bytes(record.action()), signature, entry)
}

#[test]
fn parts_make_the_record_again() {
    for record in &Chain::of_all_types(1).records {
        let (action, signature, entry) = parts(record);
        let found = decode(&action, &signature, entry.as_deref()).expect("its own parts");
        assert_eq!(&found, record);
        assert_eq!(found.action_address(), &action_hash(record.action()));
        let found = decode(&action, &signature, None).expect("without its entry");
        assert_eq!(found, withhold(record));
    }
}

#[test]
fn a_missing_entry_says_why() {
    let chain = Chain::of_all_types(1);
    let expect = [
        (2, RecordEntry::NotStored),
        (3, RecordEntry::NA),
        (4, RecordEntry::NotStored),
        (5, RecordEntry::Hidden),
        (6, RecordEntry::NotStored),
        (7, RecordEntry::NA),
        (11, RecordEntry::Hidden),
        (12, RecordEntry::Hidden),
    ];
    for (seq, entry) in expect {
        assert_eq!(withhold(&chain.records[seq]).entry(), &entry, "{seq}");
    }
}

#[test]
fn other_forms_of_the_same_values_are_refused() {
    let chain = Chain::with_writes(1);
    let (action, signature, entry) = parts(&chain.records[4]);
    let entry = entry.expect("a create has one");
    let replace = |bytes: &[u8], from: &[u8], to: &[u8]| {
        let place = bytes.windows(from.len()).position(|bytes| bytes == from);
        let place = place.expect("it is in there");
        [&bytes[..place], to, &bytes[place + from.len()..]].concat()
    };
    let longer = replace(&action, b"\xaaaction_seq\x04", b"\xaaaction_seq\xcc\x04");
    assert_eq!(decode_action(&longer), Err(DecodeError::Canonical));
    let trailing = [&action[..], &[0xc0]].concat();
    assert_eq!(decode_action(&trailing), Err(DecodeError::Canonical));
    assert_eq!(decode_action(&entry), Err(DecodeError::Action));
    let array = replace(&entry, b"\xc4\x20", b"\xc5\x00\x20");
    assert_eq!(decode_entry(&array), Err(DecodeError::Canonical));
    let trailing = [&entry[..], &[0xc0]].concat();
    assert_eq!(decode_entry(&trailing), Err(DecodeError::Canonical));
    assert_eq!(decode_entry(&action), Err(DecodeError::Entry));
    for len in [0, 63, 65] {
        let signature = vec![0; len];
        let found = decode(&action, &signature, None);
        assert_eq!(found, Err(DecodeError::Signature));
    }
    let (delete, delete_signature, _) = parts(&chain.records[7]);
    let found = decode(&delete, &delete_signature, Some(&entry));
    assert_eq!(found, Err(DecodeError::Surplus));
    assert!(decode(&action, &signature, Some(&entry)).is_ok());
}

#[test]
fn lengths_are_limited_before_anything_is_read() {
    let long = |len: usize| vec![0xc0; len];
    let action = [
        (ACTION_BYTES_MAX, DecodeError::Action),
        (ACTION_BYTES_MAX + 1, DecodeError::Length(ACTION_BYTES_MAX)),
    ];
    for (len, expect) in action {
        assert_eq!(decode_action(&long(len)), Err(expect));
    }
    let entry = [
        (ENTRY_BYTES_MAX, DecodeError::Entry),
        (ENTRY_BYTES_MAX + 1, DecodeError::Length(ENTRY_BYTES_MAX)),
    ];
    for (len, expect) in entry {
        assert_eq!(decode_entry(&long(len)), Err(expect));
    }
}
