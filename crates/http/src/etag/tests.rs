//! Tags as they are written, and the comparisons of RFC 9110 §8.8.3.2.

use super::*;

fn tag(text: &str) -> ETag {
    text.parse().expect("a tag")
}

#[test]
fn the_table_of_the_rfc() {
    for (one, other, strong, weak) in [
        ("W/\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "\"1\"", true, true),
    ] {
        assert_eq!(tag(one).strong_eq(&tag(other)), strong, "{one} {other}");
        assert_eq!(tag(other).strong_eq(&tag(one)), strong, "{other} {one}");
        assert_eq!(tag(one).weak_eq(&tag(other)), weak, "{one} {other}");
    }
}

#[test]
fn tags_come_back_as_they_were_written() {
    for text in ["\"xyzzy\"", "W/\"xyzzy\"", "\"\"", "\"a,b\"", "\"!#~\""] {
        assert_eq!(tag(text).to_string(), text);
        assert_eq!(tag(text).header(), text);
    }
    let hash = ContentHash::of(b"x");
    assert_eq!(ETag::of_hash(&hash).to_string(), format!("\"{hash}\""));
    assert_eq!(tag(" \"a\" ").opaque(), "a");
    assert!(ETag::weak("a").unwrap().is_weak());
}

#[test]
fn what_is_no_tag_is_refused() {
    for text in [
        "",
        "xyzzy",
        "\"",
        "\"a",
        "a\"",
        "w/\"a\"",
        "W/ \"a\"",
        "\"a\"b",
        "\"a b\"",
        "\"a\",\"b\"",
    ] {
        assert!(text.parse::<ETag>().is_err(), "{text}");
    }
    for opaque in ["a\"b", "a b", "a\u{7f}", "ü", "a\n"] {
        assert!(ETag::strong(opaque).is_err(), "{opaque:?}");
    }
}

#[test]
fn lists_may_have_gaps_and_commas_inside() {
    let parse = |text| {
        ETag::parse_list(text).map(|tags| tags.iter().map(ETag::to_string).collect::<Vec<_>>())
    };
    assert_eq!(
        parse("\"a\" , W/\"b\",,\"c,d\"").unwrap(),
        ["\"a\"", "W/\"b\"", "\"c,d\""]
    );
    assert_eq!(parse("").unwrap(), [""; 0]);
    assert_eq!(parse(" , ").unwrap(), [""; 0]);
    for bad in ["\"a\" \"b\"", "\"a\", b", "*", "\"a\", *"] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}
