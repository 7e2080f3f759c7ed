//! What a community holds, written down so that two communities can be compared line by line.
//!
//! Ids, keys and times differ between two publishers and are left out or replaced by what they stand for; everything
//! else is compared: pages with their texts, the course's tree, files byte by byte, what a search finds.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use super::community::{list, text};
use super::files;
use super::http::Client;

/// What differs between two publishers of the same course.
const OWN: &[&str] = &["id", "action_hash", "author", "seq", "changed_at_us"];

/// How much of an item is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What readers see, with names in the place of ids: the same for two publishers of the same course.
    Shown,
    /// Everything, ids and hashes too: the same only where the same records are shown.
    Signed,
}

/// Writes down everything that readers can see; `word` is searched for.
pub(super) fn of(client: &mut Client, word: &str, detail: Detail) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut names = BTreeMap::new();
    let mut items = Vec::new();
    for kind in ["content", "path", "blob-manifest", "profile"] {
        for summary in list(client, kind)? {
            let id = text(&summary, "/id")?.to_owned();
            let name = format!("{kind} {}", text(&summary, "/slug")?);
            let taken = names.insert(id.clone(), name);
            anyhow::ensure!(taken.is_none(), "{id} is listed twice");
            items.push((kind, id));
        }
    }
    for (kind, id) in items {
        let mut item = client.json(&format!("/api/v1/cache/{kind}/{id}"))?;
        if kind == "blob-manifest" {
            let hash = text(&item, "/blob/hash")?;
            let answer = client.get(&format!("/store/{hash}"))?;
            let found = files::sha256(&answer.body);
            anyhow::ensure!(
                answer.status() == 200 && found == hash,
                "the blob {hash} is served with {} and the hash {found}",
                answer.status(),
            );
            lines.push(format!(
                "blob {hash} {} {}",
                answer.body.len(),
                answer.media_type()
            ));
        }
        let written = match detail {
            Detail::Shown => {
                let fields = item.as_object_mut().context("an item has fields")?;
                fields.retain(|name, _| !OWN.contains(&name.as_str()));
                named(&item, &names)
            }
            Detail::Signed => item.to_string(),
        };
        lines.push(format!("item {written}"));
    }
    let found = client.json(&format!("/api/v1/search?q={word}&limit=1000"))?;
    for hit in found["hits"].as_array().context("a search has hits")? {
        lines.push(format!("found {}", text(hit, "/url")?));
    }
    lines.sort();
    let before = lines.len();
    lines.dedup();
    anyhow::ensure!(before == lines.len(), "something is there twice");
    Ok(lines)
}

/// Writes an item with the names of other items in the place of their ids.
fn named(item: &Value, names: &BTreeMap<String, String>) -> String {
    let mut written = item.to_string();
    for (id, name) in names {
        if written.contains(id.as_str()) {
            written = written.replace(id.as_str(), name);
        }
    }
    written
}

/// Compares two doorways; tells the first lines that differ.
pub(super) fn compare(found: &[String], wanted: &[String]) -> anyhow::Result<()> {
    let only_in = |left: &[String], right: &[String]| {
        let lines = left
            .iter()
            .filter(|line| right.binary_search(line).is_err());
        lines
            .take(3)
            .map(|line| line.chars().take(300).collect())
            .collect::<Vec<String>>()
    };
    let (more, less) = (only_in(found, wanted), only_in(wanted, found));
    anyhow::ensure!(
        found == wanted,
        "the two differ.\nOnly in the first: {more:#?}\nOnly in the second: {less:#?}",
    );
    Ok(())
}
