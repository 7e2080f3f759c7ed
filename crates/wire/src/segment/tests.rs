//! Whatever is encoded comes back, and no bytes make a decoder panic or say two things.

use proptest::prelude::*;

use super::*;

fn segment_head() -> impl Strategy<Value = SegmentHead> {
    let size = (8..=SEGMENT_BYTES_MAX / 8).prop_map(|eighths| eighths * 8);
    let end = (8..=(SEGMENT_BYTES_MAX / 8) as u32).prop_map(|eighths| eighths * 8);
    (
        (1_u64.., 1_u32.., end, 1_u64..),
        (size, any::<[u8; 16]>(), any::<u32>()),
    )
        .prop_map(
            |((number, generation, previous_end, first_lsn), (bytes, owner, salt))| SegmentHead {
                number,
                generation,
                previous_end,
                first_lsn,
                bytes,
                owner,
                salt,
            },
        )
}

fn record_head() -> impl Strategy<Value = RecordHead> {
    let lsn = 1..Lsn::MAX;
    (
        (any::<u8>(), 0..=1_u8, any::<u16>(), 0..=BODY_BYTES_MAX),
        (lsn, any::<u32>(), any::<u32>(), any::<[u8; 32]>()),
    )
        .prop_map(
            |((kind, flags, stream, body_len), (lsn, since, body_crc, key))| RecordHead {
                kind,
                flags,
                stream,
                body_len,
                since_sync: u32::try_from(u64::from(since).clamp(1, lsn)).unwrap_or(1),
                lsn,
                body_crc,
                key,
            },
        )
}

fn segment_id() -> impl Strategy<Value = SegmentId> {
    (any::<u64>(), any::<u32>(), any::<u32>()).prop_map(|(number, generation, salt)| SegmentId {
        number,
        generation,
        salt,
    })
}

/// Encodes log records with these bodies into a segment, in batches of two.
fn written(bodies: &[Vec<u8>]) -> Vec<u8> {
    let head = SegmentHead {
        number: 3,
        generation: 2,
        previous_end: 64,
        first_lsn: 10,
        bytes: 1 << 20,
        owner: *b"tests\0\0\0\0\0\0\0\0\0\0\0",
        salt: 7,
    };
    let mut bytes = head.encode().to_vec();
    for (place, body) in bodies.iter().enumerate() {
        let record = RecordHead {
            kind: 1,
            flags: 0,
            stream: 1,
            body_len: body.len() as u32,
            since_sync: 1 + place as u32 % 2,
            lsn: 10 + place as u64,
            body_crc: crc(body),
            key: [0; 32],
        };
        bytes.extend_from_slice(&record.encode(&head.id()));
        bytes.extend_from_slice(body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

proptest! {
    #[test]
    fn a_head_of_a_segment_comes_back(head in segment_head()) {
        prop_assert_eq!(SegmentHead::decode(&head.encode()), Ok(head));
    }

    #[test]
    fn a_head_of_a_log_record_comes_back(head in record_head(), id in segment_id()) {
        prop_assert_eq!(RecordHead::decode(&head.encode(&id), &id), Ok(head));
    }

    #[test]
    fn a_head_of_a_log_record_is_of_one_segment(
        head in record_head(),
        id in segment_id(),
        other in segment_id(),
    ) {
        prop_assume!(id.seed() != other.seed());
        prop_assert_eq!(RecordHead::decode(&head.encode(&id), &other), Err(RecordError::Crc));
    }

    #[test]
    fn one_flipped_bit_of_a_segment_head_is_mended_and_two_are_not(
        head in segment_head(),
        one in 0..512_usize,
        other in 0..512_usize,
    ) {
        let whole = head.encode();
        let mut bytes = whole;
        bytes[one / 8] ^= 1 << (one % 8);
        prop_assert_eq!(SegmentHead::mend(&bytes), Some(whole));
        bytes[other / 8] ^= 1 << (other % 8);
        if one != other {
            prop_assert_eq!(SegmentHead::mend(&bytes), None);
        }
    }

    #[test]
    fn a_flipped_bit_of_a_head_is_noticed(
        head in segment_head(),
        record in record_head(),
        place in 0..512_usize,
    ) {
        let mut bytes = head.encode();
        bytes[place / 8] ^= 1 << (place % 8);
        prop_assert!(SegmentHead::decode(&bytes).is_err());
        let mut bytes = record.encode(&head.id());
        bytes[place / 8] ^= 1 << (place % 8);
        prop_assert!(RecordHead::decode(&bytes, &head.id()).is_err());
    }

    #[test]
    fn any_64_bytes_decode_to_what_encodes_to_them(bytes in any::<[u8; 64]>(), id in segment_id()) {
        if let Ok(head) = SegmentHead::decode(&bytes) {
            prop_assert_eq!(head.encode(), bytes);
        }
        if let Ok(head) = RecordHead::decode(&bytes, &id) {
            prop_assert_eq!(head.encode(&id), bytes);
        }
    }

    #[test]
    fn any_fields_under_a_right_checksum_decode_to_what_encodes_to_them(
        mut bytes in any::<[u8; 64]>(),
        id in segment_id(),
        is_segment in any::<bool>(),
        small in 0..64_u8,
    ) {
        if is_segment {
            bytes[..8].copy_from_slice(b"CHSEGMT\x01");
            bytes[20..24].copy_from_slice(&(u32::from(small) * 8).to_le_bytes());
            let sum = crc(&bytes[..60]);
            bytes[60..].copy_from_slice(&sum.to_le_bytes());
            if let Ok(head) = SegmentHead::decode(&bytes) {
                prop_assert_eq!(head.encode(), bytes);
            }
        } else {
            bytes[..4].copy_from_slice(b"CHRC");
            bytes[5] = small % 3;
            bytes[10..12].copy_from_slice(&[small % 40, 0]);
            bytes[28..32].fill(0);
            let sum = crc_append(id.seed(), &bytes);
            bytes[28..32].copy_from_slice(&sum.to_le_bytes());
            if let Ok(head) = RecordHead::decode(&bytes, &id) {
                prop_assert_eq!(head.encode(&id), bytes);
                prop_assert!(head.span() <= span(BODY_BYTES_MAX));
            }
        }
    }

    #[test]
    fn a_segment_is_read_as_it_was_written(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..12),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = written(&bodies);
        let end = bytes.len();
        bytes.resize(end + 64, 0);
        bytes.extend_from_slice(&rest);
        let (_, reader) = Reader::new(&bytes).expect("the head is whole");
        let read: Vec<Vec<u8>> = reader
            .map(|found| found.expect("everything is whole").2.to_vec())
            .collect();
        prop_assert_eq!(read, bodies);
    }

    #[test]
    fn a_damaged_segment_gives_its_whole_start_and_then_a_fault_or_its_end(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = written(&bodies);
        for (place, mask) in damage {
            let place = place.index(bytes.len());
            bytes[place] ^= mask;
        }
        bytes.truncate(64 + cut.index(bytes.len() - 63));
        if let Ok((_, reader)) = Reader::new(&bytes) {
            let mut count = 0;
            for found in reader {
                match found {
                    Ok((_, _, body)) => {
                        prop_assert_eq!(body, &bodies[count][..]);
                        count += 1;
                    }
                    Err(fault) => prop_assert!(fault.offset >= 64),
                }
            }
            prop_assert!(count <= bodies.len());
        }
    }

    #[test]
    fn noise_behind_a_whole_head_never_makes_the_reader_panic(
        head in segment_head(),
        noise in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let mut bytes = head.encode().to_vec();
        bytes.extend_from_slice(&noise);
        let (_, reader) = Reader::new(&bytes).expect("the head is whole");
        prop_assert!(reader.count() <= 1 + noise.len() / 64);
        prop_assert!(find_head(&noise, 0, head.id().seed()).is_none());
    }

    #[test]
    fn heads_are_found_wherever_they_start(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..8),
    ) {
        let bytes = written(&bodies);
        let (head, reader) = Reader::new(&bytes).expect("the head is whole");
        let starts: Vec<usize> = reader
            .map(|found| found.expect("everything is whole").0 as usize)
            .collect();
        let mut found = Vec::new();
        let mut from = 0;
        while let Some((offset, _)) = find_head(&bytes, from, head.id().seed()) {
            found.push(offset);
            from = offset + 1;
        }
        prop_assert_eq!(found, starts);
    }

    #[test]
    fn a_list_of_retired_segments_comes_back(
        parts in prop::collection::vec((1..4_u64, 0..3_u64, 0..50_u64, 0..3_u64), 0..20),
        order in any::<u64>(),
    ) {
        let (mut segment, mut lsn) = (0, 0);
        let mut ranges = Vec::new();
        for (len, gap, lsns, lsn_gap) in parts {
            segment += 1 + gap;
            lsn += 1 + if gap == 0 { 0 } else { lsn_gap };
            ranges.push(RetiredRange {
                first_segment: segment,
                last_segment: segment + len - 1,
                first_lsn: lsn,
                last_lsn: lsn + lsns,
                previous_end: 64,
            });
            segment += len - 1;
            lsn += lsns;
        }
        let whole = {
            let mut list = Retired::default();
            for range in &ranges {
                list.add(*range).expect("they are in order");
            }
            list
        };
        prop_assert_eq!(Retired::decode(&whole.encode()), Ok(whole.clone()));
        for segment in 0..segment + 3 {
            let is_inside = ranges
                .iter()
                .any(|range| range.first_segment <= segment && segment <= range.last_segment);
            prop_assert_eq!(whole.find(segment).is_some(), is_inside);
        }
        // In any other order the same list comes out.
        let turn = if ranges.is_empty() { 0 } else { order as usize % ranges.len() };
        ranges.rotate_left(turn);
        let mut list = Retired::default();
        for range in &ranges {
            list.add(*range).expect("they fit");
            prop_assert!(list.clone().add(*range).is_err(), "nothing retires twice");
        }
        prop_assert_eq!(list, whole);
    }

    #[test]
    fn any_bytes_are_a_list_or_none(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        is_signed in any::<bool>(),
    ) {
        if is_signed && bytes.len() >= 16 {
            bytes[..8].copy_from_slice(b"CHRETIR\x01");
            let count = ((bytes.len() - 16) / 40) as u32;
            bytes[8..12].copy_from_slice(&count.to_le_bytes());
            bytes.truncate(16 + 40 * count as usize);
            bytes[12..16].fill(0);
            let sum = crc(&bytes);
            bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        }
        if let Ok(list) = Retired::decode(&bytes) {
            prop_assert_eq!(list.encode(), bytes);
        }
    }
}

#[test]
fn the_list_says_when_it_is_full() {
    let mut list = Retired::default();
    let range = |segment: u64| RetiredRange {
        first_segment: segment,
        last_segment: segment,
        first_lsn: segment * 10,
        last_lsn: segment * 10,
        previous_end: 64,
    };
    // Adding one by one is quadratic; the decoder checks the same rules.
    let mut bytes = list.encode();
    for segment in 0..RETIRED_RANGES_MAX as u64 {
        let one = range(1 + 2 * segment);
        for number in [
            one.first_segment,
            one.last_segment,
            one.first_lsn,
            one.last_lsn,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&64_u64.to_le_bytes());
    }
    bytes[8..12].copy_from_slice(&(RETIRED_RANGES_MAX as u32).to_le_bytes());
    bytes[12..16].fill(0);
    let sum = crc(&bytes);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    list = Retired::decode(&bytes).expect("it is just full");
    let last = range(3 + 2 * RETIRED_RANGES_MAX as u64);
    assert_eq!(list.add(last), Err(RetiredError::Full));
    let between = RetiredRange {
        first_segment: 2,
        last_segment: 2,
        first_lsn: 11,
        last_lsn: 29,
        previous_end: 64,
    };
    list.add(between).expect("it joins two");
    assert_eq!(list.ranges().len(), RETIRED_RANGES_MAX - 1);
}
