//! The proof behind a page, and the list of its versions.

use maud::{Markup, html};

use super::home::{change_class, change_word};
use super::layout::{Head, Kind, document};
use super::model::{History, Proof, Site, Version};
use super::parts::{date, key};
use super::strings::machine_time;

/// Writes the page that shows a signature and how to check it.
#[must_use]
pub fn proof(site: &Site, proof: &Proof) -> Markup {
    let words = &site.language.strings().proof;
    let content = html! {
        div.wide.narrow {
            header.title {
                p.crumb { a href=(proof.href) { (proof.title) } }
                h1 { (words.title) }
                p.lead { (words.lead) }
            }
            section {
                h2 { (words.check) }
                p { (words.check_text) }
                pre { code { "commonhold verify " (proof.verify_url) } }
                p { a href=(proof.record_href) type="application/json" { (words.json) } }
            }
            (record(site, proof))
            section.columns {
                div {
                    h2 { (words.proves) }
                    ul.yes { @for line in words.proves_list { li { (line) } } }
                }
                div {
                    h2 { (words.proves_not) }
                    ul.no { @for line in words.proves_not_list { li { (line) } } }
                }
            }
            p { a.button.plain href=(proof.href) { (words.back) } }
        }
    };
    let title = format!("{}: {}", words.title, proof.title);
    let head = Head {
        record_href: Some(&proof.record_href),
        ..Head::titled(&title, Kind::Unlisted)
    };
    document(site, &head, &content)
}

fn record(site: &Site, proof: &Proof) -> Markup {
    let strings = site.language.strings();
    let words = &strings.proof;
    html! {
        section {
            h2 { (words.record) }
            dl.record {
                dt { (strings.reading.author) } dd { a href=(proof.author_href) { (proof.author) } }
                dt { (words.author_key) } dd { (key(&proof.author_key)) }
                dt { (words.signed_at) }
                dd { time datetime=(machine_time(proof.signed_at)) { (strings.date_time(proof.signed_at)) } }
                dt { (words.action_type) } dd { (proof.action_type) }
                dt { (words.sequence) } dd { (strings.number(u64::from(proof.sequence))) }
                dt { (words.action_hash) } dd { (key(&proof.action_hash)) }
                @if let Some(entry_hash) = &proof.entry_hash {
                    dt { (words.entry_hash) } dd { (key(entry_hash)) }
                }
                dt { (words.signature) } dd { (key(&proof.signature)) }
                dt { (words.dna_hash) } dd { (key(&proof.dna_hash)) }
            }
        }
    }
}

/// Writes the list of a page's versions.
#[must_use]
pub fn history(site: &Site, history: &History) -> Markup {
    let words = &site.language.strings().reading;
    let count = history.versions.len();
    let content = html! {
        div.wide.narrow {
            header.title {
                p.crumb { a href=(history.href) { (history.title) } }
                h1 { (words.history) }
                p.lead { (words.history_lead) }
            }
            ol.versions {
                @for (idx, version) in history.versions.iter().enumerate() {
                    (version_line(site, version, count - idx))
                }
            }
        }
    };
    let title = format!("{}: {}", words.history, history.title);
    document(site, &Head::titled(&title, Kind::Unlisted), &content)
}

fn version_line(site: &Site, version: &Version, number: usize) -> Markup {
    let words = &site.language.strings().reading;
    let name = format!("{} {number}", words.version);
    html! {
        li {
            h2 {
                @match &version.href {
                    Some(href) => a href=(href) { (name) },
                    None => (name),
                }
                @if version.is_current { " " span.state.current { (words.current) } }
            }
            p.meta {
                span.state.(change_class(version.kind)) { (change_word(site, version.kind)) }
                span { (date(site, version.at)) }
                span { (version.author) }
                a.signed href=(version.proof_href) { (words.proof) }
            }
            (key(&version.action_hash))
        }
    }
}
