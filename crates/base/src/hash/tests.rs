//! Forms of a content hash that are read, and forms that are refused.

use super::*;

/// SHA-256 of the empty input (FIPS 180-4 examples) and its CIDv1 of raw bytes.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const EMPTY_CID: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

#[test]
fn all_forms_name_the_same_hash() {
    let hash = ContentHash::of(b"");
    for text in [
        EMPTY.to_owned(),
        format!("sha256-{EMPTY}"),
        EMPTY.to_uppercase(),
        EMPTY_CID.to_owned(),
    ] {
        assert_eq!(text.parse(), Ok(hash), "{text}");
    }
    assert_eq!(hash.to_string(), EMPTY);
}

#[test]
fn pieces_hash_like_the_whole() {
    let mut hasher = ContentHasher::new();
    hasher.update(b"common");
    hasher.update(b"hold");
    assert_eq!(hasher.finish(), ContentHash::of(b"commonhold"));
}

#[test]
fn malformed_hashes_are_refused() {
    for text in [
        "",
        "sha256-",
        "e3b0",
        &EMPTY[..63],
        &format!("{EMPTY}0"),
        &format!("sha512-{EMPTY}"),
        &EMPTY.replace('e', "g"),
        &EMPTY_CID[..58],
        &EMPTY_CID.replace("bafkrei", "bafybei"),
        "é3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
    ] {
        assert_eq!(text.parse::<ContentHash>(), Err(ParseHashError), "{text:?}");
    }
}
