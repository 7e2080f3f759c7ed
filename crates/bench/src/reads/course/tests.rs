//! Texts have their length to the byte, and runs have the same pages.

use super::*;

#[test]
fn texts_have_their_length_and_repeat() {
    for len in [1, 2, 299, 300, 1_024, LONG_BYTES] {
        let text = words(len, 7);
        assert_eq!(text.len(), len);
        assert!(!text.ends_with(char::is_whitespace));
        assert_eq!(text, words(len, 7));
    }
    assert_ne!(words(300, 3), words(300, 4));
    assert_eq!(noise(64), noise(64));
}
