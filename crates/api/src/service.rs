//! What a doorway says about itself, and the small exchanges around tokens, members and blobs.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::first_version;

/// A fault, as RFC 9457 describes it, with Commonhold's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ProblemView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The page about this fault, relative to the doorway.
    pub r#type: String,
    /// What happened, in general.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    #[serde(default)]
    pub detail: String,
    /// The stable code, such as `CH-0105`.
    pub code: String,
    /// Whose fault it is: `rejection`, `failure` or `bug`.
    pub kind: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: String,
    /// Id of the request, to find it in the doorway's log.
    #[serde(default)]
    pub request_id: String,
}

/// Whether the process is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct HealthView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Always true when there is an answer.
    pub healthy: bool,
    /// `online`, `standby` while another process writes what this one was told to write, or `draining`.
    pub status: String,
    /// Version of the program.
    pub version: String,
    /// Seconds since it started.
    pub uptime_secs: u64,
    /// Whether this process writes the projection now.
    pub projection_writer: bool,
    /// Who holds the right to write the projection, as far as this process knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseView>,
    /// The bus that carries hints between processes: `memory`, `redis` or `nats`.
    #[serde(default)]
    pub bus: String,
    /// Whether the bus answers; without it, changes are noticed a little later.
    #[serde(default)]
    pub bus_is_connected: bool,
}

/// Who holds the right to write a projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct LeaseView {
    /// The name of the process that holds it.
    pub holder: String,
    /// Which grant it is; every write names it, and the store refuses all but the newest.
    pub epoch: u64,
}

/// How a copy stands with the doorway that it follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct FollowView {
    /// The address of that doorway.
    pub url: String,
    /// Whether it answers at the moment.
    pub is_connected: bool,
    /// Whether everything that it had at one moment has been copied.
    pub is_complete: bool,
    /// Records that it announced and that are not copied yet.
    pub lag_records: u64,
    /// When something was heard from it last, in microseconds since 1970; 0 for never.
    #[serde(default)]
    pub heard_at_us: i64,
    /// What is wrong, when something is.
    #[serde(default)]
    pub fault: String,
}

/// Whether the process should get visitors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ReadyView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// True when every part below is.
    pub ready: bool,
    /// Whether the conductor answers; always true for a copy, which needs none.
    pub conductor: bool,
    /// Whether the projection store answers.
    pub projection: bool,
    /// Records that are committed and not projected yet.
    pub projection_lag_records: u64,
    /// Items that are shown and not found by their newest words yet: a copy indexes them when it has caught up.
    #[serde(default)]
    pub unindexed_items: u64,
    /// Chains that cannot be projected any further, each with the reason.
    #[serde(default)]
    pub stalled: Vec<String>,
    /// How it stands with the doorway that this one follows; absent where it follows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<FollowView>,
}

/// Which community this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct CommunityView {
    /// Its name.
    pub name: String,
    /// The hash of its DNA; every chain here belongs to it.
    pub dna_hash: String,
    /// The network seed that gives it this hash.
    pub network_seed: String,
    /// How people join who have no invite: `open`, `invite` for not at all, or `approval`.
    #[serde(default)]
    pub sign_up: String,
}

/// Which program this is, and for which community it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct VersionView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Version of the program.
    pub version: String,
    /// Schema versions that it reads.
    pub supported_schema_versions: Vec<u32>,
    /// The community.
    pub community: CommunityView,
    /// Largest blob that it takes, in bytes.
    pub blob_bytes_max: u64,
    /// Most records in one `PUT` of a chain.
    pub chain_put_records_max: u32,
}

/// One table of the projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct TableView {
    /// Its name.
    pub name: String,
    /// The statement that made it.
    pub sql: String,
}

/// The projection's own schema, for people who run queries against a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct DbSchemaView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Version of the newest migration.
    pub migration: u32,
    /// `sqlite` or `postgres`.
    pub backend: String,
    /// The tables and indexes.
    #[serde(default)]
    pub tables: Vec<TableView>,
}

/// A blob that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct StoredBlobView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Its length.
    pub bytes: u64,
    /// False when the doorway had it already.
    pub is_new: bool,
}

/// Asks for something to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ChallengeRequest {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The agent key that will sign.
    pub agent: String,
}

/// Something to sign within a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct ChallengeView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Sign `commonhold statement`, a zero byte, and these characters.
    pub challenge: String,
}

/// Answers a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct TokenRequest {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The challenge as it was given.
    pub challenge: String,
    /// Base64 of the agent's Ed25519 signature over the statement.
    pub signature: String,
}

/// A token to send as `Authorization: Bearer …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct TokenView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The token.
    pub token: String,
    /// How long it is good for, in seconds.
    pub expires_secs: u32,
}

/// One member of the community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct MemberView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The agent key.
    pub agent: String,
    /// `steward`, `moderator`, `editor` or `member`.
    pub role: String,
    /// When they were admitted, in microseconds since 1970.
    pub added_at_us: i64,
    /// The name of their profile; empty when they have none.
    #[serde(default)]
    pub name: String,
    /// The agent key of whoever invited them; empty for those whom a steward admitted.
    #[serde(default)]
    pub inviter: String,
}

/// Who may write here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct MembersView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The members, in the order of their admission.
    #[serde(default)]
    pub members: Vec<MemberView>,
}

/// Admits a member or changes their role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct MemberPut {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// `steward`, `moderator`, `editor` or `member`.
    pub role: String,
}
