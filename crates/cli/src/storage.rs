//! `commonhold storage`: a node that keeps blobs and runs alone.

mod config;

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use ::storage::{Admittance, Engines, Storage, StorageMetrics, Writers};
use base::{Code, Problem};
use blobs::Blobs;
use chain::Signer as _;
use disk::{Folder, RealDisk};
use http_kit::{Instruments, Listener, Served};
use runtime::metrics::Registry;
use runtime::{Clock, Supervisor, TaskKind, files, port, telemetry};
use serde_json::json;

use crate::args::StorageArgs;
use crate::output::{Outcome, Output};
use crate::{agent, home};
use config::Config;

/// Connections of the admin port that are open at once.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// A node that is ready to serve.
struct Node {
    storage: Storage,
    blobs: Blobs,
    registry: Registry,
    /// Held while the process lives: one data folder has one owner.
    _lock: disk::Lock,
}

/// Runs the command until it is told to stop.
pub(crate) async fn run(args: &StorageArgs, output: &Output) -> Outcome {
    let data = home::storage(args.data.clone())?;
    let config = config::load(args, &data)?;
    let telemetry = telemetry::init(&config.telemetry()?).map_err(|error| {
        let detail = format!("logs and traces: {error}");
        Problem::new(Code::Config, detail)
    })?;
    if let Err(error) = files::raise_limit() {
        tracing::warn!(%error, "few files and connections can be open at once");
    }
    let supervisor = Supervisor::default();
    let listener = bind("listen", &config.listen).await?;
    let address = listener.address();
    let folder = Folder::open(&data).map_err(|error| error.problem())?;
    let node = Node::open(&config, folder, args, &supervisor).await?;
    telemetry.register(&node.registry);
    node.registry.process(env!("CARGO_PKG_VERSION"));
    let admin = open_admin(&config, &node.registry, &telemetry, &supervisor, output).await?;
    let serving = http_kit::serve(
        node.storage.served(),
        listener,
        supervisor.group("connections"),
        supervisor.shutdown(),
        config.http_limits(),
    );
    drop(supervisor.spawn("http", TaskKind::Essential, serving));
    // Signals are heard before anybody is told where to send them.
    let mut running = pin!(supervisor.run());
    let early = futures::poll!(running.as_mut());
    announce(output, address, admin, &data);
    let report = match early {
        Poll::Ready(report) => report,
        Poll::Pending => running.await,
    };
    let report = report.map_err(|error| Problem::caused(Code::Bug, &error))?;
    let is_stopped = node.blobs.is_poisoned();
    node.close().await;
    telemetry.close().await;
    if is_stopped {
        let code = Code::StoreStopped;
        return Err(Problem::new(code, code.title()).into());
    }
    if report.is_clean() {
        output.say("Stopped. Everything is on disk.");
        return Ok(());
    }
    let detail = format!("not everything ended in order: {report:?}");
    Err(Problem::new(Code::Bug, detail).into())
}

impl Node {
    /// Opens everything below the data folder.
    async fn open(
        config: &Config,
        folder: Folder,
        args: &StorageArgs,
        supervisor: &Supervisor,
    ) -> Result<Self, Problem> {
        let lock = folder.lock().map_err(|error| error.problem())?;
        let first = agent::signer(&home::agent(args.agent.clone())?)?;
        let key_seed = agent::random_seed()?;
        let first = Some(first.agent());
        let writers = Writers::open(&folder, &config.writers, first, &key_seed)?;
        let limits = blobs::Limits {
            blob_bytes_max: config.blob_bytes_max,
            cache_bytes_max: config.blob_cache_bytes_max,
            ..blobs::Limits::default()
        };
        let path = folder.path().join("blobs");
        let blobs = Blobs::open(&path, limits).map_err(|error| error.problem())?;
        ::storage::watch(&blobs, supervisor);
        let disk = RealDisk::open(folder.path()).map_err(|error| error.problem())?;
        let registry = Registry::default();
        let engines = Engines {
            blobs: blobs.clone(),
            disk: Arc::new(disk),
            admittance: Admittance::Own(Arc::new(writers)),
            metrics: StorageMetrics::new(&registry),
        };
        let clock = Clock::system();
        let storage = Storage::build(config.storage.clone(), engines, clock, supervisor).await?;
        Ok(Self {
            storage,
            blobs,
            registry,
            _lock: lock,
        })
    }

    /// Closes everything after the last request was answered.
    async fn close(self) {
        drop(self.storage);
        self.blobs.close().await;
    }
}

/// Opens the port on which a steward sees metrics and tasks, unless it is not wanted. Where it is taken, another one is
/// found.
async fn open_admin(
    config: &Config,
    registry: &Registry,
    telemetry: &telemetry::Handle,
    supervisor: &Supervisor,
    output: &Output,
) -> Result<Option<SocketAddr>, Problem> {
    if config.admin_listen.is_empty() {
        return Ok(None);
    }
    let listener = match bind("admin_listen", &config.admin_listen).await {
        Err(taken) if taken.code == Code::PortTaken => {
            output.warn(&taken);
            let wanted = parse("admin_listen", &config.admin_listen)?;
            let free = Listener::bind(SocketAddr::new(wanted.ip(), 0)).await;
            free.map_err(|error| error.problem())?
        }
        bound => bound?,
    };
    let address = listener.address();
    if !address.ip().is_loopback() {
        let detail = format!(
            "admin_listen: whoever reaches {address} sees metrics and changes the level of the logs; keep it on 127.0.0.1"
        );
        output.warn(&Problem::new(Code::Config, detail));
    }
    let mut hosts = config.admin_hosts.clone();
    hosts.push(address.ip().to_string());
    let instruments = Instruments {
        registry: registry.clone(),
        supervisor: supervisor.clone(),
        telemetry: telemetry.clone(),
        hosts,
    };
    let mounted = Default::default();
    let serving = http_kit::serve(
        Served::new(http_kit::admin(instruments, mounted)),
        listener,
        supervisor.group("admin connections"),
        supervisor.shutdown(),
        http_kit::Limits {
            lanes: 0,
            connections_max: ADMIN_CONNECTIONS_MAX,
            ..http_kit::Limits::default()
        },
    );
    drop(supervisor.spawn("admin", TaskKind::Ordinary, serving));
    Ok(Some(address))
}

/// Reads an address that a key names.
fn parse(key: &str, address: &str) -> Result<SocketAddr, Problem> {
    let parsed = address.parse();
    parsed.map_err(|_| Problem::new(Code::Config, format!("{key}: {address} is no ADDR:PORT")))
}

/// Listens at an address that a key names; says by whom it is taken and which port is free.
async fn bind(key: &str, address: &str) -> Result<Listener, Problem> {
    let address = parse(key, address)?;
    let mut problem = match Listener::bind(address).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error.problem(),
    };
    if problem.code != Code::PortTaken {
        return Err(problem);
    }
    if let Some(holder) = port::holder(address) {
        problem.detail = format!(
            "{key}: {} by {} (process {})",
            problem.detail, holder.name, holder.pid
        );
    }
    if let Some(free) = port::free_near(address) {
        let free = SocketAddr::new(address.ip(), free);
        problem.detail = format!("{}; free: {free}", problem.detail);
    }
    Err(problem)
}

/// Says that the node is open: where, and what to do next.
fn announce(output: &Output, address: SocketAddr, admin: Option<SocketAddr>, data: &Path) {
    let url = format!("http://{address}");
    let admin = admin.map(|address| format!("http://{address}"));
    let writers = data.join(Writers::FILE);
    let document = json!({ "ok": true, "url": url, "admin": admin, "writers": writers });
    let mut lines = vec![
        format!("Blobs are kept at {url}"),
        format!("Store a file: commonhold blob put FILE --to {url}. Stop with Ctrl-C."),
        format!("Who may store: {}, one key to a line.", writers.display()),
    ];
    if let Some(admin) = &admin {
        lines.push(format!("Metrics: {admin}/metrics"));
    }
    output.result(&document, &lines);
}
