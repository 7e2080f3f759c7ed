//! What is a name and what is not.

use proptest::prelude::*;

use super::{Limits, TagError, TagName};

fn check(text: &str, expect: Result<(), TagError>) {
    let found = text.parse::<TagName>();
    assert_eq!(
        found.as_ref().map(|_| ()).map_err(|error| *error),
        expect,
        "{text:?}"
    );
    if let Ok(name) = found {
        assert_eq!(name.to_string(), text);
    }
}

#[test]
fn names_follow_the_rules() {
    for name in [
        "a",
        "Photos/2026-07",
        "site:v1.2+rc@x",
        "...",
        ".a/b.",
        "-",
        &"x".repeat(200),
    ] {
        check(name, Ok(()));
    }
    check("", Err(TagError::Empty));
    check(&"x".repeat(201), Err(TagError::TooLong { chars_max: 200 }));
    for (name, letter) in [
        ("a b", ' '),
        ("ü", 'ü'),
        ("a\\b", '\\'),
        ("a?b", '?'),
        ("a%2e", '%'),
    ] {
        check(name, Err(TagError::Letter { letter }));
    }
    for name in ["/", "/a", "a/", "a//b"] {
        check(name, Err(TagError::Slash));
    }
    for name in [".", "..", "a/..", "../a", "a/./b"] {
        check(name, Err(TagError::Dots));
    }
}

#[test]
fn limit_is_an_argument() {
    let limits = Limits { name_chars_max: 1 };
    assert!(TagName::parse("a", &limits).is_ok());
    assert_eq!(
        TagName::parse("ab", &limits),
        Err(TagError::TooLong { chars_max: 1 })
    );
}

#[test]
fn prefix_is_one_of_characters() {
    let name: TagName = "photos/2026".parse().expect("a name");
    for (prefix, expect) in [
        ("", true),
        ("photos", true),
        ("photos/2", true),
        ("Photos", false),
    ] {
        assert_eq!(name.has_prefix(prefix), expect, "{prefix}");
    }
}

proptest! {
    #[test]
    fn any_text_is_judged_as_the_rule_says(text in prop_oneof!["[aZ0./ :@+_-]{0,6}", "[a-z/]{195,205}", any::<String>()]) {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.:@+".contains(letter);
        let naive = text.len() <= 200
            && text.split('/').all(|part| {
                !part.is_empty() && part != "." && part != ".." && part.chars().all(is_letter)
            });
        prop_assert_eq!(text.parse::<TagName>().is_ok(), naive, "{:?}", text);
    }
}
