//! `commonhold conductor`: an engine that hosts chains, behind its sockets, in a process of its own.

pub(crate) mod args;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use ::conductor::server::{Server, ServerConfig, SocketLimits};
use ::conductor::{ConductorId, Config, Embedded, Limits};
use base::{Code, Problem};
use disk::Folder;
use runtime::{Clock, Supervisor, files, port, telemetry};
use serde_json::json;

use crate::home;
use crate::output::{Outcome, Output};
use args::ConductorArgs;

/// The name of the engine inside of its own process; a doorway gives each conductor a name of its own.
const ID: &str = "here";

/// Runs the command until it is told to stop.
pub(crate) async fn run(args: &ConductorArgs, output: &Output) -> Outcome {
    let address = args.admin_listen;
    if !address.ip().is_loopback() {
        let detail = format!(
            "admin-listen: {address} can be reached from elsewhere, and the admin socket has no password; take 127.0.0.1"
        );
        return Err(Problem::new(Code::Config, detail).into());
    }
    let data = home::conductor(args.data.clone())?;
    let options = telemetry::Options {
        format: telemetry::Format::Text,
        level: args.log_level.clone(),
        otlp_url: String::new(),
        service_name: "commonhold-conductor".to_owned(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        instance_id: address.to_string(),
        trace_sample_ratio: 0.0,
    };
    let telemetry = telemetry::init(&options)
        .map_err(|error| Problem::new(Code::Config, format!("log-level: {error}")))?;
    if let Err(error) = files::raise_limit() {
        tracing::warn!(%error, "few files and connections can be open at once");
    }
    let folder = Folder::open(&data).map_err(|error| error.problem())?;
    // Held while the process lives: one data folder has one owner.
    let _lock = folder.lock().map_err(|error| error.problem())?;
    let supervisor = Supervisor::default();
    let config = Config {
        id: ID.parse::<ConductorId>().expect("four letters are a name"),
        folder: data.clone(),
        limits: Limits::default(),
    };
    let engine = Embedded::open(config, Clock::system()).map_err(Problem::from)?;
    let server = open(args, &folder, &engine, &supervisor).await?;
    // Signals are heard before anybody is told where to send them.
    let mut running = pin!(supervisor.run());
    let early = futures::poll!(running.as_mut());
    announce(output, server.admin_address());
    let report = match early {
        Poll::Ready(report) => report,
        Poll::Pending => running.await,
    };
    let report = report.map_err(|error| Problem::caused(Code::Bug, &error))?;
    server.close().await;
    engine.close().await.map_err(Problem::from)?;
    telemetry.close().await;
    if report.is_clean() {
        output.say("Stopped. Everything is on disk.");
        return Ok(());
    }
    let detail = format!("not everything ended in order: {report:?}");
    Err(Problem::new(Code::Bug, detail).into())
}

/// Opens the sockets; says by whom the port is taken.
async fn open(
    args: &ConductorArgs,
    folder: &Folder,
    engine: &Arc<Embedded>,
    supervisor: &Supervisor,
) -> Result<Server, Problem> {
    let address = args.admin_listen;
    let config = ServerConfig {
        folder: folder.path().to_owned(),
        admin_listen: address,
        admin_origins: args.admin_origins.clone(),
        limits: SocketLimits::default(),
    };
    let opened = Server::open(
        Arc::clone(engine),
        config,
        Clock::system(),
        supervisor.group("sockets"),
        supervisor.shutdown(),
    );
    opened.await.map_err(|error| {
        let mut problem = Problem::from(error);
        if problem.code == Code::PortTaken
            && let Some(holder) = port::holder(address)
        {
            let (name, pid) = (holder.name, holder.pid);
            problem.detail = format!("admin-listen: {address} is taken by {name} (process {pid})");
        }
        problem
    })
}

/// Says that the conductor is open: where, and what to do next.
fn announce(output: &Output, address: SocketAddr) {
    let url = format!("ws://{address}");
    let document = json!({ "ok": true, "admin": url });
    let lines = [
        format!("Chains are hosted. Admin socket: {url}"),
        "Whoever reaches it may do everything. Stop with Ctrl-C.".to_owned(),
    ];
    output.result(&document, &lines);
}
