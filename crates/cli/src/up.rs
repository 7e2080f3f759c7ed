//! `commonhold up`: a community on one machine, behind one port; or a copy of one.

mod config;
mod engines;
mod handbook;
mod keeping;
mod listen;
mod notes;
mod role;
mod steward;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use ::storage::Storage;
use base::{Code, Problem};
use blobs::Blobs;
use chain::Signer as _;
use conductor::Embedded;
use disk::{Folder, Mode};
use doorway::{Doorway, DoorwayMetrics};
use runtime::metrics::Registry;
use runtime::telemetry::{self, InitError};
use runtime::{Clock, Supervisor, TaskKind, files};
use serde_json::json;

use crate::agent;
use crate::args::UpArgs;
use crate::home;
use crate::output::{Outcome, Output};
use config::{Config, Place};
use notes::Notes;

/// Name of the file that lies in the data folder until the handbook is published.
const HANDBOOK_DUE: &str = "handbook.due";

/// A community that is ready to serve.
struct Community {
    doorway: Doorway,
    place: Place,
    /// Keeps blobs for members; a copy does not.
    storage: Option<Storage>,
    blobs: Blobs,
    /// The engine with the chains; a copy has none.
    engine: Option<Arc<Embedded>>,
    folder: Folder,
    registry: Registry,
    /// Held while the process lives: one data folder has one owner.
    _lock: disk::Lock,
}

/// A data folder that belongs to this process.
struct Held {
    folder: Folder,
    lock: disk::Lock,
}

/// Where a community is reached.
struct Addresses {
    url: String,
    /// Where plain requests are sent on to `url`.
    redirect: Option<SocketAddr>,
    /// Where a steward looks.
    admin: Option<SocketAddr>,
    /// The certificate that nobody else signed.
    certificate: Option<PathBuf>,
}

/// Runs the command until it is told to stop.
pub(crate) async fn run(args: &UpArgs, output: &Output) -> Outcome {
    let data = home::community(args.data.clone())?;
    let config = config::load(args, &data)?;
    let place = config.check(args)?;
    let telemetry = telemetry::init(&config.telemetry()?).map_err(|error| unlogged(&error))?;
    let mut notes = Notes::new(output, &config);
    if let Err(error) = files::raise_limit() {
        tracing::warn!(%error, "few files and connections can be open at once");
    }
    let supervisor = Supervisor::default();
    let ports = listen::ports(&config).await?;
    let folder = Folder::open(&data).map_err(|error| error.problem())?;
    let lock = folder.lock().map_err(|error| error.problem())?;
    role::check(&folder, &place)?;
    let open = listen::open(ports, &config, &folder, &supervisor)?;
    let held = Held { folder, lock };
    let address = open.listener.address();
    let url = format!("{}://{address}", open.scheme);
    let community = Community::open(&config, place, held, args, &url, &supervisor).await?;
    let admin = steward::open(&config, &community, &telemetry, &supervisor, &mut notes).await?;
    let mut served = community.doorway.served();
    if let Some(storage) = &community.storage {
        served.router = served.router.merge(storage.routes());
    }
    let serving = http_kit::serve(
        served,
        open.listener,
        supervisor.group("connections"),
        supervisor.shutdown(),
        config.http_limits(),
    );
    drop(supervisor.spawn("http", TaskKind::Essential, serving));
    community.publish_handbook(args, &supervisor).await?;
    warn_of_origin(&config, address, &mut notes);
    let addresses = Addresses {
        url,
        redirect: open.redirect,
        admin,
        certificate: (config.tls.self_signed).then(|| data.join(listen::SELF_SIGNED.0)),
    };
    // Signals are heard before anybody is told where to send them.
    let mut running = pin!(supervisor.run());
    let early = futures::poll!(running.as_mut());
    announce(output, &community, &addresses, &notes);
    let report = match early {
        Poll::Ready(report) => report,
        Poll::Pending => running.await,
    };
    let report = report.map_err(|error| Problem::caused(Code::Bug, &error))?;
    let is_stopped = community.blobs.is_poisoned();
    community.close().await?;
    telemetry.close().await;
    if is_stopped {
        let code = Code::StoreStopped;
        return Err(Problem::new(code, code.title()).into());
    }
    if report.is_clean() {
        output.say("Stopped. Everything is on disk.");
        return Ok(());
    }
    Err(Problem::new(
        Code::Bug,
        format!("not everything ended in order: {report:?}"),
    )
    .into())
}

impl Community {
    /// Opens everything below the data folder.
    async fn open(
        config: &Config,
        place: Place,
        held: Held,
        args: &UpArgs,
        url: &str,
        supervisor: &Supervisor,
    ) -> Result<Self, Problem> {
        let Held { folder, lock } = held;
        let data = folder.path().to_owned();
        let first_steward = match place {
            Place::Hosted => {
                note_handbook(&folder, args)?;
                let steward = agent::signer(&home::agent(args.agent.clone())?)?;
                Some(steward.agent().clone())
            }
            Place::Shared | Place::Followed(_) => None,
        };
        let registry = Registry::default();
        let metrics = DoorwayMetrics::new(&registry);
        let (engines, engine) = engines::open(config, &place, &data, &metrics, supervisor).await?;
        let blobs = engines.blobs.clone();
        let doorway = Doorway::build(
            doorway::Config {
                data,
                name: config.name.clone(),
                network_seed: network_seed()?,
                origin: origin(config, url),
                first_steward,
                key_seed: agent::random_seed()?,
                limits: config.limits()?,
            },
            engines,
            Clock::system(),
            supervisor,
        )
        .await?;
        role::note(&folder, &place)?;
        let storage =
            keeping::open(config, &doorway, &blobs, &folder, &registry, supervisor).await?;
        Ok(Self {
            doorway,
            storage,
            blobs,
            place,
            engine,
            folder,
            registry,
            _lock: lock,
        })
    }

    /// Publishes the handbook where that is due.
    async fn publish_handbook(
        &self,
        args: &UpArgs,
        supervisor: &Supervisor,
    ) -> Result<(), Problem> {
        let is_due = self.folder.contains(HANDBOOK_DUE);
        if !is_due.map_err(|error| error.problem())? {
            return Ok(());
        }
        let agent = home::agent(args.agent.clone())?;
        handbook::publish(&agent, &self.doorway, supervisor).await?;
        let removed = self.folder.remove(HANDBOOK_DUE);
        removed.map_err(|error| error.problem())?;
        Ok(())
    }

    /// Closes everything after the last request was answered.
    async fn close(self) -> Result<(), Problem> {
        self.doorway.close().await?;
        match self.engine {
            Some(engine) => engine.close().await.map_err(agent::problem),
            None => Ok(()),
        }
    }
}

/// Notes in a new folder that the handbook is to be published, so that a start which is cut off is made up for.
fn note_handbook(folder: &Folder, args: &UpArgs) -> Result<(), Problem> {
    let is_known = role::is_host(folder)?;
    if args.empty {
        let removed = folder.remove(HANDBOOK_DUE);
        removed.map_err(|error| error.problem())?;
    } else if !is_known {
        let noted = folder.write_atomic(HANDBOOK_DUE, b"", Mode::Private);
        noted.map_err(|error| error.problem())?;
    }
    Ok(())
}

/// Draws the seed that tells this community from all others.
fn network_seed() -> Result<String, Problem> {
    let seed = agent::random_seed()?;
    Ok(seed[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Returns the address under which readers reach the doorway.
fn origin(config: &Config, url: &str) -> String {
    if config.public_url.is_empty() {
        url.to_owned()
    } else {
        config.public_url.trim_end_matches('/').to_owned()
    }
}

/// Says when readers elsewhere will get links that lead nowhere for them.
fn warn_of_origin(config: &Config, address: SocketAddr, notes: &mut Notes<'_>) {
    if config.public_url.is_empty() && address.ip().is_unspecified() {
        let detail =
            "links and proofs name this machine as readers cannot reach it; say --public-url URL";
        notes.warn(&Problem::new(Code::Config, detail));
    }
}

/// Says that the doorway is open: where, as what, and what to do next.
fn announce(output: &Output, community: &Community, addresses: &Addresses, notes: &Notes<'_>) {
    let identity = community.doorway.identity();
    let plain = |address: &SocketAddr| format!("http://{address}");
    let (admin, redirect) = (
        addresses.admin.as_ref().map(plain),
        addresses.redirect.as_ref().map(plain),
    );
    let url = &addresses.url;
    let document = json!({
        "ok": true,
        "url": url,
        "admin": admin,
        "redirect": redirect,
        "certificate": addresses.certificate,
        "community": identity.name,
        "dna_hash": identity.dna.to_string(),
        "follows": match &community.place {
            Place::Followed(writer) => Some(writer),
            Place::Hosted | Place::Shared => None,
        },
        "warnings": notes.told(),
    });
    let mut lines = vec![format!("{} is open at {url}", identity.name)];
    if let Some(redirect) = &redirect {
        lines.push(format!("Plain requests at {redirect} are sent there."));
    }
    let stop = "Stop with Ctrl-C.";
    match (&community.place, &addresses.certificate) {
        (Place::Followed(writer), _) => {
            lines.push(format!("A copy of {writer}; it takes no changes. {stop}"));
        }
        (Place::Shared, _) => lines.push(format!(
            "It shows what another process writes into the database. {stop}"
        )),
        (Place::Hosted, None) => {
            lines.push(format!("Publish a folder: commonhold publish DIR. {stop}"))
        }
        (Place::Hosted, Some(certificate)) => lines.extend([
            format!(
                "Publish a folder: commonhold publish DIR --to {url} --ca {}",
                certificate.display()
            ),
            stop.to_owned(),
        ]),
    }
    if let Some(admin) = &admin {
        lines.push(format!("Status and metrics: {admin}/status"));
    }
    output.result(&document, &lines);
}

/// Names the key for which logs and traces could not be started. Addresses are not repeated: they may hold a password.
fn unlogged(error: &InitError) -> Problem {
    let detail = match error {
        InitError::Level { reason, .. } => format!("log_level: {reason}"),
        InitError::Collector { reason, .. } => format!("otlp_url: {reason}"),
        InitError::SampleRatio(ratio) => {
            format!("trace_sample_ratio: {ratio} is no share; give a number from 0 to 1")
        }
        InitError::Again => return Problem::caused(Code::Bug, error),
    };
    Problem::new(Code::Config, detail)
}
