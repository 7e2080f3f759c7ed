//! What must hold for everything that a crawl reached.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::crawl::{Crawl, Seen, What};
use super::page::{Link, Page, Role};
use crate::accept::community::text;
use crate::accept::http::Client;

/// Most bytes of a page with its style sheet, before images, as they come over the wire.
const PAGE_BYTES_MAX: usize = 60_000;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Pages for people.
    pub(super) pages: usize,
    /// Links from page to page, or to a place in one.
    pub(super) links: usize,
    /// Links to a place in a page.
    pub(super) fragments: usize,
    /// Different images.
    pub(super) images: usize,
    /// Different films and sounds.
    pub(super) media: usize,
    /// Bytes of the largest page with its style sheet.
    pub(super) largest_bytes: usize,
}

/// Checks everything; `sources` are the authors' files by hash. Tells all faults at once.
pub(super) fn check(crawl: &Crawl, sources: &BTreeMap<String, PathBuf>) -> anyhow::Result<Count> {
    let mut faults = Vec::new();
    let mut count = Count::default();
    for (path, seen) in &crawl.seen {
        let fault = check_answer(path, seen, sources);
        faults.extend(fault.err().map(|error| format!("{error:#}")));
    }
    let mut targets = BTreeSet::new();
    for (path, seen, page) in crawl.pages() {
        count.pages += 1;
        faults.extend(page_faults(page).map(|fault| format!("{path} has {fault}")));
        let bytes = seen.wire_bytes + style_bytes(crawl, page);
        count.largest_bytes = count.largest_bytes.max(bytes);
        if bytes >= PAGE_BYTES_MAX {
            faults.push(format!("{path} needs {bytes} bytes before images"));
        }
        for link in &page.links {
            count.links += 1;
            count.fragments += usize::from(link.fragment.is_some());
            targets.insert((link.target.as_str(), link.role));
            let fault = check_link(crawl, link);
            faults.extend(fault.err().map(|error| format!("{path}: {error:#}")));
        }
    }
    count.images = targets
        .iter()
        .filter(|(_, role)| *role == Role::Image)
        .count();
    count.media = targets
        .iter()
        .filter(|(_, role)| *role == Role::Media)
        .count();
    anyhow::ensure!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    Ok(count)
}

/// Every address answers; a blob has the bytes and the type of the author's file.
fn check_answer(
    path: &str,
    seen: &Seen,
    sources: &BTreeMap<String, PathBuf>,
) -> anyhow::Result<()> {
    let Seen {
        from, status, hash, ..
    } = seen;
    anyhow::ensure!(
        *status == 200,
        "{from} links to {path}, which answered {status}"
    );
    let Some(named) = path.strip_prefix("/store/") else {
        return Ok(());
    };
    anyhow::ensure!(named == hash, "{path} has bytes with the hash {hash}");
    let file = sources
        .get(hash)
        .with_context(|| format!("{path}, linked from {from}, is no file of an author"))?;
    let expect = media_type(file);
    anyhow::ensure!(
        expect == Some(seen.media_type.as_str()),
        "{path}, made from {}, is served as {}",
        file.display(),
        seen.media_type,
    );
    Ok(())
}

/// What a file's name says about its type.
fn media_type(file: &Path) -> Option<&'static str> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    let found = match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "webm" => "video/webm",
        "mp4" => "video/mp4",
        "pdf" => "application/pdf",
        "csv" => "text/csv",
        "txt" => "text/plain",
        _ => return None,
    };
    Some(found)
}

fn page_faults(page: &Page) -> impl Iterator<Item = String> {
    let mut faults = page.faults.clone();
    if page.headings.len() != 1
        || page
            .headings
            .iter()
            .any(|heading| heading.trim().is_empty())
    {
        faults.push(format!(
            "the headings {:?} where one is right",
            page.headings
        ));
    }
    if page.lang.is_empty() {
        faults.push("no language".to_owned());
    }
    faults.into_iter()
}

fn style_bytes(crawl: &Crawl, page: &Page) -> usize {
    let styles = page.links.iter().filter(|link| link.role == Role::Style);
    styles
        .filter_map(|link| crawl.seen.get(&link.target))
        .map(|seen| seen.wire_bytes)
        .sum()
}

/// A link leads to what it promises, and to a mark that is there.
fn check_link(crawl: &Crawl, link: &Link) -> anyhow::Result<()> {
    let Link {
        target,
        fragment,
        role,
    } = link;
    let seen = crawl.seen.get(target);
    let seen = seen.with_context(|| format!("{target} was not fetched"))?;
    let media_type = seen.media_type.as_str();
    let fits = match role {
        Role::Way => true,
        Role::Image => media_type.starts_with("image/"),
        Role::Style => media_type == "text/css",
        Role::Media => ["video/", "audio/"]
            .iter()
            .any(|kind| media_type.starts_with(kind)),
    };
    anyhow::ensure!(fits, "{target} is {media_type}, which is no {role:?}");
    if let What::Image(Some(size)) = seen.what {
        anyhow::ensure!(
            size.0 > 0 && size.1 > 0,
            "{target} is {size:?} pixels large"
        );
    }
    let Some(fragment) = fragment else {
        return Ok(());
    };
    let page = crawl.page(target)?;
    anyhow::ensure!(
        fragment == "top" || page.ids.contains(fragment),
        "{target} has no place {fragment}",
    );
    Ok(())
}

/// Follows "next" from the first page of a course to the last; returns the addresses in order.
pub(super) fn in_order(crawl: &Crawl, course: &str) -> anyhow::Result<Vec<String>> {
    let prefix = format!("{course}/");
    let links = &crawl.page(course)?.links;
    let first = links.iter().find(|link| link.target.starts_with(&prefix));
    let mut next = first.map(|link| link.target.clone());
    let mut order = Vec::new();
    while let Some(path) = next {
        anyhow::ensure!(!order.contains(&path), "{path} comes twice");
        next = crawl.page(&path)?.next.clone();
        order.push(path);
    }
    Ok(order)
}

/// Searches for the longest word of each listed page and finds the page; returns how many words that were.
pub(super) fn search(
    crawl: &Crawl,
    client: &mut Client,
    listed: &[Value],
) -> anyhow::Result<usize> {
    for item in listed {
        let url = text(item, "/url")?;
        let words = crawl.page(url)?.text.as_str();
        let words = words.split(|letter: char| !letter.is_alphanumeric());
        let word = words
            .filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()))
            .max_by_key(|word| word.len())
            .filter(|word| word.len() > 2)
            .with_context(|| format!("{url} has no word to search for"))?;
        let found = client.json(&format!("/api/v1/search?q={word}&limit=1000"))?;
        let hits = found["hits"].as_array().context("a search has hits")?;
        anyhow::ensure!(
            hits.iter().any(|hit| hit["url"] == item["url"]),
            "searching for {word} finds {} pages, and not {url}",
            hits.len(),
        );
        let page = client.get(&format!("/search?q={word}"))?;
        anyhow::ensure!(page.status() == 200, "the search page for {word}");
    }
    Ok(listed.len())
}
