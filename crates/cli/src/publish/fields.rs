//! What front matter and configuration have in common: fields with rules that a page or course must keep.
//!
//! Invariant: every value that comes out keeps the rules of `chain`'s kinds; every other one is a problem with the
//! line of the value. Does not know which file it reads: that and the code of its problems are parameters.

use base::{Code, Problem, Reach};
use chain::kind::is_slug;

use super::file_path::FilePath;
use super::yaml::{Lined, Words};

/// Checks the fields of one file and collects what is wrong with them.
pub(crate) struct Fields<'f> {
    file: &'f FilePath,
    code: Code,
    /// Line of the file in which its YAML starts.
    first_line: u32,
    problems: Vec<Problem>,
}

/// Most tags of a page or course.
const TAGS_MAX: usize = 20;

impl<'f> Fields<'f> {
    /// Starts with no problems.
    pub(crate) const fn new(file: &'f FilePath, code: Code, first_line: u32) -> Self {
        Self {
            file,
            code,
            first_line,
            problems: Vec::new(),
        }
    }

    /// Notes a problem in a line of the YAML text.
    pub(crate) fn fault(&mut self, code: Code, line: u32, detail: impl Into<String>) {
        let line = self.first_line.saturating_add(line.max(1) - 1);
        self.problems
            .push(Problem::new(code, detail).at(self.file.as_str(), line));
    }

    /// Returns what was wrong, in the order of the lines.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        super::sort(&mut self.problems);
        self.problems
    }

    /// Takes a text of one line; an empty one counts as missing.
    pub(crate) fn line(
        &mut self,
        name: &str,
        field: Option<Lined<String>>,
        chars_max: usize,
    ) -> Option<String> {
        let Lined { value, line } = field?;
        let text = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().any(char::is_control) {
            self.fault(
                self.code,
                line,
                format!("{name} must not hold control characters"),
            );
            return None;
        }
        let count = text.chars().count();
        if count > chars_max {
            self.fault(
                self.code,
                line,
                format!("{name} may have at most {chars_max} characters, not {count}"),
            );
            return None;
        }
        (!text.is_empty()).then_some(text)
    }

    /// Takes an address of small letters, digits and single hyphens, dots or underscores.
    pub(crate) fn slug(&mut self, field: Option<Lined<String>>) -> Option<String> {
        let Lined { value, line } = field?;
        if is_slug(&value) {
            return Some(value);
        }
        let rule = "slug may hold small letters, digits and single hyphens, dots or underscores between them";
        self.fault(self.code, line, rule);
        None
    }

    /// Takes a language tag (RFC 5646).
    pub(crate) fn language(&mut self, field: Option<Lined<String>>) -> Option<String> {
        let Lined { value, line } = field?;
        let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        if (2..=35).contains(&value.len()) && value.bytes().all(is_letter) {
            return Some(value);
        }
        self.fault(
            self.code,
            line,
            "language must be a language tag such as en or de-AT",
        );
        None
    }

    /// Takes one of the eight reaches; an unknown word is a problem, never a guess.
    pub(crate) fn reach(&mut self, field: Option<Lined<String>>) -> Option<Reach> {
        let Lined { value, line } = field?;
        match value.parse() {
            Ok(reach) => Some(reach),
            Err(error) => {
                self.fault(self.code, line, error.to_string());
                None
            }
        }
    }

    /// Takes tags, without empty ones and doubles.
    pub(crate) fn tags(&mut self, field: Option<Lined<Words>>) -> Vec<String> {
        let Some(Lined {
            value: Words(words),
            line,
        }) = field
        else {
            return Vec::new();
        };
        let mut tags: Vec<String> = Vec::new();
        for word in words.into_iter().filter(|word| !word.is_empty()) {
            if word.chars().count() > 40 || word.chars().any(char::is_control) {
                self.fault(self.code, line, "a tag may have at most 40 characters");
            } else if !tags.contains(&word) {
                tags.push(word);
            }
        }
        if tags.len() > TAGS_MAX {
            self.fault(
                self.code,
                line,
                format!("at most {TAGS_MAX} tags, not {}", tags.len()),
            );
            tags.truncate(TAGS_MAX);
        }
        tags
    }
}
