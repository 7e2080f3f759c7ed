//! What a collection knows of one blob.

use std::fmt;

use base::ContentHash;

use crate::clock::SlowTime;

/// The writer's count of changes; each change has a larger one than all before it, also after a restart.
///
/// The log's sequence number is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// One blob of one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which blob.
    pub hash: ContentHash,
    /// Its length.
    pub bytes: u64,
    /// The change that put or touched it last.
    pub touched: Generation,
    /// When that was.
    pub touched_at: SlowTime,
    /// Whether it is in the trash.
    pub state: State,
}

/// Whether a blob is in the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there.
    Live,
    /// It was found to be garbage and is given to nobody; a put or a touch brings it back.
    Trashed {
        /// The collection that trashed it, or the change that did when a person asked for it.
        collection: Generation,
        /// When that was.
        at: SlowTime,
    },
}

impl Item {
    /// Notes a put or a touch; returns whether the blob came out of the trash.
    pub fn touch(&mut self, generation: Generation, now: SlowTime) -> bool {
        let was_trashed = self.is_trashed();
        self.touched = self.touched.max(generation);
        self.touched_at = self.touched_at.max(now);
        self.state = State::Live;
        was_trashed
    }

    /// Puts it into the trash, as a verdict of the plan with this generation said.
    pub const fn trash(&mut self, collection: Generation, now: SlowTime) {
        self.state = State::Trashed {
            collection,
            at: now,
        };
    }

    /// Returns whether it is in the trash.
    #[must_use]
    pub const fn is_trashed(&self) -> bool {
        matches!(self.state, State::Trashed { .. })
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
