//! The table of codes keeps its promises.

use super::*;

#[test]
fn numbers_are_unique_and_ascending() {
    let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );
}

#[test]
fn codes_are_found_by_their_text_and_others_are_not() {
    for code in Code::ALL {
        assert_eq!(Code::find(&code.to_string()), Some(*code));
    }
    assert_eq!(Code::find("CH-0000"), None);
    assert_eq!(Code::find("0101"), None);
}

#[test]
fn messages_are_plain_lower_case_sentences_without_an_end() {
    for code in Code::ALL {
        for text in [code.title(), code.hint()] {
            assert!(!text.ends_with(['.', '!', ' ']), "{code}: {text}");
            assert!(!text.contains("oops"), "{code}: {text}");
        }
        assert!((400..600).contains(&code.status()), "{code}");
    }
}
