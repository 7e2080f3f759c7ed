//! Public type names and routes against the "never" column of GLOSSARY.md.
//!
//! Every table of the glossary whose head is `word | means | never | where` counts.
//! In "never", `Foo` matches a type whose camel-case words contain `Foo`, `FooBar` those two in a row, `=Foo` only the
//! whole name.
//! In "where", `*` means every crate, a folder's name means that crate, a trailing `*` any ending, a leading `!` takes
//! crates out again, and `routes` means the path segments of `docs/openapi.json` as well.
//! Prose is for people and is not checked.

use super::source::Source;
use super::{Fault, Findings, Tree};

const DOCUMENT: &str = "GLOSSARY.md";
const ROUTES: &str = "docs/openapi.json";

/// A row that forbids something.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    word: String,
    line: usize,
    never: Vec<String>,
    places: Vec<String>,
}

/// Checks names.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let Some(text) = tree.text(DOCUMENT)? else {
        let fault = Fault::at(DOCUMENT, 0, "there is no glossary", "write it");
        return Ok(vec![fault].into());
    };
    let rules = read(&text);
    if rules.is_empty() {
        findings.faults.push(Fault::at(
            DOCUMENT,
            0,
            "the glossary forbids nothing",
            "give it a table with the columns word, means, never, where",
        ));
    }
    for member in &tree.members {
        for source in tree
            .sources_of(&member.folder)
            .filter(|source| !source.is_test())
        {
            check_types(&rules, &member.folder, source, &mut findings.faults);
        }
    }
    match tree.text(ROUTES)? {
        Some(text) => check_routes(&rules, &text, &mut findings.faults)?,
        None => findings
            .left_out
            .push(format!("route names: there is no {ROUTES}")),
    }
    Ok(findings)
}

fn check_types(rules: &[Rule], folder: &str, source: &Source, faults: &mut Vec<Fault>) {
    for found in source.public_types() {
        for rule in rules.iter().filter(|rule| applies(&rule.places, folder)) {
            for never in rule
                .never
                .iter()
                .filter(|never| matches(never, &found.name))
            {
                faults.push(Fault::at(
                    &source.path,
                    found.line,
                    format!(
                        "the type `{}` uses `{}`",
                        found.name,
                        never.trim_start_matches('=')
                    ),
                    format!(
                        "the glossary's word is \"{}\" ({DOCUMENT}:{})",
                        rule.word, rule.line
                    ),
                ));
            }
        }
    }
}

fn check_routes(rules: &[Rule], text: &str, faults: &mut Vec<Fault>) -> anyhow::Result<()> {
    let document: serde_json::Value = serde_json::from_str(text)?;
    let paths = document["paths"]
        .as_object()
        .map(|paths| paths.keys().cloned().collect::<Vec<_>>());
    for path in paths.unwrap_or_default() {
        for segment in path
            .split('/')
            .filter(|segment| !segment.is_empty() && !segment.starts_with('{'))
        {
            for rule in rules
                .iter()
                .filter(|rule| rule.places.iter().any(|place| place == "routes"))
            {
                for never in &rule.never {
                    let singular = kebab(never.trim_start_matches('='));
                    if segment == singular || segment == format!("{singular}s") {
                        faults.push(Fault::at(
                            ROUTES,
                            1 + text
                                .lines()
                                .position(|line| line.contains(&path))
                                .unwrap_or(0),
                            format!("the route {path} uses `{segment}`"),
                            format!(
                                "the glossary's word is \"{}\" ({DOCUMENT}:{})",
                                rule.word, rule.line
                            ),
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

fn applies(places: &[String], folder: &str) -> bool {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => folder.starts_with(start),
        None => folder == pattern,
    };
    let is_out = places
        .iter()
        .filter_map(|place| place.strip_prefix('!'))
        .any(fits);
    !is_out && places.iter().any(|place| place != "routes" && fits(place))
}

fn matches(never: &str, name: &str) -> bool {
    if let Some(whole) = never.strip_prefix('=') {
        return name == whole;
    }
    let (pattern, words) = (camel(never), camel(name));
    words.windows(pattern.len()).any(|window| window == pattern)
}

/// Splits a camel-case name into its words; a run of capitals is one word.
fn camel(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (index, letter) in letters.iter().enumerate() {
        let after_lower = index > 0 && !letters[index - 1].is_uppercase();
        let before_lower = letters
            .get(index + 1)
            .is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) || words.is_empty() {
            words.push(String::new());
        }
        words.last_mut().expect("one was pushed").push(*letter);
    }
    words
}

fn kebab(name: &str) -> String {
    camel(name).join("-").to_lowercase()
}

fn read(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut is_ours = false;
    for (index, line) in text.lines().enumerate() {
        let Some(inner) = line.trim().strip_prefix('|') else {
            is_ours = false;
            continue;
        };
        let cells: Vec<&str> = inner
            .trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        if cells
            .iter()
            .map(|cell| cell.to_lowercase())
            .eq(["word", "means", "never", "where"])
        {
            is_ours = true;
            continue;
        }
        let [word, _, never, places] = cells[..] else {
            continue;
        };
        let never = list(never);
        if is_ours && !never.is_empty() {
            rules.push(Rule {
                word: word.to_owned(),
                line: index + 1,
                never,
                places: list(places),
            });
        }
    }
    rules
}

fn list(cell: &str) -> Vec<String> {
    cell.split(',')
        .map(|item| item.trim().trim_matches('`').to_owned())
        .filter(|item| {
            !item.is_empty()
                && item
                    .chars()
                    .any(|letter| letter.is_alphabetic() || letter == '*')
        })
        .collect()
}

#[cfg(test)]
mod tests;
