//! Blobs as the storage service shows them: how safe each is, what refers to it, and how much room they take.
//!
//! Words of tiers: `accepted` is on stable storage here; `durable` survives the loss of any one failure domain;
//! `verified` is durable, committed and audited. A weaker state never carries a stronger word.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::first_version;

/// How safe a blob is when the answer is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct AckView {
    /// `accepted`, `durable` or `verified`.
    pub tier: String,
    /// When it was accepted, in microseconds since 1970.
    pub at_us: i64,
    /// Number of the record of this node's log that says so.
    #[serde(default)]
    pub lsn: u64,
}

/// A blob that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct BlobPutView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Its length.
    pub bytes: u64,
    /// False when the namespace had it already.
    pub is_new: bool,
    /// How safe it is.
    pub ack: AckView,
}

/// What shows that a blob has reached a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct EvidenceView {
    /// The tier that it shows.
    pub tier: String,
    /// Since when, in microseconds since 1970.
    pub at_us: i64,
    /// What it is: `log-record`.
    pub kind: String,
    /// Where it is found; for a record of the log, its number.
    pub text: String,
}

/// A promise to keep a blob for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct BlobLeaseView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The blob.
    pub hash: String,
    /// For whom or what it is kept.
    #[serde(default)]
    pub holder: String,
    /// Until when, in microseconds since 1970.
    pub until_us: i64,
}

/// What is known of a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct BlobStatusView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Its length.
    pub bytes: u64,
    /// Root of its BLAKE3 tree, in hex: with it, ranges can be checked on their own. Empty when the blob is damaged.
    pub blake3: String,
    /// `accepted`, `durable` or `verified`.
    pub tier: String,
    /// When it was accepted, in microseconds since 1970.
    pub accepted_at_us: i64,
    /// What shows that it has reached its tier.
    #[serde(default)]
    pub evidence: Vec<EvidenceView>,
    /// What is missing for the next tier; empty at the last one.
    #[serde(default)]
    pub waits_for: Vec<String>,
    /// The tags that name it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Until when it is kept even without a tag, in microseconds since 1970; absent without a lease.
    #[serde(default)]
    pub lease_until_us: Option<i64>,
    /// Who keeps it for so long.
    #[serde(default)]
    pub leases: Vec<BlobLeaseView>,
    /// Whether it lies in the trash: it is no longer served, and comes back when it is stored again or tagged.
    pub is_trashed: bool,
    /// Whether its bytes on disk were found to be wrong: it is not served until it is stored again.
    #[serde(default)]
    pub is_damaged: bool,
}

/// What a list shows of one blob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct BlobLine {
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Its length.
    pub bytes: u64,
    /// `accepted`, `durable` or `verified`.
    pub tier: String,
    /// When it was accepted, in microseconds since 1970.
    pub accepted_at_us: i64,
    /// Whether its bytes on disk were found to be wrong: it is not served until it is stored again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_damaged: bool,
}

/// A page of a namespace's blobs, in the order of their hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct BlobListView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The namespace that was listed.
    pub namespace: String,
    /// How many blobs of the namespace are damaged. A list has them only when they are asked for.
    #[serde(default)]
    pub damaged_blobs: u64,
    /// The blobs of this page.
    #[serde(default)]
    pub items: Vec<BlobLine>,
    /// Pass it as `after` to get the next page; absent on the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// Asks which blobs are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct HaveRequest {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The hashes, in any form; at most 1,024.
    pub hashes: Vec<String>,
}

/// Which blobs are there, in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct HaveView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Whether each is there.
    #[serde(default)]
    pub have: Vec<bool>,
}

/// A name that keeps a blob, and all that a folder names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct TagView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The name.
    pub name: String,
    /// The blob that it names, in hex; when that is the manifest of a folder, the folder's files are kept with it.
    pub hash: String,
    /// When it was set, in microseconds since 1970.
    pub set_at_us: i64,
}

/// Sets a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct TagPut {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The blob, by its hash in any form.
    pub hash: String,
}

/// A page of a namespace's tags, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct TagListView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The namespace that was listed.
    pub namespace: String,
    /// The tags of this page.
    #[serde(default)]
    pub items: Vec<TagView>,
    /// Pass it as `after` to get the next page; absent on the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// Keeps a blob for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct BlobLeasePut {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// For how long, in seconds from now; 0 ends the lease.
    pub secs: u64,
    /// For whom or what it is kept, at most 1,024 bytes; a lease of the same holder is replaced. `lease` when it is left out.
    #[serde(default)]
    pub holder: String,
}

/// How much room a namespace takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct UsageView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The namespace.
    pub namespace: String,
    /// Blobs that are served.
    pub live_blobs: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Blobs in the trash.
    pub trash_blobs: u64,
    /// Their bytes.
    pub trash_bytes: u64,
    /// Blobs whose bytes on disk were found to be wrong: they are not served until they are stored again.
    #[serde(default)]
    pub damaged_blobs: u64,
    /// The bytes that they had.
    #[serde(default)]
    pub damaged_bytes: u64,
    /// Bytes of uploads that have begun and are not finished.
    pub upload_bytes: u64,
    /// How many bytes the namespace may have; absent where there is no bound.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// The store as a whole; for stewards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreUsageView>,
}

/// How much room the store takes on the disk, with all namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct StoreUsageView {
    /// Blobs that are served, counted once however many namespaces have them.
    pub live_blobs: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Bytes of blobs that left the trash for good and whose room is not given back yet.
    pub dead_bytes: u64,
    /// Blobs in the trash.
    pub trash_blobs: u64,
    /// Their bytes.
    pub trash_bytes: u64,
    /// Blobs whose bytes on disk were found to be wrong, and that were not stored again since.
    #[serde(default)]
    pub damaged_blobs: u64,
    /// The bytes that they had.
    #[serde(default)]
    pub damaged_bytes: u64,
    /// Bytes of the log's files, with the room that is made ready for what comes.
    pub log_bytes: u64,
    /// Bytes of the blobs that have a file of their own.
    pub large_bytes: u64,
    /// Blobs that have not reached the tier `durable`.
    pub queue_blobs: u64,
    /// Since when the oldest of them waits, in microseconds since 1970; absent when none does.
    #[serde(default)]
    pub queue_oldest_us: Option<i64>,
}

/// Bounds a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct QuotaPut {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// How many bytes it may have; no bound when it is left out.
    #[serde(default)]
    pub bytes_max: Option<u64>,
}

/// A blob that is not durable yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct QueuedView {
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Its length.
    pub bytes: u64,
    /// The tier that it has reached.
    pub tier: String,
    /// When it was accepted, in microseconds since 1970.
    pub accepted_at_us: i64,
}

/// A page of the blobs that are not durable yet, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct QueueView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// How many there are in all.
    pub total: u64,
    /// Since when the oldest of them waits, in microseconds since 1970; absent when none does.
    #[serde(default)]
    pub oldest_us: Option<i64>,
    /// The blobs of this page.
    #[serde(default)]
    pub items: Vec<QueuedView>,
    /// Pass it as `after` to get the next page; absent on the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// Collects what nothing refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct GcRequest {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Tells what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// How long what is collected stays in the trash, in seconds; as configured when it is left out.
    #[serde(default)]
    pub trash_secs: Option<u64>,
    /// How long a blob is left alone after it was stored or touched, in seconds; as configured when it is left out.
    #[serde(default)]
    pub grace_secs: Option<u64>,
}

/// What a collection did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct GcView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Whether nothing was done.
    pub is_dry_run: bool,
    /// Blobs that something refers to, or that are too new to be looked at.
    pub kept_blobs: u64,
    /// Blobs that went into the trash.
    pub trashed_blobs: u64,
    /// Their bytes.
    pub trashed_bytes: u64,
    /// Blobs that left the trash for good.
    pub removed_blobs: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The same for each namespace: all of the node, or the one that was named.
    #[serde(default)]
    pub namespaces: Vec<GcNamespaceView>,
}

/// What a collection did in one namespace, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct GcNamespaceView {
    /// Which namespace.
    pub namespace: String,
    /// Blobs that something refers to, or that are too new to be looked at.
    pub kept_blobs: u64,
    /// Blobs that went into the trash.
    pub trashed_blobs: u64,
    /// Their bytes.
    pub trashed_bytes: u64,
    /// Blobs that left the trash for good.
    pub removed_blobs: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Why it was left as it is; empty when it was collected.
    #[serde(default)]
    pub left_out: String,
}

/// Reads everything again and compares it with its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ScrubRequest {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// How many bytes may be read in a second; as configured when it is left out.
    #[serde(default)]
    pub bytes_per_sec: Option<u64>,
    /// Starts from the beginning instead of where the last one stopped.
    #[serde(default)]
    pub restart: bool,
}

/// How far a scrub is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ScrubView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Whether one runs now.
    pub is_running: bool,
    /// The blob that was checked last, in hex; empty at the beginning.
    pub position: String,
    /// Blobs that this round has checked.
    pub checked_blobs: u64,
    /// Their bytes.
    pub checked_bytes: u64,
    /// Blobs that are damaged, in hex, whether this round found it or one before; they are out of the way and not served
    /// until they are stored again. At most 1,000, once the round is over.
    #[serde(default)]
    pub damaged: Vec<String>,
    /// What this round found wrong and made again from what was sound, such as the list of a blob's groups or the record
    /// of a tag.
    #[serde(default)]
    pub mended: Vec<String>,
    /// Places of the log that are damaged, needed, and could not be written again.
    #[serde(default)]
    pub faults: Vec<String>,
    /// When a round ended last, in microseconds since 1970; absent before the first has ended.
    #[serde(default)]
    pub ended_at_us: Option<i64>,
    /// Why the last one broke off; empty when it did not.
    #[serde(default)]
    pub fault: String,
}

/// How a node is that keeps blobs and runs alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct StorageHealthView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Always true when there is an answer.
    pub healthy: bool,
    /// `online`, `draining`, or `stopped` when the disk did not keep what it was given.
    pub status: String,
    /// Version of the program.
    pub version: String,
    /// Seconds since it started.
    pub uptime_secs: u64,
}
