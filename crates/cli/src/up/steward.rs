//! The port on which a steward sees how the doorway is.

use std::net::SocketAddr;

use base::{Code, Problem};
use http_kit::{Instruments, Listener, Served};
use runtime::{Supervisor, TaskKind, telemetry};

use super::config::Config;
use super::notes::Notes;
use super::{Community, listen};

/// Connections that are open at once.
const CONNECTIONS_MAX: usize = 64;

/// Opens the port, unless it is not wanted, and returns where it is. Where it is taken, another one is found.
pub(super) async fn open(
    config: &Config,
    community: &Community,
    telemetry: &telemetry::Handle,
    supervisor: &Supervisor,
    notes: &mut Notes<'_>,
) -> Result<Option<SocketAddr>, Problem> {
    telemetry.register(&community.registry);
    community.registry.process(env!("CARGO_PKG_VERSION"));
    if config.admin_listen.is_empty() {
        return Ok(None);
    }
    let listener = bind(&config.admin_listen, notes).await?;
    let address = listener.address();
    if !address.ip().is_loopback() {
        let detail = format!(
            "admin_listen: whoever reaches {address} sees metrics and changes the level of the logs; keep it on 127.0.0.1, or behind something that asks for a password"
        );
        notes.warn(&Problem::new(Code::Config, detail));
    }
    let mut hosts = config.admin_hosts.clone();
    hosts.push(address.ip().to_string());
    let admin = Instruments {
        registry: community.registry.clone(),
        supervisor: supervisor.clone(),
        telemetry: telemetry.clone(),
        hosts,
    };
    let status = community.doorway.status_for_steward();
    let serving = http_kit::serve(
        Served::new(http_kit::admin(admin, status)),
        listener,
        supervisor.group("admin connections"),
        supervisor.shutdown(),
        http_kit::Limits {
            lanes: 0,
            connections_max: CONNECTIONS_MAX,
            ..http_kit::Limits::default()
        },
    );
    drop(supervisor.spawn("admin", TaskKind::Ordinary, serving));
    Ok(Some(address))
}

/// Listens at the address that is configured, or, when it is taken, at a free port beside it.
async fn bind(wanted: &str, notes: &mut Notes<'_>) -> Result<Listener, Problem> {
    let address = listen::parse("admin_listen", wanted)?;
    let taken = match Listener::bind(address).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error.problem(),
    };
    if taken.code != Code::PortTaken {
        return Err(taken);
    }
    let free = Listener::bind(SocketAddr::new(address.ip(), 0)).await;
    let free = free.map_err(|error| error.problem())?;
    let detail = format!(
        "admin_listen: {}; metrics and status are at {} until the next start",
        listen::with_holder(taken.detail, address),
        free.address()
    );
    notes.warn(&Problem::new(Code::PortTaken, detail));
    Ok(free)
}
