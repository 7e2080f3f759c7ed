//! The search page: the box, and what was found.

use maud::{Markup, html};

use super::layout::{Head, Kind, SearchBox, document, search_form};
use super::model::{Found, Search, Site};
use super::parts::date;

/// Writes the search page.
#[must_use]
pub fn search(site: &Site, search: &Search) -> Markup {
    let strings = site.language.strings();
    let words = &strings.search;
    let query = search.query.trim();
    let content = html! {
        div.wide.narrow {
            header.title {
                h1 { (words.title) }
                (search_form(site, query, "main-q"))
                @if query.is_empty() { p { (words.prompt) } }
            }
            @if !query.is_empty() && search.found.is_empty() {
                section.empty {
                    h2 { (words.none_title) }
                    p { (strings.results(search.total, query)) }
                    p { (words.none_text) }
                }
            }
            @if !search.found.is_empty() {
                h2.count { (strings.results(search.total, query)) }
                ul.list.found { @for found in &search.found { (result(site, found)) } }
                (pager(site, search))
            }
        }
    };
    let title = if query.is_empty() {
        words.title.to_owned()
    } else {
        format!("{query} – {}", words.title)
    };
    let head = Head {
        search: SearchBox::Page,
        ..Head::titled(&title, Kind::Unlisted)
    };
    document(site, &head, &content)
}

fn result(site: &Site, found: &Found) -> Markup {
    let words = &site.language.strings().search;
    html! {
        li lang=(found.language) {
            h3 { a href=(found.href) { (found.title) } }
            p {
                @for piece in &found.snippet {
                    @if piece.is_match { mark { (piece.text) } } @else { (piece.text) }
                }
            }
            p.meta lang=(site.language.tag()) {
                @if let Some(course) = &found.course { span { (words.in_course) " " (course) } }
                span { (found.author) }
                span { (date(site, found.changed_at)) }
            }
        }
    }
}

fn pager(site: &Site, search: &Search) -> Markup {
    let strings = site.language.strings();
    let words = &strings.search;
    let to = search.from + (search.found.len() as u64).saturating_sub(1);
    html! {
        @if search.newer_href.is_some() || search.older_href.is_some() {
            nav.pager aria-label=(words.pager) {
                span {
                    @if let Some(href) = &search.newer_href { a.button.plain rel="prev" href=(href) { (words.newer) } }
                }
                span.meta { (strings.span(search.from, to, search.total)) }
                span {
                    @if let Some(href) = &search.older_href { a.button.plain rel="next" href=(href) { (words.older) } }
                }
            }
        }
    }
}
