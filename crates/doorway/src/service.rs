//! The doorway as a whole: what it is made of, how it starts and how it ends.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base::{Code, Duration, Problem, Timestamp};
use blobs::Blobs;
use chain::{AgentPubKey, Head};
use conductor::{AppId, CellId, Conductor, Custody, Hosted, Origin, Provision};
use crypto::Keypair;
use disk::Folder;
use doorway_core::projector::Input;
use doorway_core::{cache, intake};
use runtime::{Clock, Supervisor, TaskKind};

use crate::community::{Community, Identity, Member};
use crate::hot::Hot;
use crate::projection::{self, Handle, Parts};
use crate::store::{ProjectionStore, SqliteStore};
use crate::tokens::Tokens;

/// Chains that the conductor is asked for at once.
const HOSTED_PAGE: u32 = 500;

/// Name of the file with the doorway's own key.
const KEY_FILE: &str = "doorway.key";

/// What a doorway is told when it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder with all its state.
    pub data: PathBuf,
    /// Name of the community, taken at the very first start.
    pub name: String,
    /// Network seed of the community, taken at the very first start: random text.
    pub network_seed: String,
    /// Scheme, host and port under which readers reach it, without a slash at the end.
    pub origin: String,
    /// Who becomes steward when there is no member at all.
    pub first_steward: Option<AgentPubKey>,
    /// Seed of the doorway's own key, used when it has none yet: 32 random bytes.
    pub key_seed: crypto::Seed,
    /// Bounds.
    pub limits: Limits,
}

/// The bounds of a doorway.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest blob, in bytes.
    pub blob_bytes_max: u64,
    /// Largest body of a chain's records, in bytes.
    pub chain_bytes_max: u64,
    /// Most records in one request.
    pub chain_records_max: u32,
    /// The hot cache.
    pub cache: cache::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            blob_bytes_max: 1_024 * 1_024 * 1_024,
            chain_bytes_max: 32 * 1_024 * 1_024,
            chain_records_max: 500,
            cache: cache::Limits::default(),
        }
    }
}

/// The engines that a doorway works with; the face opens them.
#[derive(Clone)]
pub struct Engines {
    /// Holds the members' chains.
    pub conductor: Arc<dyn Conductor>,
    /// Holds the blobs.
    pub blobs: Blobs,
}

/// A running doorway. Cheap to clone; all clones are the same doorway.
#[derive(Clone)]
pub struct Doorway(Arc<Inner>);

struct Inner {
    config: Config,
    identity: Identity,
    community: Community,
    store: SqliteStore,
    engines: Engines,
    tokens: Tokens,
    hot: Arc<Hot>,
    projection: Handle,
    clock: Clock,
    started: Timestamp,
    supervisor: Supervisor,
}

impl Doorway {
    /// Opens the data folder and starts projecting.
    ///
    /// # Errors
    /// A [`Problem`] that says which part could not start and why.
    pub async fn build(
        config: Config,
        engines: Engines,
        clock: Clock,
        supervisor: &Supervisor,
    ) -> Result<Self, Problem> {
        let folder = Folder::open(&config.data).map_err(|error| error.problem())?;
        let tokens = Tokens::new(own_key(&folder, &config)?);
        let opened = |error: db::OpenError| Problem::caused(error.code(), &error);
        let community = Community::open(&config.data.join("community.sqlite")).map_err(opened)?;
        let store = SqliteStore::open(&config.data.join("projection.sqlite")).map_err(opened)?;
        let identity = community
            .identity(&config.name, &config.network_seed)
            .await?;
        if let Some(steward) = &config.first_steward
            && community.admit_first(steward, clock.now()).await?
        {
            tracing::info!(agent = %steward, "the first steward was admitted");
        }
        let hot = Arc::new(Hot::new(config.limits.cache.clone(), clock.clone()));
        let parts = Parts {
            dna: identity.dna.clone(),
            store: Arc::new(store.clone()),
            community: community.clone(),
            conductor: Arc::clone(&engines.conductor),
            blobs: engines.blobs.clone(),
            hot: Arc::clone(&hot),
            clock: clock.clone(),
        };
        let cursors = store.cursors().await?;
        let (projection, task) = projection::start(parts, cursors.clone(), supervisor.shutdown());
        drop(supervisor.spawn("projector", TaskKind::Essential, task));
        let doorway = Self(Arc::new(Inner {
            started: clock.now(),
            config,
            identity,
            community,
            store,
            engines,
            tokens,
            hot,
            projection,
            clock,
            supervisor: supervisor.clone(),
        }));
        for member in doorway.0.community.members().await? {
            doorway.host(&member.agent).await?;
        }
        let mut cursors: BTreeMap<_, _> = cursors.into_iter().collect();
        for (agent, head) in doorway.hosted().await? {
            let cursor = cursors.remove(&agent);
            if let Some(head) = head {
                doorway.0.projection.committed(&agent, head.seq);
            }
            doorway
                .0
                .projection
                .tell(Input::Follow { agent, cursor })
                .await;
        }
        Ok(doorway)
    }

    /// Returns whose chains of this community are here: those of members, and of former members too, because
    /// what they wrote stays.
    async fn hosted(&self) -> Result<Vec<(AgentPubKey, Option<Head>)>, Problem> {
        let mut agents = Vec::new();
        let mut after: Option<AppId> = None;
        loop {
            let conductor = &self.0.engines.conductor;
            let page = conductor.hosted(after.as_ref(), HOSTED_PAGE).await;
            let page = page.map_err(conductor_problem)?;
            let Some(last) = page.last() else {
                return Ok(agents);
            };
            after = Some(last.app_id.clone());
            let ours = |hosted: Hosted| {
                let is_ours = hosted.cell.dna == self.0.identity.dna;
                is_ours.then_some((hosted.cell.agent, hosted.head))
            };
            agents.extend(page.into_iter().filter_map(ours));
        }
    }

    /// Makes the cell of a member who signs on a device of their own.
    async fn host(&self, agent: &AgentPubKey) -> Result<(), Problem> {
        let cell = self.cell_of(agent);
        let app_id = AppId::of_agent(agent);
        let provision = Provision {
            app_id: app_id.clone(),
            cell,
            origin: Origin::Genesis,
            custody: Custody::External,
        };
        let conductor = &self.0.engines.conductor;
        conductor
            .provision(provision)
            .await
            .map_err(conductor_problem)?;
        conductor
            .set_enabled(&app_id, true)
            .await
            .map_err(conductor_problem)
    }

    /// Puts a member on the list, hosts their chain and projects it.
    pub(crate) async fn admit(&self, member: &Member) -> Result<(), Problem> {
        self.0
            .community
            .admit(&member.agent, member.role, member.added_at)
            .await?;
        self.host(&member.agent).await?;
        let cursors = self.0.store.cursors().await?;
        let cursor = cursors
            .into_iter()
            .find_map(|(agent, cursor)| (agent == member.agent).then_some(cursor));
        let agent = member.agent.clone();
        self.0
            .projection
            .tell(Input::Follow { agent, cursor })
            .await;
        self.0.hot.lists_changed();
        Ok(())
    }

    /// Takes a member off the list; what they wrote stays, and their chain takes nothing more.
    pub(crate) async fn dismiss(&self, agent: &AgentPubKey) -> Result<bool, Problem> {
        self.0.community.remove(agent).await
    }

    fn cell_of(&self, agent: &AgentPubKey) -> CellId {
        CellId {
            dna: self.0.identity.dna.clone(),
            agent: agent.clone(),
        }
    }

    /// Waits until everything that was committed can be read, or is reported as stalled in `/ready`.
    pub async fn caught_up(&self) {
        self.0.projection.caught_up().await;
    }

    /// Closes the stores after the last request was answered.
    ///
    /// # Errors
    /// When a file cannot be brought to its final state; nothing acknowledged is lost.
    pub async fn close(&self) -> Result<(), Problem> {
        self.0.store.close().await?;
        self.0.community.close().await
    }

    /// Returns which community this is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Returns scheme, host and port under which readers reach it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0.config.origin
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    pub(crate) fn intake_limits(&self) -> intake::Limits {
        intake::Limits {
            records_max: self.0.config.limits.chain_records_max as usize,
        }
    }

    pub(crate) fn store(&self) -> &dyn ProjectionStore {
        &self.0.store
    }

    pub(crate) fn conductor(&self) -> &dyn Conductor {
        self.0.engines.conductor.as_ref()
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.engines.blobs
    }

    pub(crate) fn community(&self) -> &Community {
        &self.0.community
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn hot(&self) -> &Hot {
        &self.0.hot
    }

    pub(crate) fn projection(&self) -> &Handle {
        &self.0.projection
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.now().since(self.0.started)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.supervisor.shutdown().is_requested()
    }
}

/// Reads the doorway's own key, or makes it at the very first start.
fn own_key(folder: &Folder, config: &Config) -> Result<Keypair, Problem> {
    let problem = |error: disk::SecretError| error.problem();
    if let Some(seed) = folder.read_secret::<32>(KEY_FILE).map_err(problem)? {
        return Ok(Keypair::from_seed(&seed));
    }
    folder
        .create_secret(KEY_FILE, config.key_seed.as_slice())
        .map_err(problem)?;
    Ok(Keypair::from_seed(&config.key_seed))
}

/// Tells a person what a conductor's fault means.
pub(crate) fn conductor_problem(fault: conductor::Fault) -> Problem {
    let detail = match fault.code() {
        Code::NotFound => Code::NotFound.title().to_owned(),
        _ => base::told(&fault),
    };
    Problem::new(fault.code(), detail)
}
