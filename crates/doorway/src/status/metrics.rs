//! What the doorway counts.
//!
//! Invariants: counting costs a few atomics and no lock; every label is a bounded set, so that no reader can make a
//! series.

use std::time::Duration;

use runtime::metrics::{Counter, Counters, Gauge, Histograms, Registry};

runtime::labels! {
    /// What a request is for.
    pub enum RequestClass: "class" {
        /// A page for people.
        Page = "page",
        /// One item of the cache interface.
        Item = "item",
        /// A list or a search.
        List = "list",
        /// A blob.
        Blob = "blob",
        /// A page of a chain.
        Chain = "chain",
        /// The event log; such a request lasts as long as its reader stays.
        Events = "events",
        /// Style, fonts, icon.
        Asset = "asset",
        /// Something that changes something: records, blobs, tokens, members.
        Write = "write",
        /// Everything else.
        Other = "other",
    }
}

runtime::labels! {
    /// How a request ended.
    pub enum RequestOutcome: "outcome" {
        /// It was answered (2xx, 3xx but 304).
        Answered = "answered",
        /// The reader has it already (304).
        Unchanged = "unchanged",
        /// The request was wrong or not allowed (4xx).
        Refused = "refused",
        /// The doorway could not (5xx).
        Failed = "failed",
    }
}

runtime::labels! {
    /// What the hot cache did for a question.
    pub enum HotAnswer: "result" {
        /// It had a fresh answer.
        Hit = "hit",
        /// It gave an older answer while a new one is made, or because none can be made.
        Stale = "stale",
        /// It knew that there is nothing.
        Negative = "negative",
        /// It waited for an answer that somebody else's question was already fetching.
        Coalesced = "coalesced",
        /// It had to ask behind it.
        Miss = "miss",
    }
}

runtime::labels! {
    /// How a call of what lies behind the hot cache ended.
    pub enum OriginAnswer: "outcome" {
        /// With an answer, or with the answer that there is nothing.
        Found = "found",
        /// With a fault.
        Failed = "failed",
    }
}

runtime::labels! {
    /// Why a request was not let in.
    pub enum RefusalReason: "reason" {
        /// One address asks too often.
        Rate = "rate",
        /// Too much is going on; reads go before writes.
        Load = "load",
    }
}

/// All metrics of a doorway. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct DoorwayMetrics {
    requests: Counters<(RequestClass, RequestOutcome)>,
    request_seconds: Histograms<RequestClass>,
    hot_answers: Counters<HotAnswer>,
    origin_calls: Counters<OriginAnswer>,
    refused: Counters<RefusalReason>,
    cut_off: Counter,
    blob_sent: Counter,
    gauges: Gauges,
}

#[derive(Clone, Debug)]
struct Gauges {
    cache_entries: Gauge,
    cache_bytes: Gauge,
    projection_lag: Gauge,
    follower_lag: Gauge,
    consumers: Gauge,
    blob_stored: Gauge,
    lease_epoch: Gauge,
    lease_held: Gauge,
    bus_connected: Gauge,
    database_connected: Gauge,
}

impl RequestOutcome {
    /// Returns the outcome that a status code means (RFC 9110 §15).
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            304 => Self::Unchanged,
            400..500 => Self::Refused,
            500.. => Self::Failed,
            _ => Self::Answered,
        }
    }
}

impl DoorwayMetrics {
    /// Registers all metrics.
    ///
    /// # Panics
    ///
    /// When the registry has a doorway's metrics already, which is a bug.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self {
            requests: registry.counters(
                "doorway_requests_total",
                "Requests that were answered, by what they were for and how they ended",
            ),
            request_seconds: registry.histograms(
                "doorway_request_seconds",
                "How long it took to the head of the answer, by what the request was for",
            ),
            hot_answers: registry.counters(
                "doorway_hot_answers_total",
                "Questions to the hot cache, by what it did for them",
            ),
            origin_calls: registry.counters(
                "doorway_origin_calls_total",
                "Calls of what lies behind the hot cache, by how they ended",
            ),
            refused: registry.counters(
                "doorway_admission_refused_total",
                "Requests that were not let in, by reason",
            ),
            cut_off: registry.counter(
                "doorway_events_cut_off_total",
                "Consumers of the event log that were too slow and were cut off",
            ),
            blob_sent: registry.counter(
                "doorway_blob_bytes_sent_total",
                "Bytes of blobs that were sent",
            ),
            gauges: Gauges::new(registry),
        }
    }

    /// Counts a request that was answered with this status, `took` after its head had arrived.
    pub fn request(&self, class: RequestClass, status: u16, took: Duration) {
        self.answered(class, status);
        self.took(class, took);
    }

    /// Counts a request that was answered on the hot path, which is not timed each time.
    pub fn answered(&self, class: RequestClass, status: u16) {
        let outcome = RequestOutcome::of_status(status);
        self.requests.of((class, outcome)).inc();
    }

    /// Notes how long a request that was counted already took.
    pub fn took(&self, class: RequestClass, took: Duration) {
        self.request_seconds.of(class).record(took);
    }

    /// Counts questions to the hot cache that were counted elsewhere.
    pub fn add_hot_answers(&self, result: HotAnswer, questions: u64) {
        self.hot_answers.of(result).add(questions);
    }

    /// Counts calls of what lies behind the hot cache that were counted elsewhere.
    pub fn add_origin_calls(&self, outcome: OriginAnswer, calls: u64) {
        self.origin_calls.of(outcome).add(calls);
    }

    /// Counts a request that was not let in.
    pub fn refused(&self, reason: RefusalReason) {
        self.refused.of(reason).inc();
    }

    /// Notes how full the hot cache is.
    pub fn cache(&self, entries: u64, bytes: u64) {
        self.gauges.cache_entries.set_count(entries);
        self.gauges.cache_bytes.set_count(bytes);
    }

    /// Notes how many records are stored and not yet projected.
    pub fn projection_lag(&self, records: u64) {
        self.gauges.projection_lag.set_count(records);
    }

    /// Notes how many records the source has announced that this follower does not have.
    pub fn follower_lag(&self, records: u64) {
        self.gauges.follower_lag.set_count(records);
    }

    /// Counts a consumer of the event log that has come.
    pub fn consumer_joined(&self) {
        self.gauges.consumers.add(1);
    }

    /// Counts a consumer of the event log that has gone, for whichever reason.
    pub fn consumer_left(&self) {
        self.gauges.consumers.add(-1);
    }

    /// Counts a consumer of the event log that was too slow; it leaves as well.
    pub fn consumer_cut_off(&self) {
        self.cut_off.inc();
    }

    /// Counts bytes of blobs that were sent.
    pub fn blob_bytes_sent(&self, bytes: u64) {
        self.blob_sent.add(bytes);
    }

    /// Notes how many bytes of blobs are stored.
    pub fn blob_bytes_stored(&self, bytes: u64) {
        self.gauges.blob_stored.set_count(bytes);
    }

    /// Notes the epoch of the writer's lease, and whether this process holds it.
    pub fn lease(&self, epoch: u64, is_held: bool) {
        self.gauges.lease_epoch.set_count(epoch);
        self.gauges.lease_held.set(i64::from(is_held));
    }

    /// Notes whether the bus is reached; without a bus of its own a process reaches itself.
    pub fn bus(&self, is_connected: bool) {
        self.gauges.bus_connected.set(i64::from(is_connected));
    }

    /// Notes whether the database is reached.
    pub fn database(&self, is_connected: bool) {
        let gauge = &self.gauges.database_connected;
        gauge.set(i64::from(is_connected));
    }

    /// Returns how many requests of a class were answered.
    #[must_use]
    pub fn requests(&self, class: RequestClass) -> u64 {
        use runtime::metrics::Label as _;
        let outcomes = RequestOutcome::ALL.iter();
        outcomes
            .map(|outcome| self.requests.of((class, *outcome)).total())
            .sum()
    }

    /// Returns how long requests of a class took.
    #[must_use]
    pub fn request_seconds(&self, class: RequestClass) -> runtime::metrics::Snapshot {
        self.request_seconds.of(class).snapshot()
    }

    /// Returns how many questions the hot cache answered without a call behind it.
    #[must_use]
    pub fn hot_hits(&self) -> u64 {
        let [hit, stale, negative, coalesced] = [
            HotAnswer::Hit,
            HotAnswer::Stale,
            HotAnswer::Negative,
            HotAnswer::Coalesced,
        ]
        .map(|result| self.hot_answers.of(result).total());
        hit + stale + negative + coalesced
    }

    /// Returns how many questions the hot cache got that it could have answered.
    #[must_use]
    pub fn hot_questions(&self) -> u64 {
        self.hot_hits() + self.hot_answers.of(HotAnswer::Miss).total()
    }

    /// Returns how many calls were made of what lies behind the hot cache.
    #[must_use]
    pub fn origin_calls(&self) -> u64 {
        self.origin_calls.total()
    }

    /// Returns how many bytes of blobs were sent.
    #[must_use]
    pub fn blob_bytes_sent_total(&self) -> u64 {
        self.blob_sent.total()
    }

    /// Returns the values that go up and down, for the charts: projection lag, follower's lag, consumers, bytes stored.
    pub(super) fn levels(&self) -> [Gauge; 4] {
        let gauges = &self.gauges;
        [
            gauges.projection_lag.clone(),
            gauges.follower_lag.clone(),
            gauges.consumers.clone(),
            gauges.blob_stored.clone(),
        ]
    }
}

impl Gauges {
    fn new(registry: &Registry) -> Self {
        Self {
            cache_entries: registry.gauge("doorway_cache_entries", "Answers in the hot cache"),
            cache_bytes: registry.gauge(
                "doorway_cache_bytes",
                "Memory that answers in the hot cache take",
            ),
            projection_lag: registry.gauge(
                "doorway_projection_lag_records",
                "Records that are stored and not yet projected",
            ),
            follower_lag: registry.gauge(
                "doorway_follower_lag_records",
                "Events that the source has and this follower does not",
            ),
            consumers: registry.gauge("doorway_events_consumers", "Consumers of the event log"),
            blob_stored: registry.gauge("doorway_blob_bytes", "Bytes of blobs that are stored"),
            lease_epoch: registry.gauge("doorway_lease_epoch", "Epoch of the writer's lease"),
            lease_held: registry.gauge(
                "doorway_lease_held",
                "Whether this process may write: 1 or 0",
            ),
            bus_connected: registry.gauge(
                "doorway_bus_connected",
                "Whether the bus is reached: 1 or 0",
            ),
            database_connected: registry.gauge(
                "doorway_database_connected",
                "Whether the database is reached: 1 or 0",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
