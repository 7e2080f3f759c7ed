//! The doorway as a whole: what it is made of, how it starts and how it ends.
//!
//! Every doorway is a full doorway. What differs are facts: whether chains are hosted here ([`Home`]), and where the
//! projection comes from ([`Origin`]).

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use base::{Code, Duration, Problem, Timestamp};
use blobs::{Blob, Blobs, ReadError};
use chain::AgentPubKey;
use conductor::Conductor;
use doorway_core::{admission, cache, intake, outbox, sign_up};
use runtime::{Clock, Supervisor, TaskGroup};
use tokio::sync::mpsc;

use crate::community::Identity;
use crate::events::{Piece, Stream};
use crate::feed::Feed;
use crate::follow::Follow;
use crate::home::Home;
use crate::hot::Hot;
use crate::mirror::Mirror;
use crate::projection::Handle;
use crate::status::{DoorwayMetrics, StatusSource};
use crate::store::ProjectionStore;
use crate::writing::Writing;

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
    /// Small blobs that lie ready for everybody beside it, in bytes together. They share their bytes with the memory of
    /// the blob store as long as it has them, which keeps them as long as they lie ready; so this is to be well below
    /// what that store may hold.
    pub ready_blob_bytes_max: u64,
    /// Who gets in.
    pub admission: admission::Limits,
    /// Readers of the log of events.
    pub events: outbox::Limits,
    /// How people join who have no invite.
    pub sign_up_policy: sign_up::Policy,
    /// Joining and invites.
    pub sign_up: sign_up::Limits,
    /// Whether everybody may see the status page.
    pub is_status_public: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            blob_bytes_max: 1_024 * 1_024 * 1_024,
            chain_bytes_max: 32 * 1_024 * 1_024,
            chain_records_max: 500,
            cache: cache::Limits::default(),
            ready_blob_bytes_max: 16 * 1_024 * 1_024,
            admission: admission::Limits::default(),
            events: outbox::Limits::default(),
            sign_up_policy: sign_up::Policy::Invite,
            sign_up: sign_up::Limits::default(),
            is_status_public: false,
        }
    }
}

/// Where the projection comes from.
#[derive(Clone)]
pub enum Origin {
    /// Chains are hosted here, and this process writes the projection.
    Hosted(Arc<dyn Conductor>),
    /// Another process writes the store, which both reach; chains and changes are there.
    Shared {
        /// Where that process can be reached for blobs; the address under which it introduced itself without it.
        writer: Option<client::Doorway>,
    },
    /// Everything is copied from another doorway, into a store of our own.
    Followed(client::Doorway),
}

/// The engines that a doorway works with; the face opens them.
#[derive(Clone)]
pub struct Engines {
    /// Where the projection comes from.
    pub origin: Origin,
    /// Where the projection is kept.
    pub store: Arc<dyn ProjectionStore>,
    /// Holds the blobs.
    pub blobs: Blobs,
    /// Carries hints between processes.
    pub bus: bus::Bus,
    /// What is counted.
    pub metrics: DoorwayMetrics,
}

/// A running doorway. Cheap to clone; all clones are the same doorway.
#[derive(Clone)]
pub struct Doorway(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    /// What only a doorway has that takes changes.
    pub(crate) home: Option<Home>,
    pub(crate) store: Arc<dyn ProjectionStore>,
    pub(crate) blobs: Blobs,
    pub(crate) bus: bus::Bus,
    pub(crate) metrics: DoorwayMetrics,
    /// What the status page shows.
    pub(crate) status: OnceLock<Arc<dyn StatusSource>>,
    pub(crate) hot: Arc<Hot>,
    pub(crate) feed: Feed,
    /// The projector, where there is one: a reader of a shared store has none.
    pub(crate) projection: Option<Handle>,
    pub(crate) writing: Option<Writing>,
    pub(crate) follow: Option<Follow>,
    pub(crate) mirror: Option<Mirror>,
    /// Where changes are to be sent instead, for messages.
    pub(crate) writer: String,
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
    pub(crate) supervisor: Supervisor,
    /// Readers of the log.
    pub(crate) streams: TaskGroup,
}

impl Doorway {
    /// Returns what is needed to take changes.
    ///
    /// # Errors
    /// [`Code::ReadOnlyCopy`] for a copy, which takes none.
    pub(crate) fn home(&self) -> Result<&Home, Problem> {
        self.0.home.as_ref().ok_or_else(|| {
            let detail = if self.0.writer.is_empty() {
                Code::ReadOnlyCopy.title().to_owned()
            } else {
                format!("changes go to {}", self.0.writer)
            };
            Problem::new(Code::ReadOnlyCopy, detail)
        })
    }

    /// Waits until everything that was committed can be read, or is reported as stalled in `/ready`.
    pub async fn caught_up(&self) {
        if let Some(projection) = &self.0.projection {
            projection.caught_up().await;
        }
    }

    /// Closes the stores after the last request was answered.
    ///
    /// # Errors
    /// When a file cannot be brought to its final state; nothing acknowledged is lost.
    pub async fn close(&self) -> Result<(), Problem> {
        if let Some(writing) = &self.0.writing {
            writing.release(self.0.store.as_ref()).await;
        }
        self.0.store.close().await?;
        match &self.0.home {
            Some(home) => home.community.close().await,
            None => Ok(()),
        }
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
        self.0.store.as_ref()
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    /// Opens a blob; a copy that does not have it yet gets it first.
    pub(crate) async fn blob(&self, hash: &base::ContentHash) -> Result<Option<Blob>, Problem> {
        let here = self.0.blobs.get(hash).await;
        match (here, &self.0.mirror) {
            (Ok(Some(blob)), _) => Ok(Some(blob)),
            // What is damaged here is whole where it was copied from, and is stored again.
            (Err(damaged @ ReadError::Damaged { .. }), Some(mirror)) => {
                let again = mirror.obtain(hash).await.ok().flatten();
                again.map(Some).ok_or_else(|| damaged.problem())
            }
            (Ok(None), Some(mirror)) => mirror.obtain(hash).await,
            (Ok(None), None) => Ok(None),
            (Err(error), _) => Err(error.problem()),
        }
    }

    pub(crate) fn hot(&self) -> &Hot {
        &self.0.hot
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.0.feed
    }

    pub(crate) fn bus(&self) -> &bus::Bus {
        &self.0.bus
    }

    pub(crate) fn metrics(&self) -> &DoorwayMetrics {
        &self.0.metrics
    }

    /// Returns what the status page shows; from the first call on it is observed.
    pub(crate) fn status(&self) -> Arc<dyn StatusSource> {
        Arc::clone(self.0.status.get_or_init(|| self.observe()))
    }

    pub(crate) fn projection(&self) -> Option<&Handle> {
        self.0.projection.as_ref()
    }

    pub(crate) fn writing(&self) -> Option<&Writing> {
        self.0.writing.as_ref()
    }

    pub(crate) fn following(&self) -> Option<&Follow> {
        self.0.follow.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.now().since(self.0.started)
    }

    /// Serves a reader of the log in a task of its own.
    pub(crate) fn serve_events(&self, stream: Stream, pieces: mpsc::Sender<Piece>) {
        let shutdown = self.0.supervisor.shutdown();
        self.0.streams.spawn(stream.run(pieces, shutdown));
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.supervisor.shutdown().is_requested()
    }
}

/// Tells a person what a conductor's fault means.
pub(crate) fn conductor_problem(fault: conductor::Fault) -> Problem {
    let detail = match fault.code() {
        Code::NotFound => Code::NotFound.title().to_owned(),
        _ => base::told(&fault),
    };
    Problem::new(fault.code(), detail)
}
