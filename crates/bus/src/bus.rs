//! The bus as its users see it.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Code, Problem};
use bytes::Bytes;
use runtime::{Shutdown, Supervisor, TaskKind};
use thiserror::Error;

use crate::drive::Driver;
use crate::hub::{Hub, Item};
use crate::nats::NatsLink;
use crate::outbox::{Outbound, Outbox};
use crate::redis::RedisLink;
use crate::subscription::Subscription;
use crate::target::Target;
use crate::{Limits, SubscribeError, Topic};

/// Where a bus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In this process alone.
    Memory,
    /// On a Redis server.
    Redis,
    /// On a NATS server.
    Nats,
}

/// How a bus is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where it is.
    pub backend: Backend,
    /// Whether hints get through at the moment.
    pub is_connected: bool,
    /// How many hints were let go on this side: the queue was full, the server refused them, or a subscription was too
    /// slow.
    pub dropped_total: u64,
    /// How often the connection was made again after the first time.
    pub reconnects_total: u64,
    /// What went wrong last, be it over or not; its code is [`Code::BusUnreachable`].
    pub last_error: Option<Problem>,
}

/// A hint was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// It is longer than a hint may be.
    #[error("the hint has {bytes} bytes; at most {bytes_max} are allowed")]
    TooLarge {
        /// How long it is, in bytes.
        bytes: usize,
        /// How long it may be, in bytes.
        bytes_max: usize,
    },
}

/// A bus. Cheap to clone; all clones are the same bus, which ends when the last of them and of its subscriptions does.
#[derive(Clone)]
pub struct Bus {
    core: Arc<Core>,
}

/// What the bus, its subscriptions and its task share.
#[derive(Debug)]
pub(crate) struct Core {
    backend: Backend,
    limits: Limits,
    pub(crate) hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    pub(crate) gauge: Arc<Gauge>,
    /// Goes off when nobody uses the bus any more.
    end: Shutdown,
}

/// What is counted and noted.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    is_connected: AtomicBool,
    dropped_total: AtomicU64,
    connects_total: AtomicU64,
    last_error: Mutex<Option<Problem>>,
}

impl Bus {
    /// Opens the bus at `url`; connecting goes on behind it, and again whenever the connection breaks.
    ///
    /// `url` is empty or `memory:` for a bus inside this process, of which only clones of the result know;
    /// `redis://` or `rediss://` with `[[user]:password@]host[:port][/database]`;
    /// `nats://` or `tls://` with `[user:password@]host[:port]` or `[token@]host[:port]`.
    /// Every topic stands on the server with `prefix` and a dot before it.
    ///
    /// # Errors
    ///
    /// [`Code::Config`] when the address is malformed. A server that cannot be reached is no error.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn connect(
        url: &str,
        prefix: &Topic,
        limits: Limits,
        supervisor: &Supervisor,
    ) -> Result<Self, Problem> {
        let target = Target::parse(url)?;
        let backend = match &target {
            Target::Memory => Backend::Memory,
            Target::Redis(_) => Backend::Redis,
            Target::Nats(_) => Backend::Nats,
        };
        let is_local = backend == Backend::Memory;
        let core = Arc::new(Core {
            backend,
            limits,
            hub: Arc::new(Hub::new(
                limits.subscriptions_max,
                limits.queue_len_max,
                is_local,
            )),
            outbox: Arc::new(Outbox::new(limits.queue_len_max)),
            gauge: Arc::default(),
            end: Shutdown::new(),
        });
        core.gauge.is_connected.store(is_local, Ordering::Relaxed);
        let driver = Driver {
            prefix: prefix.clone(),
            limits,
            hub: Arc::clone(&core.hub),
            outbox: Arc::clone(&core.outbox),
            gauge: Arc::clone(&core.gauge),
        };
        match target {
            Target::Memory => {}
            Target::Redis(server) => {
                let link = RedisLink::new(&server, limits)?;
                start("bus redis", driver.run(link), core.end.clone(), supervisor);
            }
            Target::Nats(server) => {
                let link = NatsLink::new(server, prefix, limits)?;
                start("bus nats", driver.run(link), core.end.clone(), supervisor);
            }
        }
        Ok(Self { core })
    }

    /// Sends a hint to everybody who listens to `topic`, this process included.
    ///
    /// It never waits. While the server is away hints queue up; when the queue is full, the oldest goes.
    ///
    /// # Errors
    ///
    /// [`PublishError::TooLarge`] when the hint is longer than [`Limits::message_bytes_max`].
    pub fn publish(&self, topic: &Topic, hint: Bytes) -> Result<(), PublishError> {
        let bytes_max = self.core.limits.message_bytes_max;
        if hint.len() > bytes_max {
            return Err(PublishError::TooLarge {
                bytes: hint.len(),
                bytes_max,
            });
        }
        if self.core.backend == Backend::Memory {
            self.core.hub.deliver(topic, Item::Hint(hint));
            return Ok(());
        }
        let topic = topic.clone();
        let gone = self.core.outbox.put(Outbound { topic, hint });
        self.core.note_dropped(gone);
        Ok(())
    }

    /// Starts to listen to `topic`. What was published before is not told.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::TooMany`] when there are [`Limits::subscriptions_max`] already.
    pub fn subscribe(&self, topic: &Topic) -> Result<Subscription, SubscribeError> {
        let (items, is_standing) = self.core.hub.join(topic)?;
        let core = Arc::clone(&self.core);
        Ok(Subscription::new(core, topic.clone(), items, is_standing))
    }

    /// Tells how the bus is.
    #[must_use]
    pub fn health(&self) -> Health {
        let gauge = &self.core.gauge;
        // Held until all is read, so that it fits together.
        let last_error = gauge.last_error();
        let connects_total = gauge.connects_total.load(Ordering::Relaxed);
        Health {
            backend: self.core.backend,
            is_connected: gauge.is_connected.load(Ordering::Relaxed),
            dropped_total: gauge.dropped_total.load(Ordering::Relaxed),
            reconnects_total: connects_total.saturating_sub(1),
            last_error: last_error.clone(),
        }
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Bus({})", self.core.backend.as_str())
    }
}

impl Backend {
    /// Returns the word used in interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::Nats => "nats",
        }
    }
}

impl Core {
    /// Counts hints that were let go.
    pub(crate) fn note_dropped(&self, hints: u64) {
        self.gauge.note_dropped(hints);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.end.request();
    }
}

impl Gauge {
    pub(crate) fn note_dropped(&self, hints: u64) {
        self.dropped_total.fetch_add(hints, Ordering::Relaxed);
    }

    pub(crate) fn note_connected(&self) {
        self.connects_total.fetch_add(1, Ordering::Relaxed);
        self.is_connected.store(true, Ordering::Relaxed);
    }

    /// Notes that the server is away and why, both at once for whoever asks.
    pub(crate) fn note_away(&self, reason: String) {
        let mut last_error = self.last_error();
        *last_error = Some(Problem::new(Code::BusUnreachable, reason));
        self.is_connected.store(false, Ordering::Relaxed);
    }

    pub(crate) fn note_error(&self, reason: String) {
        *self.last_error() = Some(Problem::new(Code::BusUnreachable, reason));
    }

    fn last_error(&self) -> MutexGuard<'_, Option<Problem>> {
        // The note is whole at every moment, also when somebody panicked who held it.
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the task of a bus, which ends with the bus or with the process.
fn start(
    name: &str,
    work: impl Future<Output = Infallible> + Send + 'static,
    end: Shutdown,
    supervisor: &Supervisor,
) {
    let shutdown = supervisor.shutdown();
    let mut work = Box::pin(work);
    let task = async move {
        tokio::select! {
            never = &mut work => match never {},
            () = end.requested() => {}
            () = shutdown.requested() => {}
        }
    };
    drop(supervisor.spawn(name, TaskKind::Ordinary, task));
}
