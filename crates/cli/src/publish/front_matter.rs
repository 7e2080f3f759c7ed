//! Splits a Markdown file into its front matter and its text.
//!
//! Front matter is YAML between a first line `---` and the next line `---` or `...`. Its keys: `title`, `slug`,
//! `summary` (or `description`), `language` (or `lang`), `licence` (or `license`), `tags` (or `keywords`), `reach`.
//! Other keys are left alone, as the Carpentries' lessons and site generators use many of their own.
//! Does not know what a page gets when a key is missing.

use base::{Code, Problem, Reach};
use serde::Deserialize;

use super::fields::Fields;
use super::file_path::FilePath;
use super::yaml::{self, Lined, Words};

/// What a file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrontMatter {
    /// What the page is called.
    pub(crate) title: Option<String>,
    /// Its place in addresses.
    pub(crate) slug: Option<String>,
    /// What it is about.
    pub(crate) summary: Option<String>,
    /// The language it is written in.
    pub(crate) language: Option<String>,
    /// Under which licence it may be used.
    pub(crate) licence: Option<String>,
    /// Words that describe it.
    pub(crate) tags: Vec<String>,
    /// Who may see it.
    pub(crate) reach: Option<Reach>,
}

/// A file in two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'t> {
    /// What the file says about itself.
    pub(crate) front: FrontMatter,
    /// The text below.
    pub(crate) body: &'t str,
    /// Line of the file in which the text starts, counted from 1.
    pub(crate) body_line: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Keys {
    title: Option<Lined<String>>,
    slug: Option<Lined<String>>,
    summary: Option<Lined<String>>,
    description: Option<Lined<String>>,
    language: Option<Lined<String>>,
    lang: Option<Lined<String>>,
    licence: Option<Lined<String>>,
    license: Option<Lined<String>>,
    tags: Option<Lined<Words>>,
    keywords: Option<Lined<Words>>,
    reach: Option<Lined<String>>,
}

/// Splits `text`, the content of `file`, whose line ends are `\n`.
///
/// # Errors
/// [`Code::FrontMatter`] for each thing that is wrong, with its line.
pub(crate) fn split<'t>(file: &FilePath, text: &'t str) -> Result<Parts<'t>, Vec<Problem>> {
    let Some(rest) = after_dashes(text) else {
        return Ok(Parts {
            front: FrontMatter::default(),
            body: text,
            body_line: 1,
        });
    };
    let Some((yaml, body, lines)) = until_dashes(rest) else {
        let detail = "the front matter that starts here is not closed by a line of three dashes";
        return Err(vec![
            Problem::new(Code::FrontMatter, detail).at(file.as_str(), 1),
        ]);
    };
    let keys: Keys = yaml::parse(yaml, 2).map_err(|fault| {
        vec![Problem::new(Code::FrontMatter, fault.detail).at(file.as_str(), fault.line)]
    })?;
    let mut fields = Fields::new(file, Code::FrontMatter, 2);
    let front = FrontMatter {
        title: fields.line("title", keys.title, 300),
        slug: fields.slug(keys.slug),
        summary: fields.line("summary", keys.summary.or(keys.description), 500),
        language: fields.language(keys.language.or(keys.lang)),
        licence: fields.line("licence", keys.licence.or(keys.license), 100),
        tags: fields.tags(keys.tags.or(keys.keywords)),
        reach: fields.reach(keys.reach),
    };
    let problems = fields.finish();
    if problems.is_empty() {
        Ok(Parts {
            front,
            body,
            body_line: lines + 2,
        })
    } else {
        Err(problems)
    }
}

/// Returns what stands below a first line of three dashes.
fn after_dashes(text: &str) -> Option<&str> {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.trim_end() == "---").then_some(rest)
}

/// Returns the YAML, what stands below its closing line, and how many lines YAML and closing line have.
fn until_dashes(rest: &str) -> Option<(&str, &str, u32)> {
    let mut start = 0;
    for (count, line) in (1_u32..).zip(rest.split_inclusive('\n')) {
        let end = start + line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return Some((&rest[..start], &rest[end..], count));
        }
        start = end;
    }
    None
}

#[cfg(test)]
mod tests;
