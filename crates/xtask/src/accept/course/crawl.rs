//! Reading everything that can be reached from the home page by links, as a visitor without JavaScript does.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::net::SocketAddr;

use anyhow::Context as _;

use super::page::{Link, Page, Role};
use crate::accept::files;
use crate::accept::http::{Answer, Client};

/// Most addresses that are followed; more would be a page that links to ever new ones.
const ADDRESSES_MAX: usize = 20_000;

/// Something that was fetched.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The page with the first link to it.
    pub(super) from: String,
    /// Status of the answer.
    pub(super) status: u16,
    /// Its media type.
    pub(super) media_type: String,
    /// How many bytes came over the wire, compressed where the doorway does so.
    pub(super) wire_bytes: usize,
    /// SHA-256 of the body, in hex.
    pub(super) hash: String,
    /// What it is.
    pub(super) what: What,
}

/// What was fetched, as far as anybody asks.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A page for people.
    Page(Box<Page>),
    /// A picture, with its size in pixels where its format has one.
    Image(Option<(usize, usize)>),
    /// Anything else.
    Other,
}

/// Everything that was reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Crawl {
    /// What was fetched, by path and query.
    pub(super) seen: BTreeMap<String, Seen>,
}

impl Crawl {
    /// Follows all links from the home page on.
    pub(super) fn of(address: SocketAddr) -> anyhow::Result<Self> {
        let mut client = Client::new(address);
        let mut crawl = Self::default();
        let mut open = VecDeque::from([("/".to_owned(), String::new())]);
        while let Some((path, from)) = open.pop_front() {
            if crawl.seen.contains_key(&path) {
                continue;
            }
            anyhow::ensure!(
                crawl.seen.len() < ADDRESSES_MAX,
                "the links never end: {path}"
            );
            let answer = client.ask("GET", &path, &[("accept-encoding", "gzip")])?;
            let (seen, links) =
                read(answer, address, &path, from).with_context(|| format!("read {path}"))?;
            open.extend(links.into_iter().map(|link| (link.target, path.clone())));
            crawl.seen.insert(path, seen);
        }
        Ok(crawl)
    }

    /// Returns the pages for people, by their addresses.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&str, &Seen, &Page)> {
        self.seen
            .iter()
            .filter_map(|(path, seen)| match &seen.what {
                What::Page(page) => Some((path.as_str(), seen, page.as_ref())),
                What::Image(_) | What::Other => None,
            })
    }

    /// Returns one page.
    pub(super) fn page(&self, path: &str) -> anyhow::Result<&Page> {
        match self.seen.get(path).map(|seen| &seen.what) {
            Some(What::Page(page)) => Ok(page),
            Some(What::Image(_) | What::Other) => anyhow::bail!("{path} is no page"),
            None => anyhow::bail!("{path} was not reached"),
        }
    }
}

/// Reads an answer; returns what it links to as well.
fn read(
    answer: Answer,
    address: SocketAddr,
    path: &str,
    from: String,
) -> anyhow::Result<(Seen, Vec<Link>)> {
    let wire_bytes = answer.body.len();
    let body = unpacked(&answer)?;
    let media_type = answer.media_type().to_owned();
    let mut links = Vec::new();
    let what = match media_type.as_str() {
        "text/html" => {
            let html = std::str::from_utf8(&body).context("a page is UTF-8")?;
            let page = Page::read(html, address, path);
            links.clone_from(&page.links);
            What::Page(Box::new(page))
        }
        "text/css" => {
            links = styles(
                std::str::from_utf8(&body).context("a style sheet is UTF-8")?,
                address,
                path,
            );
            What::Other
        }
        "image/svg+xml" => {
            let text = std::str::from_utf8(&body).context("a drawing is UTF-8")?;
            anyhow::ensure!(text.contains("<svg"), "there is no drawing in it");
            What::Image(None)
        }
        image if image.starts_with("image/") => {
            let size = imagesize::blob_size(&body).context("read the picture's size")?;
            What::Image(Some((size.width, size.height)))
        }
        _ => What::Other,
    };
    let seen = Seen {
        from,
        status: answer.status(),
        media_type,
        wire_bytes,
        hash: files::sha256(&body),
        what,
    };
    Ok((seen, links))
}

fn unpacked(answer: &Answer) -> anyhow::Result<Vec<u8>> {
    match answer.head.field("content-encoding") {
        None => Ok(answer.body.clone()),
        Some("gzip") => {
            let mut body = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(answer.body.as_slice());
            decoder.read_to_end(&mut body).context("unpack it")?;
            Ok(body)
        }
        Some(other) => anyhow::bail!("it is packed as {other}, which was not asked for"),
    }
}

/// Finds what a style sheet loads.
fn styles(sheet: &str, address: SocketAddr, path: &str) -> Vec<Link> {
    let parts = sheet.split("url(").skip(1);
    let addresses = parts.filter_map(|part| part.split(')').next());
    let html: String = addresses
        .map(|to| format!("<source src=\"{}\">", to.trim_matches(['"', '\'', ' '])))
        .collect();
    let mut links = Page::read(&html, address, path).links;
    for link in &mut links {
        link.role = Role::Way;
    }
    links
}
