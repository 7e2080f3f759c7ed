//! The wire types of every interface: one struct each for Rust, OpenAPI and TypeScript.
//!
//! Every view carries `schema_version`; readers ignore fields that they do not know and fill in what is missing.
//! What is shown of a signed record is a function of the record alone, so that a reader can make the same document
//! again and compare: see [`proof`].
//!
//! Invariant: no I/O; builds for the browser; a view that is not listed in [`registry`] fails a test.

pub mod chain_view;
pub mod event;
pub mod item;
pub mod list;
pub mod openapi;
pub mod proof;
pub mod record;
pub mod registry;
pub mod service;
pub mod sign_up;
pub mod storage;

pub use chain_view::{ChainPut, ChainPutView, ChainView, ClaimView, HeadView};
pub use event::{ChangedView, ClosedView, EventView, LiveView, OutdatedView};
pub use item::{ItemView, ProofView};
pub use list::{ListView, SearchHit, SearchView, Summary};
pub use record::RecordView;
pub use service::{
    ChallengeRequest, ChallengeView, CommunityView, DbSchemaView, FollowView, HealthView,
    LeaseView, MemberPut, MemberView, MembersView, ProblemView, ReadyView, StoredBlobView,
    TableView, TokenRequest, TokenView, VersionView,
};
pub use sign_up::{
    InviteRequest, InviteView, InvitesView, NewInviteView, RegisterRequest, RegisterView,
    WaitingListView, WaitingView,
};
pub use storage::{
    AckView, BlobLeasePut, BlobLeaseView, BlobLine, BlobListView, BlobPutView, BlobStatusView,
    EvidenceView, GcNamespaceView, GcRequest, GcView, HaveRequest, HaveView, QueueView, QueuedView,
    QuotaPut, ScrubRequest, ScrubView, StorageHealthView, StoreUsageView, TagListView, TagPut,
    TagView, UsageView,
};

/// The schema version that this program writes.
pub const SCHEMA_VERSION: u32 = 1;

/// The schema versions that this program reads.
pub const SUPPORTED: &[u32] = &[1];

/// Name of the request header that names a body's schema version.
pub const SCHEMA_HEADER: &str = "x-schema-version";

/// Name of the response header that lists the supported versions.
pub const SUPPORTED_HEADER: &str = "x-supported-schema-versions";

/// Media type of a JSON body.
pub const JSON: &str = "application/json";

/// The version that a view without one is read as.
pub(crate) const fn first_version() -> u32 {
    1
}
