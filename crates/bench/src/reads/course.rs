//! The course that readers ask for: a page whose JSON has 1 KiB, a long page, pages that nobody has read, and blobs.
//!
//! It is published with the ordinary commands. Invariant: the answer for the small page has exactly [`SMALL_BYTES`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use api::ListView;
use base::ContentHash;

use super::answer::Asked;
use super::make;
use crate::community::{Bench, Community};

/// Length of the answer for the small page, in bytes.
pub(super) const SMALL_BYTES: usize = 1_024;

/// Length of the long page's text, in bytes: its page has some 10 KiB when it is packed.
const LONG_BYTES: usize = 40_000;

/// Pages that are asked for once.
const COLD: usize = 40;

/// A first guess at the small page's text, in bytes; what is missing is known then, but for letters that JSON escapes.
const GUESS_BYTES: usize = 300;

/// How often the small page is published at most until its answer has its length.
const TRIES: usize = 6;

/// A blob: its name in the folder and its length in bytes.
const BLOBS: [(&str, usize); 3] = [
    ("64-kib.bin", 64 << 10),
    ("1-mib.bin", 1 << 20),
    ("50-mib.bin", 50 << 20),
];

/// Which blob.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blob {
    /// 64 KiB.
    Kib64 = 0,
    /// 1 MiB.
    Mib1 = 1,
    /// 50 MiB.
    Mib50 = 2,
}

/// A community with the course.
#[derive(Debug)]
pub(super) struct Published {
    /// The doorway.
    pub(super) community: Community,
    home: PathBuf,
    ids: BTreeMap<String, String>,
    blobs: Vec<(PathBuf, ContentHash)>,
}

impl Published {
    /// Starts a community in a new home folder and publishes the course.
    pub(super) fn start(bench: &Bench, home: &Path) -> anyhow::Result<Self> {
        Self::start_with(bench, home, &[])
    }

    /// The same with further variables of the environment.
    pub(super) fn start_with(
        bench: &Bench,
        home: &Path,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let folder = home.join("course");
        let blobs = write(&folder)?;
        let community = Community::start_with(bench, home, &["--empty"], environment)?;
        let mut published = Self {
            community,
            home: home.to_owned(),
            ids: BTreeMap::new(),
            blobs,
        };
        let mut text = GUESS_BYTES;
        for _ in 0..TRIES {
            published.publish(bench, &folder, text)?;
            let len = published.small()?.fetch(published.address())?.body.len();
            if len == SMALL_BYTES {
                return Ok(published);
            }
            text = (text + SMALL_BYTES)
                .checked_sub(len)
                .context("the answer is long")?;
        }
        anyhow::bail!("the small page never has {SMALL_BYTES} bytes")
    }

    /// Ends it and starts it again over the same folder, so that its memory is as new.
    pub(super) fn again(self, bench: &Bench) -> anyhow::Result<Self> {
        let Self {
            community,
            home,
            ids,
            blobs,
        } = self;
        community.end()?;
        Ok(Self {
            community: Community::start(bench, &home, &["--empty"])?,
            home,
            ids,
            blobs,
        })
    }

    /// Ends it; returns the home folder.
    pub(super) fn end(self) -> anyhow::Result<PathBuf> {
        self.community.end()?;
        Ok(self.home)
    }

    /// Returns where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.community.address()
    }

    /// Asks for the JSON of the small page.
    pub(super) fn small(&self) -> anyhow::Result<Asked> {
        self.content("small")
    }

    /// Asks for the long page as a browser does, packed.
    pub(super) fn long(&self) -> Asked {
        Asked::path("/courses/reads/long").with("accept-encoding: br")
    }

    /// Asks for a page that is asked for only once; an error when there are not so many.
    pub(super) fn cold(&self, index: usize) -> anyhow::Result<Asked> {
        self.content(&cold(index))
    }

    /// Asks for a blob.
    pub(super) fn blob(&self, blob: Blob) -> Asked {
        Asked::path(format!("/store/{}", self.blobs[blob as usize].1))
    }

    /// Returns the bytes of a blob.
    pub(super) fn bytes(&self, blob: Blob) -> anyhow::Result<Vec<u8>> {
        let path = &self.blobs[blob as usize].0;
        std::fs::read(path).with_context(|| format!("read {}", path.display()))
    }

    fn content(&self, slug: &str) -> anyhow::Result<Asked> {
        let id = self
            .ids
            .get(slug)
            .with_context(|| format!("no page is called {slug}"))?;
        Ok(Asked::path(format!("/api/v1/cache/content/{id}")))
    }

    fn publish(&mut self, bench: &Bench, folder: &Path, small: usize) -> anyhow::Result<()> {
        write_page(folder, "small", small, 1)?;
        let url = self.community.url();
        let arguments = ["publish", &folder.to_string_lossy(), "--to", &url];
        self.community.timed(bench, &arguments)?;
        let mut connection = self.community.connect()?;
        let list: ListView = connection.view("/api/v1/cache/content?limit=1000")?;
        self.ids = list
            .items
            .into_iter()
            .map(|item| (item.slug, item.id))
            .collect();
        Ok(())
    }
}

fn cold(index: usize) -> String {
    format!("cold-{index:02}")
}

/// Writes everything but the small page; returns the blobs.
fn write(folder: &Path) -> anyhow::Result<Vec<(PathBuf, ContentHash)>> {
    make(&folder.join("files"))?;
    let mut pages = vec!["small".to_owned(), "long".to_owned(), "files".to_owned()];
    write_page(folder, "long", LONG_BYTES, 2)?;
    for index in 0..COLD {
        write_page(folder, &cold(index), GUESS_BYTES, 3 + index as u64)?;
        pages.push(cold(index));
    }
    let mut files = "# Files\n\n".to_owned();
    let mut blobs = Vec::new();
    for (name, len) in BLOBS {
        files.push_str(&format!("[{name}](files/{name})\n\n"));
        let path = folder.join("files").join(name);
        let bytes = noise(len);
        std::fs::write(&path, &bytes).with_context(|| format!("write {}", path.display()))?;
        blobs.push((path, ContentHash::of(&bytes)));
    }
    std::fs::write(folder.join("files.md"), files).context("write files.md")?;
    let mut config =
        "title: A course to read\nslug: reads\nlicence: CC0-1.0\norder:\n  - title: All\n    pages:\n"
            .to_owned();
    for page in pages {
        config.push_str(&format!("      - {page}.md\n"));
    }
    std::fs::write(folder.join("config.yaml"), config).context("write config.yaml")?;
    Ok(blobs)
}

fn write_page(folder: &Path, name: &str, len: usize, seed: u64) -> anyhow::Result<()> {
    let text = format!("# {name}\n\n{}\n", words(len, seed));
    std::fs::write(folder.join(format!("{name}.md")), text).with_context(|| format!("write {name}"))
}

/// Returns `len` letters as words in paragraphs, which pack about as well as prose does.
fn words(len: usize, seed: u64) -> String {
    let mut draw = Draw(seed);
    let mut text = String::with_capacity(len + 32);
    while text.len() < len {
        // One of 1,024 words: its letters follow from its number.
        let mut word = Draw(draw.next() % 1_024);
        for _ in 0..2 + word.next() % 3 {
            text.push(char::from(b"bdfghklmnprstvw"[(word.next() % 15) as usize]));
            text.push(char::from(b"aeiou"[(word.next() % 5) as usize]));
        }
        text.push_str(if draw.next().is_multiple_of(80) {
            ".\n\n"
        } else {
            " "
        });
    }
    text.truncate(len.saturating_sub(1));
    let mut text = text.trim_end().to_owned();
    while text.len() < len {
        text.push('z');
    }
    text
}

/// Returns bytes that no compression makes smaller.
fn noise(len: usize) -> Vec<u8> {
    let mut draw = Draw(len as u64);
    (0..len).map(|_| (draw.next() & 0xff) as u8).collect()
}

/// Draws from a fixed sequence (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014, figure 16).
struct Draw(u64);

impl Draw {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests;
