//! Pages for what went wrong, and plain texts of the doorway itself.

use maud::{Markup, html};

use super::layout::{Head, Kind, SearchBox, article, document, search_form};
use super::model::{Notice, Problem, Site};

/// Writes the page for an address that leads nowhere.
#[must_use]
pub fn not_found(site: &Site) -> Markup {
    let words = &site.language.strings().problem;
    let content = html! {
        div.wide.narrow {
            header.title {
                p.crumb { "404" }
                h1 { (words.missing_title) }
                p.lead { (words.missing_text) }
            }
            section {
                p { (words.missing_step) }
                (search_form(site, "", "main-q"))
                p { a href="/" { (words.to_home) } }
            }
        }
    };
    let head = Head {
        search: SearchBox::Page,
        ..Head::titled(words.missing_title, Kind::Unlisted)
    };
    document(site, &head, &content)
}

/// Writes the page for any other problem.
#[must_use]
pub fn problem(site: &Site, problem: &Problem) -> Markup {
    let words = &site.language.strings().problem;
    let content = html! {
        div.wide.narrow {
            header.title {
                p.crumb.danger { (problem.code) }
                h1 { (problem.happened) }
            }
            section.problem {
                @if !problem.means.is_empty() {
                    h2 { (words.means) }
                    p { (problem.means) }
                }
                @if !problem.todo.is_empty() {
                    h2 { (words.todo) }
                    p { (problem.todo) }
                }
                p {
                    a href={ "/errors/" (problem.code) } { (words.more) " " (problem.code) }
                    " · "
                    a href="/" { (words.to_home) }
                }
            }
        }
    };
    document(
        site,
        &Head::titled(&problem.happened, Kind::Unlisted),
        &content,
    )
}

/// Writes a text of the doorway itself, such as the explanation of an error.
#[must_use]
pub fn notice(site: &Site, notice: &Notice) -> Markup {
    let content = html! {
        div.wide {
            div.reading lang=(notice.language) {
                header.title { h1 { (notice.title) } }
                (article(&notice.article.html))
            }
        }
    };
    let head = Head {
        href: Some(&notice.href),
        ..Head::titled(&notice.title, Kind::Website)
    };
    document(site, &head, &content)
}
