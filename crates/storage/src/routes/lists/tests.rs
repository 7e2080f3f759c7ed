//! Where a list of hashes with a prefix begins.

use base::{Code, ContentHash};

use super::before_prefix;

fn hash(text: &str) -> ContentHash {
    text.parse().expect("a hash")
}

#[test]
fn a_prefix_begins_right_behind_the_hash_before_it() {
    let cases = [
        ("", None),
        ("0", None),
        (&"0".repeat(64), None),
        ("a", Some(format!("9{}", "f".repeat(63)))),
        ("ab", Some(format!("aa{}", "f".repeat(62)))),
        ("10", Some(format!("0f{}", "f".repeat(62)))),
        (&"f".repeat(64), Some(format!("{}e", "f".repeat(63)))),
    ];
    for (prefix, expect) in cases {
        let expect = expect.map(|text| hash(&text));
        assert_eq!(before_prefix(prefix), Ok(expect), "{prefix}");
    }
}

#[test]
fn what_is_no_prefix_of_a_hash_is_refused() {
    for prefix in ["g", "é", " ", &"0".repeat(65)] {
        let refused = before_prefix(prefix).map_err(|problem| problem.code);
        assert_eq!(refused, Err(Code::MalformedQuery), "{prefix}");
    }
}
