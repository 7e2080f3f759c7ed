//! The words between a stream and its outbox.

use base::Duration;

use super::{EventCursor, LogId};

/// Bounds of an outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most items that are handed out and not drained; 0 is taken as 1.
    pub pending_items_max: u32,
    /// Most events that are read at once. The log is read only when all of them fit; 0 is taken as 1.
    pub page_events_max: u32,
    /// How long a consumer may drain nothing while something waits for it.
    pub slow_time_max: Duration,
    /// The same, when there is more for it than it has room for.
    pub full_time_max: Duration,
    /// After how long without anything else a comment is sent, so that the way stays open.
    pub heartbeat_interval: Duration,
    /// How often the log is looked at when nothing is announced; also the pause after a read that failed.
    pub poll_interval: Duration,
    /// How long an answer of the log, or a snapshot, is waited for before it is asked for again.
    pub read_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending_items_max: 1_000,
            page_events_max: 100,
            slow_time_max: Duration::from_secs(30),
            full_time_max: Duration::from_secs(10),
            heartbeat_interval: Duration::from_secs(15),
            poll_interval: Duration::from_secs(2),
            read_time_max: Duration::from_secs(10),
        }
    }
}

/// Where a consumer wants to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// With what happens from now on.
    Now,
    /// With everything: the first event of the log, or a snapshot where it is no longer kept.
    Beginning,
    /// After this event; what `Last-Event-ID` says.
    After(EventCursor),
}

/// A piece of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<E> {
    /// After which event it was asked for.
    pub after: u64,
    /// The events with their numbers, in order and without gaps.
    pub events: Vec<(u64, E)>,
    /// The oldest event that was kept when it was read; one more than the newest when none was.
    pub oldest: u64,
    /// Whether the log had no more events.
    pub is_end: bool,
}

/// What the stream tells its outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<E> {
    /// A consumer has come. Comes once, first.
    Start {
        /// Where it wants to start.
        position: Position,
        /// The log.
        log: LogId,
        /// The oldest event that is kept; one more than `newest` when there is none.
        oldest: u64,
        /// The newest event; 0 when there never was one.
        newest: u64,
    },
    /// The log answered.
    Page(Page<E>),
    /// The log could not be read, or no snapshot could be made.
    Failed,
    /// An event was stored.
    Live {
        /// Its number.
        number: u64,
        /// The event, where the announcement carries it; otherwise it says only how far the log goes.
        event: Option<E>,
    },
    /// A snapshot is ready to be sent.
    SnapshotReady {
        /// Which request.
        request: u32,
        /// The last event whose effect it shows.
        number: u64,
    },
    /// So many items reached the consumer, in the order in which they were handed out.
    Drained {
        /// How many.
        items: u32,
    },
    /// The deadline has come.
    Timeout,
}

/// What the outbox asks of its stream. [`Output::Send`], [`Output::Comment`], [`Output::Reset`] and
/// [`Output::SendSnapshot`] are items that are drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<E> {
    /// Read the log and answer with [`Input::Page`].
    ReadLog {
        /// After which event.
        after: u64,
        /// How many at most.
        limit: u32,
    },
    /// Send an event.
    Send {
        /// Where the consumer goes on after it, which is the event's id in the stream.
        cursor: EventCursor,
        /// The event.
        event: E,
    },
    /// Send a comment, which consumers ignore.
    Comment,
    /// Tell the consumer that its cursor cannot be continued; a snapshot comes next.
    Reset {
        /// Why.
        reason: Reset,
    },
    /// Make a snapshot and answer with [`Input::SnapshotReady`]; one for an older request is not needed any more.
    TakeSnapshot {
        /// Comes back with the answer.
        request: u32,
    },
    /// Send the snapshot of this request.
    SendSnapshot {
        /// Which request.
        request: u32,
        /// Where the consumer goes on after it.
        cursor: EventCursor,
    },
    /// Tell the consumer why, and end the stream. Nothing comes after it.
    Close {
        /// Why.
        reason: Close,
        /// The last event that was handed out; what the consumer has not got, it asks for with the last id that it saw.
        cursor: EventCursor,
    },
}

/// Why a cursor cannot be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reset {
    /// It belongs to another log.
    OtherLog,
    /// Events after it are no longer kept.
    Outdated,
    /// It names an event that the log does not have yet.
    Ahead,
}

impl Reset {
    /// All reasons, for counters.
    pub const ALL: [Self; 3] = [Self::OtherLog, Self::Outdated, Self::Ahead];

    /// Returns the word by which the consumer is told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherLog => "other-log",
            Self::Outdated => "outdated",
            Self::Ahead => "ahead",
        }
    }
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Close {
    /// The consumer drained nothing for too long.
    TooSlow,
}

impl Close {
    /// Returns the word by which the consumer is told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooSlow => "too-slow",
        }
    }
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nobody has come yet.
    Idle,
    /// It waits for a snapshot.
    Snapshot,
    /// It gets what it has missed.
    Backfill,
    /// It has everything that the log had when it was looked at last.
    Live,
    /// It has ended.
    Closed,
}
