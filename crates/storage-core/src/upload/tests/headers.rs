//! The headers of the protocol: what they may hold, and any text.

use proptest::prelude::*;

use super::super::{Algorithm, Checksum, ChecksumError, Metadata, MetadataError};
use super::LIMITS;

#[test]
fn checksums_are_read_and_written() {
    // SHA-1 of `hello` as the protocol's own example has it in form, and SHA-256 of nothing.
    for (text, algorithm) in [
        ("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", Algorithm::Sha1),
        (
            "sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            Algorithm::Sha256,
        ),
    ] {
        let checksum: Checksum = text.parse().expect("well-formed");
        assert_eq!(checksum.algorithm(), algorithm);
        assert_eq!(checksum.to_string(), text);
        assert!(checksum.matches(checksum.digest()));
        assert!(!checksum.matches(&[0; 20]) && !checksum.matches(&[]));
    }
    let names: Vec<&str> = Algorithm::ALL_NAMES.split(',').collect();
    assert_eq!(
        names,
        [Algorithm::Sha1.as_str(), Algorithm::Sha256.as_str()]
    );
}

#[test]
fn other_checksums_are_refused() {
    let length = |algorithm| ChecksumError::Length { algorithm };
    let long = format!("sha256 {}", "A".repeat(100));
    for (text, expect) in [
        ("", ChecksumError::Malformed),
        ("sha1", ChecksumError::Malformed),
        (" qvTGHdzF6KLavt4PO0gs2a6pQ00=", ChecksumError::Malformed),
        ("md5 1B2M2Y8AsgTpgAmY7PhCfg==", ChecksumError::Unsupported),
        (
            "SHA1 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            ChecksumError::Unsupported,
        ),
        ("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00", ChecksumError::Malformed),
        ("sha1 qvTG", length(Algorithm::Sha1)),
        (
            "sha256 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            length(Algorithm::Sha256),
        ),
        (&long, length(Algorithm::Sha256)),
    ] {
        assert_eq!(text.parse::<Checksum>(), Err(expect), "{text}");
    }
}

fn pairs(header: &str) -> Result<Vec<(String, Vec<u8>)>, MetadataError> {
    let metadata = Metadata::parse(header, &LIMITS)?;
    let pairs = metadata.pairs();
    Ok(pairs
        .map(|(key, value)| (key.to_owned(), value.to_vec()))
        .collect())
}

#[test]
fn metadata_is_read() {
    let pair = |key: &str, value: &[u8]| (key.to_owned(), value.to_vec());
    for (header, expect) in [
        ("", vec![]),
        ("  ", vec![]),
        ("is_confidential", vec![pair("is_confidential", b"")]),
        ("a ,b YQ==", vec![pair("a", b""), pair("b", b"a")]),
        (
            "filename d29ybGQ=, type eA==",
            vec![pair("filename", b"world"), pair("type", b"x")],
        ),
    ] {
        assert_eq!(pairs(header), Ok(expect), "{header:?}");
    }
    let metadata = Metadata::parse("filename d29ybGQ=,b /w==", &LIMITS).expect("well-formed");
    assert_eq!(metadata.text("filename"), Some("world"));
    assert_eq!(
        (metadata.text("b"), metadata.get("b")),
        (None, Some(&[0xff][..]))
    );
    assert_eq!((metadata.get("c"), metadata.is_empty()), (None, false));
    assert_eq!(metadata.header(), "filename d29ybGQ=,b /w==");
}

#[test]
fn other_metadata_is_refused() {
    let key = |key: &str| key.to_owned();
    let edge = format!("k {}", "A".repeat(96));
    assert!(pairs(&edge[..98]).is_ok());
    let long = format!("k {}", "A".repeat(100));
    for (header, expect) in [
        (long.as_str(), MetadataError::TooLong { bytes_max: 100 }),
        ("a,b,c,d", MetadataError::TooMany { keys_max: 3 }),
        ("a,,b", MetadataError::Key),
        (",", MetadataError::Key),
        ("ä YQ==", MetadataError::Key),
        ("a,b,a", MetadataError::Twice { key: key("a") }),
        ("a YQ", MetadataError::Value { key: key("a") }),
        ("a  YQ==", MetadataError::Value { key: key("a") }),
        ("a !", MetadataError::Value { key: key("a") }),
    ] {
        assert_eq!(pairs(header), Err(expect), "{header:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        pairs_of in prop::collection::btree_map("[!-+\\--~]{1,5}", prop::collection::vec(any::<u8>(), 0..6), 0..4),
    ) {
        let header = {
            let parts: Vec<String> = pairs_of.iter().map(|(key, value)| {
                use base64::Engine as _;
                format!("{key} {}", base64::engine::general_purpose::STANDARD.encode(value))
            }).collect();
            parts.join(" , ")
        };
        let metadata = Metadata::parse(&header, &LIMITS).expect("well-formed");
        let found: Vec<_> = metadata.pairs().map(|(key, value)| (key.to_owned(), value.to_vec())).collect();
        prop_assert_eq!(found, pairs_of.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(Metadata::parse(&metadata.header(), &LIMITS), Ok(metadata));
    }

    #[test]
    fn any_header_is_read_or_refused(text in prop_oneof![any::<String>(), "[ab ,=QY]{0,20}", "sha(1|256) [A-Za-z0-9+/=]{0,50}"]) {
        if let Ok(metadata) = Metadata::parse(&text, &LIMITS) {
            prop_assert_eq!(Metadata::parse(&metadata.header(), &LIMITS), Ok(metadata));
        }
        if let Ok(checksum) = text.parse::<Checksum>() {
            prop_assert_eq!(checksum.to_string(), text);
        }
    }
}
