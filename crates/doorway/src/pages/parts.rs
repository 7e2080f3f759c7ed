//! Parts that several pages share: cards, bylines, dates, keys, contents.

use maud::{Markup, html};

use super::model::{Byline, Contents, CourseCard, License, PageCard, Place, Site};
use super::strings::machine_time;

/// Most places that the contents beside a page show; the course's own page shows all.
pub const PLACES_SHOWN_MAX: usize = 60;

/// How deep sections may nest before they are shown level.
const SECTION_DEPTH_MAX: usize = 4;

/// Writes a day that programs can read too.
pub(super) fn date(site: &Site, micros: i64) -> Markup {
    html! { time datetime=(machine_time(micros)) { (site.language.strings().date(micros)) } }
}

/// Writes "By … · date · Signed · 12 min".
pub(super) fn byline(site: &Site, byline: &Byline, minutes: u32) -> Markup {
    let strings = site.language.strings();
    let words = &strings.reading;
    html! {
        p.byline {
            span { (words.by) " " a href=(byline.author_href) { (byline.author) } }
            span { (date(site, byline.signed_at)) }
            @if minutes > 0 { span { (strings.minutes(minutes)) } }
            a.signed href=(byline.proof_href) title=(words.signed_hint) { (words.signed) }
        }
    }
}

/// Writes a key or hash in groups of four; copied, it is one word.
pub(super) fn key(text: &str) -> Markup {
    let characters: Vec<char> = text.chars().collect();
    html! {
        code.key {
            @for group in characters.chunks(4) {
                span { (group.iter().collect::<String>()) } wbr;
            }
        }
    }
}

/// Writes a licence's name, linked where its text is known.
pub(super) fn license(site: &Site, license: Option<&License>) -> Markup {
    html! {
        @match license {
            Some(License { name, href: Some(href) }) => a href=(href) rel="license noopener" { (name) },
            Some(License { name, href: None }) => (name),
            None => (site.language.strings().reading.license_none),
        }
    }
}

/// Writes tags as links to a search for them.
pub(super) fn tags(tags: &[String]) -> Markup {
    html! {
        ul.tags {
            @for tag in tags {
                li { a href={ "/search?q=" (super::query_value(tag)) } { (tag) } }
            }
        }
    }
}

/// Writes courses as cards.
pub(super) fn course_cards(site: &Site, courses: &[CourseCard]) -> Markup {
    let strings = site.language.strings();
    html! {
        ul.cards {
            @for course in courses {
                li.card lang=(course.language) {
                    h3 { a href=(course.href) { (course.title) } }
                    @if !course.description.is_empty() { p { (course.description) } }
                    p.meta lang=(site.language.tag()) {
                        span { (strings.pages(course.page_count)) }
                        span { (course.author) }
                        span { (date(site, course.changed_at)) }
                    }
                }
            }
        }
    }
}

/// Writes pages as a list.
pub(super) fn page_list(site: &Site, pages: &[PageCard]) -> Markup {
    html! {
        ul.list {
            @for page in pages {
                li lang=(page.language) {
                    h3 { a href=(page.href) { (page.title) } }
                    @if !page.summary.is_empty() { p { (page.summary) } }
                    p.meta lang=(site.language.tag()) {
                        span { (page.author) }
                        span { (date(site, page.changed_at)) }
                    }
                }
            }
        }
    }
}

/// Writes the whole tree of a course.
pub(super) fn tree(site: &Site, places: &[Place]) -> Markup {
    branch(site, places, 0)
}

fn branch(site: &Site, places: &[Place], depth: usize) -> Markup {
    let strings = site.language.strings();
    html! {
        ol.tree {
            @for place in places {
                li.group[place.href.is_none()] {
                    @match &place.href {
                        Some(href) => a href=(href) { (place.title) },
                        None => span.section { (place.title) },
                    }
                    @if let Some(minutes) = place.minutes.filter(|minutes| *minutes > 0) {
                        " " span.meta { (strings.minutes(minutes)) }
                    }
                    @if !place.children.is_empty() && depth < SECTION_DEPTH_MAX {
                        (branch(site, &place.children, depth + 1))
                    }
                }
            }
        }
    }
}

/// A line of the contents beside a page.
pub(super) struct Line<'c> {
    title: &'c str,
    href: Option<&'c str>,
    depth: usize,
}

/// Returns all lines of a course's contents, sections with their pages below them.
pub(super) fn lines(contents: &Contents) -> Vec<Line<'_>> {
    let mut out = Vec::new();
    let mut left: Vec<(&Place, usize)> = contents
        .places
        .iter()
        .rev()
        .map(|place| (place, 0))
        .collect();
    while let Some((place, depth)) = left.pop() {
        out.push(Line {
            title: &place.title,
            href: place.href.as_deref(),
            depth,
        });
        let below = (depth + 1).min(SECTION_DEPTH_MAX);
        left.extend(place.children.iter().rev().map(|child| (child, below)));
    }
    out
}

/// Returns where among the pages `href` stands, from 1, and how many there are.
pub(super) fn position(lines: &[Line<'_>], href: &str) -> Option<(u64, u64)> {
    let mut pages = lines.iter().filter_map(|line| line.href);
    let at = pages.clone().position(|page| page == href)?;
    let count = pages.by_ref().count();
    Some((at as u64 + 1, count as u64))
}

/// Writes the contents beside a page: all of a short course, the surroundings in a long one.
pub(super) fn contents_list(
    site: &Site,
    contents: &Contents,
    lines: &[Line<'_>],
    href: &str,
) -> Markup {
    let words = &site.language.strings().reading;
    let at = lines
        .iter()
        .position(|line| line.href == Some(href))
        .unwrap_or(0);
    let start = at
        .saturating_sub(PLACES_SHOWN_MAX / 2)
        .min(lines.len().saturating_sub(PLACES_SHOWN_MAX));
    let shown = &lines[start..lines.len().min(start + PLACES_SHOWN_MAX)];
    html! {
        ol {
            @for line in shown {
                li.{ "d" (line.depth) } {
                    @match line.href {
                        Some(page) if page == href => a href=(page) aria-current="page" { (line.title) },
                        Some(page) => a href=(page) { (line.title) },
                        None => span.section { (line.title) },
                    }
                }
            }
        }
        @if shown.len() < lines.len() {
            p.all { a href=(contents.href) { (words.contents_all) } }
        }
    }
}
