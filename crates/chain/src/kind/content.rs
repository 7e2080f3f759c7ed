//! A page.

use base::ContentHash;
use serde::{Deserialize, Serialize};

use super::KindError;
use super::rules::{
    ReachWord, broken, check_language, check_line, check_media_type, check_slug, check_text,
};

/// Most blobs that one page may refer to.
pub const BLOBS_MAX: usize = 1_000;

/// A page: its text is Markdown; pages and blobs that it links to are named by host-relative addresses
/// (`/courses/…`, `/pages/…`, `/store/<hash>`), so that any doorway can serve it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// What it is called, 1 to 300 characters.
    pub title: String,
    /// Its place in addresses, unique among the pages of its course, or of its author when it is in none.
    pub slug: String,
    /// Slug of the course that it belongs to; empty when it stands alone.
    pub course: String,
    /// What it is about, at most 500 characters.
    pub summary: String,
    /// The text, in Markdown.
    pub body: String,
    /// The language it is written in, such as `en`.
    pub language: String,
    /// Under which licence it may be used, such as `CC-BY-4.0`; at most 100 characters.
    pub licence: String,
    /// At most 20 words that describe it, each at most 40 characters.
    pub tags: Vec<String>,
    /// Who may see it.
    pub reach: ReachWord,
    /// The blobs that the text refers to.
    pub blobs: Vec<BlobRef>,
}

/// A blob that a page refers to, with what a browser needs to know before it has loaded it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlobRef {
    /// SHA-256 of its bytes.
    #[serde(with = "serde_bytes")]
    pub hash: [u8; 32],
    /// Its length.
    pub bytes: u64,
    /// What it is, such as `image/png`.
    pub media_type: String,
    /// What the author's file was called.
    pub name: String,
    /// Width of an image in pixels; 0 when it has none.
    pub width: u32,
    /// Height of an image in pixels; 0 when it has none.
    pub height: u32,
}

impl Content {
    /// Name of the kind.
    pub const KIND: &'static str = "content";

    pub(super) fn check(&self) -> Result<(), KindError> {
        check_line("title", &self.title, 1..=300)?;
        check_slug("slug", &self.slug)?;
        if !self.course.is_empty() {
            check_slug("course", &self.course)?;
        }
        check_text("summary", &self.summary, 0..=500)?;
        check_language(&self.language)?;
        check_line("licence", &self.licence, 0..=100)?;
        if self.tags.len() > 20 {
            return Err(broken(
                "tags",
                format!("at most 20, not {}", self.tags.len()),
            ));
        }
        for tag in &self.tags {
            check_line("tags", tag, 1..=40)?;
        }
        if self.blobs.len() > BLOBS_MAX {
            return Err(broken("blobs", format!("at most {BLOBS_MAX}")));
        }
        self.blobs.iter().try_for_each(BlobRef::check)
    }
}

impl BlobRef {
    /// Returns the blob's id.
    #[must_use]
    pub const fn id(&self) -> ContentHash {
        ContentHash::from_bytes(self.hash)
    }

    fn check(&self) -> Result<(), KindError> {
        check_media_type(&self.media_type)?;
        check_line("blobs.name", &self.name, 0..=255)
    }
}
