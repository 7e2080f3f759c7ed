//! The storage service as a whole: what it is made of, how it starts and how it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use base::{Problem, Timestamp};
use blobs::{Blobs, Tally};
use disk::Disk;
use http_kit::Served;
use runtime::{Clock, Shutdown, Supervisor, TaskGroup};
use storage_core::access::{Action, Caller, Denial, Scope};
use storage_core::namespace::Namespace;
use storage_core::quota::Quota;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::permits::Permits;
use crate::tending::Tending;
use crate::uploads::Uploads;
use crate::{Admittance, Config, StorageMetrics, routes, tending};

/// What the service works with; the face opens it.
pub struct Engines {
    /// Holds the blobs, and on its disk, in a folder `uploads`, the uploads that are not finished.
    pub blobs: Blobs,
    /// Where it is noted when the last scrub ended.
    pub disk: Arc<dyn Disk>,
    /// Where tokens come from.
    pub admittance: Admittance,
    /// What is counted.
    pub metrics: StorageMetrics,
}

/// A running storage service. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Storage(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) blobs: Blobs,
    pub(crate) admittance: Admittance,
    pub(crate) permits: Permits,
    /// A handle for each namespace that was asked for.
    shelves: Mutex<HashMap<Namespace, Blobs>>,
    pub(crate) uploads: Uploads,
    pub(crate) tending: Tending,
    pub(crate) metrics: StorageMetrics,
    streams: Arc<Semaphore>,
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
    pub(crate) shutdown: Shutdown,
    /// Work that goes on when its request is gone.
    pub(crate) tasks: TaskGroup,
}

/// What a request may work with.
pub(crate) struct Shelf {
    pub(crate) blobs: Blobs,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) caller: Caller,
}

impl Storage {
    /// Starts the service: finds the uploads that were begun, and starts to collect, to scrub, and to watch the log.
    ///
    /// # Errors
    /// A [`Problem`] that says what could not start and why.
    pub async fn build(
        config: Config,
        engines: Engines,
        clock: Clock,
        supervisor: &Supervisor,
    ) -> Result<Self, Problem> {
        let Engines {
            blobs,
            disk,
            admittance,
            metrics,
        } = engines;
        let tasks = supervisor.group("storage requests");
        let tending = Tending::open(disk).await?;
        let uploads = Uploads::open(&config, &blobs, clock.clone()).await?;
        let storage = Self(Arc::new(Inner {
            permits: Permits::new(admittance.authority(), clock.clone()),
            shelves: Mutex::default(),
            streams: Arc::new(Semaphore::new(config.streams_max as usize)),
            started: clock.now(),
            shutdown: supervisor.shutdown(),
            config,
            blobs,
            admittance,
            uploads,
            tending,
            metrics,
            clock,
            tasks,
        }));
        tending::start(&storage, supervisor);
        Ok(storage)
    }

    /// Returns everything that a listener of its own serves.
    #[must_use]
    pub fn served(&self) -> Served {
        routes::alone(self)
    }

    /// Returns the routes of blobs, to be merged into the router of the service that gives the tokens.
    pub fn routes(&self) -> axum::Router {
        routes::joined(self)
    }

    /// Finds out whether a request may do something with the namespace that it names, and opens it.
    pub(crate) async fn shelf(
        &self,
        headers: &HeaderMap,
        named: Option<&str>,
        action: Action,
    ) -> Result<Shelf, Problem> {
        let permit = self.0.permits.permit(headers, named, action).await?;
        let makes =
            permit.scope == Scope::Own || action == Action::Write || action == Action::SetQuota;
        let open = self.shelves().get(&*permit.namespace).cloned();
        let blobs = match open {
            Some(blobs) => blobs,
            // Apart, because most namespaces are open.
            None => Box::pin(self.open(&permit.namespace, makes)).await?,
        };
        Ok(Shelf {
            blobs,
            namespace: permit.namespace,
            caller: permit.caller,
        })
    }

    /// Opens a namespace; `makes` says whether one that is not there is made. Everybody has one of their own, and a
    /// steward's questions make none of others.
    pub(crate) async fn open(&self, namespace: &Namespace, makes: bool) -> Result<Blobs, Problem> {
        if let Some(blobs) = self.shelves().get(namespace) {
            return Ok(blobs.clone());
        }
        let is_known = self.0.blobs.namespaces().contains(namespace);
        if !is_known && !makes {
            return Err(Denial::Hidden.into());
        }
        let blobs = self.0.blobs.within(namespace).await;
        let blobs = blobs.map_err(|error| error.problem())?;
        if !is_known && self.0.config.quota_bytes > 0 {
            let quota = Quota {
                bytes_max: Some(self.0.config.quota_bytes),
                blobs_max: None,
            };
            let set = blobs.set_quota(quota).await;
            set.map_err(|error| error.problem())?;
        }
        self.shelves().insert(namespace.clone(), blobs.clone());
        Ok(blobs)
    }

    /// Takes a place for a stream of events; `None` when there are too many.
    pub(crate) fn stream_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.streams).try_acquire_owned().ok()
    }

    /// Returns what the engine counts and holds; it may look into the index for that.
    pub(crate) async fn tally(&self) -> Tally {
        let blobs = self.0.blobs.clone();
        self.0.blobs.files().run(move || blobs.tally()).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<Namespace, Blobs>> {
        self.0
            .shelves
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
