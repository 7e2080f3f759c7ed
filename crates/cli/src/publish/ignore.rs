//! Reads `.commonholdignore`: one pattern to a line, what matches is not published.
//!
//! A pattern without a slash matches a file or folder of that name anywhere; one with a slash counts from the root.
//! `*` stands for any characters except a slash. Blank lines and lines that start with `#` mean nothing.
//! Invariant: matching takes time linear in pattern and name for each star. Negation and `**` are left out on purpose.

use super::file_path::FilePath;

/// The patterns of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    is_anchored: bool,
}

/// Most patterns that are looked at.
const PATTERNS_MAX: usize = 1_000;

impl Patterns {
    /// Reads the patterns, one to a line.
    pub(crate) fn read(text: &str) -> Self {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.take(PATTERNS_MAX).map(Pattern::read).collect())
    }

    /// Returns whether a file or folder is named; what lies below a named folder is never asked for.
    pub(crate) fn matches(&self, file: &FilePath) -> bool {
        self.0.iter().any(|pattern| {
            let name = if pattern.is_anchored {
                file.as_str()
            } else {
                file.name()
            };
            matches(&pattern.text, name)
        })
    }
}

impl Pattern {
    fn read(line: &str) -> Self {
        let text = line.trim_end_matches('/');
        Self {
            is_anchored: text.contains('/'),
            text: text.trim_start_matches('/').to_owned(),
        }
    }
}

/// Compares from left to right and goes back to the last star when something does not fit.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < name.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, pos));
            at += 1;
        } else if pattern.get(at) == Some(&name[pos]) {
            at += 1;
            pos += 1;
        } else if let Some((star_at, from)) = star
            && name[from] != b'/'
        {
            star = Some((star_at, from + 1));
            (at, pos) = (star_at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
