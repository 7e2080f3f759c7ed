//! Bytes that somebody made up: none makes a reader panic, overflow its stack, or hold much memory.

use super::*;
use crate::{msgpack, record};

/// Less than any thread of a server has.
const STACK_BYTES: usize = 512 * 1_024;

/// All ways of reading bytes from strangers.
fn read_all(bytes: &[u8]) {
    let kinds = ["content", "path", "blob-manifest", "profile", "poem"];
    for kind in kinds {
        let envelope = Envelope {
            kind: kind.to_owned(),
            version: 1,
            body: bytes.to_vec(),
        };
        if let Ok(Opened::Spilled { .. }) = Item::open(&envelope) {
            assert_eq!(
                Item::open_spilled(&envelope, bytes),
                Err(KindError::Spilled)
            );
        }
        let spill = Spill {
            spilled: SpillRef {
                hash: *ContentHash::of(bytes).as_bytes(),
                bytes: bytes.len() as u64,
            },
        };
        let envelope = Envelope {
            body: encode(&spill),
            ..envelope
        };
        let _item = Item::open_spilled(&envelope, bytes);
    }
    if let Ok(action) = record::decode_action(bytes) {
        assert_eq!(record::action_bytes(&action), bytes);
    }
    if let Ok(entry) = record::decode_entry(bytes) {
        assert_eq!(record::entry_bytes(&entry), bytes);
        let _envelope = Envelope::from_entry(&entry);
    }
    let _record = record::decode(bytes, bytes, Some(bytes));
}

/// Something valid to start from.
fn seeds() -> Vec<Vec<u8>> {
    let chain = crate::fixture::Chain::of_all_types(1);
    let actions = chain
        .records
        .iter()
        .map(|record| record::action_bytes(record.action()));
    let entries = chain
        .records
        .iter()
        .filter_map(|record| record::present(record).map(record::entry_bytes));
    let path = Path {
        title: "A course".to_owned(),
        slug: "a-course".to_owned(),
        language: "en".to_owned(),
        nodes: vec![Node {
            title: "A page".to_owned(),
            page: Some(ActionHash::from_raw_32(vec![1; 32])),
            children: vec![Node::default()],
        }],
        ..Path::default()
    };
    let blobs = vec![BlobRef::default(); 2];
    let items = [
        encode(&Content { blobs, ..page() }),
        encode(&path),
        encode(&BlobManifest::default()),
        encode(&Profile::default()),
        encode(&Spill {
            spilled: SpillRef {
                hash: [1; 32],
                bytes: 7,
            },
        }),
    ];
    actions.chain(entries).chain(items).collect()
}

proptest! {
    #[test]
    fn made_up_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn spoiled_bytes_do_no_harm(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let seeds = seeds();
        let mut bytes = seed.get(&seeds).clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(&bytes);
    }
}

#[test]
fn lengths_that_are_not_there_cost_nothing() {
    // Arrays, maps, texts and binaries of four billion things, in every place of a course.
    let huge: [&[u8]; 5] = [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x00",
    ];
    for claim in huge {
        read_all(claim);
        for field in [
            "nodes", "tags", "title", "reach", "blobs", "hash", "spilled", "unknown",
        ] {
            let mut bytes = vec![0x81, 0xa0 | field.len() as u8];
            bytes.extend(field.bytes());
            bytes.extend(claim);
            read_all(&bytes);
        }
    }
}

/// Nests `open` as often as `len` bytes allow.
fn bomb(start: &[u8], open: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = start.to_vec();
    while bytes.len() + open.len() <= len {
        bytes.extend(open);
    }
    bytes
}

/// Runs where a deep recursion would end the process.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("it came back");
}

#[test]
fn deep_nesting_ends_early() {
    let mut starts: Vec<(Vec<u8>, &[u8])> = vec![
        // Nodes as maps, nodes as arrays, and plain arrays, maps and newtypes.
        (b"\x81\xa5nodes\x91".to_vec(), b"\x81\xa8children\x91"),
        (b"\x81\xa5nodes\x91".to_vec(), b"\x93\xa1x\xc0\x91"),
        (b"\x81\xa7unknown".to_vec(), b"\x91"),
        (b"\x81\xa7unknown".to_vec(), b"\x81\xa1x"),
        (b"\x81\xa7unknown".to_vec(), b"\x81"),
        (b"\x81\xa5blobs".to_vec(), b"\x91"),
        (b"".to_vec(), b"\x91"),
        (b"".to_vec(), b"\x81"),
        (b"\x82\xa5entry".to_vec(), b"\x91"),
        (b"\x82\xaaentry_type\xa3App\xa5entry".to_vec(), b"\x91"),
        (b"\x82\xa4data\x82\xa1x".to_vec(), b"\x91"),
        (b"\x82\xa4data\x82\xa4type".to_vec(), b"\x81\xa1x"),
    ];
    let action = &seeds()[4];
    let place = action
        .windows(4)
        .position(|bytes| bytes == b"data")
        .expect("its data");
    starts.push((action[..place + 4].to_vec(), b"\x81\xa1x"));
    starts.push(([&action[..place + 4], b"\x81\xa4type"].concat(), b"\x91"));
    for (start, open) in starts {
        on_a_small_stack(move || {
            for len in [
                1_000,
                record::ACTION_BYTES_MAX,
                BODY_BYTES_MAX,
                SPILLED_BYTES_MAX,
            ] {
                read_all(&bomb(&start, open, len));
            }
        });
    }
}

/// The same inside a well-formed entry.
#[test]
fn deep_nesting_in_an_envelope_ends_early() {
    for open in [b"\x91".as_slice(), b"\x81\xa1x"] {
        let inner = bomb(b"\x84\xa4kind\xa4note\xa7version\x01\xa1x", open, 60_000);
        let mut bytes = b"\x82\xaaentry_type\xa3App\xa5entry\xc5".to_vec();
        bytes.extend((inner.len() as u16).to_be_bytes());
        bytes.extend(&inner);
        on_a_small_stack(move || {
            let entry = record::decode_entry(&bytes).expect("any bytes are an app's entry");
            assert_eq!(
                Envelope::from_entry(&entry),
                Err(crate::envelope::EnvelopeError::Form)
            );
        });
    }
}

#[test]
fn the_deepest_course_is_far_above_the_limit_of_nesting() {
    let nodes = (0..DEPTH_MAX).fold(Vec::new(), |children, _| {
        vec![Node {
            title: "x".to_owned(),
            page: None,
            children,
        }]
    });
    let bytes = encode(&Path {
        nodes,
        ..Path::default()
    });
    assert!(msgpack::decode::<Path>(&bytes).is_some());
}
