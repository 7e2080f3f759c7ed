//! Copies blobs from the doorway whose copy this one is. A blob is named by its hash, so nobody has to be trusted.
//!
//! # Invariants
//! A blob is copied once at a time, however many ask for it; what arrives with another hash is thrown away.
//! Copying goes on when those who asked have gone.
//! What is copied before anybody asks waits in a queue of bounded length; what finds no place there is copied when
//! somebody asks for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Code, ContentHash, Problem};
use blobs::{Blob, Blobs};
use runtime::TaskGroup;
use tokio::sync::{Semaphore, watch};
use tokio::time;

/// Blobs that are copied at once; more wait.
const COPIES_MAX: usize = 4;

/// Tasks that copy what waits; a place is left for what somebody asks for.
const WORKERS_MAX: usize = COPIES_MAX - 1;

/// Blobs that wait to be copied before anybody asks, 32 bytes each.
const QUEUE_MAX: usize = 65_536;

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
    queue: Mutex<Queue>,
}

/// Blobs that are to be copied although nobody waits for them.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<ContentHash>,
    /// How many tasks work on it.
    workers: usize,
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
            queue: Mutex::default(),
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

    /// Has a blob copied when its turn comes, unless it is here; false when too many wait.
    pub(crate) fn queue(&self, hash: ContentHash) -> bool {
        let mut queue = self.queue_lock();
        if queue.waiting.len() >= QUEUE_MAX {
            return false;
        }
        queue.waiting.push_back(hash);
        if queue.workers < WORKERS_MAX {
            queue.workers += 1;
            let mirror = self.clone();
            self.0.tasks.spawn(async move { mirror.work().await });
        }
        true
    }

    /// Copies what waits, until nothing does.
    async fn work(&self) {
        while let Some(hash) = self.next() {
            self.copy(&hash).await;
        }
    }

    /// Returns what waits longest; a worker that gets nothing ends.
    fn next(&self) -> Option<ContentHash> {
        let mut queue = self.queue_lock();
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.workers -= 1;
        }
        next
    }

    fn queue_lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests;
