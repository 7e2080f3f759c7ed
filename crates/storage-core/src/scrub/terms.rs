//! The words between a scrub and the engine.

use base::{ContentHash, Duration};

use crate::sum::Sum;

/// Bounds of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How many bytes are checked per second, on average; 0 is as fast as it goes.
    pub bytes_per_sec: u64,
    /// Most blobs of a page; 0 is taken as 1.
    pub page_items_max: usize,
    /// How often something that failed is tried again.
    pub retries_max: u32,
    /// How long it waits before it tries again.
    pub retry_delay: Duration,
    /// How long an answer is waited for before it counts as failed.
    pub answer_time_max: Duration,
    /// How many damaged blobs, mended blobs and places of the log the report names, each; all are counted.
    pub damaged_named_max: usize,
    /// After how many bytes at the latest it tells its position; it does so after each page, too.
    pub progress_bytes_max: u64,
    /// About how many bytes of the log are read at once.
    pub walk_bytes_max: u64,
}

/// Which request an answer belongs to; answers to older requests are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub(super) u64);

/// A blob to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which blob.
    pub hash: ContentHash,
    /// Its length.
    pub bytes: u64,
}

/// What checking a blob found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checked {
    /// It is as it was put.
    Sound,
    /// Its bytes are as they were put; what is kept beside them was wrong, and was made again from them.
    Mended,
    /// Its bytes are not those of its hash.
    Damaged,
    /// It is not there any more.
    Gone,
    /// It could not be read; nothing is known.
    Failed,
}

/// A damaged place of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The segment.
    pub segment: u64,
    /// Where in it, in bytes from the start of the file.
    pub offset: u64,
    /// What stands there, as told to a person: `the tag minutes/2026`.
    pub what: String,
    /// Whether it was written again from what the index knows.
    pub is_mended: bool,
}

/// What the engine tells the scrub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Begin, or go on after a pause.
    Go,
    /// Ask for nothing more until told to go on; what is asked for is still answered.
    Pause,
    /// End the pass with what is known.
    Stop,
    /// Check so many bytes per second from now on; 0 is as fast as it goes.
    SetPace(u64),
    /// The next blobs in the order of their hashes, all after the one that was named. None: there are no more.
    Page {
        /// The request.
        call: Call,
        /// The blobs.
        items: Vec<Item>,
    },
    /// The blobs could not be listed.
    ListFailed {
        /// The request.
        call: Call,
    },
    /// A blob was checked.
    Checked {
        /// The request.
        call: Call,
        /// What was found.
        outcome: Checked,
    },
    /// A damaged blob was put aside, or could not be.
    Quarantined {
        /// The request.
        call: Call,
        /// Whether it was.
        is_done: bool,
    },
    /// A piece of the log was read.
    Walked {
        /// The request.
        call: Call,
        /// How many bytes were read.
        bytes: u64,
        /// The damaged places of the piece that somebody needs.
        faults: Vec<Fault>,
        /// Whether it was the last piece.
        is_end: bool,
    },
    /// The log could not be read.
    WalkFailed {
        /// The request.
        call: Call,
    },
    /// The deadline has come.
    Timeout,
}

/// What the scrub asks of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// List blobs in the order of their hashes.
    List {
        /// Comes back with the answer.
        call: Call,
        /// Only those after this one.
        after: Option<ContentHash>,
        /// Most of them.
        limit: usize,
    },
    /// Read a blob past every cache and compare it with its hash.
    Check {
        /// Comes back with the answer.
        call: Call,
        /// Which.
        item: Item,
    },
    /// Put a damaged blob aside, so that nobody gets it.
    Quarantine {
        /// Comes back with the answer.
        call: Call,
        /// Which.
        item: Item,
    },
    /// Read on in the log, from its start at first.
    Walk {
        /// Comes back with the answer.
        call: Call,
        /// About so many bytes.
        bytes_max: u64,
    },
    /// Remember this, for the run after a restart.
    Progress(Position),
    /// The pass is over.
    Finished(Box<Report>),
}

/// How far a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Everything up to this blob was looked at; none is the start.
    pub after: Option<ContentHash>,
    /// What was looked at since the pass began or went on.
    pub seen: Sum,
}

/// What a pass found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where it began; none is the start.
    pub from: Option<ContentHash>,
    /// Up to where it came.
    pub upto: Option<ContentHash>,
    /// Whether it came to the end of the list and of the log.
    pub is_whole: bool,
    /// As they were put.
    pub sound: Sum,
    /// As they were put, and what is kept beside them was made again.
    pub mended: Sum,
    /// The first of the mended.
    pub mended_named: Vec<Item>,
    /// Not as they were put.
    pub damaged: Sum,
    /// The first of the damaged.
    pub damaged_named: Vec<Item>,
    /// Those of the damaged that could not be put aside.
    pub at_large: Sum,
    /// Could not be read.
    pub unread: Sum,
    /// Were gone when their turn came.
    pub gone: Sum,
    /// Bytes of the log that were read.
    pub walked_bytes: u64,
    /// Damaged places of the log that somebody needs.
    pub faults: u64,
    /// The first of them.
    pub faults_named: Vec<Fault>,
    /// How often something was tried again.
    pub retries: u64,
    /// How long it took, pauses included, by the machine's clock.
    pub took: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            bytes_per_sec: 8 * 1024 * 1024,
            page_items_max: 256,
            retries_max: 3,
            retry_delay: Duration::from_secs(5),
            answer_time_max: Duration::from_secs(10 * 60),
            damaged_named_max: 1_000,
            progress_bytes_max: 256 * 1024 * 1024,
            walk_bytes_max: 1024 * 1024,
        }
    }
}
