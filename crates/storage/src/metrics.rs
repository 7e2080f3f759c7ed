//! What the storage service counts.
//!
//! Invariants: counting costs a few atomics and no lock; every label is a bounded set. What the engine counts is copied
//! once a second, so that who reads the metrics never waits for the engine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blobs::Tally;
use runtime::metrics::{Counter, Counters, Gauge, Gauges, Histograms, Registry};

runtime::labels! {
    /// What a request is for.
    pub enum RequestKind: "kind" {
        /// A blob that is stored.
        Put = "put",
        /// A blob that is read.
        Get = "get",
        /// What is known of blobs: status, list, batch, usage.
        Look = "look",
        /// Tags, leases, taking away.
        Hold = "hold",
        /// An upload that can be resumed.
        Upload = "upload",
        /// What stewards do.
        Tend = "tend",
        /// Everything else.
        Other = "other",
    }
}

runtime::labels! {
    /// How a request ended.
    pub enum RequestOutcome: "outcome" {
        /// It was answered.
        Answered = "answered",
        /// The request was wrong or not allowed (4xx, 507 for a quota).
        Refused = "refused",
        /// The service could not (5xx).
        Failed = "failed",
    }
}

runtime::labels! {
    /// What went wrong.
    pub enum Fault: "fault" {
        /// A batch could not be brought to stable storage.
        Write = "write",
        /// The disk failed a read.
        Read = "read",
        /// A checkpoint of the index failed; the log has everything all the same.
        Index = "index",
        /// A blob was found to be damaged.
        Damaged = "damaged",
    }
}

runtime::labels! {
    /// Where a namespace's bytes are.
    pub enum Room: "room" {
        /// Blobs that are served.
        Live = "live",
        /// What nothing needs and compaction gives back.
        Dead = "dead",
        /// Blobs in the trash.
        Trash = "trash",
        /// Uploads that are not finished.
        Upload = "upload",
        /// Blobs whose bytes were found damaged, and that were not stored again since.
        Damaged = "damaged",
    }
}

/// All metrics of the storage service. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct StorageMetrics {
    requests: Counters<(RequestKind, RequestOutcome)>,
    seconds: Histograms<RequestKind>,
    received: Counter,
    sent: Counter,
    syncs: Counter,
    sync_records: Counter,
    written: Counter,
    cache_hits: Counter,
    cache_misses: Counter,
    errors: Counters<Fault>,
    bytes: Gauges<Room>,
    blobs: Gauges<Room>,
    cached: Gauge,
    queue_blobs: Gauge,
    queue_age: Gauge,
    scrubbed: Counter,
    scrub_position: Gauge,
    /// What the engine had counted when it was asked last.
    last: Arc<Mutex<Option<Tally>>>,
}

impl StorageMetrics {
    /// Registers everything.
    ///
    /// # Panics
    /// When they are registered already.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self {
            requests: registry.counters(
                "storage_requests_total",
                "Requests by what they are for and how they ended",
            ),
            seconds: registry.histograms(
                "storage_request_seconds",
                "How long answers took until their head",
            ),
            received: registry.counter(
                "storage_received_bytes_total",
                "Bytes of blobs that were brought",
            ),
            sent: registry.counter("storage_sent_bytes_total", "Bytes of blobs that were sent"),
            syncs: registry.counter("storage_syncs_total", "Syncs of the log"),
            sync_records: registry.counter(
                "storage_sync_records_total",
                "Records that those syncs made durable on this disk",
            ),
            written: registry.counter(
                "storage_written_bytes_total",
                "Bytes of the bodies of those records",
            ),
            cache_hits: registry.counter(
                "storage_cache_hits_total",
                "Reads that found what they needed in memory",
            ),
            cache_misses: registry.counter(
                "storage_cache_misses_total",
                "Reads that had to go to the disk",
            ),
            errors: registry.counters(
                "storage_errors_total",
                "Faults of the disk and of what lies on it",
            ),
            bytes: registry.gauges("storage_blob_bytes", "Bytes by where they are"),
            blobs: registry.gauges("storage_blobs_count", "Blobs and uploads by where they are"),
            cached: registry.gauge("storage_cached_bytes", "Bytes of blobs that are in memory"),
            queue_blobs: registry.gauge(
                "storage_queue_blobs",
                "Blobs that are accepted here and not durable yet",
            ),
            queue_age: registry.gauge(
                "storage_queue_age_seconds",
                "How long the oldest of them waits",
            ),
            scrubbed: registry.counter(
                "storage_scrubbed_bytes_total",
                "Bytes that scrubs have read and compared",
            ),
            scrub_position: registry.gauge(
                "storage_scrub_position_permille",
                "How far the scrub is on its way through all hashes",
            ),
            last: Arc::default(),
        }
    }

    pub(crate) fn request(&self, kind: RequestKind, status: u16, took: Duration) {
        let outcome = match status {
            507 | 400..=499 => RequestOutcome::Refused,
            500.. => RequestOutcome::Failed,
            _ => RequestOutcome::Answered,
        };
        self.requests.of((kind, outcome)).inc();
        self.seconds.of(kind).record(took);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.received.add(bytes);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.sent.add(bytes);
    }

    /// Copies what the engine counts and holds.
    pub(crate) fn engine(&self, now: Tally, uploads: (u64, u64), queue_age_secs: u64) {
        for (room, (count, bytes)) in [
            (Room::Live, (now.live.blobs, now.live.bytes)),
            (Room::Dead, (now.dead.blobs, now.dead.bytes)),
            (Room::Trash, (now.trash.blobs, now.trash.bytes)),
            (Room::Upload, uploads),
            (Room::Damaged, (now.damaged.blobs, now.damaged.bytes)),
        ] {
            self.blobs.of(room).set_count(count);
            self.bytes.of(room).set_count(bytes);
        }
        self.cached.set_count(now.cached_bytes);
        self.queue_blobs.set_count(now.queue_len);
        self.queue_age.set_count(queue_age_secs);
        let position = now.scrub_after.map_or(0, |hash| {
            let [first, second, ..] = *hash.as_bytes();
            u64::from(u16::from_be_bytes([first, second])) * 1_000 / 65_536
        });
        self.scrub_position.set_count(position);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref();
        let grown = |of: Count| of(&now).saturating_sub(before.map_or(0, of));
        self.syncs.add(grown(|tally| tally.syncs_total));
        self.sync_records.add(grown(|tally| tally.records_total));
        self.written.add(grown(|tally| tally.record_bytes_total));
        self.cache_hits.add(grown(|tally| tally.cache_hits_total));
        self.cache_misses
            .add(grown(|tally| tally.cache_misses_total));
        self.scrubbed.add(grown(|tally| tally.scrubbed_bytes_total));
        for (fault, of) in FAULTS {
            self.errors.of(fault).add(grown(of));
        }
        *last = Some(now);
    }
}

/// Reads one count of the engine.
type Count = fn(&Tally) -> u64;

/// Where each kind of fault is counted.
const FAULTS: [(Fault, Count); 4] = [
    (Fault::Write, |tally| tally.write_failures_total),
    (Fault::Read, |tally| tally.read_failures_total),
    (Fault::Index, |tally| tally.index_failures_total),
    (Fault::Damaged, |tally| tally.damaged_total),
];
