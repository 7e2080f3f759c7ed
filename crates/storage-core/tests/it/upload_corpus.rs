//! The committed corpus of the headers of uploads: `good-*` is read, and written again means the same; `bad-*` is refused.
//!
//! The files were made by another implementation than the one that reads them here.

use std::path::PathBuf;

use proptest::prelude::*;
use storage_core::upload::{Checksum, Length, Limits, Metadata, number};

/// Returns the files of one header by name.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&path)
        .expect("the corpus is committed")
        .map(|entry| {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().expect("it has a name").to_string_lossy();
            (
                name.into_owned(),
                std::fs::read(&path).expect("it can be read"),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() >= 20, "{folder} has enough files");
    files
}

/// Checks each file against what its name says. A header that is no text never gets as far as here.
fn check(folder: &str, accepts: impl Fn(&str) -> bool) {
    for (name, bytes) in files(folder) {
        let expected = match name.split('-').next() {
            Some("good") => true,
            Some("bad") => false,
            _ => panic!("{folder}/{name}: say whether it is good or bad"),
        };
        let accepted = str::from_utf8(&bytes).is_ok_and(&accepts);
        assert_eq!(accepted, expected, "{folder}/{name}");
    }
}

/// Reads a checksum; what is read is written as it was.
fn checksum(text: &str) -> bool {
    let read = text.parse::<Checksum>();
    read.inspect(|checksum| assert_eq!(checksum.to_string(), text))
        .is_ok()
}

/// Reads metadata; what is read is written so that it means the same.
fn metadata(text: &str) -> bool {
    let limits = Limits::default();
    let read = Metadata::parse(text, &limits);
    read.inspect(|metadata| {
        let again = Metadata::parse(&metadata.header(), &limits);
        assert_eq!(again.as_ref(), Ok(metadata));
    })
    .is_ok()
}

/// Reads a number; what is read differs from what is written by zeros at most.
fn whole(text: &str) -> bool {
    let read = number("upload-offset", text);
    read.inspect(|number| {
        let digits = text.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        assert_eq!(number.to_string(), digits);
    })
    .is_ok()
}

/// Reads both headers of a length, one to a line.
fn lengths(text: &str) -> bool {
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let (told, deferred) = (of("Upload-Length: "), of("Upload-Defer-Length: "));
    let read = Length::parse(told, deferred);
    read.inspect(|length| assert_eq!(length.known().is_some(), told.is_some()))
        .is_ok()
}

#[test]
fn upload_metadata() {
    check("upload-metadata", metadata);
}

#[test]
fn upload_checksum() {
    check("upload-checksum", checksum);
}

#[test]
fn upload_length() {
    check("upload-length", |text| {
        assert_eq!(whole(text), Length::parse(Some(text), None).is_ok());
        whole(text)
    });
}

#[test]
fn upload_offset() {
    check("upload-offset", whole);
}

#[test]
fn upload_defer_length() {
    check("upload-defer-length", lengths);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(text) = str::from_utf8(&bytes) {
            metadata(text);
            checksum(text);
            whole(text);
            lengths(text);
        }
    }

    #[test]
    fn what_nearly_is_a_header_is_read_or_refused(
        file in 0_usize..1_000,
        place in 0_usize..300,
        byte in 0_u8..128,
    ) {
        for folder in ["upload-metadata", "upload-checksum", "upload-length", "upload-defer-length"] {
            let files = files(folder);
            let mut bytes = files[file % files.len()].1.clone();
            if let Some(changed) = bytes.get_mut(place) {
                *changed = byte;
            }
            if let Ok(text) = str::from_utf8(&bytes) {
                metadata(text);
                checksum(text);
                whole(text);
                lengths(text);
            }
        }
    }
}
