//! Which log record may come next.
//!
//! Numbers go up by one, what is known to be stable never goes back, and nothing that was written before a mark comes
//! after it.
//! With the last rule the rest of a batch that a crash tore can never come back behind a new log record: it was
//! written when less was stable than the mark says.

use thiserror::Error;

use super::{Lsn, RecordHead, SegmentHead};

/// Where a walk along a segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    next: Lsn,
    stable: Lsn,
}

/// A whole log record that does not belong here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Misfit {
    /// Its number is not the next one.
    #[error("log record {found} stands where {expected} belongs")]
    Lsn {
        /// The next number.
        expected: Lsn,
        /// Its number.
        found: Lsn,
    },
    /// It was written before something that is on stable storage in front of it.
    #[error(
        "log record {lsn} is a leftover: it was written when {found} was stable, and {expected} is"
    )]
    Leftover {
        /// Its number.
        lsn: Lsn,
        /// What is known to be stable.
        expected: Lsn,
        /// What was stable when it was written.
        found: Lsn,
    },
}

impl Course {
    /// Starts at the first log record of a segment. All before it is on stable storage, because a segment begins only
    /// after that.
    #[must_use]
    pub const fn of(segment: &SegmentHead) -> Self {
        Self {
            next: segment.first_lsn,
            stable: segment.first_lsn.saturating_sub(1),
        }
    }

    /// Returns the number that comes next.
    #[must_use]
    pub const fn next(&self) -> Lsn {
        self.next
    }

    /// Returns the last number that is known to be on stable storage.
    #[must_use]
    pub const fn stable(&self) -> Lsn {
        self.stable
    }

    /// Tells whether this log record may come next.
    ///
    /// # Errors
    ///
    /// [`Misfit`].
    pub fn check(&self, head: &RecordHead) -> Result<(), Misfit> {
        if head.lsn != self.next {
            return Err(Misfit::Lsn {
                expected: self.next,
                found: head.lsn,
            });
        }
        if head.stable() < self.stable {
            return Err(Misfit::Leftover {
                lsn: head.lsn,
                expected: self.stable,
                found: head.stable(),
            });
        }
        Ok(())
    }

    /// Steps over a log record that [`Course::check`] let through.
    pub const fn pass(&mut self, head: &RecordHead) {
        self.stable = if head.is_mark() {
            head.lsn
        } else {
            head.stable()
        };
        self.next = head.lsn + 1;
    }

    /// Goes on at a later log record, after damage.
    pub const fn resume_at(&mut self, head: &RecordHead) {
        self.next = head.lsn;
        self.stable = head.stable();
    }

    /// Tells whether a later log record proves that the one that should come next had been on stable storage, so that
    /// its absence is damage and no torn end.
    #[must_use]
    pub const fn is_proven_by(&self, later: &RecordHead) -> bool {
        later.lsn > self.next && later.stable() >= self.next
    }
}
