//! Serves an embedded engine over WebSockets, as a process of its own does.
//!
//! One admin socket's port, which has no token and belongs on loopback, and any number of app interfaces, whose sockets
//! open with a token. Who signs for cells either has a key in this folder ([`keys`]) or is a connection ([`line`]).
//!
//! # Invariants
//! * Frames, connections, requests under way and waits are bounded; nothing is read before the origin was checked.
//! * Nothing but a token is answered on an app socket before a valid token came.
//! * A request that was taken is finished, also when its connection is gone.
//!
//! It decides nothing about chains; the engine does.

mod admin;
mod app;
mod book;
mod bundle;
mod dump;
mod ears;
mod keys;
mod line;
mod listen;
mod own;
mod token;
mod view;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::{Code, Problem};
use disk::Folder;
use runtime::{Blocking, Clock, Shutdown, TaskGroup};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::server::book::Book;
use crate::server::ears::Ears;
use crate::server::keys::Keys;
use crate::server::line::Line;
use crate::server::listen::Origins;
use crate::server::token::Tokens;
use crate::{CellId, Embedded, Fault};

/// What a server is opened with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The folder of its keys and of what it remembers; the engine's own.
    pub folder: PathBuf,
    /// Where the admin socket is.
    pub admin_listen: SocketAddr,
    /// Origins that the admin socket takes: `*`, or names with commas between them.
    pub admin_origins: String,
    /// Its bounds.
    pub limits: SocketLimits,
}

/// The bounds of the sockets. Where Holochain has one, its number is the default.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// Open admin sockets.
    pub admin_sockets_max: usize,
    /// Open app sockets, of all interfaces.
    pub app_sockets_max: usize,
    /// App interfaces.
    pub interfaces_max: usize,
    /// Requests of one connection under way.
    pub requests_max: usize,
    /// Bytes of a message on an admin socket.
    pub admin_message_bytes_max: usize,
    /// Bytes of a message on an app socket.
    pub app_message_bytes_max: usize,
    /// Messages that wait to be written to one connection.
    pub outgoing_len_max: usize,
    /// Tokens that are valid at once.
    pub tokens_max: usize,
    /// How long an app socket may take to send its token, and any socket to send its head.
    pub opening_max: Duration,
    /// How long a message may take to be written.
    pub writing_max: Duration,
    /// How long a signer may take.
    pub signing_max: Duration,
    /// How long a connection may be silent; it is asked for a sign of life three times in that time.
    pub silence_max: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            admin_sockets_max: 400,
            app_sockets_max: 2_048,
            interfaces_max: 64,
            requests_max: 128,
            admin_message_bytes_max: 64 * 1_024 * 1_024,
            app_message_bytes_max: 256 * 1_024,
            outgoing_len_max: 1_024,
            tokens_max: 10_000,
            opening_max: Duration::from_secs(10),
            writing_max: Duration::from_secs(30),
            signing_max: Duration::from_secs(10),
            silence_max: Duration::from_secs(90),
        }
    }
}

/// Why the sockets could not be opened.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Nobody can listen there.
    #[error("listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The folder cannot be used.
    #[error("open the conductor's folder")]
    Folder(#[from] disk::OpenError),
    /// A key cannot be read.
    #[error("read a key of this conductor")]
    Key(#[from] disk::SecretError),
    /// What was remembered cannot be read.
    #[error("open what the sockets remember")]
    Book(#[from] db::OpenError),
    /// A cell could not be taken up.
    #[error("take up what was there: {0}")]
    Engine(#[from] Fault),
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        let detail = error.to_string();
        match error {
            ServeError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Self::new(Code::PortTaken, detail)
            }
            ServeError::Listen { .. } => Self::new(Code::Config, detail),
            ServeError::Folder(error) => error.problem(),
            ServeError::Key(error) => error.problem(),
            ServeError::Book(error) => error.into(),
            ServeError::Engine(fault) => fault.into(),
        }
    }
}

/// The sockets of one engine.
pub struct Server {
    desk: Arc<Desk>,
    admin_address: SocketAddr,
}

/// What all connections share.
struct Desk {
    engine: Arc<Embedded>,
    book: Book,
    keys: Keys,
    clock: Clock,
    limits: SocketLimits,
    tokens: Mutex<Tokens>,
    /// Connections that sign, by cell.
    lines: Mutex<HashMap<CellId, Arc<Line>>>,
    ears: Mutex<Ears>,
    group: TaskGroup,
    shutdown: Shutdown,
    /// Threads for what waits for the disk outside of the databases.
    blocking: Blocking,
    connections: AtomicU64,
    interfaces: AtomicUsize,
    admin_places: Arc<Semaphore>,
    app_places: Arc<Semaphore>,
}

impl Server {
    /// Opens the sockets: the admin port, and the app interfaces that were attached before. Cells whose keys are in the
    /// folder write again.
    ///
    /// Everything ends soon after `shutdown` goes off.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn open(
        engine: Arc<Embedded>,
        config: ServerConfig,
        clock: Clock,
        group: TaskGroup,
        shutdown: Shutdown,
    ) -> Result<Self, ServeError> {
        let folder = Folder::open(&config.folder)?;
        let limits = config.limits;
        let desk = Arc::new(Desk {
            engine,
            book: Book::open(folder.path())?,
            keys: Keys::open(folder.path())?,
            clock,
            limits,
            tokens: Mutex::new(Tokens::new(limits.tokens_max)),
            lines: Mutex::default(),
            ears: Mutex::default(),
            group,
            shutdown,
            blocking: Blocking::new(1),
            connections: AtomicU64::new(0),
            interfaces: AtomicUsize::new(0),
            admin_places: Arc::new(Semaphore::new(limits.admin_sockets_max)),
            app_places: Arc::new(Semaphore::new(limits.app_sockets_max)),
        });
        desk.take_up_own_keys().await?;
        ears::start(&desk);
        let origins = Origins::read(&config.admin_origins);
        let admin_address = listen::admin(&desk, config.admin_listen, origins).await?;
        desk.attach_again().await?;
        Ok(Self {
            desk,
            admin_address,
        })
    }

    /// Returns where the admin socket is.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Ends all sockets, finishes what was asked, and waits for that. The engine stays open.
    pub async fn close(&self) {
        self.desk.shutdown.request();
        self.desk.group.empty().await;
        if let Err(fault) = self.desk.book.close().await {
            tracing::warn!(%fault, "what the sockets remember could not be copied");
        }
    }
}
