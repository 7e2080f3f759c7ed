//! `commonhold up`: a community on one machine, behind one port; or a copy of one.

mod config;
mod engines;
mod handbook;
mod listen;
mod steward;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base::{Code, Problem};
use chain::Signer as _;
use conductor::Embedded;
use disk::{Folder, Mode};
use doorway::{Doorway, DoorwayMetrics};
use http_kit::Listener;
use runtime::metrics::Registry;
use runtime::{Clock, Supervisor, TaskKind, files, telemetry};
use serde_json::json;

use crate::agent;
use crate::args::UpArgs;
use crate::home;
use crate::output::{Outcome, Output};
use config::{Config, Place};

/// Name of the file that lies in the data folder until the handbook is published.
const HANDBOOK_DUE: &str = "handbook.due";

/// A community that is ready to serve.
struct Community {
    doorway: Doorway,
    /// The engine with the chains; a copy has none.
    engine: Option<Arc<Embedded>>,
    listener: Listener,
    /// `http` or `https`.
    scheme: &'static str,
    folder: Folder,
    registry: Registry,
    /// Held while the process lives: one data folder has one owner.
    _lock: disk::Lock,
}

/// Runs the command until it is told to stop.
pub(crate) async fn run(args: &UpArgs, output: &Output) -> Outcome {
    let data = home::community(args.data.clone())?;
    let config = config::load(args, &data)?;
    let telemetry = telemetry::init(&config.telemetry()?).map_err(|error| refuse(&error))?;
    if let Err(error) = files::raise_limit() {
        tracing::warn!(%error, "few files and connections can be open at once");
    }
    let supervisor = Supervisor::default();
    let community = open(&config, &data, args, &supervisor).await?;
    let address = community.listener.address();
    let url = format!("{}://{address}", community.scheme);
    steward::open(&config, &community, &telemetry, &supervisor, output).await?;
    let served = community.doorway.served();
    let serving = http_kit::serve(
        served,
        community.listener,
        supervisor.group("connections"),
        supervisor.shutdown(),
        config.http_limits(),
    );
    drop(supervisor.spawn("http", TaskKind::Essential, serving));
    let is_due = community.folder.contains(HANDBOOK_DUE);
    if is_due.map_err(|error| error.problem())? {
        handbook::publish(&home::agent(args.agent.clone())?, &url).await?;
        let removed = community.folder.remove(HANDBOOK_DUE);
        removed.map_err(|error| error.problem())?;
    }
    warn_of_origin(&config, address, output);
    announce(output, &community.doorway, &config, &url);
    let report = supervisor.run().await;
    let report = report.map_err(|error| Problem::caused(Code::Bug, &error))?;
    community.doorway.close().await?;
    if let Some(engine) = community.engine {
        engine.close().await.map_err(agent::problem)?;
    }
    telemetry.close().await;
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

/// Opens everything below the data folder and the port.
async fn open(
    config: &Config,
    data: &Path,
    args: &UpArgs,
    supervisor: &Supervisor,
) -> Result<Community, Problem> {
    let folder = Folder::open(data).map_err(|error| error.problem())?;
    let lock = folder.lock().map_err(|error| error.problem())?;
    let (listener, scheme) = listen::open(config, &folder, supervisor).await?;
    let place = config.place()?;
    if place == Place::Hosted {
        note_handbook(&folder, args)?;
    }
    let registry = Registry::default();
    let metrics = DoorwayMetrics::new(&registry);
    let (engines, engine) = engines::open(config, &place, data, &metrics, supervisor).await?;
    let first_steward = match place {
        Place::Hosted => {
            let steward = agent::signer(&home::agent(args.agent.clone())?)?;
            Some(steward.agent().clone())
        }
        Place::Shared | Place::Followed(_) => None,
    };
    let doorway = Doorway::build(
        doorway::Config {
            data: data.to_owned(),
            name: config.name.clone(),
            network_seed: network_seed()?,
            origin: origin(config, scheme, listener.address()),
            first_steward,
            key_seed: agent::random_seed()?,
            limits: config.limits(),
        },
        engines,
        Clock::system(),
        supervisor,
    )
    .await?;
    Ok(Community {
        doorway,
        engine,
        listener,
        scheme,
        folder,
        registry,
        _lock: lock,
    })
}

/// Notes in a new folder that the handbook is to be published, so that a start which is cut off is made up for.
fn note_handbook(folder: &Folder, args: &UpArgs) -> Result<(), Problem> {
    let is_known = folder.contains("community.sqlite");
    if args.empty {
        let removed = folder.remove(HANDBOOK_DUE);
        removed.map_err(|error| error.problem())?;
    } else if !is_known.map_err(|error| error.problem())? {
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
fn origin(config: &Config, scheme: &str, address: SocketAddr) -> String {
    if config.public_url.is_empty() {
        format!("{scheme}://{address}")
    } else {
        config.public_url.trim_end_matches('/').to_owned()
    }
}

/// Says when readers elsewhere will get links that lead nowhere for them.
fn warn_of_origin(config: &Config, address: SocketAddr, output: &Output) {
    if config.public_url.is_empty() && address.ip().is_unspecified() {
        let detail =
            "links and proofs name this machine as readers cannot reach it; say --public-url URL";
        output.warn(&Problem::new(Code::Config, detail));
    }
}

fn announce(output: &Output, doorway: &Doorway, config: &Config, url: &str) {
    let identity = doorway.identity();
    let document = json!({
        "ok": true,
        "url": url,
        "community": identity.name,
        "dna_hash": identity.dna.to_string(),
    });
    let hint = match config.place() {
        Ok(Place::Followed(writer)) => {
            format!("A copy of {writer}; it takes no changes. Stop with Ctrl-C.")
        }
        Ok(Place::Shared) => {
            "It shows what another process writes into the database. Stop with Ctrl-C.".to_owned()
        }
        Ok(Place::Hosted) | Err(_) => {
            "Publish a folder: commonhold publish DIR. Stop with Ctrl-C.".to_owned()
        }
    };
    let lines = [format!("{} is open at {url}", identity.name), hint];
    output.result(&document, &lines);
}

fn refuse(error: &dyn std::error::Error) -> Problem {
    Problem::caused(Code::Config, error)
}
