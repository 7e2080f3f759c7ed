//! What names of namespaces and of tags have in common: marks stand alone between letters and digits.
//!
//! Invariant: a name that passes is ASCII, so its characters are its bytes.

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Empty,
    TooLong,
    Letter(char),
    /// A mark at the start, at the end, or next to another one.
    Mark(char),
}

/// Checks that `text` has 1 to `chars_max` characters, that each is a letter by `is_letter` or one of `marks`, and that
/// each of `lonely` has a character on both sides which is not itself lonely.
pub(crate) fn check(
    text: &str,
    chars_max: usize,
    is_letter: fn(char) -> bool,
    marks: &str,
    lonely: &str,
) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::Empty);
    }
    let allowed =
        |letter: &char| is_letter(*letter) || marks.contains(*letter) || lonely.contains(*letter);
    let mut first = text.chars().take(chars_max.saturating_add(1));
    if let Some(letter) = first.find(|letter| !allowed(letter)) {
        return Err(Wrong::Letter(letter));
    }
    if text.len() > chars_max {
        return Err(Wrong::TooLong);
    }
    let mut start = 0;
    for part in text.split(|letter| lonely.contains(letter)) {
        if part.is_empty() {
            let mark = text[start..].chars().next().or(text.chars().next_back());
            return Err(mark.map_or(Wrong::Empty, Wrong::Mark));
        }
        start += part.len() + 1;
    }
    Ok(())
}
