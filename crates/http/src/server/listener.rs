//! A socket that listens, and what stands before it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Problem};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::time;

use super::redirect::ToHttps;
use crate::{Edge, HotPath, Tls};

/// How long to wait before accepting again when the process is out of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    pub(super) edge: Edge,
    pub(super) tls: Option<TlsPort>,
}

/// How a listener speaks TLS.
#[derive(Clone)]
pub(super) struct TlsPort {
    pub(super) tls: Arc<Tls>,
    pub(super) redirect: Arc<dyn HotPath>,
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
            Ok(Self {
                socket,
                address,
                edge: Edge::default(),
                tls: None,
            })
        });
        bound.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::PortTaken { address },
            _ => BindError::Listen { address, source },
        })
    }

    /// Says which proxies stand before it; without this, none is trusted.
    #[must_use]
    pub fn behind(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    /// Serves TLS with HTTP/2 and HTTP/1.1, and redirects plain requests to the address with `https`.
    /// `name` is the host for requests that name none, as `HOST` or `HOST:PORT`.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<Tls>, name: Option<String>) -> Self {
        let redirect = Arc::new(ToHttps { name, port: None });
        self.tls = Some(TlsPort { tls, redirect });
        self
    }

    /// Returns where it listens, with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts one connection, however long it takes.
    pub(super) async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(target: "http::event::accept_failed", %error, "connections cannot be accepted at the moment");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Listener")
            .field("address", &self.address)
            .field("edge", &self.edge)
            .field("is_tls", &self.tls.is_some())
            .finish_non_exhaustive()
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
