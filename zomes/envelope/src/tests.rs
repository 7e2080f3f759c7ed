//! The rules as a table: each limit from both sides.

extern crate std;

use std::string::String;

use super::{BODY_BYTES_MAX, Fault, KIND_CHARS_MAX, check, check_kind};

#[test]
fn kinds_are_judged_as_the_table_says() {
    let longest = "k".repeat(KIND_CHARS_MAX);
    let too_long = "k".repeat(KIND_CHARS_MAX + 1);
    let wide = "é".repeat(KIND_CHARS_MAX);
    let table: &[(&str, Result<(), Fault>)] = &[
        ("a", Ok(())),
        ("content", Ok(())),
        ("blob-manifest", Ok(())),
        ("a1-2-b3", Ok(())),
        (&longest, Ok(())),
        ("", Err(Fault::KindEmpty)),
        (&too_long, Err(Fault::KindTooLong)),
        (&wide, Err(Fault::KindStart)),
        ("Content", Err(Fault::KindStart)),
        ("1a", Err(Fault::KindStart)),
        ("-a", Err(Fault::KindStart)),
        (" a", Err(Fault::KindStart)),
        ("\u{e4}a", Err(Fault::KindStart)),
        ("aB", Err(Fault::KindCharacter)),
        ("a_b", Err(Fault::KindCharacter)),
        ("a.b", Err(Fault::KindCharacter)),
        ("a b", Err(Fault::KindCharacter)),
        ("a\n", Err(Fault::KindCharacter)),
        ("a\0", Err(Fault::KindCharacter)),
        ("caf\u{e9}", Err(Fault::KindCharacter)),
        ("a\u{2010}b", Err(Fault::KindCharacter)),
        ("a-", Err(Fault::KindHyphen)),
        ("a--b", Err(Fault::KindHyphen)),
    ];
    for (kind, expect) in table {
        assert_eq!(check_kind(kind), *expect, "kind {kind:?}");
        assert_eq!(check(kind, 1, 0), *expect, "kind {kind:?}");
    }
}

#[test]
fn versions_and_bodies_are_judged_as_the_table_says() {
    let table: &[(u32, usize, Result<(), Fault>)] = &[
        (1, 0, Ok(())),
        (u32::MAX, 1, Ok(())),
        (1, BODY_BYTES_MAX, Ok(())),
        (0, 0, Err(Fault::VersionZero)),
        (0, BODY_BYTES_MAX + 1, Err(Fault::VersionZero)),
        (1, BODY_BYTES_MAX + 1, Err(Fault::BodyTooLong)),
        (1, usize::MAX, Err(Fault::BodyTooLong)),
    ];
    for (version, body_len, expect) in table {
        assert_eq!(
            check("content", *version, *body_len),
            *expect,
            "version {version}, body {body_len}"
        );
    }
}

#[test]
fn limits_and_texts_are_the_frozen_ones() {
    assert_eq!((BODY_BYTES_MAX, KIND_CHARS_MAX), (65_536, 64));
    let faults = [
        Fault::KindEmpty,
        Fault::KindTooLong,
        Fault::KindStart,
        Fault::KindCharacter,
        Fault::KindHyphen,
        Fault::VersionZero,
        Fault::BodyTooLong,
    ];
    for fault in faults {
        let text: String = std::format!("{fault}");
        assert_eq!(text, fault.text());
        assert!(
            text.starts_with("envelope ") && !text.ends_with('.'),
            "{text}"
        );
    }
    assert_eq!(
        faults
            .map(Fault::text)
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        faults.len()
    );
}
