//! Copies blobs from the doorway whose copy this one is. A blob is named by its hash, so nobody has to be trusted.
//!
//! # Invariants
//! A blob is copied once at a time, however many ask for it; what arrives with another hash is thrown away.
//! Copying goes on when those who asked have gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Code, ContentHash, Problem};
use blobs::{Blob, Blobs};
use runtime::TaskGroup;
use tokio::sync::{Semaphore, watch};
use tokio::time;

/// Blobs that are copied at once; more wait.
const COPIES_MAX: usize = 4;

/// How long a reader waits for a blob that has to be copied first.
const READER_WAIT_MAX: Duration = Duration::from_secs(20);

/// How long to wait between two attempts for a reader.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Copies blobs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mirror(Arc<Inner>);

struct Inner {
    blobs: Blobs,
    upstream: client::Doorway,
    flights: Mutex<HashMap<ContentHash, watch::Receiver<Option<Ended>>>>,
    slots: Semaphore,
    tasks: TaskGroup,
}

/// How an attempt to copy a blob ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is here.
    Here,
    /// The other doorway does not show it to everybody.
    Absent,
    /// It could not be copied; trying again may help.
    Failed(String),
    /// What arrived has another hash.
    Forged(String),
}

impl Mirror {
    pub(crate) fn new(blobs: Blobs, upstream: client::Doorway, tasks: TaskGroup) -> Self {
        Self(Arc::new(Inner {
            blobs,
            upstream,
            flights: Mutex::default(),
            slots: Semaphore::new(COPIES_MAX),
            tasks,
        }))
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<ContentHash, watch::Receiver<Option<Ended>>>> {
        self.0
            .flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies a blob unless it is here, and waits for the end of it.
    ///
    /// # Cancel safety
    /// May be dropped; the copying goes on.
    pub(crate) async fn copy(&self, hash: &ContentHash) -> Ended {
        match self.0.blobs.contains(hash).await {
            Ok(true) => return Ended::Here,
            Ok(false) => {}
            Err(error) => return Ended::Failed(error.to_string()),
        }
        let mut flight = self.join(*hash);
        match flight.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().expect("it was waited for"),
            Err(_) => Ended::Failed("the copying was broken off".to_owned()),
        }
    }

    /// Starts to copy a blob, unless it is here.
    pub(crate) fn start(&self, hash: ContentHash) {
        let mirror = self.clone();
        self.0.tasks.spawn(async move {
            mirror.copy(&hash).await;
        });
    }

    /// Joins the copying of a blob, or starts it.
    fn join(&self, hash: ContentHash) -> watch::Receiver<Option<Ended>> {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(&hash) {
            return flight.clone();
        }
        let (landed, flight) = watch::channel(None);
        flights.insert(hash, flight.clone());
        drop(flights);
        let mirror = self.clone();
        self.0.tasks.spawn(async move {
            let _land = Landing {
                mirror: mirror.clone(),
                hash,
            };
            let ended = mirror.0.bring(&hash).await;
            landed.send_replace(Some(ended));
        });
        flight
    }

    /// Reads the text of an item from its blob.
    pub(crate) async fn body(&self, hash: &ContentHash) -> Option<Vec<u8>> {
        crate::blob_bytes(&self.0.blobs, hash, chain::kind::SPILLED_BYTES_MAX as u64).await
    }

    /// Gets a blob for a reader: waits until it is copied, or the other doorway has none, or for too long.
    pub(crate) async fn obtain(&self, hash: &ContentHash) -> Result<Option<Blob>, Problem> {
        let attempts = async {
            loop {
                match self.copy(hash).await {
                    Ended::Here => return Ok(()),
                    Ended::Absent => return Err(None),
                    Ended::Forged(reason) => {
                        return Err(Some(Problem::new(Code::SourceForged, reason)));
                    }
                    Ended::Failed(reason) => {
                        tracing::debug!(%hash, reason, "blob is not copied yet");
                        time::sleep(RETRY_DELAY).await;
                    }
                }
            }
        };
        match time::timeout(READER_WAIT_MAX, attempts).await {
            Ok(Ok(())) => {}
            Ok(Err(None)) => return Ok(None),
            Ok(Err(Some(problem))) => return Err(problem),
            Err(_) => {
                let detail = format!("blob {hash} has not been copied yet");
                return Err(Problem::new(Code::Unavailable, detail));
            }
        }
        let blob = self.0.blobs.get(hash).await;
        blob.map_err(|error| error.problem())
    }
}

/// Ends a flight, also when its task panicked.
struct Landing {
    mirror: Mirror,
    hash: ContentHash,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.mirror.flights().remove(&self.hash);
    }
}

impl Inner {
    /// Copies one blob.
    async fn bring(&self, hash: &ContentHash) -> Ended {
        let Ok(_slot) = self.slots.acquire().await else {
            return Ended::Failed("the doorway is ending".to_owned());
        };
        match self.transfer(hash).await {
            Ok(true) => Ended::Here,
            Ok(false) => Ended::Absent,
            Err(problem) if problem.code == Code::DigestMismatch => {
                let reason = format!("blob {hash} arrived with another hash");
                tracing::warn!(%hash, "a blob was served with another hash");
                Ended::Forged(reason)
            }
            Err(problem) => Ended::Failed(problem.to_string()),
        }
    }

    async fn transfer(&self, hash: &ContentHash) -> Result<bool, Problem> {
        let Some(mut download) = self.upstream.download(hash).await? else {
            return Ok(false);
        };
        let refused = |error: blobs::PutError| error.problem();
        let upload = self.blobs.upload(download.announced()).await;
        let mut upload = upload.map_err(refused)?;
        while let Some(chunk) = download.chunk().await? {
            upload.write(chunk).await.map_err(refused)?;
        }
        upload.finish(Some(*hash)).await.map_err(refused)?;
        Ok(true)
    }
}
