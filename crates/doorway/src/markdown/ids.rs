//! Gives elements ids that are stable and unique within a page.
//!
//! Invariants: the same sequence of requests gives the same ids; no id is given twice; no id of
//! the page's own frame is given to a text.

use std::collections::{HashMap, HashSet};

/// Ids that the frame around a text uses itself.
const RESERVED: [&str; 6] = ["text", "main", "contents", "search", "q", "top"];

/// Longest id made from a heading, in characters.
const LEN_MAX: usize = 80;

/// The ids already given in one page.
pub(super) struct Ids {
    taken: HashSet<String>,
    next: HashMap<String, u32>,
}

impl Ids {
    pub(super) fn new() -> Self {
        let taken = RESERVED.iter().map(|id| (*id).to_owned()).collect();
        Self {
            taken,
            next: HashMap::new(),
        }
    }

    /// Returns `wanted` when it is free, else `wanted-1`, `wanted-2` and so on.
    pub(super) fn claim(&mut self, wanted: &str) -> String {
        if self.taken.insert(wanted.to_owned()) {
            return wanted.to_owned();
        }
        let counter = self.next.entry(wanted.to_owned()).or_insert(0);
        loop {
            *counter += 1;
            let candidate = format!("{wanted}-{counter}");
            if self.taken.insert(candidate.clone()) {
                return candidate;
            }
        }
    }

    /// Returns an id made from a heading's text.
    pub(super) fn claim_for_text(&mut self, text: &str) -> String {
        self.claim(&slug(text))
    }
}

/// Returns the text in lower case with hyphens for blanks and without punctuation, as GitHub and
/// Pandoc form anchors, so that links written for them keep working.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    for character in text.trim().chars().take(LEN_MAX) {
        if character.is_alphanumeric() || character == '_' {
            out.extend(character.to_lowercase());
        } else if (character.is_whitespace() || character == '-')
            && !out.ends_with('-')
            && !out.is_empty()
        {
            out.push('-');
        }
    }
    while out.ends_with('-') {
        out.pop();
    }
    if out.is_empty() {
        out.push_str("section");
    }
    out
}

/// Returns the id as written when it is one that an address can carry without escaping.
pub(super) fn written(id: &str) -> Option<&str> {
    let is_plain =
        |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | ':');
    let fits = !id.is_empty() && id.chars().count() <= LEN_MAX && id.chars().all(is_plain);
    fits.then_some(id)
}
