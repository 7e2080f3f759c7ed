//! The admin socket: what a steward's programs ask. It has no token; who may reach it may do everything.
//!
//! Requests and answers are `{type, value}`. Fields that Holochain takes and that have no meaning here are passed over.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::protocol::ErrorView;
use crate::protocol::hash::{ActionBytes, AgentBytes, CellPair, DnaBytes};
use crate::protocol::own::{OwnAnswer, OwnRequest, OwnSignal};

/// What is asked on an admin socket.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum AdminRequest {
    /// A new key that this conductor keeps.
    GenerateAgentPubKey,
    /// A cell from a bundle.
    InstallApp(Box<InstallApp>),
    /// Lets an app write.
    EnableApp(AppName),
    /// Stops an app.
    DisableApp(AppName),
    /// Erases an app with its chain.
    UninstallApp(AppName),
    /// All apps, the newest first.
    ListApps {
        /// Only those with this status.
        #[serde(default)]
        status_filter: Option<StatusFilter>,
    },
    /// The cells of apps that are enabled.
    ListCellIds,
    /// The DNAs of all apps.
    ListDnas,
    /// A port on which apps are talked to.
    AttachAppInterface(AttachInterface),
    /// All such ports.
    ListAppInterfaces,
    /// A token with which an app socket is opened.
    IssueAppAuthenticationToken(IssueToken),
    /// Makes a token void.
    RevokeAppAuthenticationToken(ByteBuf),
    /// A chain, as JSON.
    DumpState {
        /// The cell.
        cell_id: CellPair,
        /// Records after this one; from the first when there is none.
        #[serde(default)]
        source_chain_cursor: Option<ChainCursor>,
        /// At most so many.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Space that each DNA takes.
    StorageInfo,
    /// Peers; there are none.
    AgentInfo {
        /// Of these DNAs.
        #[serde(default)]
        dna_hashes: Option<Vec<DnaBytes>>,
    },
    /// What Holochain has no request for.
    Commonhold(Box<OwnRequest>),
}

/// An app's name.
#[derive(Debug, Deserialize, Serialize)]
pub struct AppName {
    /// The name.
    pub installed_app_id: String,
}

/// A request for a cell.
#[derive(Debug, Deserialize, Serialize)]
pub struct InstallApp {
    /// The bundle.
    pub source: BundleSource,
    /// The agent; a new key when there is none.
    #[serde(default)]
    pub agent_key: Option<AgentBytes>,
    /// The app's name; the bundle's when there is none.
    #[serde(default)]
    pub installed_app_id: Option<String>,
    /// The community's seed, before the one in the bundle.
    #[serde(default)]
    pub network_seed: Option<String>,
    /// Settings of roles, by their names.
    #[serde(default)]
    pub roles_settings: Option<BTreeMap<String, RoleSettings>>,
}

/// Where a bundle is.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum BundleSource {
    /// In the request.
    Bytes(ByteBuf),
    /// In a file of the machine on which the conductor runs.
    Path(String),
}

/// Settings of one role.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum RoleSettings {
    /// The role gets a cell of its own.
    Provisioned {
        /// A proof of membership, for networks that ask for one.
        #[serde(default)]
        membrane_proof: Option<ByteBuf>,
        /// What makes its DNA another one.
        #[serde(default)]
        modifiers: Option<RoleModifiers>,
    },
}

/// What makes a DNA another one.
#[derive(Debug, Deserialize, Serialize)]
pub struct RoleModifiers {
    /// The network seed.
    #[serde(default)]
    pub network_seed: Option<String>,
    /// Properties; only none is taken.
    #[serde(default, skip_serializing)]
    pub properties: Option<IgnoredAny>,
}

/// Which apps are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusFilter {
    /// Those that write.
    Enabled,
    /// Those that do not.
    Disabled,
    /// Those that wait for a membrane proof; there are none here.
    AwaitingMemproofs,
    /// Those that are fetched from peers; there are none here.
    AwaitingRestore,
    /// Those that cannot be used; there are none here.
    Unrecoverable,
}

/// A request for a port.
#[derive(Debug, Deserialize, Serialize)]
pub struct AttachInterface {
    /// The port; any free one for none and 0.
    #[serde(default)]
    pub port: Option<u16>,
    /// The address; only loopback addresses are taken.
    #[serde(default)]
    pub danger_bind_addr: Option<String>,
    /// `*`, or names with commas between them.
    pub allowed_origins: String,
    /// The only app that may be talked to there.
    #[serde(default)]
    pub installed_app_id: Option<String>,
}

/// A request for a token.
#[derive(Debug, Deserialize, Serialize)]
pub struct IssueToken {
    /// The app.
    pub installed_app_id: String,
    /// How long it is valid; 0 is until the conductor stops.
    #[serde(default = "expiry_usual")]
    pub expiry_seconds: u64,
    /// Whether it opens one socket only.
    #[serde(default = "single_use_usual")]
    pub single_use: bool,
}

const fn expiry_usual() -> u64 {
    30
}

const fn single_use_usual() -> bool {
    true
}

/// A record after which a dump starts.
#[derive(Debug, Deserialize, Serialize)]
pub enum ChainCursor {
    /// Its place.
    Sequence(u32),
    /// The hash of its action.
    ActionHash(ActionBytes),
}

/// What is answered on an admin socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum AdminAnswer {
    /// The new key.
    AgentPubKeyGenerated(AgentBytes),
    /// The app is there, and does not write yet.
    AppInstalled(AppView),
    /// It writes.
    AppEnabled(AppView),
    /// It does not write any more.
    AppDisabled,
    /// It is gone.
    AppUninstalled,
    /// The apps.
    AppsListed(Vec<AppView>),
    /// The cells.
    CellIdsListed(Vec<CellPair>),
    /// The DNAs.
    DnasListed(Vec<DnaBytes>),
    /// The port.
    AppInterfaceAttached {
        /// Its number.
        port: u16,
    },
    /// The ports.
    AppInterfacesListed(Vec<InterfaceView>),
    /// The token.
    AppAuthenticationTokenIssued {
        /// 64 bytes, as numbers.
        token: Vec<u8>,
        /// When it stops being valid, in microseconds since 1970.
        expires_at: Option<i64>,
    },
    /// It is void.
    AppAuthenticationTokenRevoked,
    /// JSON: a pair of the dump and a summary for people.
    StateDumped(String),
    /// The space.
    StorageInfo(StorageView),
    /// The peers.
    AgentInfo(Vec<String>),
    /// An answer that Holochain has no words for.
    Commonhold(Box<OwnAnswer>),
    /// It did not work.
    Error(ErrorView),
}

/// What comes on an admin socket without being asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum AdminSignal {
    /// Holochain sends none here.
    Commonhold(OwnSignal),
}

/// An app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppView {
    /// Its name.
    pub installed_app_id: String,
    /// Its cells by role; one here.
    pub cell_info: BTreeMap<String, Vec<CellView>>,
    /// What it is doing.
    pub status: StatusView,
    /// Its agent.
    pub agent_pub_key: AgentBytes,
    /// What it was installed from.
    pub manifest: ManifestView,
    /// When it was installed, in microseconds since 1970.
    pub installed_at: i64,
}

/// A cell of an app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum CellView {
    /// One that came with the app.
    Provisioned {
        /// The cell.
        cell_id: CellPair,
        /// What makes its DNA this one.
        dna_modifiers: DnaModifiers,
        /// The DNA's name.
        name: String,
    },
}

/// What makes a DNA this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnaModifiers {
    /// The network seed.
    pub network_seed: String,
    /// Properties, as msgpack.
    pub properties: ByteBuf,
}

/// What an app is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum StatusView {
    /// It writes.
    Enabled,
    /// It does not.
    Disabled(DisabledBecause),
}

/// Why an app does not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DisabledBecause {
    /// It was never enabled.
    NeverStarted,
    /// Somebody stopped it.
    User,
}

/// The manifest of the one bundle that is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestView {
    /// The version of the format.
    pub manifest_version: String,
    /// The app's own name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Its roles; one here.
    pub roles: Vec<RoleView>,
    /// Whether membrane proofs may come later.
    pub allow_deferred_memproofs: bool,
    /// Where peers are found.
    pub bootstrap_url: Option<String>,
    /// What carries to peers.
    pub relay_url: Option<String>,
}

/// A role of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleView {
    /// Its name.
    pub name: String,
    /// How it gets its cell.
    pub provisioning: ProvisioningView,
    /// Its DNA.
    pub dna: RoleDnaView,
}

/// How a role gets its cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProvisioningView {
    /// `create`.
    pub strategy: String,
    /// Whether later.
    pub deferred: bool,
}

/// The DNA of a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleDnaView {
    /// The file in the bundle.
    pub path: String,
    /// What made it another one.
    pub modifiers: ModifiersView,
    /// Its hash as text.
    pub installed_hash: Option<String>,
    /// How many copies it may have.
    pub clone_limit: u32,
}

/// The modifiers of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModifiersView {
    /// The network seed, when another one than the bundle's was asked for.
    pub network_seed: Option<String>,
    /// Properties; none here.
    pub properties: Option<()>,
}

/// A port on which apps are talked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceView {
    /// Its number.
    pub port: u16,
    /// `*`, or names with commas between them.
    pub allowed_origins: String,
    /// The only app that may be talked to there.
    pub installed_app_id: Option<String>,
}

/// Space that apps take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageView {
    /// By DNA.
    pub blobs: Vec<StorageBlobView>,
}

/// Space of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum StorageBlobView {
    /// That of a DNA.
    Dna(DnaStorageView),
}

/// Space of a DNA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnaStorageView {
    /// Bytes of its actions and entries.
    pub dht_data_size: u64,
    /// The same here: the file is shared by all DNAs.
    pub dht_data_size_on_disk: u64,
    /// The DNA.
    pub dna_hash: DnaBytes,
    /// Apps that use it.
    pub used_by: Vec<String>,
}
