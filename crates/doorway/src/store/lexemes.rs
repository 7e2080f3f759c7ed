//! The words of a text as a search compares them, the same on every server: split where a letter or digit ends, small
//! letters, Latin letters without their accents.
//!
//! The rule is that of SQLite's FTS5 with `unicode61 remove_diacritics 2`, so that both stores find the same pages.
//! It knows no language: no stems, no stop words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use unicode_normalization::char::decompose_canonical;

/// Longest word, in bytes; what is longer is cut, on both sides of a comparison.
const WORD_BYTES_MAX: usize = 255;

/// Most words that are looked for at once.
const ASKED_MAX: usize = 16;

/// Most places of one word that are kept; they only count for the order of what is found.
const PLACES_MAX: usize = 64;

/// Highest place that a `tsvector` can name.
const PLACE_MAX: u16 = 16_383;

/// Most bytes of a `tsvector`, below the server's own bound of 1,048,575: some 40,000 different words, so that a batch
/// of the longest pages is indexed in seconds.
const VECTOR_BYTES_MAX: usize = 600_000;

/// Words of text around a match.
const SNIPPET_WORDS: usize = 24;

/// A word of a text.
pub(crate) struct Lexeme {
    /// Where it begins, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// How it is compared.
    pub(crate) word: String,
}

/// Returns the words of a text in order.
pub(crate) fn lexemes(text: &str) -> impl Iterator<Item = Lexeme> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let start = at + rest.find(char::is_alphanumeric)?;
        let behind = text[start..].find(|letter| !is_of_word(letter));
        let end = behind.map_or(text.len(), |len| start + len);
        at = end;
        let word = folded(&text[start..end]);
        Some(Lexeme { start, end, word })
    })
}

/// Returns the words that a person looks for.
pub(crate) fn asked(text: &str) -> Vec<String> {
    let words = lexemes(text).map(|lexeme| lexeme.word);
    words
        .filter(|word| !word.is_empty())
        .take(ASKED_MAX)
        .collect()
}

/// Returns a `tsquery` that finds texts with all these words, each of which may go on; nothing without words.
pub(crate) fn tsquery(asked: &[String]) -> Option<String> {
    let words: Vec<String> = asked.iter().map(|word| format!("'{word}':*")).collect();
    (!words.is_empty()).then(|| words.join(" & "))
}

/// Returns the `tsvector` of texts with their weights `A` to `D`, in the form in which the server reads one.
pub(crate) fn tsvector(texts: &[(&str, char)]) -> String {
    let mut words: BTreeMap<String, Vec<(u16, char)>> = BTreeMap::new();
    let (mut place, mut bytes) = (0_u16, 0);
    for (text, weight) in texts {
        for Lexeme { word, .. } in lexemes(text) {
            place = (place + 1).min(PLACE_MAX);
            match words.get_mut(&word) {
                Some(places) => {
                    let is_kept = places.len() < PLACES_MAX
                        && places.last().is_none_or(|(last, _)| *last < place);
                    if is_kept {
                        places.push((place, *weight));
                        bytes += 2;
                    }
                }
                None if !word.is_empty() => {
                    bytes += word.len() + 8;
                    words.insert(word, vec![(place, *weight)]);
                }
                None => {}
            }
            if bytes > VECTOR_BYTES_MAX {
                return told(&words);
            }
        }
    }
    told(&words)
}

/// Words hold letters and digits alone, so nothing in them needs to be escaped.
fn told(words: &BTreeMap<String, Vec<(u16, char)>>) -> String {
    let mut vector = String::new();
    for (word, places) in words {
        let mut before = ':';
        write!(vector, " '{word}'").expect("a string takes everything");
        for (place, weight) in places {
            write!(vector, "{before}{place}{weight}").expect("a string takes everything");
            before = ',';
        }
    }
    vector
}

/// Returns words of a text around those that were looked for, with `\u{2}` before and `\u{3}` behind each of them;
/// nothing when the text has none of them.
pub(crate) fn snippet(text: &str, asked: &[String]) -> Option<String> {
    let words: Vec<(Lexeme, Option<usize>)> = lexemes(text)
        .map(|lexeme| {
            let hit = asked.iter().position(|word| lexeme.word.starts_with(word));
            (lexeme, hit)
        })
        .collect();
    let (first, last) = best(&words)?;
    let room = SNIPPET_WORDS - (last - first + 1);
    let start = first
        .saturating_sub(room / 2)
        .min(words.len().saturating_sub(SNIPPET_WORDS));
    let end = (start + SNIPPET_WORDS).min(words.len());
    Some(cut(text, &words, start, end))
}

/// Returns the snippet of the first text that has one; the beginning of the first text when none has.
pub(crate) fn shown(texts: &[&str], asked: &[String]) -> String {
    let found = texts.iter().find_map(|text| snippet(text, asked));
    found.unwrap_or_else(|| {
        texts
            .first()
            .map_or_else(String::new, |text| beginning(text))
    })
}

/// Returns the beginning of a text, as long as a snippet.
pub(crate) fn beginning(text: &str) -> String {
    let words: Vec<(Lexeme, Option<usize>)> = lexemes(text)
        .take(SNIPPET_WORDS + 1)
        .map(|lexeme| (lexeme, None))
        .collect();
    let end = words.len().min(SNIPPET_WORDS);
    cut(text, &words, 0, end)
}

/// Finds the window with the most different words that were looked for; returns its first and last match.
fn best(words: &[(Lexeme, Option<usize>)]) -> Option<(usize, usize)> {
    let mut best: Option<(u32, usize, usize)> = None;
    for (first, _) in words
        .iter()
        .enumerate()
        .filter(|(_, word)| word.1.is_some())
    {
        let window = words[first..].iter().take(SNIPPET_WORDS).enumerate();
        let (mut seen, mut last) = (0_u32, first);
        for (step, (_, hit)) in window {
            if let Some(hit) = hit.and_then(|hit| u32::try_from(hit).ok()) {
                seen |= 1_u32.checked_shl(hit).unwrap_or(0);
                last = first + step;
            }
        }
        let count = seen.count_ones();
        if best.is_none_or(|(most, ..)| count > most) {
            best = Some((count, first, last));
        }
    }
    best.map(|(_, first, last)| (first, last))
}

/// Cuts the words from `start` to before `end` out of their text and marks the matches.
fn cut(text: &str, words: &[(Lexeme, Option<usize>)], start: usize, end: usize) -> String {
    let mut snippet = String::new();
    let mut at = match words.get(start) {
        Some((lexeme, _)) if start > 0 => {
            snippet.push('…');
            lexeme.start
        }
        _ => 0,
    };
    for (lexeme, hit) in words.get(start..end).unwrap_or_default() {
        snippet.push_str(&text[at..lexeme.start]);
        let word = &text[lexeme.start..lexeme.end];
        match hit {
            Some(_) => {
                snippet.push('\u{2}');
                snippet.push_str(word);
                snippet.push('\u{3}');
            }
            None => snippet.push_str(word),
        }
        at = lexeme.end;
    }
    if end < words.len() {
        snippet.push('…');
    } else {
        snippet.push_str(&text[at..]);
    }
    snippet
}

/// A word goes on over marks that stand on the letter before.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || is_mark(letter)
}

/// Combining diacritical marks.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// Returns a word as it is compared.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text[..text.len().min(WORD_BYTES_MAX)].to_ascii_lowercase();
    }
    let mut word = String::with_capacity(text.len().min(WORD_BYTES_MAX));
    for letter in text.chars().filter(|letter| !is_mark(*letter)) {
        for small in letter.to_lowercase().filter(|letter| !is_mark(*letter)) {
            let small = without_accent(small);
            if word.len() + small.len_utf8() > WORD_BYTES_MAX {
                return word;
            }
            word.push(small);
        }
    }
    word
}

/// Takes the accent off a Latin letter; other alphabets tell letters apart by such marks.
fn without_accent(letter: char) -> char {
    if letter.is_ascii() {
        return letter;
    }
    let mut base = None;
    decompose_canonical(letter, |part| {
        base.get_or_insert(part);
    });
    base.filter(char::is_ascii_alphabetic).unwrap_or(letter)
}

#[cfg(test)]
mod tests;
