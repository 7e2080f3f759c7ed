//! `commonhold up`: a community on one machine, behind one port.

mod config;
mod handbook;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base::{Code, Problem};
use blobs::Blobs;
use chain::Signer as _;
use conductor::Embedded;
use disk::{Folder, Mode};
use doorway::{Doorway, Engines};
use http_kit::{BindError, Listener};
use runtime::{Clock, Supervisor, TaskKind, files, port, telemetry};
use serde_json::json;

use crate::agent;
use crate::args::UpArgs;
use crate::home;
use crate::output::{Outcome, Output};
use config::Config;

/// Name of the file that lies in the data folder until the handbook is published.
const HANDBOOK_DUE: &str = "handbook.due";

/// A community that is ready to serve.
struct Community {
    doorway: Doorway,
    engine: Arc<Embedded>,
    listener: Listener,
    folder: Folder,
    /// Held while the process lives: one data folder has one owner.
    _lock: disk::Lock,
}

/// Runs the command until it is told to stop.
pub(crate) async fn run(args: &UpArgs, output: &Output) -> Outcome {
    let data = home::community(args.data.clone())?;
    let config = config::load(args, &data)?;
    let format = config.log_format.parse();
    let format = format.map_err(|error: telemetry::ParseFormatError| refuse(&error))?;
    telemetry::init(format, &config.log_level).map_err(|error| refuse(&error))?;
    if let Err(error) = files::raise_limit() {
        tracing::warn!(%error, "few files and connections can be open at once");
    }
    let supervisor = Supervisor::default();
    let community = open(&config, &data, args, &supervisor).await?;
    let address = community.listener.address();
    let url = format!("http://{address}");
    let router = doorway::router(&community.doorway);
    let connections = supervisor.group("connections");
    let serving = http_kit::serve(
        router,
        community.listener,
        connections,
        supervisor.shutdown(),
        http_kit::Limits::default(),
    );
    drop(supervisor.spawn("http", TaskKind::Essential, serving));
    let is_due = community.folder.contains(HANDBOOK_DUE);
    if is_due.map_err(|error| error.problem())? {
        handbook::publish(&home::agent(args.agent.clone())?, &url).await?;
        let removed = community.folder.remove(HANDBOOK_DUE);
        removed.map_err(|error| error.problem())?;
    }
    warn_of_origin(&config, address, output);
    announce(output, &community.doorway, &url);
    let report = supervisor.run().await;
    let report = report.map_err(|error| Problem::caused(Code::Bug, &error))?;
    community.doorway.close().await?;
    let closed = community.engine.close().await;
    closed.map_err(agent::problem)?;
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
    let address: SocketAddr = config.listen.parse().map_err(|_| {
        Problem::new(
            Code::Config,
            format!("listen: {} is no ADDR:PORT", config.listen),
        )
    })?;
    let listener = Listener::bind(address)
        .await
        .map_err(|error| taken(&error, address))?;
    let folder = Folder::open(data).map_err(|error| error.problem())?;
    let lock = folder.lock().map_err(|error| error.problem())?;
    note_handbook(&folder, args)?;
    let steward = agent::signer(&home::agent(args.agent.clone())?)?;
    let engine = Embedded::open(
        conductor::Config {
            id: "embedded".parse().expect("a well-formed name"),
            folder: data.join("conductor"),
            limits: conductor::Limits::default(),
        },
        Clock::system(),
    )
    .map_err(|error| Problem::caused(error.code(), &error))?;
    let limits = blobs::Limits {
        blob_bytes_max: config.blob_bytes_max,
        ..blobs::Limits::default()
    };
    let blobs = Blobs::open(&data.join("blobs"), limits).map_err(|error| error.problem())?;
    let doorway = Doorway::build(
        doorway::Config {
            data: data.to_owned(),
            name: config.name.clone(),
            network_seed: network_seed()?,
            origin: origin(config, listener.address()),
            first_steward: Some(steward.agent().clone()),
            key_seed: agent::random_seed()?,
            limits: config.limits(),
        },
        Engines {
            conductor: engine.clone(),
            blobs,
        },
        Clock::system(),
        supervisor,
    )
    .await?;
    Ok(Community {
        doorway,
        engine,
        listener,
        folder,
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
fn origin(config: &Config, address: SocketAddr) -> String {
    if config.public_url.is_empty() {
        format!("http://{address}")
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

/// Says by whom the port is taken and which one is free.
fn taken(error: &BindError, address: SocketAddr) -> Problem {
    let mut problem = error.problem();
    if problem.code != Code::PortTaken {
        return problem;
    }
    if let Some(holder) = port::holder(address) {
        problem.detail = format!(
            "{} by {} (process {})",
            problem.detail, holder.name, holder.pid
        );
    }
    if let Some(free) = port::free_near(address) {
        let again = again(SocketAddr::new(address.ip(), free));
        problem.detail = format!("{}; free: {again}", problem.detail);
    }
    problem
}

/// Returns what was typed, with another address to listen on.
fn again(address: SocketAddr) -> String {
    let mut words = vec!["commonhold".to_owned()];
    let mut typed = std::env::args().skip(1);
    while let Some(word) = typed.next() {
        if word == "--listen" {
            typed.next();
        } else if !word.starts_with("--listen=") {
            words.push(word);
        }
    }
    format!("{} --listen {address}", words.join(" "))
}

fn announce(output: &Output, doorway: &Doorway, url: &str) {
    let identity = doorway.identity();
    let document = json!({
        "ok": true,
        "url": url,
        "community": identity.name,
        "dna_hash": identity.dna.to_string(),
    });
    let lines = [
        format!("{} is open at {url}", identity.name),
        "Publish a folder: commonhold publish DIR. Stop with Ctrl-C.".to_owned(),
    ];
    output.result(&document, &lines);
}

fn refuse(error: &dyn std::error::Error) -> Problem {
    Problem::caused(Code::Config, error)
}
