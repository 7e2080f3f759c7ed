//! The page of a course: what it is, who published it, its contents in order.

use maud::{Markup, html};

use super::layout::{Head, Kind, SearchBox, article, document};
use super::model::{Course, Site};
use super::parts::{byline, license, tags, tree};

/// Writes the page of a course.
#[must_use]
pub fn course(site: &Site, course: &Course) -> Markup {
    let strings = site.language.strings();
    let words = &strings.reading;
    let content = html! {
        div.wide {
            header.title lang=(course.language) {
                p.crumb lang=(site.language.tag()) { (words.course) }
                h1 { (course.contents.title) }
                @if !course.description.is_empty() { p.lead { (course.description) } }
                div lang=(site.language.tag()) { (byline(site, &course.byline, 0)) }
            }
            @if let Some(start) = &course.start_href {
                p.act { a.button href=(start) { (words.start) } }
            }
            div.course {
                div.reading lang=(course.language) {
                    section.contents {
                        h2 lang=(site.language.tag()) { (words.contents) }
                        @if course.contents.places.is_empty() {
                            p lang=(site.language.tag()) { (words.contents_none) }
                        } @else {
                            (tree(site, &course.contents.places))
                        }
                    }
                    @if let Some(introduction) = &course.introduction {
                        h2 lang=(site.language.tag()) { (words.about_course) }
                        (article(&introduction.html))
                    }
                    @if !course.attribution.is_empty() {
                        section.attribution {
                            h2 lang=(site.language.tag()) { (words.about_course) }
                            p.small { (course.attribution) }
                        }
                    }
                }
                (facts(site, course))
            }
        }
    };
    let head = Head {
        title: &course.contents.title,
        description: &course.description,
        href: Some(&course.contents.href),
        record_href: Some(&course.byline.record_href),
        kind: Kind::Website,
        search: SearchBox::Header,
    };
    document(site, &head, &content)
}

fn facts(site: &Site, course: &Course) -> Markup {
    let strings = site.language.strings();
    let words = &strings.reading;
    html! {
        dl.facts {
            dt { (words.contents) } dd { (strings.pages(course.page_count)) }
            @if course.minutes > 0 {
                dt { (words.reading_time) } dd { (strings.minutes(course.minutes)) }
            }
            dt { (words.language) } dd { (strings.language_name(&course.language)) }
            dt { (words.license) } dd { (license(site, course.license.as_ref())) }
            @if !course.tags.is_empty() {
                dt { (words.tags) } dd { (tags(&course.tags)) }
            }
            dt { (words.history) } dd { a href=(course.byline.history_href) { (words.history_lead) } }
        }
    }
}
