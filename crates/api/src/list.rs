//! Lists and search results: summaries, never whole texts.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::first_version;

/// What a list shows of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct Summary {
    /// The item's id: the hash of its first action.
    pub id: String,
    /// The kind: `content`, `path`, `blob-manifest` or `profile`.
    pub r#type: String,
    /// What it is called.
    pub title: String,
    /// Its place in addresses; empty for kinds that have none.
    pub slug: String,
    /// Slug of the course it belongs to; empty for none.
    pub course: String,
    /// What it is about.
    pub summary: String,
    /// The language it is written in.
    pub language: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// Words that describe it.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub author: String,
    /// Who may see it.
    pub reach: String,
    /// When this version was signed, in microseconds since 1970.
    pub changed_at_us: i64,
    /// The page for people, relative to the doorway; empty for kinds that have none.
    pub url: String,
}

/// A page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ListView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The kind that was listed.
    pub r#type: String,
    /// The items of this page.
    #[serde(default)]
    pub items: Vec<Summary>,
    /// Pass it as `cursor` to get the next page; absent on the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct SearchHit {
    /// What was found.
    #[serde(flatten)]
    pub summary: Summary,
    /// Words around the match; the matched words stand between U+0002 and U+0003.
    pub snippet: String,
}

/// What a search found, best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct SearchView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// What was searched for.
    pub query: String,
    /// How many items match, counted up to 1,000.
    #[serde(default)]
    pub total: u32,
    /// The matches of this page.
    #[serde(default)]
    pub hits: Vec<SearchHit>,
    /// Pass it as `cursor` to get the next page; absent on the last.
    #[serde(default)]
    pub next: Option<String>,
}
