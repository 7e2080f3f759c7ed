//! All views and their parts in one list, for OpenAPI, TypeScript and the tests that hold them to their promises.

use ts_rs::{Config, TS};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::chain_view::{ChainPut, ChainPutView, ChainView, ClaimView, HeadView};
use crate::event::{ChangedView, ClosedView, EventView, LiveView, OutdatedView};
use crate::item::{BlobView, ContentView, ItemView, NodeView, PathView, ProfileView, ProofView};
use crate::list::{ListView, SearchHit, SearchView, Summary};
use crate::record::RecordView;
use crate::service::{
    ChallengeRequest, ChallengeView, CommunityView, DbSchemaView, FollowView, HealthView,
    LeaseView, MemberPut, MemberView, MembersView, ProblemView, ReadyView, StoredBlobView,
    TableView, TokenRequest, TokenView, VersionView,
};
use crate::sign_up::{
    InviteRequest, InviteView, InvitesView, NewInviteView, RegisterRequest, RegisterView,
    WaitingListView, WaitingView,
};
use crate::storage::{
    AckView, BlobLeasePut, BlobLeaseView, BlobLine, BlobListView, BlobPutView, BlobStatusView,
    EvidenceView, GcNamespaceView, GcRequest, GcView, HaveRequest, HaveView, QueueView, QueuedView,
    QuotaPut, ScrubRequest, ScrubView, StorageHealthView, StoreUsageView, TagListView, TagPut,
    TagView, UsageView,
};

/// Whether a type is sent on its own or only inside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A whole body: it carries `schema_version`.
    View,
    /// A piece of views.
    Part,
}

/// One wire type.
pub struct Entry {
    /// Its name in OpenAPI and TypeScript.
    pub name: String,
    /// Whether it is sent on its own.
    pub role: Role,
    /// Its JSON schema.
    pub schema: RefOr<Schema>,
    /// Its TypeScript declaration.
    pub typescript: String,
}

fn entry<T: ToSchema + TS>(role: Role) -> Entry {
    let config = Config::new().with_large_int("number");
    Entry {
        name: <T as ToSchema>::name().into_owned(),
        role,
        schema: <T as PartialSchema>::schema(),
        typescript: T::decl(&config),
    }
}

/// Returns all wire types, by their names.
#[must_use]
pub fn entries() -> Vec<Entry> {
    let mut entries = doorway_entries();
    entries.extend(storage_entries());
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries
}

fn doorway_entries() -> Vec<Entry> {
    use Role::{Part, View};
    vec![
        entry::<BlobView>(Part),
        entry::<ChainPut>(View),
        entry::<ChainPutView>(View),
        entry::<ChainView>(View),
        entry::<ChallengeRequest>(View),
        entry::<ChallengeView>(View),
        entry::<ChangedView>(Part),
        entry::<ClaimView>(Part),
        entry::<ClosedView>(View),
        entry::<CommunityView>(Part),
        entry::<ContentView>(Part),
        entry::<DbSchemaView>(View),
        entry::<EventView>(View),
        entry::<FollowView>(Part),
        entry::<HeadView>(Part),
        entry::<HealthView>(View),
        entry::<InviteRequest>(View),
        entry::<InviteView>(Part),
        entry::<InvitesView>(View),
        entry::<ItemView>(View),
        entry::<LeaseView>(Part),
        entry::<ListView>(View),
        entry::<LiveView>(View),
        entry::<MemberPut>(View),
        entry::<MemberView>(View),
        entry::<MembersView>(View),
        entry::<NewInviteView>(View),
        entry::<NodeView>(Part),
        entry::<OutdatedView>(View),
        entry::<PathView>(Part),
        entry::<ProblemView>(View),
        entry::<ProfileView>(Part),
        entry::<ProofView>(Part),
        entry::<ReadyView>(View),
        entry::<RecordView>(Part),
        entry::<RegisterRequest>(View),
        entry::<RegisterView>(View),
        entry::<SearchHit>(Part),
        entry::<SearchView>(View),
        entry::<StoredBlobView>(View),
        entry::<Summary>(Part),
        entry::<TableView>(Part),
        entry::<TokenRequest>(View),
        entry::<TokenView>(View),
        entry::<VersionView>(View),
        entry::<WaitingListView>(View),
        entry::<WaitingView>(Part),
    ]
}

fn storage_entries() -> Vec<Entry> {
    use Role::{Part, View};
    vec![
        entry::<AckView>(Part),
        entry::<BlobLeasePut>(View),
        entry::<BlobLeaseView>(View),
        entry::<BlobLine>(Part),
        entry::<BlobListView>(View),
        entry::<BlobPutView>(View),
        entry::<BlobStatusView>(View),
        entry::<EvidenceView>(Part),
        entry::<GcNamespaceView>(Part),
        entry::<GcRequest>(View),
        entry::<GcView>(View),
        entry::<HaveRequest>(View),
        entry::<HaveView>(View),
        entry::<QueueView>(View),
        entry::<QueuedView>(Part),
        entry::<QuotaPut>(View),
        entry::<ScrubRequest>(View),
        entry::<ScrubView>(View),
        entry::<StorageHealthView>(View),
        entry::<StoreUsageView>(Part),
        entry::<TagListView>(View),
        entry::<TagPut>(View),
        entry::<TagView>(View),
        entry::<UsageView>(View),
    ]
}

/// Returns the TypeScript module with all wire types.
#[must_use]
pub fn typescript() -> String {
    let mut module = String::from(
        "// The wire types of Commonhold's interfaces. Made from the Rust structs by `cargo xtask generate`; do not edit.\n",
    );
    for entry in entries() {
        module.push_str("\nexport ");
        module.push_str(&entry.typescript);
        module.push('\n');
    }
    module
}

#[cfg(test)]
mod tests;
