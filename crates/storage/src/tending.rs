//! What is done without being asked for: scrubbing, giving up uploads, counting, and watching the log.
//!
//! # Invariants
//!
//! * When the log says that the disk did not keep what it was given, the process ends, with that as its reason.
//! * There is one scrub at a time.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{SCHEMA_VERSION, ScrubView};
use base::{Code, Problem, Timestamp};
use blobs::{Blobs, ScrubOptions, Scrubbed};
use disk::Disk;
use runtime::{Blocking, Next, Shutdown, Supervisor, TaskKind, Worker};
use storage_core::scrub::{Fault, Position};
use tokio::time;

use crate::collecting::Collector;
use crate::replace::{read, replace};
use crate::service::Storage;
use crate::uploads::fault;

/// Name of the file that says when the last scrub ended.
const SCRUBBED_FILE: &str = "scrub.ended";

/// How long after the start the first collection and the first scrub begin.
pub(crate) const FIRST_DELAY: Duration = Duration::from_secs(600);

/// How often it is looked whether a scrub is due, and which uploads are to be given up.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// How often what goes up and down is looked at.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// The scrub, as it is and was.
pub(crate) struct Tending {
    disk: Arc<dyn Disk>,
    files: Blocking,
    scrub: Mutex<Scrub>,
}

#[derive(Default)]
struct Scrub {
    /// Ends the one that runs.
    stop: Option<Shutdown>,
    position: String,
    checked_blobs: u64,
    checked_bytes: u64,
    damaged: Vec<String>,
    mended: Vec<String>,
    faults: Vec<String>,
    ended_at: Option<Timestamp>,
    fault: String,
}

impl Tending {
    /// Finds out when the last scrub ended.
    pub(crate) async fn open(disk: Arc<dyn Disk>) -> Result<Self, Problem> {
        let files = Blocking::new(1);
        let place = Arc::clone(&disk);
        let noted = files
            .run(move || read(place.as_ref(), SCRUBBED_FILE, 64))
            .await;
        let noted = match noted {
            // It is a note of no weight: what cannot be read means that a scrub is due.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            noted => noted.map_err(|error| fault(&error))?,
        };
        let ended_at = noted.and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            text.trim().parse().ok().map(Timestamp)
        });
        let scrub = Scrub {
            ended_at,
            ..Scrub::default()
        };
        Ok(Self {
            disk,
            files,
            scrub: Mutex::new(scrub),
        })
    }

    /// Tells how far the scrub is.
    pub(crate) fn view(&self) -> ScrubView {
        let scrub = self.scrub();
        ScrubView {
            schema_version: SCHEMA_VERSION,
            is_running: scrub.stop.is_some(),
            position: scrub.position.clone(),
            checked_blobs: scrub.checked_blobs,
            checked_bytes: scrub.checked_bytes,
            damaged: scrub.damaged.clone(),
            mended: scrub.mended.clone(),
            faults: scrub.faults.clone(),
            ended_at_us: scrub.ended_at.map(Timestamp::as_micros),
            fault: scrub.fault.clone(),
        }
    }

    /// Ends the scrub that runs; the next one goes on from there.
    pub(crate) fn stop(&self) {
        if let Some(stop) = &self.scrub().stop {
            stop.request();
        }
    }

    /// Tells whether a scrub is due: none runs, and the last one ended long enough ago.
    fn is_due(&self, now: Timestamp, interval_secs: u64) -> bool {
        let scrub = self.scrub();
        let is_rested = scrub
            .ended_at
            .is_none_or(|ended| now.since(ended).as_secs() >= interval_secs);
        scrub.stop.is_none() && interval_secs > 0 && is_rested
    }

    /// Begins a scrub; `None` when one runs already.
    fn begin(&self) -> Option<Shutdown> {
        let mut scrub = self.scrub();
        if scrub.stop.is_some() {
            return None;
        }
        let stop = Shutdown::new();
        *scrub = Scrub {
            stop: Some(stop.clone()),
            position: std::mem::take(&mut scrub.position),
            ended_at: scrub.ended_at,
            ..Scrub::default()
        };
        Some(stop)
    }

    /// Notes how far the scrub is.
    fn note(&self, position: &Position) {
        let mut scrub = self.scrub();
        let after = position.after.as_ref();
        scrub.position = after.map(ToString::to_string).unwrap_or_default();
        scrub.checked_blobs = position.seen.blobs;
        scrub.checked_bytes = position.seen.bytes;
    }

    /// Notes what a scrub found; returns when it came to its end, if it did, and what is wrong with it.
    fn finish(&self, scrubbed: &Scrubbed, now: Timestamp) -> (Option<Timestamp>, String) {
        let report = &scrubbed.report;
        let mut scrub = self.scrub();
        let sums = [
            report.sound,
            report.mended,
            report.damaged,
            report.unread,
            report.gone,
        ];
        scrub.checked_blobs = sums.iter().map(|sum| sum.blobs).sum();
        scrub.checked_bytes = sums.iter().map(|sum| sum.bytes).sum();
        // What lies in the trash is told by the pass that finds it; what should be readable, by every pass.
        let damaged = scrubbed.standing_named.iter().chain(&report.damaged_named);
        let damaged: BTreeSet<String> = damaged.map(|item| item.hash.to_string()).collect();
        scrub.damaged = damaged.into_iter().collect();
        for hash in &scrub.damaged {
            tracing::error!(target: "storage::event::blob_damaged", hash, "a blob is damaged and was put aside");
        }
        let mended = report.mended_named.iter();
        scrub.mended = mended
            .map(|item| format!("the groups of blob {}", item.hash))
            .collect();
        for fault in &report.faults_named {
            let Fault {
                segment, offset, ..
            } = fault;
            let told = format!("{} in segment {segment} at {offset}", fault.what);
            if fault.is_mended {
                scrub.mended.push(told);
            } else {
                tracing::error!(target: "storage::event::record_damaged", segment, offset, "a record of the log is damaged");
                scrub.faults.push(told);
            }
        }
        if !scrub.mended.is_empty() {
            let count = scrub.mended.len();
            tracing::warn!(target: "storage::event::mended", count, "what was damaged beside blobs was made again; look at the disk");
        }
        let fault = match (report.unread.blobs, report.is_whole) {
            (0, true) => String::new(),
            (0, false) => "not everything could be listed or read".to_owned(),
            (count, _) => format!("{count} blobs could not be read"),
        };
        (report.is_whole.then_some(now), fault)
    }

    /// Ends a scrub; with when, if it came to its end.
    async fn end(&self, ended_at: Option<Timestamp>, fault: String) {
        if let Some(ended_at) = ended_at {
            let disk = Arc::clone(&self.disk);
            let text = format!("{}\n", ended_at.as_micros());
            let noted = move || replace(disk.as_ref(), "", SCRUBBED_FILE, text.as_bytes());
            if let Err(error) = self.files.run(noted).await {
                tracing::warn!(%error, "when the scrub ended could not be noted");
            }
        }
        let mut scrub = self.scrub();
        scrub.stop = None;
        scrub.fault = fault;
        if ended_at.is_some() {
            scrub.ended_at = ended_at;
            scrub.position.clear();
        }
    }

    fn scrub(&self) -> MutexGuard<'_, Scrub> {
        self.scrub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage {
    /// Starts a scrub behind whoever asks, unless one runs.
    pub(crate) fn start_scrub(&self, bytes_per_sec: u64, restart: bool) {
        let Some(stop) = self.0.tending.begin() else {
            return;
        };
        let storage = self.clone();
        self.0.tasks.spawn(async move {
            let options = ScrubOptions {
                bytes_per_sec,
                is_resumed: !restart,
            };
            let inner = &storage.0;
            let told = {
                let storage = storage.clone();
                move |position: Position| storage.0.tending.note(&position)
            };
            let scrub = inner.blobs.scrub(options, told);
            let ended = stop.race(inner.shutdown.race(scrub)).await.flatten();
            let now = storage.now();
            let (ended_at, fault) = match ended {
                None => (None, String::new()),
                Some(Ok(scrubbed)) => inner.tending.finish(&scrubbed, now),
                Some(Err(error)) => (None, error.problem().to_string()),
            };
            inner.tending.end(ended_at, fault).await;
        });
    }
}

/// Starts everything.
pub(crate) fn start(storage: &Storage, supervisor: &Supervisor) {
    let collector = Collector::new(storage.clone());
    drop(supervisor.spawn_worker(TaskKind::Ordinary, collector));
    let scrubber = Scrubber {
        storage: storage.clone(),
        is_first: true,
    };
    drop(supervisor.spawn_worker(TaskKind::Ordinary, scrubber));
    let sweeper = Sweeper(storage.clone());
    drop(supervisor.spawn_worker(TaskKind::Ordinary, sweeper));
    let counting = count(storage.clone(), supervisor.shutdown());
    drop(supervisor.spawn("storage gauges", TaskKind::Essential, counting));
}

/// Ends the process when the disk did not keep what it was given. Once for each store that is open.
pub fn watch(blobs: &Blobs, supervisor: &Supervisor) {
    let (blobs, shutdown) = (blobs.clone(), supervisor.shutdown());
    let watching = async move {
        match shutdown.race(blobs.poisoned()).await {
            None => Ok(()),
            Some(()) => Err(Problem::new(Code::StoreStopped, Code::StoreStopped.title())),
        }
    };
    drop(supervisor.spawn("blob store", TaskKind::Essential, watching));
}

/// Begins a scrub when one is due.
struct Scrubber {
    storage: Storage,
    is_first: bool,
}

impl Worker for Scrubber {
    type Error = Infallible;

    fn name(&self) -> String {
        "blob scrub".to_owned()
    }

    async fn round(&mut self) -> Result<Next, Infallible> {
        let config = &self.storage.0.config;
        if config.scrub_interval_secs == 0 {
            return Ok(Next::Never);
        }
        if std::mem::take(&mut self.is_first) {
            return Ok(Next::After(FIRST_DELAY));
        }
        let now = self.storage.now();
        if self
            .storage
            .0
            .tending
            .is_due(now, config.scrub_interval_secs)
        {
            let pace = config.scrub_bytes_per_sec;
            self.storage.start_scrub(pace, false);
        }
        Ok(Next::After(LOOK_INTERVAL))
    }
}

/// Gives uploads up that expired, and stores those that were complete when the process ended.
struct Sweeper(Storage);

impl Worker for Sweeper {
    type Error = Problem;

    fn name(&self) -> String {
        "uploads".to_owned()
    }

    async fn round(&mut self) -> Result<Next, Problem> {
        let uploads = &self.0.0.uploads;
        for slot in uploads.sweep().await {
            let blobs = self.0.open(&slot.namespace, true).await?;
            if let Err(problem) = uploads.finish(&slot, &blobs).await {
                tracing::warn!(%problem, "a complete upload could not be stored");
            }
        }
        Ok(Next::After(LOOK_INTERVAL))
    }
}

/// Copies what the engine counts and holds into the metrics.
async fn count(storage: Storage, shutdown: Shutdown) {
    loop {
        let inner = &storage.0;
        let tally = storage.tally().await;
        let oldest = tally.queue_oldest_at;
        let age = oldest.map_or(0, |oldest| storage.now().since(oldest).as_secs());
        inner.metrics.engine(tally, inner.uploads.unfinished(), age);
        if shutdown.race(time::sleep(COUNT_INTERVAL)).await.is_none() {
            return;
        }
    }
}
