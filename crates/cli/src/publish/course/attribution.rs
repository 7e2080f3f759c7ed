//! Says where a course comes from and whom to thank, when its files tell.
//!
//! Invariant: at most 1,000 characters, on one line, without control characters. Names are taken as they are written;
//! those that do not fit are counted.

use crate::publish::config::Config;
use crate::publish::source::Source;

/// Most characters of an attribution.
const CHARS_MAX: usize = 1_000;

/// Most characters of the list of names.
const NAMES_CHARS_MAX: usize = 400;

/// Most characters of a citation.
const CITATION_CHARS_MAX: usize = 400;

/// Files that hold the terms of use, at the root.
const LICENCES: [&str; 3] = ["LICENSE.md", "LICENCE.md", "LICENSE"];

/// Returns the configuration's own words, or else a sentence of the source, `AUTHORS`, `CITATION` and the licence.
pub(super) fn of(config: &Config, source: &Source, licence: &str) -> String {
    if let Some(attribution) = &config.attribution {
        return attribution.clone();
    }
    let from = config.source.as_ref().map(|from| format!("From {from}"));
    let by = source
        .notes
        .get("AUTHORS")
        .and_then(|authors| names(authors));
    let mut sentences = Vec::new();
    match (from, by) {
        (Some(from), Some(by)) => sentences.push(format!("{from}, by {by}")),
        (Some(from), None) => sentences.push(from),
        (None, Some(by)) => sentences.push(format!("By {by}")),
        (None, None) => {}
    }
    let file = LICENCES
        .into_iter()
        .find(|name| has_root_file(source, name));
    match (licence, file) {
        ("", None) => {}
        ("", Some(file)) => sentences.push(format!("Licence: see {file}")),
        // Without anybody to thank the licence stands alone, in its own field.
        (_, None) if sentences.is_empty() => {}
        (licence, None) => sentences.push(format!("Licence: {licence}")),
        (licence, Some(file)) => sentences.push(format!("Licence: {licence}, see {file}")),
    }
    let citation = source.notes.get("CITATION").map(|text| one_line(text));
    sentences.extend(
        citation.filter(|text| !text.is_empty() && text.chars().count() <= CITATION_CHARS_MAX),
    );
    sentences.join(". ").chars().take(CHARS_MAX).collect()
}

fn has_root_file(source: &Source, name: &str) -> bool {
    source
        .texts
        .keys()
        .chain(source.files.keys())
        .any(|file| file.as_str() == name)
}

/// Lists names, one to a line, as far as they fit.
fn names(authors: &str) -> Option<String> {
    let names: Vec<String> = authors
        .lines()
        .map(one_line)
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect();
    let mut shown = 0;
    let mut chars = 0;
    for name in &names {
        chars += name.chars().count() + 2;
        if chars > NAMES_CHARS_MAX {
            break;
        }
        shown += 1;
    }
    let listed = names[..shown].join(", ");
    match names.len() - shown {
        0 if listed.is_empty() => None,
        0 => Some(listed),
        more if listed.is_empty() => Some(format!("{more} people named in AUTHORS")),
        more => Some(format!("{listed} and {more} more named in AUTHORS")),
    }
}

fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
