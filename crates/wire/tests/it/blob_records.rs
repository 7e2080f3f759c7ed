//! The committed corpus of the bodies of a blob store's records: `accepted-*` decodes and encodes to the same bytes,
//! `refused-*` is refused. The first byte of a file is the kind, the rest the body.
//!
//! The files were made by another implementation than the one that reads them here.

use proptest::prelude::*;
use wire::blobs::{BLOB_HEAD_BYTES, Body, DecodeError, Kind};

use crate::corpus::files;

/// Decodes a body; what is decoded is encoded to the same bytes, of a blob only what stands before its groups.
fn decode(kind: u8, body: &[u8]) -> Result<(), DecodeError> {
    let decoded = Body::decode(kind, body)?;
    assert_eq!(decoded.kind() as u8, kind);
    let encoded = decoded.encode();
    match decoded {
        Body::Blob(head) => {
            assert_eq!(encoded, body[..BLOB_HEAD_BYTES]);
            assert_eq!(body.len(), head.data_offset() + head.bytes as usize);
        }
        _ => assert_eq!(encoded, body),
    }
    Ok(())
}

#[test]
fn bodies_of_blob_records() {
    let files = files("blob-record");
    for side in ["accepted", "refused"] {
        let count = files
            .iter()
            .filter(|(name, _)| name.starts_with(side))
            .count();
        assert!(count >= 20, "{count} are {side}");
    }
    for kind in 1..=9 {
        let of = |side: &str| {
            files
                .iter()
                .any(|(name, bytes)| name.starts_with(side) && bytes[0] == kind)
        };
        assert!(of("accepted") && of("refused"), "kind {kind}");
    }
    for (name, bytes) in files {
        let (kind, body) = bytes.split_first().expect("a file begins with its kind");
        let decoded = decode(*kind, body);
        match name.split('-').next() {
            Some("accepted") => assert_eq!(decoded, Ok(()), "{name}"),
            Some("refused") => {
                let error = decoded.expect_err(&name);
                let is_kind = matches!(error, DecodeError::Kind { .. });
                assert_eq!(is_kind, Kind::find(*kind).is_none(), "{name}: {error}");
            }
            _ => panic!("{name}: say whether it is accepted or refused"),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(kind: u8, body in prop::collection::vec(any::<u8>(), 0..200)) {
        decode(kind, &body).ok();
        decode(kind % 10, &body).ok();
    }

    #[test]
    fn what_nearly_is_a_body_is_decoded_or_refused(file: usize, place: usize, mask: u8, len: usize) {
        let files = files("blob-record");
        let mut bytes = files[file % files.len()].1.clone();
        let place = place % bytes.len();
        bytes[place] ^= mask;
        decode(bytes[0], &bytes[1..]).ok();
        bytes.truncate(1 + len % bytes.len());
        decode(bytes[0], &bytes[1..]).ok();
    }
}
