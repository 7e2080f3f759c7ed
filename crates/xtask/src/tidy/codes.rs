//! Every error code that a person can meet has a page, and every page a code.
//!
//! A page is `docs/errors/CH-<number>.md`; its first line is a heading that starts with the code.

use base::Code;

use super::{Fault, Findings, Tree};

const FOLDER: &str = "docs/errors";

/// Checks codes against pages.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let codes: Vec<String> = Code::ALL.iter().map(Code::to_string).collect();
    let mut faults = Vec::new();
    for code in &codes {
        let path = format!("{FOLDER}/{code}.md");
        match tree.text(&path)? {
            None => faults.push(Fault::at(
                &path,
                0,
                format!("{code} has no page"),
                "write what happened, why, and what to do, each in a sentence or two",
            )),
            Some(text) if !text.starts_with(&format!("# {code}")) => faults.push(Fault::at(
                &path,
                1,
                format!("the page does not start with \"# {code}\""),
                "start it with the code and its title",
            )),
            Some(_) => {}
        }
    }
    for file in &tree.files {
        let Some(name) = file.strip_prefix(&format!("{FOLDER}/")) else {
            continue;
        };
        let Some(code) = name.strip_suffix(".md") else {
            continue;
        };
        if code.starts_with("CH-") && !codes.iter().any(|known| known == code) {
            faults.push(Fault::at(
                file,
                0,
                format!("there is no code {code}"),
                "codes are never taken away: put it back into crates/base/src/code.rs, or correct the file's name",
            ));
        }
    }
    Ok(faults.into())
}
