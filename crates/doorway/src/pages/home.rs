//! The home page: courses, loose pages, latest changes, or the first step where there is nothing.

use maud::{Markup, html};

use super::layout::{Head, Kind, SearchBox, document};
use super::model::{Change, ChangeKind, Home, Site};
use super::parts::{course_cards, date, page_list};

/// Writes the home page.
#[must_use]
pub fn home(site: &Site, home: &Home) -> Markup {
    let words = &site.language.strings().reading;
    let is_empty = home.courses.is_empty() && home.pages.is_empty();
    let content = html! {
        div.wide {
            header.title {
                h1 { (site.name) }
                @if !home.about.is_empty() { p.lead { (home.about) } }
            }
            @if is_empty { (first_step(site)) }
            @if !home.courses.is_empty() {
                section {
                    h2 { (words.courses) }
                    (course_cards(site, &home.courses))
                }
            }
            @if !home.pages.is_empty() {
                section {
                    h2 { (words.loose_pages) }
                    (page_list(site, &home.pages))
                }
            }
            @if !home.changes.is_empty() {
                section {
                    h2 { (words.changes) }
                    ul.changes { @for change in &home.changes { (change_line(site, change)) } }
                }
            }
        }
    };
    let head = Head {
        title: &site.name,
        description: &home.about,
        href: Some("/"),
        record_href: None,
        kind: Kind::Website,
        search: SearchBox::Header,
    };
    document(site, &head, &content)
}

fn first_step(site: &Site) -> Markup {
    let words = &site.language.strings().reading;
    html! {
        section.empty {
            h2 { (words.empty_title) }
            p { (words.empty_text) }
            p { (words.empty_step) }
            pre { code { "commonhold publish docs/handbook --to " (site.origin) } }
        }
    }
}

/// Returns the word for what happened.
pub(super) fn change_word(site: &Site, kind: ChangeKind) -> &'static str {
    let words = &site.language.strings().reading;
    match kind {
        ChangeKind::Created => words.created,
        ChangeKind::Changed => words.changed,
        ChangeKind::Withdrawn => words.withdrawn,
    }
}

/// Returns the class that gives a change its shape.
pub(super) fn change_class(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Created => "created",
        ChangeKind::Changed => "changed",
        ChangeKind::Withdrawn => "withdrawn",
    }
}

fn change_line(site: &Site, change: &Change) -> Markup {
    html! {
        li {
            span.state.(change_class(change.kind)) { (change_word(site, change.kind)) }
            span.what {
                @match &change.href {
                    Some(href) => a href=(href) { (change.title) },
                    None => (change.title),
                }
            }
            span.meta { (change.author) }
            span.meta { (date(site, change.at)) }
        }
    }
}
