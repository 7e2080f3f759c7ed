//! One item with its content, as a function of the signed records it comes from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::kind::{BlobManifest, BlobRef, Content, Node, Path, Profile};
use chain::{Item, Record, record};
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{RecordView, SCHEMA_VERSION, first_version};

/// One item: its newest version, and the proof when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ItemView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The kind: `content`, `path`, `blob-manifest` or `profile`.
    pub r#type: String,
    /// The item's id: the hash of its first action.
    pub id: String,
    /// The hash of the action that made this version.
    pub action_hash: String,
    /// Whose chain it stands in.
    pub author: String,
    /// Where in that chain.
    pub seq: u32,
    /// When this version was signed, in microseconds since 1970.
    pub changed_at_us: i64,
    /// Who may see it.
    pub reach: String,
    /// The content of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentView>,
    /// The content of a course.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathView>,
    /// What a blob is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobView>,
    /// Who an author is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileView>,
    /// The signed records from which everything above follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofView>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ContentView {
    /// What it is called.
    pub title: String,
    /// Its place in addresses.
    pub slug: String,
    /// Slug of the course it belongs to; empty for none.
    pub course: String,
    /// What it is about.
    pub summary: String,
    /// The text, in Markdown.
    pub body: String,
    /// The language it is written in.
    pub language: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// Words that describe it.
    pub tags: Vec<String>,
    /// The blobs that the text refers to.
    pub blobs: Vec<BlobView>,
}

/// A course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct PathView {
    /// What it is called.
    pub title: String,
    /// Its place in addresses.
    pub slug: String,
    /// What it is about.
    pub summary: String,
    /// The language it is written in.
    pub language: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// Where it comes from.
    pub attribution: String,
    /// Words that describe it.
    pub tags: Vec<String>,
    /// The tree of its pages, in reading order.
    pub nodes: Vec<NodeView>,
}

/// A section or page of a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct NodeView {
    /// What the contents list shows.
    pub title: String,
    /// Id of the page; absent for a section.
    pub page: Option<String>,
    /// What stands below it.
    #[schema(no_recursion)]
    pub children: Vec<NodeView>,
}

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct BlobView {
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Its length.
    pub bytes: u64,
    /// What it is.
    pub media_type: String,
    /// What the author's file was called.
    pub name: String,
    /// Width of an image in pixels; 0 when not known.
    pub width: u32,
    /// Height of an image in pixels; 0 when not known.
    pub height: u32,
}

/// An author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ProfileView {
    /// The name.
    pub name: String,
    /// A few words about them.
    pub about: String,
}

/// What a reader needs to check an item without trusting the doorway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ProofView {
    /// The record of this version, with its entry.
    pub record: RecordView,
    /// The record before it in the author's chain: its hash is what the record links to.
    pub previous: RecordView,
    /// The item's first record, when this is not it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<RecordView>,
    /// The first record of the chain, which names the community's DNA.
    pub genesis: RecordView,
    /// Base64 of the body when it is too long for an entry; its hash stands in the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spilled: Option<String>,
}

/// The records from which an item's view follows.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The record of this version.
    pub record: &'a Record,
    /// The record before it.
    pub previous: &'a Record,
    /// The item's first record, when this is not it.
    pub original: Option<&'a Record>,
    /// The first record of the chain.
    pub genesis: &'a Record,
    /// The body when it is a blob.
    pub spilled: Option<&'a [u8]>,
}

impl ItemView {
    /// Shows an item; `id` is the text of its first action's hash.
    #[must_use]
    pub fn of(id: String, version: &Record, item: &Item) -> Self {
        let mut view = Self {
            schema_version: SCHEMA_VERSION,
            r#type: item.kind().to_owned(),
            id,
            action_hash: version.action_address().to_string(),
            author: version.action().author().to_string(),
            seq: version.action().action_seq(),
            changed_at_us: record::timestamp(version).as_micros(),
            reach: item.reach().as_str().to_owned(),
            content: None,
            path: None,
            blob: None,
            profile: None,
            proof: None,
        };
        match item {
            Item::Content(content) => view.content = Some(content.into()),
            Item::Path(path) => view.path = Some(path.into()),
            Item::BlobManifest(manifest) => view.blob = Some(manifest.into()),
            Item::Profile(profile) => view.profile = Some(profile.into()),
        }
        view
    }

    /// Adds the records that prove it.
    #[must_use]
    pub fn with_proof(mut self, evidence: &Evidence<'_>) -> Self {
        self.proof = Some(ProofView {
            record: RecordView::of(evidence.record),
            previous: RecordView::without_entry(evidence.previous),
            original: evidence.original.map(RecordView::without_entry),
            genesis: RecordView::without_entry(evidence.genesis),
            spilled: evidence.spilled.map(|body| STANDARD.encode(body)),
        });
        self
    }

    /// Returns the one JSON text of this view: what a doorway sends and what a checker compares with.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a view holds nothing that JSON cannot say")
    }
}

impl From<&Content> for ContentView {
    fn from(content: &Content) -> Self {
        Self {
            title: content.title.clone(),
            slug: content.slug.clone(),
            course: content.course.clone(),
            summary: content.summary.clone(),
            body: content.body.clone(),
            language: content.language.clone(),
            licence: content.licence.clone(),
            tags: content.tags.clone(),
            blobs: content.blobs.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Path> for PathView {
    fn from(path: &Path) -> Self {
        Self {
            title: path.title.clone(),
            slug: path.slug.clone(),
            summary: path.summary.clone(),
            language: path.language.clone(),
            licence: path.licence.clone(),
            attribution: path.attribution.clone(),
            tags: path.tags.clone(),
            nodes: path.nodes.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Node> for NodeView {
    fn from(node: &Node) -> Self {
        Self {
            title: node.title.clone(),
            page: node.page.as_ref().map(ToString::to_string),
            children: node.children.iter().map(Into::into).collect(),
        }
    }
}

impl From<&BlobRef> for BlobView {
    fn from(blob: &BlobRef) -> Self {
        Self {
            hash: blob.id().to_string(),
            bytes: blob.bytes,
            media_type: blob.media_type.clone(),
            name: blob.name.clone(),
            width: blob.width,
            height: blob.height,
        }
    }
}

impl From<&BlobManifest> for BlobView {
    fn from(manifest: &BlobManifest) -> Self {
        Self {
            hash: manifest.id().to_string(),
            bytes: manifest.bytes,
            media_type: manifest.media_type.clone(),
            name: manifest.name.clone(),
            width: 0,
            height: 0,
        }
    }
}

impl From<&Profile> for ProfileView {
    fn from(profile: &Profile) -> Self {
        Self {
            name: profile.name.clone(),
            about: profile.about.clone(),
        }
    }
}
