//! A course in many versions: every page says which one it is, and each version has a drawing of its own.
//!
//! What a reader must be shown of a page follows from its number and version alone, byte by byte.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scraper::{Html, Selector};
use serde_json::Value;

use super::community::{list, text};
use super::files;
use super::http::Client;

/// A word that stands on every page.
pub(super) const WORD: &str = "commonplace";

/// The course's slug.
pub(super) const SLUG: &str = "lesson";

/// Pages in one section.
const SECTION: u32 = 20;

/// The course in a folder, and the version in which it lies there.
#[derive(Clone, Debug)]
pub(super) struct Lesson {
    folder: PathBuf,
    pages: u32,
    added: u32,
    version: u32,
}

impl Lesson {
    /// Writes version 1 into a new folder; each later version has `added` pages more.
    pub(super) fn write(folder: PathBuf, pages: u32, added: u32) -> anyhow::Result<Self> {
        let images = folder.join("images");
        std::fs::create_dir_all(&images).with_context(|| format!("make {}", images.display()))?;
        let lesson = Self {
            folder,
            pages,
            added,
            version: 1,
        };
        lesson.save()?;
        Ok(lesson)
    }

    /// Writes the next version over this one: every page changes, and some come.
    pub(super) fn advance(&mut self) -> anyhow::Result<()> {
        self.version += 1;
        self.pages += self.added;
        self.save()
    }

    /// Returns the folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the version that lies in the folder.
    pub(super) const fn version(&self) -> u32 {
        self.version
    }

    /// Returns how many pages it has.
    pub(super) const fn pages(&self) -> u32 {
        self.pages
    }

    fn save(&self) -> anyhow::Result<()> {
        let write = |name: &str, contents: &str| {
            let file = self.folder.join(name);
            std::fs::write(&file, contents).with_context(|| format!("write {}", file.display()))
        };
        let mut config = format!("title: A lesson\nslug: {SLUG}\nlicence: CC0-1.0\norder:\n");
        for page in 0..self.pages {
            if page % SECTION == 0 {
                config.push_str(&format!(
                    "  - title: Section {}\n    pages:\n",
                    page / SECTION
                ));
            }
            config.push_str(&format!("      - {}.md\n", slug(page)));
            let image = format!("images/{}.svg", slug(page));
            let heading = format!("# Page {page}");
            let body = body(page, self.version, &image);
            write(&format!("{}.md", slug(page)), &(heading + &body))?;
            write(&image, &drawing(page, self.version))?;
        }
        write("config.yaml", &config)
    }

    /// Checks that a doorway shows this version of every page, and nothing else.
    pub(super) fn check(&self, client: &mut Client) -> anyhow::Result<()> {
        let items = list(client, "content")?;
        anyhow::ensure!(
            items.len() == self.pages as usize,
            "{} pages are listed, {} were published",
            items.len(),
            self.pages
        );
        for item in items {
            let page = page_of(text(&item, "/slug")?)?;
            let view = client.json(&format!("/api/v1/cache/content/{}", text(&item, "/id")?))?;
            let version = version_of_item(page, &view)?;
            let wanted = self.version;
            anyhow::ensure!(
                version == wanted,
                "page {page} is in version {version}, not {wanted}"
            );
        }
        Ok(())
    }
}

/// Returns the slug of a page.
pub(super) fn slug(page: u32) -> String {
    format!("page-{page:04}")
}

/// Returns which page has a slug.
pub(super) fn page_of(slug: &str) -> anyhow::Result<u32> {
    let number = slug
        .strip_prefix("page-")
        .and_then(|digits| digits.parse().ok());
    number.with_context(|| format!("{slug} is no page of the lesson"))
}

/// Returns which version of a page an item is; its text must be exactly that one.
pub(super) fn version_of_item(page: u32, item: &Value) -> anyhow::Result<u32> {
    let shown = text(item, "/content/body")?;
    let version = version_in(shown)?;
    let wanted = body(
        page,
        version,
        &format!("/store/{}", drawing_hash(page, version)),
    );
    anyhow::ensure!(
        shown == wanted,
        "page {page} in version {version} is {shown:?}"
    );
    Ok(version)
}

/// Returns which version of a page a page for people is; its words and its picture must be exactly those.
pub(super) fn version_of_html(page: u32, html: &str) -> anyhow::Result<u32> {
    let document = Html::parse_document(html);
    let selector = |text: &str| Selector::parse(text).expect("the selector is well-formed");
    let article = document.select(&selector("article#text")).next();
    let article = article.with_context(|| format!("page {page} has no text: {html}"))?;
    let shown = words(&article.text().collect::<String>());
    let version = version_in(&shown)?;
    let lines = body(page, version, "");
    let wanted: Vec<&str> = lines
        .lines()
        .filter(|line| !line.starts_with('!'))
        .collect();
    let wanted = words(&wanted.join(" "));
    anyhow::ensure!(
        shown == wanted,
        "page {page} in version {version} reads {shown:?}"
    );
    let picture = article.select(&selector("img")).next();
    let source = picture
        .and_then(|picture| picture.value().attr("src"))
        .unwrap_or_default();
    let wanted = format!("/store/{}", drawing_hash(page, version));
    anyhow::ensure!(
        source == wanted,
        "page {page} in version {version} shows {source:?}"
    );
    Ok(version)
}

/// Draws a page's picture; no two are the same.
pub(super) fn drawing(page: u32, version: u32) -> String {
    let mut drawing =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"100\" viewBox=\"0 0 200 100\">\n"
            .to_owned();
    for circle in 0..(5 + page * 7 % 20) {
        let (x, y) = (
            (page * 13 + circle * 29) % 200,
            (version * 5 + circle * 17) % 100,
        );
        drawing.push_str(&format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\"/>\n",
            1 + circle % 9
        ));
    }
    drawing.push_str(&format!(
        "<text x=\"4\" y=\"96\">{page} in {version}</text>\n</svg>\n"
    ));
    drawing
}

/// Returns the hash of a page's picture.
pub(super) fn drawing_hash(page: u32, version: u32) -> String {
    files::sha256(drawing(page, version).as_bytes())
}

/// Writes what stands below a page's heading.
fn body(page: u32, version: u32, image: &str) -> String {
    let mut body = format!(
        "\n\nVersion {version} of page {page}, a {WORD} text.\n\n\
         ![Drawing of page {page} in version {version}]({image})\n\n",
    );
    for line in 0..((page * 7 + version * 3) % 20) {
        body.push_str(&format!(
            "Line {line} of page {page} in version {version} says nothing new.\n\n"
        ));
    }
    body.push_str(&format!("The end of version {version} of page {page}.\n"));
    body
}

/// Reads the version that a text says it is.
fn version_in(text: &str) -> anyhow::Result<u32> {
    let digits = text
        .trim_start()
        .strip_prefix("Version ")
        .and_then(|rest| rest.split(' ').next());
    let version = digits.and_then(|digits| digits.parse().ok());
    version.with_context(|| format!("no version is named in {text:?}"))
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
