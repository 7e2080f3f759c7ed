//! Pages for people: the text between the marks must be what the signed record renders to.

use api::proof::Proven;
use base::{Code, ContentHash, Problem};
use chain::Item;
use client::Answer;
use url::Url;

/// Before and after the rendered text of a page.
const ARTICLE: (&str, &str) = (r#"<article class="text" id="text">"#, "</article>");

/// Before and after a page's title.
const TITLE: (&str, &str) = ("<h1", "</h1>");

/// Finds the proof that a page links to.
pub(super) fn proof_link(answer: &Answer) -> Result<Url, Problem> {
    check_digest(answer)?;
    let nothing = || {
        let detail = format!("{} links to no signed record", answer.address);
        Problem::new(Code::NothingToVerify, detail)
    };
    let html = std::str::from_utf8(&answer.body).map_err(|_| nothing())?;
    let link = html
        .split('<')
        .filter(|tag| tag.starts_with("link "))
        .find(|tag| {
            tag.contains(r#"rel="alternate""#) && tag.contains(r#"type="application/json""#)
        })
        .ok_or_else(nothing)?;
    let href = between(link, r#"href=""#, "\"").ok_or_else(nothing)?;
    let href = href.replace("&amp;", "&");
    answer.address.join(&href).map_err(|_| nothing())
}

/// Compares a page with the item that was proven; says what of it was compared.
pub(super) fn compare(answer: &Answer, proven: &Proven) -> Result<&'static str, Problem> {
    let html = String::from_utf8_lossy(&answer.body);
    let title = match &proven.item {
        Item::Content(content) => &content.title,
        Item::Path(path) => &path.title,
        Item::Profile(profile) => &profile.name,
        Item::BlobManifest(manifest) => &manifest.name,
    };
    let shown = between(&html, TITLE.0, TITLE.1).and_then(|heading| heading.split_once('>'));
    if shown.map(|(_, text)| text.trim()) != Some(escape(title).as_str()) {
        return Err(differs("the page has another title than the signed record"));
    }
    let Item::Content(content) = &proven.item else {
        return Ok("shows the signed title; its lists are the doorway's own");
    };
    let start = html.find(ARTICLE.0).map(|at| at + ARTICLE.0.len());
    let end = html.rfind(ARTICLE.1);
    let article = start.zip(end).and_then(|(start, end)| html.get(start..end));
    if article != Some(doorway::render(content).html.as_str()) {
        return Err(differs(
            "the page shows another text than the signed record",
        ));
    }
    Ok("its title and text are the signed ones; the frame around them is the doorway's own")
}

/// The digest that came with the page (RFC 9530) covers what is not signed: the frame around the text.
fn check_digest(answer: &Answer) -> Result<(), Problem> {
    match answer.digest {
        Some(digest) if digest != ContentHash::of(&answer.body) => Err(differs(
            "the page was changed on the way: its digest does not fit",
        )),
        Some(_) | None => Ok(()),
    }
}

fn differs(detail: &str) -> Problem {
    Problem::new(Code::AnswerDiffers, detail)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

/// Escapes a text as the pages do.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
