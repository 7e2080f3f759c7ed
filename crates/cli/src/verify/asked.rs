//! Whether what was proven is what was asked for: a doorway must not answer with another item, however well signed.

use api::proof::Proven;
use base::{Code, Problem};
use chain::kind::{Content, Path};
use chain::{ActionHash, Item};
use percent_encoding::percent_decode_str;
use url::Url;

/// Compares a proven item with the address that was given.
pub(super) fn check(address: &Url, proven: &Proven) -> Result<(), Problem> {
    let path = address.path().trim_matches('/');
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let seq = address
        .query_pairs()
        .find_map(|(name, value)| (name == "seq").then(|| value.into_owned()));
    let is_version = seq.is_none_or(|seq| seq == proven.view.seq.to_string());
    if is_version && is_item(&segments, proven) {
        return Ok(());
    }
    let detail = format!("{address} was answered with another signed item");
    Err(Problem::new(Code::AnswerDiffers, detail))
}

fn is_item(segments: &[&str], proven: &Proven) -> bool {
    let view = &proven.view;
    match *segments {
        ["courses", course] => is_course(proven, course),
        ["courses", course, page] => is_page(proven, course, page),
        ["pages", page] => is_page(proven, "", page),
        ["authors", author] => is_profile_of(proven, author),
        ["items" | "history" | "proofs", id] => view.id == id,
        ["history", id, seq] => view.id == id && view.seq.to_string() == seq,
        ["api", "v1", "cache", kind, course, page] => {
            kind.eq_ignore_ascii_case(Content::KIND) && is_page(proven, course, page)
        }
        ["api", "v1", "cache", kind, id] => {
            kind.eq_ignore_ascii_case(&view.r#type) && is_named(proven, id)
        }
        _ => false,
    }
}

/// An item's name in an address is its id, its slug, its blob's hash, or its author's key.
fn is_named(proven: &Proven, name: &str) -> bool {
    if ActionHash::try_from(name).is_ok() {
        return proven.view.id == name;
    }
    match &proven.item {
        Item::Content(_) => {
            let (course, page) = name.split_once('/').unwrap_or(("", name));
            is_page(proven, course, page)
        }
        Item::Path(_) => is_course(proven, name),
        Item::BlobManifest(manifest) => name.parse() == Ok(manifest.id()),
        Item::Profile(_) => is_profile_of(proven, name),
    }
}

fn is_page(proven: &Proven, course: &str, page: &str) -> bool {
    matches!(&proven.item, Item::Content(Content { course: found, slug, .. }) if found == course && slug == page)
}

fn is_course(proven: &Proven, course: &str) -> bool {
    matches!(&proven.item, Item::Path(Path { slug, .. }) if slug == course)
}

fn is_profile_of(proven: &Proven, author: &str) -> bool {
    matches!(&proven.item, Item::Profile(_)) && proven.author.to_string() == author
}

#[cfg(test)]
mod tests;
