//! What the status page shows, as plain values.
//!
//! Conventions: times are microseconds since 1970 in UTC; a value that is not known is `None` and is never shown as zero.

use runtime::metrics::{Fold, Resolution};

use super::RequestClass;

/// How far back the page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// The last hour, in steps of 10 s.
    #[default]
    Hour,
    /// The last day, in steps of 5 min.
    Day,
}

/// The values of one series, oldest first; the last one was taken just now.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparkline {
    /// The values; `None` where nothing is known.
    pub values: Vec<Option<f64>>,
    /// How far apart two values are, in seconds.
    pub step_secs: u32,
    /// How several values are shown as one.
    pub fold: Fold,
}

/// A series of one class of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassLine {
    /// Which class.
    pub class: RequestClass,
    /// Its values.
    pub values: Sparkline,
}

/// How long requests of one class take.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyLine {
    /// Which class.
    pub class: RequestClass,
    /// What half of them do not exceed (p50), in seconds.
    pub median: Sparkline,
    /// What 99 of 100 do not exceed (p99), in seconds.
    pub slow: Sparkline,
}

/// All charts of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Charts {
    /// Requests per second.
    pub requests: Vec<ClassLine>,
    /// How long they take.
    pub latency: Vec<LatencyLine>,
    /// Which share of answers came from the hot cache, 0 to 1.
    pub hit_ratio: Sparkline,
    /// Calls of what lies behind the hot cache, per minute.
    pub origin_calls: Sparkline,
    /// Records that are stored and not yet projected.
    pub projection_lag: Sparkline,
    /// Events that the source has and this follower does not.
    pub follower_lag: Sparkline,
    /// Consumers of the event log.
    pub consumers: Sparkline,
    /// Memory in RAM, in bytes.
    pub memory: Sparkline,
    /// Bytes of blobs sent per second.
    pub blob_sent: Sparkline,
    /// Bytes of blobs that are stored.
    pub blob_stored: Sparkline,
}

/// Who may write the projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// This process holds the lease.
    Here {
        /// The lease's epoch.
        epoch: u64,
    },
    /// Another process does; this one reads.
    Elsewhere {
        /// What it is called.
        holder: String,
        /// The lease's epoch, where it is known: a follower does not share the lease.
        epoch: Option<u64>,
    },
    /// This process wrote until another took the lease.
    Lost {
        /// Who has it now.
        holder: String,
        /// The lease's epoch now.
        epoch: u64,
    },
    /// Nobody holds it.
    Nobody,
}

/// How processes tell each other that something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bus {
    /// There is one process.
    InProcess,
    /// A bus carries hints.
    Connected {
        /// Which, such as `Redis`.
        kind: String,
    },
    /// The bus is away; gaps are found by looking.
    Away {
        /// Which, such as `Redis`.
        kind: String,
        /// Since when, where it is known.
        since: Option<i64>,
    },
}

/// Where the projection is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// SQLite, in this process.
    Embedded,
    /// A server that answers.
    Connected {
        /// Which, such as `PostgreSQL 15.4`.
        kind: String,
    },
    /// A server that does not answer; what is in memory is still served.
    Away {
        /// Which, such as `PostgreSQL`.
        kind: String,
        /// Since when, where it is known.
        since: Option<i64>,
    },
}

/// How a follower stands to its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowingState {
    /// It has everything.
    CaughtUp,
    /// It copies what it lacks.
    CatchingUp,
    /// The source does not answer; what was copied is served.
    SourceAway,
    /// The source sent something that is not true; copying has stopped.
    Refused {
        /// What was wrong, a sentence without its full stop.
        reason: String,
    },
}

/// What a follower copies from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The source's address.
    pub source: String,
    /// How it is.
    pub state: FollowingState,
    /// How many events the source has that are not here; `None` where it is not known.
    pub lag_events: Option<u64>,
    /// When the source was last heard; `None` for never.
    pub heard_at: Option<i64>,
}

/// What is so or not so, now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct States {
    /// Who writes.
    pub writer: Writer,
    /// How processes tell each other.
    pub bus: Bus,
    /// Where the projection is kept.
    pub database: Database,
    /// How many blobs of the store are damaged, in all namespaces, and not stored again since.
    pub damaged_blobs: u64,
    /// What is copied, when this doorway follows another.
    pub following: Option<Following>,
}

/// Everything that the page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusModel {
    /// When this was taken.
    pub taken_at: i64,
    /// When the process started.
    pub started_at: i64,
    /// How far back the charts look.
    pub span: Span,
    /// What is so now.
    pub states: States,
    /// What was, lately.
    pub charts: Charts,
}

impl Span {
    /// Returns in which steps the past is kept.
    #[must_use]
    pub const fn resolution(self) -> Resolution {
        match self {
            Self::Hour => Resolution::Hour,
            Self::Day => Resolution::Day,
        }
    }

    /// Returns the span in seconds.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.resolution().step().as_secs() * self.resolution().len_max() as u64
    }
}

impl Sparkline {
    /// Returns the latest value, if it is known.
    #[must_use]
    pub fn latest(&self) -> Option<f64> {
        self.values.last().copied().flatten()
    }

    /// Tells whether nothing is known at all.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}
