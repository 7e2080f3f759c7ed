//! Small rules that hold in every file.
//!
//! Rust files start with `//!`; no test is switched off, sleeps or is left for later; no file names a folder of
//! somebody's machine; `#[allow]` gives a reason.

use super::source::{Source, words};
use super::{Fault, Findings, Tree};

/// Macros that stand for work not done.
const UNDONE: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// First folders of paths that exist on one machine alone.
const MACHINES: &[&str] = &["root", "work", "home", "Users"];

/// Endings of text files in which such paths are looked for.
const TEXTS: &[&str] = &[
    "rs", "md", "toml", "json", "ts", "txt", "yaml", "yml", "css", "html", "sql", "sh",
];

/// Checks all files.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let mut faults = Vec::new();
    for source in &tree.sources {
        check_source(source, &mut faults);
    }
    for path in &tree.files {
        let ending = path.rsplit('.').next().unwrap_or_default();
        if TEXTS.contains(&ending) || path.starts_with(".ci/") {
            let bytes = std::fs::read(tree.root.join(path))?;
            check_paths(path, &String::from_utf8_lossy(&bytes), &mut faults);
        }
    }
    Ok(faults.into())
}

fn check_source(source: &Source, faults: &mut Vec<Fault>) {
    let mut fault = |offset: usize, wrong: String, remedy: &str| {
        faults.push(Fault::at(
            &source.path,
            source.line_of(offset),
            wrong,
            remedy,
        ));
    };
    if !source.text.starts_with("//!") {
        fault(
            0,
            "the file does not start with `//!`".into(),
            "say in its first lines what it decides or does, its invariants, and what it does not know",
        );
    }
    for word in UNDONE {
        for offset in found(&source.code, word) {
            fault(
                offset,
                format!("`{word}` is left"),
                "finish it or leave it out",
            );
        }
    }
    for offset in found(&source.code, "#[ignore") {
        fault(
            offset,
            "a test is switched off".into(),
            "make it pass, make it quicker, or take it out",
        );
    }
    for offset in found(&source.code, "#[allow(")
        .into_iter()
        .chain(found(&source.code, "#![allow("))
    {
        let attribute = source.code[offset..].split(']').next().unwrap_or_default();
        if words(attribute, "reason").is_empty() {
            fault(
                offset,
                "`#[allow]` gives no reason".into(),
                "add `reason = \"…\"`, or do what the lint asks",
            );
        }
    }
    let product = source.product_code().len();
    for offset in words(&source.code, "sleep") {
        let is_call = source.code[offset + "sleep".len()..].starts_with('(');
        if is_call && (source.is_test() || offset >= product) {
            fault(
                offset,
                "a test sleeps".into(),
                "wait for the event itself with a deadline, or use the simulated clock",
            );
        }
    }
}

fn found(code: &str, pattern: &str) -> Vec<usize> {
    code.match_indices(pattern)
        .map(|(offset, _)| offset)
        .filter(|offset| {
            !code[..*offset].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
        })
        .collect()
}

fn check_paths(path: &str, text: &str, faults: &mut Vec<Fault>) {
    for (index, line) in text.lines().enumerate() {
        for machine in MACHINES {
            let pattern = format!("/{machine}/");
            let is_path = line.match_indices(&pattern).any(|(offset, _)| {
                let before = line[..offset].chars().next_back();
                before.is_none_or(|letter| letter.is_whitespace() || "\"'`=(:,<>".contains(letter))
            });
            if is_path {
                faults.push(Fault::at(
                    path,
                    index + 1,
                    format!("a path of one machine: {pattern}…"),
                    "write it relative to the workspace, or as a placeholder",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
