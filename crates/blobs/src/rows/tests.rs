//! Rows come back as they were; one that was changed is none.

use super::*;

const KEY: [u8; 32] = [7; 32];

fn record() -> Position {
    Position {
        segment: 12,
        offset: 4_096,
        body_len: 1_048,
    }
}

/// A row comes back, with what follows left alone, and is none when it is cut.
fn check_packed<T: Copy + PartialEq + std::fmt::Debug>(
    row: T,
    write: fn(&T, &mut Writer),
    read: fn(&mut Reader<'_>) -> Option<T>,
) {
    let mut bytes = Writer::default();
    write(&row, &mut bytes);
    let len = bytes.0.len();
    assert!(len < 256, "the length of a row is one byte");
    bytes.0.extend_from_slice(b"next");
    let mut fields = Reader(&bytes.0);
    assert_eq!(read(&mut fields), Some(row));
    assert_eq!(fields.0, b"next");
    for cut in 0..len {
        assert_eq!(read(&mut Reader(&bytes.0[..cut])), None, "cut at {cut}");
    }
}

/// A row comes back under its key, and no changed byte is overlooked.
fn check<T: Copy + PartialEq + std::fmt::Debug>(
    row: T,
    encode: fn(&T, &[u8]) -> Vec<u8>,
    decode: fn(&[u8], &[u8]) -> Option<T>,
) {
    let bytes = encode(&row, &KEY);
    assert_eq!(decode(&KEY, &bytes), Some(row));
    assert_eq!(decode(&[8; 32], &bytes), None, "under another key");
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            assert_eq!(decode(&KEY, &flipped), None, "{place} {bit}");
        }
        assert_eq!(decode(&KEY, &bytes[..place]), None, "cut at {place}");
    }
}

#[test]
fn a_blob_row_comes_back() {
    for place in [Place::Nowhere, Place::Log(record()), Place::File(record())] {
        for root in [None, Some([9; 32])] {
            let row = BlobRow {
                place,
                bytes: u64::MAX,
                root,
                members: u32::MAX,
            };
            check_packed(row, BlobRow::write, BlobRow::read);
        }
    }
}

#[test]
fn a_member_row_comes_back() {
    for trashed in [None, Some((5, 6))] {
        for is_own in [false, true] {
            let state = Member {
                bytes: 77,
                accepted_lsn: 1,
                accepted: Accepted {
                    at: Timestamp(-2),
                    slow: 3,
                },
                touched: 4,
                touched_at: 5,
                trashed,
                tier: 2,
            };
            let row = MemberRow {
                record: record(),
                is_own,
                is_damaged: !is_own,
                state,
            };
            check_packed(row, MemberRow::write, MemberRow::read);
        }
    }
}

#[test]
fn a_name_row_comes_back() {
    let tag = NameRow::Tag {
        hash: ContentHash::of(b"x"),
        at: Timestamp(1),
        is_folder: true,
        record: record(),
    };
    let lease = NameRow::Lease {
        until: 9,
        is_folder: false,
        record: record(),
    };
    for row in [tag, lease, NameRow::Back] {
        check(row, NameRow::encode, NameRow::decode);
    }
}
