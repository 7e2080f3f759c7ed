//! The storage service beside a doorway: one port, one log-in, one store of blobs.

use std::sync::Arc;

use ::storage::{Admittance, Authority, Engines, Storage, StorageMetrics};
use base::{ContentHash, Problem, Timestamp};
use blobs::Blobs;
use disk::{Folder, RealDisk};
use doorway::Doorway;
use doorway_core::session::{Holder, Role};
use futures::future::BoxFuture;
use runtime::metrics::Registry;
use runtime::{Clock, Supervisor};
use storage_core::access::Caller;

use super::config::Config;

/// The members of a doorway, as the storage service asks for them.
struct Members(Doorway);

impl Authority for Members {
    fn holder(&self, token: &str, _now: Timestamp) -> Result<Holder, Problem> {
        self.0.token_holder(token)
    }

    fn caller<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Caller, Problem>> {
        Box::pin(async move {
            Ok(match self.0.role_of(agent).await? {
                None => Caller::Stranger,
                Some(Role::Steward) => Caller::Steward,
                Some(Role::Moderator | Role::Editor | Role::Member) => Caller::Member,
            })
        })
    }

    fn keeps(&self) -> BoxFuture<'_, Result<Vec<ContentHash>, Problem>> {
        Box::pin(self.0.kept_blobs())
    }

    fn version(&self) -> u64 {
        self.0.members_version()
    }
}

/// Starts the service where tokens are given; a copy has none.
pub(super) async fn open(
    config: &Config,
    doorway: &Doorway,
    blobs: &Blobs,
    folder: &Folder,
    registry: &Registry,
    supervisor: &Supervisor,
) -> Result<Option<Storage>, Problem> {
    ::storage::watch(blobs, supervisor);
    if !doorway.gives_tokens() {
        return Ok(None);
    }
    let disk = RealDisk::open(folder.path()).map_err(|error| error.problem())?;
    let engines = Engines {
        blobs: blobs.clone(),
        disk: Arc::new(disk),
        admittance: Admittance::Joined(Arc::new(Members(doorway.clone()))),
        metrics: StorageMetrics::new(registry),
    };
    let clock = Clock::system();
    let storage = Storage::build(config.storage.clone(), engines, clock, supervisor).await?;
    Ok(Some(storage))
}
