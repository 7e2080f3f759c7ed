//! What is a name and what is not.

use proptest::prelude::*;

use super::{Limits, Namespace, NamespaceError};

fn check(text: &str, expect: Result<(), NamespaceError>) {
    let found = text.parse::<Namespace>();
    assert_eq!(
        found.as_ref().map(|_| ()).map_err(|error| *error),
        expect,
        "{text:?}"
    );
    if let Ok(name) = found {
        assert_eq!(name.as_str(), text);
        assert_eq!(name.to_string(), text);
    }
}

#[test]
fn names_follow_the_rules() {
    for name in [
        "a",
        "0",
        "community",
        "relay-2.eu_x",
        "a-b.c_d",
        &"a".repeat(64),
    ] {
        check(name, Ok(()));
    }
    check("", Err(NamespaceError::Empty));
    check(
        &"a".repeat(65),
        Err(NamespaceError::TooLong { chars_max: 64 }),
    );
    for (name, letter) in [
        ("A", 'A'),
        ("a b", ' '),
        ("ä", 'ä'),
        ("a/b", '/'),
        ("a\0", '\0'),
    ] {
        check(name, Err(NamespaceError::Letter { letter }));
    }
    for (name, mark) in [
        ("-a", '-'),
        ("a-", '-'),
        ("a.-b", '-'),
        ("a..b", '.'),
        (".", '.'),
        ("..", '.'),
    ] {
        check(name, Err(NamespaceError::Mark { mark }));
    }
}

#[test]
fn limit_is_an_argument() {
    let limits = Limits { name_chars_max: 2 };
    assert!(Namespace::parse("ab", &limits).is_ok());
    assert_eq!(
        Namespace::parse("abc", &limits),
        Err(NamespaceError::TooLong { chars_max: 2 })
    );
}

#[test]
fn communitys_own_is_well_formed() {
    let name = Namespace::community();
    assert_eq!(name.as_str().parse(), Ok(name));
}

/// The rule said once more, letter by letter.
fn naive(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let is_letter = |at: Option<&char>| at.is_some_and(|at| matches!(at, 'a'..='z' | '0'..='9'));
    (1..=64).contains(&letters.len())
        && (0..letters.len()).all(|idx| match letters[idx] {
            '-' | '.' | '_' => {
                idx > 0 && is_letter(letters.get(idx - 1)) && is_letter(letters.get(idx + 1))
            }
            _ => is_letter(letters.get(idx)),
        })
}

proptest! {
    #[test]
    fn any_text_is_judged_as_the_rule_says(text in prop_oneof!["[a-c0._A/-]{0,6}", "[a-z._-]{60,68}", any::<String>()]) {
        prop_assert_eq!(text.parse::<Namespace>().is_ok(), naive(&text), "{:?}", text);
    }
}
