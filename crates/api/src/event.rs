//! The log of events: what `/api/v1/events` sends, one JSON document in the data of each event.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::first_version;

/// A chain is projected further. Sent as the event `chain`, with a cursor as its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct EventView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Its number in the log; absent where the state of a chain is told without its history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// When it was stored, in microseconds since 1970, by the doorway's clock.
    pub at_us: i64,
    /// Whose chain it is.
    pub agent: String,
    /// The sequence number that is projected now.
    pub seq: u32,
    /// The hash of the action there.
    pub action_hash: String,
    /// What changed for everybody; empty when nobody but a few can see a difference.
    #[serde(default)]
    pub changes: Vec<ChangedView>,
}

/// One thing that changed for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ChangedView {
    /// `content`, `path`, `blob-manifest` or `profile`.
    pub r#type: String,
    /// Its id.
    pub id: String,
    /// `put`, `withdrawn`, or `hidden` when it is no longer for everybody.
    pub change: String,
    /// Slug of its course; empty for what stands alone.
    #[serde(default)]
    pub course: String,
    /// Its own slug.
    #[serde(default)]
    pub slug: String,
}

/// The log cannot continue after the reader's cursor. Sent as the event `outdated`; what follows is how far each
/// chain is projected, and then new events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct OutdatedView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Why: `other-log`, `outdated` when events after the cursor are no longer kept, or `ahead`.
    pub reason: String,
}

/// The doorway ends the stream. Sent as the last event, `closed`; a reader may come again with its last cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ClosedView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Why: `too-slow` or `shutting-down`.
    pub reason: String,
}

/// All chains are told: what comes now is new. Sent as the event `live`, with a cursor as its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct LiveView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Number of the newest event so far.
    pub number: u64,
}
