//! A page of text, alone or within a course.
//!
//! Invariant: between `<article class="text" id="text">` and `</article>` stands exactly what
//! `markdown::render` made.

use maud::{Markup, html};

use super::layout::{Head, Kind, SearchBox, article, document};
use super::model::{Page, Site};
use super::parts::{byline, contents_list, date, license, lines, position, tags};

/// Writes a page of text.
#[must_use]
pub fn page(site: &Site, page: &Page) -> Markup {
    let strings = site.language.strings();
    let words = &strings.reading;
    let lines = page.course.as_ref().map(lines).unwrap_or_default();
    let content = html! {
        div.(if page.course.is_some() { "beside" } else { "wide" }) {
            @if let Some(course) = &page.course {
                nav.aside aria-label=(words.contents) {
                    p.course lang=(page.language) { a href=(course.href) { (course.title) } }
                    div lang=(page.language) { (contents_list(site, course, &lines, &page.href)) }
                }
            }
            div.reading {
                header.title lang=(page.language) {
                    @if let Some(course) = &page.course {
                        p.crumb { a href=(course.href) { (course.title) } }
                    }
                    h1 { (page.title) }
                    div lang=(site.language.tag()) { (byline(site, &page.byline, page.minutes)) }
                }
                @if let Some(course) = &page.course {
                    details.contents {
                        summary {
                            (words.contents)
                            @if let Some((at, count)) = position(&lines, &page.href) {
                                span.meta { (strings.position(at, count)) }
                            }
                        }
                        div lang=(page.language) { (contents_list(site, course, &lines, &page.href)) }
                    }
                }
                div lang=(page.language) { (article(&page.article.html)) }
                (turn(site, page))
                (colophon(site, page))
            }
        }
    };
    let head = Head {
        title: &page.title,
        description: &page.summary,
        href: Some(&page.href),
        record_href: Some(&page.byline.record_href),
        kind: Kind::Article,
        search: SearchBox::Header,
    };
    document(site, &head, &content)
}

fn turn(site: &Site, page: &Page) -> Markup {
    let words = &site.language.strings().reading;
    html! {
        @if page.previous.is_some() || page.next.is_some() {
            nav.turn aria-label=(words.turn) {
                @if let Some(previous) = &page.previous {
                    a.previous rel="prev" href=(previous.href) {
                        span { (words.previous) }
                        b lang=(page.language) { (previous.title) }
                    }
                }
                @if let Some(next) = &page.next {
                    a.next rel="next" href=(next.href) {
                        span { (words.next) }
                        b lang=(page.language) { (next.title) }
                    }
                }
            }
        }
    }
}

fn colophon(site: &Site, page: &Page) -> Markup {
    let words = &site.language.strings().reading;
    html! {
        dl.colophon {
            div { dt { (words.license) } dd { (license(site, page.license.as_ref())) } }
            div {
                dt { (words.last_changed) }
                dd { (date(site, page.byline.signed_at)) " · " a href=(page.byline.history_href) { (words.history) } }
            }
            @if !page.tags.is_empty() {
                div { dt { (words.tags) } dd { (tags(&page.tags)) } }
            }
        }
    }
}
