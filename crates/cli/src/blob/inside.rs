//! The store of a data folder, served inside of this process for as long as one command runs.
//!
//! Invariants: the folder's lock is held meanwhile, so no other process has it open; the port answers on this machine
//! alone, and only to the token that this process made up; nothing is collected or scrubbed by itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use ::storage::{Admittance, Authority, Engines, Storage, StorageMetrics};
use base::{Code, Problem, Timestamp};
use blobs::Blobs;
use chain::AgentPubKey;
use disk::{Folder, Lock, RealDisk};
use doorway_core::session::Holder;
use futures::future::BoxFuture;
use http_kit::{Listener, Served};
use runtime::metrics::Registry;
use runtime::{Clock, Shutdown, Supervisor, Task, TaskKind};
use storage_core::access::Caller;

use crate::agent;
use crate::blob::blocking;

/// Folder with the blobs inside of a data folder.
const BLOBS: &str = "blobs";

/// A store that this process serves to itself.
pub(crate) struct Inside {
    address: String,
    token: String,
    supervisor: Supervisor,
    closed: Shutdown,
    serving: Task,
    blobs: Blobs,
    _lock: Lock,
}

/// Lets in whoever has the token: this process.
struct Alone {
    agent: String,
    token: String,
}

impl Inside {
    /// Opens the store of a data folder that no other process has open.
    pub(crate) async fn open(data: &Path, agent: &AgentPubKey) -> Result<Self, Problem> {
        let data = data.to_owned();
        let (folder, lock, blobs) = blocking(move || open(&data)).await?;
        let token = hex::encode(agent::random_seed()?.as_slice());
        let authority = Alone {
            agent: agent.to_string(),
            token: token.clone(),
        };
        let disk = RealDisk::open(folder.path()).map_err(|error| error.problem())?;
        let engines = Engines {
            blobs: blobs.clone(),
            disk: Arc::new(disk),
            admittance: Admittance::Joined(Arc::new(authority)),
            metrics: StorageMetrics::new(&Registry::default()),
        };
        let config = ::storage::Config {
            gc_interval_secs: 0,
            scrub_interval_secs: 0,
            ..::storage::Config::default()
        };
        let supervisor = Supervisor::default();
        let storage = Storage::build(config, engines, Clock::system(), &supervisor).await?;
        let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.map_err(|error| error.problem())?;
        let address = format!("http://{}", listener.address());
        let limits = http_kit::Limits {
            lanes: 0,
            ..http_kit::Limits::default()
        };
        let closed = Shutdown::new();
        let connections = supervisor.group("connections");
        let served = Served::new(storage.routes());
        let serving = http_kit::serve(served, listener, connections, closed.clone(), limits);
        let serving = supervisor.spawn("http", TaskKind::Essential, serving);
        Ok(Self {
            address,
            token,
            supervisor,
            closed,
            serving,
            blobs,
            _lock: lock,
        })
    }

    /// Returns where it is served.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns what lets this process in.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Ends it in order: after that everything is at rest.
    pub(crate) async fn close(self) -> Result<(), Problem> {
        self.closed.request();
        self.serving.ended().await;
        self.supervisor.shutdown().request();
        let report = self.supervisor.run().await;
        report.map_err(|error| Problem::caused(Code::Bug, &error))?;
        self.blobs.close().await;
        Ok(())
    }
}

/// Opens a data folder that is one already.
fn open(data: &Path) -> Result<(Folder, Lock, Blobs), Problem> {
    let shown = data.display().to_string();
    if !data.join(BLOBS).is_dir() {
        let detail =
            "there is no store in this folder; a server makes one: commonhold storage --data DIR";
        return Err(Problem::new(Code::Config, detail).at(shown, 0));
    }
    let folder = Folder::open(data).map_err(|error| error.problem())?;
    let lock = folder.lock().map_err(|error| error.problem())?;
    let blobs = Blobs::open(&data.join(BLOBS), blobs::Limits::default());
    let blobs = blobs.map_err(|error| error.problem())?;
    Ok((folder, lock, blobs))
}

impl Authority for Alone {
    fn holder(&self, token: &str, now: Timestamp) -> Result<Holder, Problem> {
        if token != self.token {
            return Err(Problem::new(Code::TokenInvalid, Code::TokenInvalid.title()));
        }
        Ok(Holder {
            agent: self.agent.clone(),
            expires: now + base::Duration::from_secs(3_600),
        })
    }

    fn caller<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Caller, Problem>> {
        let caller = if agent == self.agent {
            Caller::Steward
        } else {
            Caller::Stranger
        };
        Box::pin(async move { Ok(caller) })
    }

    fn version(&self) -> u64 {
        0
    }
}
