//! Listens, and serves HTTP/1.1 and HTTP/2 (with prior knowledge) on each connection.
//!
//! # Invariants
//!
//! * Each wait for the peer has a deadline: the first request, a head, progress of a body either way, idleness.
//! * At most `connections_max` connections are open; more wait in the kernel's queue.
//! * After shutdown nothing new is accepted, what runs is finished, and what is not finished in time is cut.

mod connection;
mod progress;
mod stall;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use base::{Code, Problem};
use runtime::{Shutdown, TaskGroup};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time;

pub(crate) use progress::BodyStalled;

/// How long to wait before accepting again when the process is out of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait until one ends.
    pub connections_max: usize,
    /// Open connections of one address; more are closed at once. Loopback is exempt, because proxies live there.
    pub connections_per_address_max: usize,
    /// How long a head may take to arrive, in milliseconds; also how long an HTTP/1 connection may be idle.
    pub head_ms_max: u64,
    /// How many bytes a head may have; at least 8,192.
    pub head_bytes_max: u32,
    /// How many headers a request may have.
    pub headers_max: usize,
    /// In this many milliseconds of waiting, `body_bytes_min` of a body must arrive.
    pub body_window_ms: u64,
    /// How many bytes of a body must arrive in `body_window_ms`, unless it ends before.
    pub body_bytes_min: u64,
    /// How long the peer may take no byte of an answer, in milliseconds.
    pub write_stall_ms_max: u64,
    /// How long a connection may be without a request, in milliseconds.
    pub idle_ms_max: u64,
    /// Concurrent requests on one HTTP/2 connection.
    pub streams_max: u32,
    /// How long requests may take to end after shutdown was asked for, in milliseconds.
    pub drain_ms_max: u64,
}

/// A server could not listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error("port {} of {} is taken", address.port(), address.ip())]
    PortTaken {
        /// The address.
        address: SocketAddr,
    },
    /// Listening failed in another way.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A socket that listens and accepts nothing yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct Addresses {
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address.
struct Place {
    addresses: Arc<Addresses>,
    ip: IpAddr,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 512,
            head_ms_max: 15_000,
            head_bytes_max: 64 * 1_024,
            headers_max: 100,
            body_window_ms: 20_000,
            body_bytes_min: 8 * 1_024,
            write_stall_ms_max: 30_000,
            idle_ms_max: 75_000,
            streams_max: 128,
            drain_ms_max: 20_000,
        }
    }
}

impl BindError {
    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::PortTaken { .. } => Problem::new(Code::PortTaken, self.to_string()),
            Self::Listen { source, .. } => Problem::new(Code::Config, format!("{self}: {source}")),
        }
    }
}

impl Listener {
    /// Listens at `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// [`BindError`] when the port is taken or the address cannot be listened at.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let bound = TcpListener::bind(address).await.and_then(|socket| {
            let address = socket.local_addr()?;
            Ok(Self { socket, address })
        });
        bound.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::PortTaken { address },
            _ => BindError::Listen { address, source },
        })
    }

    /// Returns where it listens, with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves `router` until `shutdown`, then drains. Each request has the peer's address in its extensions
/// (`axum::extract::ConnectInfo<SocketAddr>`).
///
/// # Cancel safety
///
/// Dropped, it accepts nothing more; connections go on until `shutdown`.
pub async fn serve(
    router: Router,
    listener: Listener,
    connections: TaskGroup,
    shutdown: Shutdown,
    limits: Limits,
) {
    let permits = Arc::new(Semaphore::new(
        limits.connections_max.clamp(1, Semaphore::MAX_PERMITS),
    ));
    let addresses = Arc::new(Addresses::default());
    loop {
        let accepted = shutdown.race(async {
            let permit = Arc::clone(&permits)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            (permit, accept(&listener.socket).await)
        });
        let Some((permit, (stream, peer))) = accepted.await else {
            break;
        };
        let Some(place) = addresses.enter(peer.ip(), limits.connections_per_address_max) else {
            tracing::debug!(target: "http::event::connection_refused", "an address has too many connections");
            continue;
        };
        let (router, tasks, shutdown) = (router.clone(), connections.clone(), shutdown.clone());
        connections.spawn(async move {
            let _held = (permit, place);
            connection::run(stream, peer, router, tasks, shutdown, limits).await;
        });
    }
    drop(listener);
    connections.empty().await;
}

/// Accepts one connection, however long it takes.
async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(target: "http::event::accept_failed", %error, "connections cannot be accepted at the moment");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Tells whether an error is about the connection that was being accepted, not about this process (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

impl Addresses {
    /// Counts one more connection of an address, unless it has too many.
    fn enter(self: &Arc<Self>, ip: IpAddr, max: usize) -> Option<Place> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(ip).or_default();
        if *count >= max && !ip.to_canonical().is_loopback() {
            return None;
        }
        *count += 1;
        Some(Place {
            addresses: Arc::clone(self),
            ip,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counts = &self.addresses.counts;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests;
