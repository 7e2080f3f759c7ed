//! The page of an author: who they say they are, their key, what they published.

use maud::{Markup, html};

use super::layout::{Head, Kind, SearchBox, document};
use super::model::{Author, Site};
use super::parts::{course_cards, key, page_list};

/// Writes the page of an author.
#[must_use]
pub fn author(site: &Site, author: &Author) -> Markup {
    let words = &site.language.strings().reading;
    let paragraphs = author
        .about
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty());
    let content = html! {
        div.wide {
            header.title {
                p.crumb { (words.author) }
                h1 { (author.name) }
                @if author.about.trim().is_empty() {
                    p.quiet { (words.author_no_about) }
                }
                @for paragraph in paragraphs { p.lead { (paragraph) } }
            }
            section.keybox {
                h2 { (words.key) }
                (key(&author.key))
                p.small { (words.key_hint) }
            }
            @if author.courses.is_empty() && author.pages.is_empty() {
                p.quiet { (words.author_none) }
            }
            @if !author.courses.is_empty() {
                section {
                    h2 { (words.courses) }
                    (course_cards(site, &author.courses))
                }
            }
            @if !author.pages.is_empty() {
                section {
                    h2 { (words.loose_pages) }
                    (page_list(site, &author.pages))
                }
            }
        }
    };
    let head = Head {
        title: &author.name,
        description: &author.about,
        href: Some(&author.href),
        record_href: author.record_href.as_deref(),
        kind: Kind::Website,
        search: SearchBox::Header,
    };
    document(site, &head, &content)
}
