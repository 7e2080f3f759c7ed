//! Links inside of the project's documents lead somewhere.
//!
//! Checked are the documents at the root, in `.ci`, `bench`, `docs` and `zomes`: files must exist, anchors must be headings.
//! Links to the web are not followed.

use std::path::{Component, Path};

use super::{Fault, Findings, Tree};

/// Checks all documents.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let mut faults = Vec::new();
    for file in tree.files.iter().filter(|file| is_document(file)) {
        let text = tree.text(file)?.unwrap_or_default();
        for (line, target) in links(&text) {
            if let Some(wrong) = judge(tree, file, &text, &target)? {
                faults.push(Fault::at(
                    file,
                    line,
                    wrong,
                    "correct the link, or write what it should lead to",
                ));
            }
        }
    }
    Ok(faults.into())
}

fn is_document(file: &str) -> bool {
    let is_markdown = file.ends_with(".md");
    let is_ours = !file.contains('/')
        || ["docs/", "bench/", "zomes/"]
            .iter()
            .any(|start| file.starts_with(start));
    is_markdown && is_ours
}

fn judge(tree: &Tree, file: &str, text: &str, target: &str) -> anyhow::Result<Option<String>> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let below = resolve(file, path);
    let Some(below) = below else {
        return Ok(Some(format!("the link {target} leads out of the project")));
    };
    let is_folder = tree
        .files
        .iter()
        .any(|known| known.starts_with(&format!("{below}/")));
    if !path.is_empty() && !is_folder && !tree.files.contains(&below) {
        return Ok(Some(format!("the link {target} leads nowhere")));
    }
    if anchor.is_empty() || is_folder || !(path.is_empty() || below.ends_with(".md")) {
        return Ok(None);
    }
    let other = if path.is_empty() {
        text.to_owned()
    } else {
        tree.text(&below)?.unwrap_or_default()
    };
    let is_known = anchors(&other).iter().any(|known| known == anchor);
    Ok((!is_known).then(|| format!("the link {target} names a heading that is not there")))
}

/// Returns the path below the root that a link in `file` means; `None` when it climbs out.
fn resolve(file: &str, path: &str) -> Option<String> {
    let start = match path.strip_prefix('/') {
        Some(_) => Path::new(""),
        None => Path::new(file).parent()?,
    };
    let mut parts: Vec<String> = Vec::new();
    for component in start.join(path.trim_start_matches('/')).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(parts.join("/"))
}

/// Returns the targets of inline links, with their lines, outside of code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(text) {
        let mut rest = line.as_str();
        while let Some(start) = rest.find("](") {
            rest = &rest[start + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end]
                .split(' ')
                .next()
                .unwrap_or_default()
                .trim_matches(['<', '>']);
            let is_web = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !is_web {
                found.push((index + 1, target.to_owned()));
            }
            rest = &rest[end..];
        }
    }
    found
}

/// Returns the lines outside of fenced code, without inline code.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut is_code = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            found.push((
                index,
                line.split('`').step_by(2).collect::<Vec<_>>().join("`"),
            ));
        }
    }
    found
}

/// Returns the anchors that common renderers give to headings.
fn anchors(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let title = line.trim_start_matches('#');
        if is_code || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let slug: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect();
        found.push(slug);
    }
    found
}

#[cfg(test)]
mod tests;
