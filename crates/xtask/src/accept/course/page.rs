//! What a page holds, as a browser would read it: links, marks to jump to, and what a good page must and must not have.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use scraper::{ElementRef, Html, Selector};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Somewhere to go.
    Way,
    /// A picture in the page, or the page's icon.
    Image,
    /// The page's style sheet.
    Style,
    /// A film or sound.
    Media,
}

/// A link to something on the same doorway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Path and query.
    pub(super) target: String,
    /// The mark to jump to; decoded.
    pub(super) fragment: Option<String>,
    /// What it is for.
    pub(super) role: Role,
}

/// A page that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Language of the whole page.
    pub(super) lang: String,
    /// Texts of the headings of the first order.
    pub(super) headings: Vec<String>,
    /// Ids of all elements.
    pub(super) ids: BTreeSet<String>,
    /// All links to the same doorway, in the order of the page.
    pub(super) links: Vec<Link>,
    /// Addresses elsewhere.
    pub(super) elsewhere: u32,
    /// What does not belong into a page, in words.
    pub(super) faults: Vec<String>,
    /// Where the next page is.
    pub(super) next: Option<String>,
    /// The running text of the author.
    pub(super) text: String,
}

/// Attributes that name something to fetch or to go to.
const ADDRESSES: &[&str] = &["href", "src", "poster", "action", "data", "srcset"];

impl Page {
    /// Reads a page that was served at `path` of the doorway at `address`.
    pub(super) fn read(html: &str, address: SocketAddr, path: &str) -> Self {
        let document = Html::parse_document(html);
        let mut page = Self::default();
        for node in document.tree.nodes() {
            if let Some(element) = ElementRef::wrap(node) {
                page.take(element, address, path);
            }
        }
        page.text = texts(
            &document,
            "article#text p:not(.kind), article#text li, article#text dd",
        )
        .join(" ");
        page.headings = texts(&document, "h1");
        page
    }

    fn take(&mut self, element: ElementRef<'_>, address: SocketAddr, path: &str) {
        let name = element.value().name();
        match name {
            "html" => self.lang = element.attr("lang").unwrap_or_default().to_owned(),
            "script" | "iframe" | "object" | "embed" | "base" => {
                self.faults.push(format!("a <{name}>"));
            }
            _ => {}
        }
        if let Some(id) = element.attr("id")
            && !self.ids.insert(id.to_owned())
        {
            self.faults.push(format!("the id {id} twice"));
        }
        if name == "img" {
            self.check_image(element);
        }
        for (attribute, value) in element.value().attrs() {
            if attribute.starts_with("on") {
                self.faults
                    .push(format!("the attribute {attribute} of <{name}>"));
            }
            if attribute == "srcset" {
                for part in value.split(',') {
                    let address_of = part.split_whitespace().next().unwrap_or_default();
                    self.link(element, attribute, address_of, address, path);
                }
            } else if ADDRESSES.contains(&attribute) {
                self.link(element, attribute, value, address, path);
            }
        }
    }

    /// An image has its text and its size, so that nothing moves when it comes.
    fn check_image(&mut self, element: ElementRef<'_>) {
        let has_size = ["width", "height"].iter().all(|name| {
            let size = element.attr(name).and_then(|text| text.parse::<u32>().ok());
            size.is_some_and(|size| size > 0)
        });
        if !has_size || element.attr("alt").is_none() {
            let source = element.attr("src").unwrap_or_default();
            self.faults
                .push(format!("the image {source} without its size or its text"));
        }
    }

    fn link(
        &mut self,
        element: ElementRef<'_>,
        attribute: &str,
        to: &str,
        address: SocketAddr,
        path: &str,
    ) {
        match resolve(to, address, path) {
            Place::Here { target, fragment } => {
                let rel = element.attr("rel").unwrap_or_default();
                if element.value().name() == "a" && words(rel).any(|word| word == "next") {
                    self.next = Some(target.clone());
                }
                self.links.push(Link {
                    target,
                    fragment,
                    role: role(element, attribute),
                });
            }
            Place::Elsewhere => self.elsewhere += 1,
            Place::Script => self.faults.push(format!("the address {to:?}")),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_ascii_whitespace()
}

fn role(element: ElementRef<'_>, attribute: &str) -> Role {
    let rel = element.attr("rel").unwrap_or_default();
    match element.value().name() {
        "img" => Role::Image,
        "video" if attribute == "poster" => Role::Image,
        "video" | "audio" | "source" => Role::Media,
        "link" if words(rel).any(|word| word == "stylesheet") => Role::Style,
        "link" if words(rel).any(|word| word == "icon") => Role::Image,
        _ => Role::Way,
    }
}

fn texts(document: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).expect("the selector is well-formed");
    document
        .select(&selector)
        .map(|element| element.text().collect::<String>())
        .collect()
}

/// Where an address leads.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// To the same doorway.
    Here {
        target: String,
        fragment: Option<String>,
    },
    /// To another server, or to no server.
    Elsewhere,
    /// To a program.
    Script,
}

/// Resolves an address against the page that it stands on (RFC 3986 §5).
fn resolve(to: &str, address: SocketAddr, path: &str) -> Place {
    let to = to.trim();
    let origin = format!("http://{address}");
    let local = to
        .strip_prefix(&origin)
        .filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
    let scheme = to
        .split_once(':')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| {
            scheme
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
        });
    let rest = match (local, scheme) {
        (Some(""), _) => "/",
        (Some(rest), _) => rest,
        (None, Some(scheme))
            if ["javascript", "vbscript"].contains(&scheme.to_ascii_lowercase().as_str()) =>
        {
            return Place::Script;
        }
        (None, Some(_)) => return Place::Elsewhere,
        (None, None) if to.starts_with("//") => return Place::Elsewhere,
        (None, None) => to,
    };
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, fragment)) => (rest, Some(decoded(fragment))),
        None => (rest, None),
    };
    let fragment = fragment.filter(|fragment| !fragment.is_empty());
    let (base, _) = path.split_once('?').unwrap_or((path, ""));
    let target = match rest.chars().next() {
        None => path.to_owned(),
        Some('?') => format!("{base}{rest}"),
        Some('/') => rest.to_owned(),
        Some(_) => join(base, rest),
    };
    Place::Here { target, fragment }
}

/// Joins a relative path to the folder of `base`.
fn join(base: &str, relative: &str) -> String {
    let (relative, query) = match relative.split_once('?') {
        Some((relative, query)) => (relative, format!("?{query}")),
        None => (relative, String::new()),
    };
    let mut segments: Vec<&str> = base.split('/').skip(1).collect();
    segments.pop();
    for segment in relative.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    format!("/{}{query}", segments.join("/"))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests;
