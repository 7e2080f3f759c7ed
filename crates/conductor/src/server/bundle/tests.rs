//! The committed bundle is taken; anything else is refused for its own reason.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{BundleError, UNPACKED_BYTES_MAX, read};

const BUNDLE: &[u8] = include_bytes!("../../../../../zomes/commonhold.happ");

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn committed_bundle_is_taken() {
    assert_eq!(read(BUNDLE).unwrap().network_seed, None);
}

#[test]
fn what_is_no_bundle_of_ours_is_refused() {
    assert!(matches!(read(b"no gzip"), Err(BundleError::Gzip(_))));
    let cut = &BUNDLE[..BUNDLE.len() / 2];
    assert!(matches!(read(cut), Err(BundleError::Gzip(_))));
    assert!(matches!(read(&pack(b"text")), Err(BundleError::Manifest)));
    let zeros = vec![0; UNPACKED_BYTES_MAX as usize + 1];
    assert!(matches!(read(&pack(&zeros)), Err(BundleError::TooLarge)));
    let foreign = serde_json::json!({
        "manifest": { "roles": [{ "name": "other", "dna": { "path": "x" } }] },
        "resources": {},
    });
    let foreign = pack(&rmp_serde::to_vec(&foreign).unwrap());
    assert!(matches!(read(&foreign), Err(BundleError::Foreign)));
    let empty = serde_json::json!({
        "manifest": { "roles": [{ "name": "commonhold", "dna": { "path": "x" } }] },
        "resources": {},
    });
    let empty = pack(&rmp_serde::to_vec(&empty).unwrap());
    assert!(matches!(read(&empty), Err(BundleError::Missing(_))));
}
