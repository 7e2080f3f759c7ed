//! Hashes and tags, told apart.

use super::*;

#[test]
fn every_form_of_a_hash_is_one_and_the_rest_are_tags() {
    let hash = ContentHash::of(b"bread");
    let hex = hash.to_string();
    let forms = [hex.clone(), hex.to_uppercase(), format!("sha256-{hex}")];
    for form in forms {
        assert_eq!(What::parse(&form), Ok(What::Hash(hash)), "{form}");
    }
    let empty = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
    assert_eq!(What::parse(empty), Ok(What::Hash(ContentHash::of(b""))));
    for tag in ["photos", "photos/2026", "a@b", &hex[1..], "bafkrei"] {
        let expect = What::Tag(tag.parse().unwrap());
        assert_eq!(What::parse(tag), Ok(expect), "{tag}");
    }
    for wrong in ["", "two words", "a//b", "/a", "a/../b", "ä"] {
        let problem = What::parse(wrong).unwrap_err();
        assert_eq!(problem.code, Code::MalformedName, "{wrong}");
    }
}
