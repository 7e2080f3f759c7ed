//! The frame around every page: head, header, footer.
//!
//! Invariants: no script, no inline style; one `main`; `lang` is the reader's language, and what is
//! written in another says so where it stands.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets;
use super::mark::sign;
use super::model::Site;

/// What a page says about itself in its head.
pub(super) struct Head<'h> {
    /// Title of the page; the community's name follows it.
    pub(super) title: &'h str,
    /// For search engines and previews; may be empty.
    pub(super) description: &'h str,
    /// Address of this page on this host.
    pub(super) href: Option<&'h str>,
    /// Address of the signed record behind it.
    pub(super) record_href: Option<&'h str>,
    /// Open Graph's type.
    pub(super) kind: Kind,
    /// Whether the header has a search box; a page with one of its own needs no second.
    pub(super) search: SearchBox,
}

/// Where a page's search box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchBox {
    /// In the header.
    Header,
    /// In the page.
    Page,
}

/// What a page is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of the place, to be found.
    Website,
    /// A text by an author.
    Article,
    /// Not to be listed: results, problems.
    Unlisted,
}

impl<'h> Head<'h> {
    /// A page that only has a title.
    pub(super) fn titled(title: &'h str, kind: Kind) -> Self {
        Self {
            title,
            description: "",
            href: None,
            record_href: None,
            kind,
            search: SearchBox::Header,
        }
    }
}

/// Writes a whole document around `content`, which is the inside of `main`.
pub(super) fn document(site: &Site, head: &Head<'_>, content: &Markup) -> Markup {
    framed(site, head, None, content)
}

/// Writes a document that browsers fetch again after some seconds.
pub(super) fn refreshed(site: &Site, head: &Head<'_>, secs: u32, content: &Markup) -> Markup {
    framed(site, head, Some(secs), content)
}

fn framed(site: &Site, head: &Head<'_>, refresh_secs: Option<u32>, content: &Markup) -> Markup {
    let words = &site.language.strings().frame;
    html! {
        (DOCTYPE)
        html lang=(site.language.tag()) {
            (document_head(site, head, refresh_secs))
            body {
                a.skip href="#main" { (words.skip) }
                header.site {
                    div.inner {
                        a.name href="/" { (sign()) span { (site.name) } }
                        @if head.search == SearchBox::Header {
                            (search_form(site, "", "header-q"))
                            a.find href="/search" { (words.search) }
                        }
                    }
                }
                main #main tabindex="-1" { (content) }
                footer.site {
                    div.inner {
                        p { (words.about) " " (words.signed_by) }
                        p.small {
                            a href="/openapi.json" { (words.api) }
                            " · " (words.version) " " (site.version)
                        }
                    }
                }
            }
        }
    }
}

fn document_head(site: &Site, head: &Head<'_>, refresh_secs: Option<u32>) -> Markup {
    let title = if head.title == site.name {
        site.name.clone()
    } else {
        format!("{} · {}", head.title, site.name)
    };
    let canonical = head.href.map(|href| format!("{}{href}", site.origin));
    let (og_kind, locale) = (
        if head.kind == Kind::Article {
            "article"
        } else {
            "website"
        },
        match site.language {
            super::strings::Language::English => "en_GB",
            super::strings::Language::German => "de_DE",
        },
    );
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            @if let Some(secs) = refresh_secs { meta http-equiv="refresh" content=(secs); }
            title { (title) }
            @if !head.description.is_empty() {
                meta name="description" content=(head.description);
            }
            @if head.kind == Kind::Unlisted { meta name="robots" content="noindex"; }
            meta name="generator" content={ "Commonhold " (site.version) };
            meta name="color-scheme" content="light dark";
            meta name="theme-color" content="#FBF8F1" media="(prefers-color-scheme: light)";
            meta name="theme-color" content="#161412" media="(prefers-color-scheme: dark)";
            @for font in assets::preloads() {
                link rel="preload" as="font" type="font/woff2" href=(font) crossorigin media="(min-width: 48rem)";
            }
            link rel="stylesheet" href=(assets::style_href());
            link rel="icon" type="image/svg+xml" href=(assets::icon_href());
            link rel="search" type="text/html" href="/search";
            @if let Some(canonical) = &canonical {
                link rel="canonical" href=(canonical);
                meta property="og:url" content=(canonical);
            }
            @if let Some(record) = head.record_href {
                link rel="alternate" type="application/json" href=(record);
            }
            meta property="og:title" content=(head.title);
            meta property="og:type" content=(og_kind);
            meta property="og:site_name" content=(site.name);
            meta property="og:locale" content=(locale);
            @if !head.description.is_empty() {
                meta property="og:description" content=(head.description);
            }
        }
    }
}

/// Writes a search box; `id` tells the boxes of one page apart.
pub(super) fn search_form(site: &Site, query: &str, id: &str) -> Markup {
    let words = &site.language.strings().frame;
    html! {
        form.search role="search" action="/search" method="get" {
            label.unseen for=(id) { (words.search_label) }
            input #(id) type="search" name="q" value=(query) placeholder=(words.search_label)
                autocomplete="off" maxlength="200";
            button type="submit" { (words.search) }
        }
    }
}

/// Writes a rendered text with nothing added, so that a verifier can compare it.
pub(super) fn article(html: &str) -> Markup {
    PreEscaped(format!(
        "<article class=\"text\" id=\"text\">{html}</article>"
    ))
}
