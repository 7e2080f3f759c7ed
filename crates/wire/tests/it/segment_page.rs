//! The vectors of `docs/protocols/segment-log.md` against the code.

use std::collections::BTreeMap;
use std::path::PathBuf;

use wire::segment::{
    BODY_BYTES_MAX, KIND_MARK, Reader, RecordHead, Retired, RetiredRange, STREAM_OF_LOG,
    SegmentHead, SegmentId, crc, span,
};

fn page() -> String {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocols/segment-log.md");
    std::fs::read_to_string(path).expect("the page is committed")
}

/// Returns the blocks with a label, each as its fields.
fn vectors(page: &str, label: &str) -> Vec<BTreeMap<String, String>> {
    let start = format!("```vector {label}\n");
    let blocks: Vec<_> = page
        .split(&start)
        .skip(1)
        .map(|block| {
            block
                .lines()
                .take_while(|line| *line != "```")
                .map(|line| {
                    let (name, value) = line.split_once(": ").expect("a name and a value");
                    (name.to_owned(), value.to_owned())
                })
                .collect()
        })
        .collect();
    assert!(!blocks.is_empty(), "there is a vector `{label}`");
    blocks
}

fn number<T: TryFrom<u64>>(fields: &BTreeMap<String, String>, name: &str) -> T {
    let text = &fields[name];
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    T::try_from(number.expect("a number"))
        .ok()
        .expect("it fits")
}

fn bytes(fields: &BTreeMap<String, String>, name: &str) -> Vec<u8> {
    hex::decode(&fields[name]).expect("hex digits")
}

fn segment(fields: &BTreeMap<String, String>) -> SegmentId {
    SegmentId {
        number: number(fields, "segment"),
        generation: number(fields, "generation"),
        salt: number(fields, "salt"),
    }
}

#[test]
fn the_checksum_is_the_one_that_is_named() {
    for vector in vectors(&page(), "checksum") {
        assert_eq!(
            crc(vector["text"].as_bytes()),
            number::<u32>(&vector, "crc32c")
        );
    }
}

#[test]
fn heads_of_segments_are_as_described() {
    let found = vectors(&page(), "segment-head");
    assert_eq!(found.len(), 2);
    for vector in found {
        let mut owner = [0; 16];
        owner[..vector["owner"].len()].copy_from_slice(vector["owner"].as_bytes());
        let head = SegmentHead {
            number: number(&vector, "number"),
            generation: number(&vector, "generation"),
            previous_end: number(&vector, "previous_end"),
            first_lsn: number(&vector, "first_lsn"),
            bytes: number(&vector, "bytes"),
            owner,
            salt: number(&vector, "salt"),
        };
        assert_eq!(hex::encode(head.encode()), vector["head"]);
        assert_eq!(head.id().seed(), number::<u32>(&vector, "seed"));
    }
}

#[test]
fn a_damaged_head_is_mended_as_described() {
    for vector in vectors(&page(), "mended-head") {
        let damaged = bytes(&vector, "damaged");
        let mended = SegmentHead::mend(damaged.first_chunk().expect("64 bytes"));
        let mended = mended.expect("one bit is wrong");
        assert_eq!(hex::encode(mended), vector["mended"]);
        assert!(SegmentHead::decode(&mended).is_ok());
    }
}

#[test]
fn log_records_are_as_described() {
    let found = vectors(&page(), "log-record");
    assert_eq!(found.len(), 4);
    for vector in found {
        let body = vector["body"].trim_matches('"').as_bytes();
        let head = RecordHead {
            kind: number(&vector, "kind"),
            flags: number(&vector, "flags"),
            stream: number(&vector, "stream"),
            body_len: u32::try_from(body.len()).expect("it is short"),
            since_sync: number(&vector, "since_sync"),
            lsn: number(&vector, "lsn"),
            body_crc: crc(body),
            key: bytes(&vector, "key").try_into().expect("32 bytes"),
        };
        let mut whole = head.encode(&segment(&vector)).to_vec();
        whole.extend_from_slice(body);
        whole.resize(usize::try_from(head.span()).expect("it is short"), 0);
        assert_eq!(hex::encode(whole), vector["bytes"]);
        let is_mark = head.stream == STREAM_OF_LOG && head.kind == KIND_MARK;
        assert_eq!(head.is_mark(), is_mark);
    }
}

#[test]
fn the_example_segment_is_read_as_described() {
    let page = page();
    let vector = &vectors(&page, "segment")[0];
    let records = vectors(&page, "log-record");
    let mut whole = bytes(&vectors(&page, "segment-head")[0], "head");
    for record in &records {
        whole.extend_from_slice(&bytes(record, "bytes"));
    }
    let end = whole.len();
    whole.resize(number(vector, "bytes"), 0);
    let (head, reader) = Reader::new(&whole).expect("it is whole");
    assert_eq!(head.bytes, whole.len() as u64);
    let read: Vec<_> = reader
        .map(|found| found.expect("it is whole"))
        .map(|(offset, head, body)| format!("{}@{offset}+{}", head.lsn, body.len()))
        .collect();
    assert_eq!(read.join(" "), vector["log_records"]);
    assert_eq!(end, number::<usize>(vector, "end"));
    assert_eq!(hex::encode(crc(&whole).to_be_bytes()), vector["crc32c"]);
}

#[test]
fn the_list_of_retired_segments_is_as_described() {
    let vector = &vectors(&page(), "retired")[0];
    let mut list = Retired::default();
    for range in vector["ranges"].split(' ') {
        let numbers: Vec<u64> = range
            .split('/')
            .map(|number| number.parse().expect("a number"))
            .collect();
        let [
            first_segment,
            last_segment,
            first_lsn,
            last_lsn,
            previous_end,
        ] = numbers[..]
        else {
            panic!("five numbers");
        };
        list.add(RetiredRange {
            first_segment,
            last_segment,
            first_lsn,
            last_lsn,
            previous_end: u32::try_from(previous_end).expect("it fits"),
        })
        .expect("they are in order");
    }
    assert_eq!(hex::encode(list.encode()), vector["bytes"]);
}

#[test]
fn the_limits_are_as_described() {
    let vector = &vectors(&page(), "limits")[0];
    assert_eq!(number::<u32>(vector, "body_bytes_max"), BODY_BYTES_MAX);
    assert_eq!(number::<u16>(vector, "stream_of_log"), STREAM_OF_LOG);
    assert_eq!(number::<u64>(vector, "span_of_body_5"), span(5));
    assert_eq!(number::<u64>(vector, "span_of_body_8"), span(8));
}
