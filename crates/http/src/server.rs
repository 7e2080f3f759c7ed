//! Listens, and serves HTTP/1.1 and HTTP/2 (with prior knowledge, or by TLS) on each connection.
//!
//! # Invariants
//!
//! * Each wait for the peer has a deadline: a handshake, a head, progress of a body either way, idleness.
//! * At most `connections_max` connections are open; more wait in the kernel's queue.
//! * What lies ready is answered on the thread that read the request; nothing on that thread waits for a handler.
//! * After shutdown nothing new is accepted, what runs is finished, and what is not finished in time is cut.

mod activity;
mod addresses;
mod connection;
mod limits;
mod listener;
mod outgoing;
mod progress;
mod redirect;
mod service;
mod stall;
mod window;

use std::sync::Arc;

use axum::Router;
use hyper_util::server::conn::auto::Builder;
use runtime::{Lanes, Shutdown, TaskGroup};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::{DirectPath, Edge, Gate, HotPath, Served};

pub use limits::Limits;
pub use listener::{BindError, Listener};
pub use progress::Arriving;
pub(crate) use progress::BodyStalled;

use addresses::Addresses;
use connection::StreamTasks;
use listener::TlsPort;
use redirect::ToHttps;

/// What all connections of a server share.
struct Serving {
    router: Router,
    hot: Option<Arc<dyn HotPath>>,
    gate: Option<Arc<dyn Gate>>,
    /// Nobody, when connections run on lanes.
    direct: Option<Arc<dyn DirectPath>>,
    limits: Limits,
    edge: Edge,
    tls: Option<TlsPort>,
    builder: Builder<StreamTasks>,
    handshakes: Semaphore,
    tasks: TaskGroup,
    shutdown: Shutdown,
    /// Where the router runs when connections run on lanes.
    main: Option<Handle>,
}

/// Serves until `shutdown`, then drains. Each request of the router has the peer's address in its extensions
/// (`axum::extract::ConnectInfo<SocketAddr>`), and the client's ([`crate::ClientAddress`]).
///
/// Connections are dealt to [`Limits::lanes`] threads. When the system gives none, they are served on this runtime.
///
/// # Cancel safety
///
/// Dropped, it accepts nothing more; connections go on until `shutdown`, but lanes end.
pub async fn serve(
    served: Served,
    listener: Listener,
    connections: TaskGroup,
    shutdown: Shutdown,
    limits: Limits,
) {
    let lanes = start_lanes(&limits, &connections);
    let serving = Arc::new(Serving {
        router: served.router,
        hot: served.hot,
        gate: served.gate,
        direct: served.direct.filter(|_| lanes.is_none()),
        limits,
        edge: listener.edge.clone(),
        tls: listener.tls.clone(),
        builder: connection::builder(connections.clone(), limits),
        handshakes: Semaphore::new(limits.handshakes_max.clamp(1, Semaphore::MAX_PERMITS)),
        tasks: connections,
        shutdown,
        main: lanes.as_ref().map(|_| Handle::current()),
    });
    accept(&listener, &serving, lanes.as_ref()).await;
    drop(listener);
    serving.tasks.empty().await;
    if let Some(lanes) = lanes {
        lanes.ended().await;
    }
}

/// Redirects every request to the same address with `https`, until `shutdown`.
///
/// `port` is where TLS is spoken, as clients reach it; `name` is the host for requests that name none.
///
/// # Cancel safety
///
/// As [`serve`].
pub async fn redirect(
    listener: Listener,
    name: Option<String>,
    port: u16,
    connections: TaskGroup,
    shutdown: Shutdown,
    limits: Limits,
) {
    let port = Some(port);
    let served = Served {
        router: Router::new(),
        hot: Some(Arc::new(ToHttps { name, port })),
        gate: None,
        direct: None,
    };
    // Answers that are made in no time need no threads of their own.
    let limits = Limits { lanes: 0, ..limits };
    serve(served, listener, connections, shutdown, limits).await;
}

fn start_lanes(limits: &Limits, connections: &TaskGroup) -> Option<Lanes> {
    if limits.lanes == 0 {
        return None;
    }
    match Lanes::start("http", limits.lanes, connections.clone()) {
        Ok(lanes) => Some(lanes),
        Err(error) => {
            tracing::warn!(target: "http::event::lanes_missing", %error, "connections get no threads of their own");
            None
        }
    }
}

/// Accepts connections until shutdown.
async fn accept(listener: &Listener, serving: &Arc<Serving>, lanes: Option<&Lanes>) {
    let limits = &serving.limits;
    let permits = limits.connections_max.clamp(1, Semaphore::MAX_PERMITS);
    let permits = Arc::new(Semaphore::new(permits));
    let addresses = Arc::new(Addresses::default());
    let mut turn = 0_usize;
    loop {
        let accepted = serving.shutdown.race(async {
            let permit = Arc::clone(&permits)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            (permit, listener.accept().await)
        });
        let Some((permit, (stream, peer))) = accepted.await else {
            return;
        };
        let max = if serving.edge.trusts(peer.ip()) {
            usize::MAX
        } else {
            limits.connections_per_address_max
        };
        let Some(place) = addresses.enter(peer.ip(), max) else {
            tracing::debug!(target: "http::event::connection_refused", "an address has too many connections");
            continue;
        };
        let held = (permit, place);
        let serving = Arc::clone(serving);
        let Some(lanes) = lanes else {
            let tasks = serving.tasks.clone();
            tasks.spawn(async move {
                let _held = held;
                connection::run(stream, peer, serving, None).await;
            });
            continue;
        };
        // The socket leaves this runtime's event queue and enters the lane's.
        let Ok(stream) = stream.into_std() else {
            continue;
        };
        turn = turn.wrapping_add(1);
        let hold = lanes.hold(turn);
        lanes.spawn(turn, async move {
            let _held = held;
            let stream = tokio::net::TcpStream::from_std(stream)?;
            connection::run(stream, peer, serving, Some(hold)).await;
            Ok::<(), std::io::Error>(())
        });
    }
}

#[cfg(test)]
mod tests;
