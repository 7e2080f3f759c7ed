//! What the projector and its shell say to each other, and the bounds of it.

use base::{ContentHash, Duration};
use chain::{AgentPubKey, Record, Rejection};
use thiserror::Error;

use super::{Batch, Cursor};

/// Bounds of the projector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most agents that are followed; one more is refused with [`Report::Refused`].
    pub agents_max: usize,
    /// Most agents that have a fetch or a batch under way; the others wait in order.
    pub agents_in_flight_max: usize,
    /// Most records in a page, and so in a batch.
    pub page_records_max: u32,
    /// How often a chain is looked at without a nudge, which is how lost nudges lose nothing.
    pub poll_interval: Duration,
    /// Shortest wait after a failure; it doubles with every failure in a row.
    pub retry_delay_min: Duration,
    /// Longest wait after a failure.
    pub retry_delay_max: Duration,
    /// Longest time that a page may take before it is given up.
    pub fetch_time_max: Duration,
    /// How often in a row a chain may show a gap before it is quarantined, and a nudge may promise what is not there
    /// before it is forgotten.
    pub attempts_max: u32,
    /// How many newly stored blobs are remembered, for pages that were read just before one arrived.
    pub blobs_remembered_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agents_max: 100_000,
            agents_in_flight_max: 16,
            page_records_max: 256,
            poll_interval: Duration::from_secs(30),
            retry_delay_min: Duration::from_millis(50),
            retry_delay_max: Duration::from_secs(30),
            fetch_time_max: Duration::from_secs(60),
            attempts_max: 10,
            blobs_remembered_max: 1_024,
        }
    }
}

/// What the shell tells the projector.
#[derive(Clone, Debug)]
pub enum Input {
    /// Project this agent's chain from the store's cursor on; said again it lifts a quarantine.
    Follow {
        /// Whose chain.
        agent: AgentPubKey,
        /// The store's cursor; nothing when the store has no record of the chain.
        cursor: Option<Cursor>,
    },
    /// Stop projecting this agent's chain; what is stored stays.
    Unfollow {
        /// Whose chain.
        agent: AgentPubKey,
    },
    /// A chain may have grown. Nudges may be lost, late, repeated or wrong.
    Nudge {
        /// Whose chain.
        agent: AgentPubKey,
        /// The sequence number of its newest record.
        seq: u32,
    },
    /// The completion of [`Output::Fetch`].
    Page {
        /// Whose chain.
        agent: AgentPubKey,
        /// What the fetch named.
        after: Option<u32>,
        /// Records in order. It may be shorter than asked for, but is empty only when there is nothing more.
        fetched: Result<Vec<Fetched>, FetchFault>,
    },
    /// A batch is in the store, for ever.
    Stored {
        /// Whose.
        agent: AgentPubKey,
        /// The sequence number of the batch's cursor.
        seq: u32,
    },
    /// A batch may not be in the store.
    StoreFailed {
        /// Whose.
        agent: AgentPubKey,
        /// The sequence number of the batch's cursor.
        seq: u32,
        /// The cursor that the store really has; when it cannot be read, the one that was read last.
        stored: Option<Cursor>,
    },
    /// A blob arrived that a record may point to.
    BlobStored {
        /// Its id.
        hash: ContentHash,
    },
    /// The time of [`base::Machine::poll_timeout`] has come.
    Timeout,
}

/// A record with the blob that holds its body, when it has one and the shell could get it.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The record.
    pub record: Record,
    /// The bytes of the blob that the record's envelope points to.
    pub body: Option<Vec<u8>>,
}

/// Why a page could not be fetched: lower case, no full stop. It is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FetchFault(pub String);

/// What the projector asks of the shell.
#[derive(Clone, Debug)]
pub enum Output {
    /// Read the records after `after`, at most `limit`; the completion is [`Input::Page`].
    Fetch {
        /// Whose chain.
        agent: AgentPubKey,
        /// Sequence number of the last known record; nothing for the whole chain.
        after: Option<u32>,
        /// Most records.
        limit: u32,
    },
    /// Store a batch in one transaction; the completion is [`Input::Stored`] or [`Input::StoreFailed`].
    Store(Batch),
    /// Tell people; there is no completion.
    Report(Report),
}

/// How it stands with one agent, said once per change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Everything that its chain held at the last look is stored.
    CaughtUp {
        /// Whose chain.
        agent: AgentPubKey,
        /// The newest record's sequence number; nothing for an empty chain.
        seq: Option<u32>,
    },
    /// Nothing more can be stored at the moment; it is tried again.
    Stalled {
        /// Whose chain.
        agent: AgentPubKey,
        /// The last stored record's sequence number.
        seq: Option<u32>,
        /// Why.
        reason: Stall,
    },
    /// The chain is invalid after what is stored; it is not looked at again until it is followed again.
    Quarantined {
        /// Whose chain.
        agent: AgentPubKey,
        /// The last stored record's sequence number.
        seq: Option<u32>,
        /// Why.
        reason: Rejection,
    },
    /// Too many agents are followed already.
    Refused {
        /// Who is not followed.
        agent: AgentPubKey,
    },
}

/// Why nothing more can be stored at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Stall {
    /// The chain cannot be read.
    #[error("chain cannot be read: {0}")]
    Source(FetchFault),
    /// The store refused a batch.
    #[error("store refused a batch")]
    Store,
    /// A body is in a blob that has not arrived.
    #[error("blob {0} has not arrived")]
    Blob(ContentHash),
    /// Records are missing.
    #[error("record {found} came where {wanted} was expected")]
    Gap {
        /// The sequence number that continues the chain.
        wanted: u32,
        /// The one that came.
        found: u32,
    },
    /// A nudge named a record that the chain does not show.
    #[error("record {0} was announced and is not there")]
    Promise(u32),
}

impl Limits {
    /// Returns how long to wait after one more failure, when `failures` went before it in a row.
    pub(super) fn retry_delay(&self, failures: u32) -> Duration {
        let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
        let micros = self.retry_delay_min.as_micros().saturating_mul(factor);
        Duration::from_micros(micros).min(self.retry_delay_max)
    }
}
