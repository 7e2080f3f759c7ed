//! Words as they are compared: accents, letters of other alphabets, what stands between words, snippets.

use super::{asked, beginning, lexemes, snippet, tsquery, tsvector};

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    let words: Vec<String> = lexemes(text).map(|lexeme| lexeme.word).collect();
    assert_eq!(words, expect, "{text:?}");
}

#[test]
fn words_are_split_where_letters_and_digits_end() {
    check("", &[]);
    check(" - …", &[]);
    check("Bread, salt", &["bread", "salt"]);
    check(
        "sour-dough example.org/a_b 3.14",
        &["sour", "dough", "example", "org", "a", "b", "3", "14"],
    );
    check("x2 2x ½", &["x2", "2x", "½"]);
}

#[test]
fn latin_letters_lose_their_accents_and_others_keep_them() {
    check("Ärger ÄRGER a\u{308}rger", &["arger", "arger", "arger"]);
    check("crème Ǖ Straße", &["creme", "u", "straße"]);
    check("й Йод хлеб パン", &["й", "йод", "хлеб", "パン"]);
}

#[test]
fn a_word_that_is_too_long_is_cut_alike_everywhere() {
    let long = "é".repeat(400);
    let word = asked(&long).remove(0);
    assert_eq!(word.len(), 255);
    let vector = tsvector(&[(&long, 'A')]);
    assert_eq!(vector, format!(" '{word}':1A"));
}

#[test]
fn queries_hold_words_alone() {
    assert_eq!(tsquery(&asked("' | !x':* & (Y)")).unwrap(), "'x':* & 'y':*");
    assert_eq!(tsquery(&asked("!? '")), None);
    assert_eq!(asked(&"a ".repeat(50)).len(), 16);
}

#[test]
fn a_vector_stays_below_the_bound_of_the_server() {
    assert_eq!(tsvector(&[("b a", 'A'), ("a", 'D')]), " 'a':2A,3D 'b':1A");
    let many: Vec<String> = (0..200_000).map(|number| format!("{number:x}")).collect();
    let vector = tsvector(&[(&many.join(" "), 'D')]);
    let words = vector.matches('\'').count() / 2;
    assert!(40_000 < words && words < 80_000, "{words}");
}

#[test]
fn snippets_show_the_place_with_most_words() {
    let asked = asked("loaf salt");
    assert_eq!(snippet("nothing here", &asked), None);
    assert_eq!(
        snippet("A Loaf, with saltéd crust.", &asked).unwrap(),
        "A \u{2}Loaf\u{3}, with \u{2}saltéd\u{3} crust."
    );
    let text = format!("loaf {}loaf salt {}end", "x ".repeat(50), "y ".repeat(50));
    let found = snippet(&text, &asked).unwrap();
    assert!(found.starts_with('…') && found.ends_with('…'), "{found}");
    assert!(found.contains("\u{2}loaf\u{3} \u{2}salt\u{3}"), "{found}");
    assert_eq!(lexemes(&found).count(), 24, "{found}");
}

#[test]
fn a_text_without_a_match_shows_its_beginning() {
    assert_eq!(beginning("Two words."), "Two words.");
    assert_eq!(beginning(""), "");
    let long = beginning(&"word ".repeat(30));
    assert!(
        long.ends_with('…') && lexemes(&long).count() == 24,
        "{long}"
    );
}
