//! The committed corpus of the segment log: `accepted-*` decodes and encodes to the same bytes, `refused-*` is refused.
//!
//! The files were made by another implementation than the one that reads them here.

use std::path::PathBuf;

use wire::segment::{
    FaultKind, HeadError, Reader, RecordError, RecordHead, Retired, RetiredError, SegmentHead,
    SegmentId,
};

/// The segment for which the heads of log records in the corpus were made.
const SEGMENT: SegmentId = SegmentId {
    number: 1,
    generation: 1,
    salt: 0x5eed_5a17,
};

/// Returns the files of one decoder by name.
pub(crate) fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&path)
        .expect("the corpus is committed")
        .map(|entry| {
            let path = entry.expect("it can be listed").path();
            let name = path.file_stem().expect("it has a name").to_string_lossy();
            (
                name.into_owned(),
                std::fs::read(&path).expect("it can be read"),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{folder} has enough files");
    files
}

/// Checks each file against what its name says.
fn check(folder: &str, accepts: impl Fn(&str, &[u8]) -> bool) {
    for (name, bytes) in files(folder) {
        let expected = match name.split('-').next() {
            Some("accepted") => true,
            Some("refused") => false,
            _ => panic!("{folder}/{name}: say whether it is accepted or refused"),
        };
        assert_eq!(accepts(&name, &bytes), expected, "{folder}/{name}");
    }
}

#[test]
fn heads_of_segments() {
    check("segment-head", |name, bytes| {
        let Ok(bytes) = bytes.try_into() else {
            return false;
        };
        let decoded = SegmentHead::decode(bytes);
        match name {
            "refused-newer" => assert_eq!(decoded, Err(HeadError::Version { found: 2 })),
            "refused-flipped-version" => assert_eq!(decoded, Err(HeadError::Crc)),
            _ => {}
        }
        decoded.is_ok_and(|head| head.encode() == *bytes)
    });
}

#[test]
fn heads_of_log_records() {
    check("record-head", |name, bytes| {
        let Ok(bytes) = bytes.try_into() else {
            return false;
        };
        let decoded = RecordHead::decode(bytes, &SEGMENT);
        if name.starts_with("refused-of-another") {
            assert_eq!(decoded, Err(RecordError::Crc));
        }
        decoded.is_ok_and(|head| head.encode(&SEGMENT) == *bytes)
    });
}

#[test]
fn segments() {
    check("segment", |name, bytes| {
        let Ok((_, reader)) = Reader::new(bytes) else {
            return false;
        };
        let read: Vec<_> = reader.collect();
        if name == "refused-leftover-behind-a-mark" {
            let Some(Err(fault)) = read.last() else {
                panic!("it is accepted");
            };
            assert!(matches!(fault.kind, FaultKind::Misfit(_)), "{fault}");
            assert_eq!(fault.offset, 64 + 72 + 64);
        }
        read.iter().all(Result::is_ok)
    });
}

#[test]
fn lists_of_retired_segments() {
    check("retired", |name, bytes| {
        let decoded = Retired::decode(bytes);
        if name == "refused-newer" {
            assert_eq!(decoded, Err(RetiredError::Version { found: 2 }));
        }
        decoded.is_ok_and(|list| list.encode() == bytes)
    });
}
