//! The first content of every community: Commonhold's own handbook, embedded, signed by the first steward.
//!
//! The process talks to itself for it, over a port of this machine that is closed again at once: so it does not matter
//! where readers reach it and under which certificate.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use base::{Code, Problem};
use doorway::Doorway;
use http_kit::{Listener, Served};
use include_dir::{Dir, include_dir};
use runtime::{Shutdown, Supervisor};

use crate::agent::Agent;
use crate::publish::{self, Options};
use crate::send as sending;

static HANDBOOK: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/handbook");

/// Publishes the handbook to a doorway in this process.
pub(super) async fn publish(
    agent: &Path,
    doorway: &Doorway,
    supervisor: &Supervisor,
) -> Result<(), Problem> {
    let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let listener = listener.map_err(|error| error.problem())?;
    let address = format!("http://{}", listener.address());
    let limits = http_kit::Limits {
        lanes: 0,
        connections_max: 16,
        ..http_kit::Limits::default()
    };
    // What bounds readers does not bound the process itself.
    let served = Served::new(doorway::router(doorway));
    let closed = Shutdown::new();
    let connections = supervisor.group("handbook connections");
    let serving = http_kit::serve(served, listener, connections, closed.clone(), limits);
    let sending = async {
        let published = send(agent, &address).await;
        closed.request();
        published
    };
    let (published, ()) = tokio::join!(sending, serving);
    published
}

/// Publishes the handbook to the doorway at `address`.
#[allow(
    clippy::disallowed_methods,
    reason = "the embedded handbook is unpacked into a folder of its own to be read like any other folder"
)]
async fn send(agent: &Path, address: &str) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(Code::StoreFailed, format!("unpack the handbook: {error}"))
    };
    let folder = tempfile::Builder::new()
        .prefix("commonhold-handbook-")
        .tempdir()
        .map_err(failed)?;
    let handbook = folder.path().join("handbook");
    std::fs::create_dir(&handbook).map_err(failed)?;
    HANDBOOK.extract(&handbook).map_err(failed)?;
    let course = publish::understand(&handbook, &Options::default()).map_err(|problems| {
        let detail: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Problem::new(Code::Bug, format!("the handbook: {}", detail.join("; ")))
    })?;
    let agent = Agent::open(agent)?;
    sending::quietly(&agent, address, course).await?;
    Ok(())
}
