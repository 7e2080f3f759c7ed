//! Joining a community, and letting people in.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::first_version;

/// Asks to join with a key of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct RegisterRequest {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// A challenge for this key, as it was given.
    pub challenge: String,
    /// Base64 of the agent's Ed25519 signature over the statement.
    pub signature: String,
    /// The code of an invite; empty without one.
    #[serde(default)]
    pub code: String,
    /// How one wants to be called, for those who approve: at most 64 characters.
    #[serde(default)]
    pub name: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct RegisterView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// The agent key.
    pub agent: String,
    /// `member`, or `waiting` for a steward's approval.
    pub state: String,
    /// What a member may do: `steward`, `moderator`, `editor` or `member`; empty for who waits.
    #[serde(default)]
    pub role: String,
}

/// Asks for an invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct InviteRequest {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// What those become who use it: `steward`, `moderator`, `editor` or `member`.
    pub role: String,
    /// How many people it lets in: 1 to 500.
    pub uses: u32,
    /// How long it is good, in seconds: 1 to 7,776,000, which are 90 days.
    pub life_secs: u64,
    /// A few words for the list of invites: at most 64 characters.
    #[serde(default)]
    pub note: String,
}

/// An invite, without its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct InviteView {
    /// Its name in the list; no secret.
    pub id: String,
    /// What those become who use it.
    pub role: String,
    /// The agent key of whoever made it.
    pub inviter: String,
    /// A few words of theirs.
    #[serde(default)]
    pub note: String,
    /// How many people it lets in.
    pub uses: u32,
    /// How many more.
    pub uses_left: u32,
    /// When it was made, in microseconds since 1970.
    pub made_at_us: i64,
    /// From when on it is no longer good, in microseconds since 1970.
    pub expires_at_us: i64,
    /// Whether it lets somebody in now.
    pub is_good: bool,
}

/// An invite that was just made, with its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct NewInviteView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Its name in the list.
    pub id: String,
    /// The code; it is shown here and kept nowhere.
    pub code: String,
    /// An address to hand on. The code stands behind `#`, where no server sees it.
    pub url: String,
    /// From when on it is no longer good, in microseconds since 1970.
    pub expires_at_us: i64,
}

/// The invites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct InvitesView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Newest first; those that are no longer good stay for a week.
    #[serde(default)]
    pub invites: Vec<InviteView>,
}

/// Somebody who waits for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct WaitingView {
    /// The agent key.
    pub agent: String,
    /// How they want to be called, in their own words: nobody has checked it.
    #[serde(default)]
    pub name: String,
    /// When they asked first, in microseconds since 1970.
    pub asked_at_us: i64,
}

/// Who waits for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, TS)]
pub struct WaitingListView {
    /// Version of this view.
    #[serde(default = "first_version")]
    pub schema_version: u32,
    /// Longest first.
    #[serde(default)]
    pub waiting: Vec<WaitingView>,
}
