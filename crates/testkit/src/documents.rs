//! The commands that a document tells its readers to type.
//!
//! They stand in fenced blocks marked `sh`. A test that runs them keeps the document true.

use std::path::Path;

use anyhow::Context as _;

/// A command of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its first line in the document, counted from 1.
    pub line: usize,
    /// The command, without a prompt, its continued lines joined by a space.
    pub text: String,
}

/// Returns the commands in the blocks marked `sh` of a Markdown file.
///
/// Empty lines and comments are left out; a line that ends with a backslash goes on in the next.
///
/// # Errors
/// When the file cannot be read or a block is never closed.
pub fn commands_of(file: &Path) -> anyhow::Result<Vec<Command>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    extract(&text).with_context(|| format!("read the commands of {}", file.display()))
}

fn extract(text: &str) -> anyhow::Result<Vec<Command>> {
    let mut found: Vec<Command> = Vec::new();
    let mut open: Option<(usize, bool)> = None;
    let mut is_continued = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("```") {
            open = match open {
                Some(_) => None,
                None => Some((index + 1, language.trim() == "sh")),
            };
            is_continued = false;
            continue;
        }
        if !matches!(open, Some((_, true)))
            || trimmed.is_empty()
            || (trimmed.starts_with('#') && !is_continued)
        {
            continue;
        }
        let part = trimmed.strip_prefix("$ ").unwrap_or(trimmed);
        let goes_on = part.ends_with('\\');
        let part = part.trim_end_matches('\\').trim_end();
        match found.last_mut().filter(|_| is_continued) {
            Some(last) => last.text = format!("{} {part}", last.text),
            None => found.push(Command {
                line: index + 1,
                text: part.to_owned(),
            }),
        }
        is_continued = goes_on;
    }
    match open {
        Some((line, _)) => anyhow::bail!("the block that starts in line {line} is never closed"),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests;
