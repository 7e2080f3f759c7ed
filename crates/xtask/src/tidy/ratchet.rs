//! Lengths: a function fits a screen, a file a sitting.
//!
//! What was longer when the rule came is listed in `tidy-ratchet.txt` with its length, one per line:
//! `600 crates/x/src/y.rs` for a file, `70 crates/x/src/y.rs name` for a function.
//! The list only shrinks: a listed thing that got shorter must be lowered, one that got longer is a fault.

use super::{Fault, Findings, Tree};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const LIST: &str = "tidy-ratchet.txt";

/// Something that is longer than the rule allows.
struct Long {
    path: String,
    line: usize,
    function: Option<String>,
    lines: usize,
}

/// Something that may be longer for now.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    line: usize,
    lines: usize,
    name: String,
}

impl Long {
    fn name(&self) -> String {
        match &self.function {
            Some(function) => format!("{} {function}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Checks lengths.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let list = tree.text(LIST)?.unwrap_or_default();
    Ok(compare(&measure(tree), &read(&list)).into())
}

fn measure(tree: &Tree) -> Vec<Long> {
    let mut long = Vec::new();
    for source in &tree.sources {
        let path = source.path.clone();
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            long.push(Long {
                path: path.clone(),
                line: 0,
                function: None,
                lines,
            });
        }
        for function in source
            .functions()
            .into_iter()
            .filter(|function| function.lines > FUNCTION_LINES_MAX)
        {
            long.push(Long {
                path: path.clone(),
                line: function.line,
                function: Some(function.name),
                lines: function.lines,
            });
        }
    }
    long
}

fn read(list: &str) -> Vec<Listed> {
    list.lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let (lines, name) = line.trim().split_once(' ')?;
            Some(Listed {
                line: index + 1,
                lines: lines.parse().ok()?,
                name: name.trim().to_owned(),
            })
        })
        .collect()
}

fn compare(long: &[Long], listed: &[Listed]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for one in long {
        let max = if one.function.is_some() {
            FUNCTION_LINES_MAX
        } else {
            FILE_LINES_MAX
        };
        let known = listed.iter().find(|known| known.name == one.name());
        let wrong = match known {
            Some(known) if one.lines <= known.lines => continue,
            Some(known) => format!(
                "{} grew from {} to {} lines",
                one.name(),
                known.lines,
                one.lines
            ),
            None => format!("{} lines are more than {max}", one.lines),
        };
        let remedy = if one.function.is_some() {
            "split it: let the parent branch and the leaves be pure"
        } else {
            "split it by the nouns that it decides about, into a folder of the same name"
        };
        faults.push(Fault::at(&one.path, one.line, wrong, remedy));
    }
    for known in listed {
        let now = long.iter().find(|one| one.name() == known.name);
        match now {
            None => faults.push(Fault::at(
                LIST,
                known.line,
                format!("{} is no longer too long", known.name),
                "take the line out",
            )),
            Some(now) if now.lines < known.lines => faults.push(Fault::at(
                LIST,
                known.line,
                format!("{} shrank to {} lines", known.name, now.lines),
                format!("write {} instead of {}", now.lines, known.lines),
            )),
            Some(_) => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests;
