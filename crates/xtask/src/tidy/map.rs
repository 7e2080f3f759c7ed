//! The code map of ARCHITECTURE.md against the crates that exist, both ways.
//!
//! The map is the section `## Code map`; each crate has a heading `### \`name\`` there, and below it at least one
//! sentence that starts with `**Invariant`.
//! A crate of `zomes/` stands in the map under its path.

use super::{Fault, Findings, Tree};

const DOCUMENT: &str = "ARCHITECTURE.md";

/// A crate as the document describes it.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    name: String,
    line: usize,
    invariants: usize,
}

/// Checks the code map.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let Some(text) = tree.text(DOCUMENT)? else {
        return Ok(vec![Fault::at(
            DOCUMENT,
            0,
            "there is no architecture document",
            "write it",
        )]
        .into());
    };
    let described = read(&text);
    let mut faults = Vec::new();
    for name in existing(tree) {
        if !described.iter().any(|one| one.name == name) {
            faults.push(Fault::at(
                DOCUMENT,
                0,
                format!("the crate `{name}` is not in the code map"),
                format!("add a heading \"### `{name}`\" to the code map, with what it is for and an **Invariant:**"),
            ));
        }
    }
    for one in &described {
        if !existing(tree).contains(&one.name) {
            faults.push(Fault::at(
                DOCUMENT,
                one.line,
                format!("the code map names `{}`, which does not exist", one.name),
                "take it out, or name the crate as its folder is named",
            ));
        }
        if one.invariants == 0 {
            faults.push(Fault::at(
                DOCUMENT,
                one.line,
                format!("`{}` has no invariant", one.name),
                "say in one sentence that starts with **Invariant:** what is always true of it",
            ));
        }
    }
    Ok(faults.into())
}

/// Returns the names under which crates stand in the map.
fn existing(tree: &Tree) -> Vec<String> {
    let zomes = tree.files.iter().filter_map(|file| {
        let folder = file.strip_suffix("/Cargo.toml")?;
        (folder.starts_with("zomes/") && folder.matches('/').count() == 1)
            .then(|| folder.to_owned())
    });
    tree.members
        .iter()
        .map(|member| member.folder.clone())
        .chain(zomes)
        .collect()
}

fn read(text: &str) -> Vec<Described> {
    let mut found: Vec<Described> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = title.trim() == "Code map";
        }
        if !inside {
            continue;
        }
        if let Some(title) = line.strip_prefix("### `") {
            let name = title.split('`').next().unwrap_or_default().to_owned();
            found.push(Described {
                name,
                line: index + 1,
                invariants: 0,
            });
        } else if line
            .trim_start()
            .trim_start_matches("* ")
            .starts_with("**Invariant")
            && let Some(last) = found.last_mut()
        {
            last.invariants += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests;
