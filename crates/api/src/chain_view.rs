//! Chains: pages of signed records, and what is sent to append to one.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{RecordView, first_version};

/// The newest record of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct HeadView {
    /// Its sequence number, from 0.
    pub seq: u32,
    /// Its action hash.
    pub action_hash: String,
}

/// That an author used an address, in the order of arrival at the doorway that writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ClaimView {
    /// `content` or `path`.
    pub r#type: String,
    /// Slug of the course; empty for what stands alone.
    pub course: String,
    /// Its own slug.
    pub slug: String,
    /// Smaller numbers came first.
    pub number: u64,
}

/// A page of a chain: every action, and the entries of what the reader may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ChainView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Whose chain it is.
    pub agent: String,
    /// Which community's DNA it belongs to.
    pub dna_hash: String,
    /// The newest record that the doorway knows; absent for a chain that has not begun.
    #[serde(default)]
    pub head: Option<HeadView>,
    /// The records of this page, in order.
    #[serde(default)]
    pub records: Vec<RecordView>,
    /// When the author first used the addresses of the items in this page that the reader may see. Where several
    /// authors used one, it belongs to the smallest number.
    #[serde(default)]
    pub claims: Vec<ClaimView>,
    /// Pass it as `after` to get the next page; absent on the last.
    #[serde(default)]
    pub next_after: Option<u32>,
}

/// Records to append to a chain, in order; those that the doorway has already are ignored when they are identical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ChainPut {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The records, at most 500.
    pub records: Vec<RecordView>,
}

/// What became of appended records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ChainPutView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// How many records were new.
    pub accepted: u32,
    /// The newest record now.
    pub head: HeadView,
}
