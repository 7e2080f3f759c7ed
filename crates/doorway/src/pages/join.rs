//! The page for those who want to join, where the address of an invite leads.

use doorway_core::sign_up::Policy;
use maud::{Markup, html};

use super::layout::{Head, Kind, document};
use super::model::Site;

/// Writes the page. It does not know the code of an invite: that stays in the reader's browser.
#[must_use]
pub fn join(site: &Site, policy: Policy) -> Markup {
    let words = &site.language.strings().join;
    let lead = match policy {
        Policy::Open => words.open,
        Policy::Invite => words.invite,
        Policy::Approval => words.approval,
    };
    let content = html! {
        div.wide {
            div.reading {
                header.title {
                    h1 { (words.title) ": " (site.name) }
                    p.lead { (lead) }
                }
                h2 { "1. " (words.get_title) }
                p { (words.get_text) }
                h2 { "2. " (words.run_title) }
                p { (words.run_text) }
                pre { code { "commonhold join '" (site.origin) "/join#" (words.code) "'" } }
                h2 { "3. " (words.then_title) }
                p { (words.then_text) }
                pre { code { "commonhold publish my-course --to " (site.origin) } }
                p { (words.secret) }
            }
        }
    };
    let head = Head {
        href: Some("/join"),
        ..Head::titled(words.title, Kind::Unlisted)
    };
    document(site, &head, &content)
}
