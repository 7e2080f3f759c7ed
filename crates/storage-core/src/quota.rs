//! Who may store how much: exact bytes and counts of one namespace, and the decision whether more may come.
//!
//! A blob is *live* until it is trashed, then in the *trash*, then *dead*: gone for everybody, while its bytes still
//! lie in the log; compaction reclaims them. What runs has *reserved* its bytes before it writes them.
//!
//! # Invariants
//! Every number is what a recount of the blobs would give; none goes below zero, and a change that would take it there
//! changes nothing and is told as [`Drift`].
//! What counts against the quota is live, trash and reserved. So a blob can always come back from the trash, and
//! nobody makes room by throwing away and back.
//! As long as quotas are not lowered and nothing is found again at start, live, trash and reserved never exceed them.
//!
//! It does not know how much room the disk has, nor what the log adds around the bytes.

use thiserror::Error;

use crate::sum::Sum;

/// How much a namespace may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Most bytes; none is no bound.
    pub bytes_max: Option<u64>,
    /// Most blobs; none is no bound.
    pub blobs_max: Option<u64>,
}

/// How much a namespace holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What can be read.
    pub live: Sum,
    /// What was found to be garbage and can come back.
    pub trash: Sum,
    /// What was purged and still takes room in the log.
    pub dead: Sum,
    /// What running uploads may still write.
    pub reserved: Sum,
}

/// What happened to blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new blob of so many bytes is there.
    Put(u64),
    /// A live blob went into the trash.
    Trash(u64),
    /// A blob came out of the trash.
    Restore(u64),
    /// A blob of the trash was removed for ever.
    Purge(u64),
    /// A live blob was removed for ever, because it is damaged.
    Lose(u64),
    /// The room of dead blobs was given back.
    Reclaim(Sum),
}

/// What is known of the length of what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// It will be so many bytes.
    Bytes(u64),
    /// It ends when it ends; its bytes are reserved as they come, with [`Books::grow`].
    Unknown,
}

/// The right to write so many bytes. It cannot be copied, so that each is settled once.
#[must_use = "a reservation that is not settled counts for ever"]
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    bytes: u64,
}

/// How what had a reservation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A new blob of so many bytes is there.
    New(u64),
    /// The blob was live already.
    Known,
    /// The blob of so many bytes was in the trash and came back.
    Restored(u64),
    /// Nothing was stored.
    GivenUp,
}

/// Which bound of a quota is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// The bytes.
    Bytes,
    /// The number of blobs.
    Blobs,
}

/// The quota has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the quota has room for {free} {} more, {wanted} are wanted", match .bound { Bound::Bytes => "bytes", Bound::Blobs => "blobs" })]
pub struct Full {
    /// Which bound.
    pub bound: Bound,
    /// What was asked for beyond what was reserved already.
    pub wanted: u64,
    /// What there is room for.
    pub free: u64,
    /// The bound itself.
    pub max: u64,
}

/// A change does not fit what was counted: a fault of the engine, or of what it read from its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the count of the store is wrong: {change:?} does not fit {usage:?}")]
pub struct Drift {
    /// What was to be counted.
    pub change: Change,
    /// What was counted before; it stays.
    pub usage: Usage,
}

/// The accounts of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    quota: Quota,
    usage: Usage,
}

impl Books {
    /// Starts with nothing stored.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self {
            quota,
            usage: Usage::default(),
        }
    }

    /// Goes on with what a checkpoint says is stored.
    #[must_use]
    pub const fn resume(quota: Quota, live: Sum, trash: Sum, dead: Sum) -> Self {
        Self {
            quota,
            usage: Usage {
                live,
                trash,
                dead,
                reserved: Sum::ZERO,
            },
        }
    }

    /// Returns what is counted.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns what may be stored.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    /// Changes what may be stored from now on; what is there stays.
    pub const fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
    }

    /// Counts a change.
    ///
    /// # Errors
    /// When it does not fit what was counted; then nothing is changed.
    pub fn apply(&mut self, change: Change) -> Result<(), Drift> {
        let drift = Drift {
            change,
            usage: self.usage,
        };
        self.usage = counted(self.usage, change).ok_or(drift)?;
        Ok(())
    }

    /// Reserves room for one blob.
    ///
    /// # Errors
    /// When the quota has none; then nothing is reserved. A blob that is there already needs no room: ask that first.
    pub fn admit(&mut self, announced: Announced) -> Result<Reservation, Full> {
        let bytes = match announced {
            Announced::Bytes(bytes) => bytes,
            Announced::Unknown => 0,
        };
        self.check(Bound::Blobs, 1)?;
        self.check(Bound::Bytes, bytes)?;
        Ok(self.readmit(bytes))
    }

    /// Reserves room for an upload that was admitted by an earlier run, whatever the quota says.
    pub const fn readmit(&mut self, bytes: u64) -> Reservation {
        self.usage.reserved.add(bytes);
        Reservation { bytes }
    }

    /// Makes a reservation hold at least `total` bytes; to be asked before those bytes are written.
    ///
    /// # Errors
    /// When the quota has no room for what is added; then the reservation stays as it is.
    pub fn grow(&mut self, reservation: &mut Reservation, total: u64) -> Result<(), Full> {
        let added = total.saturating_sub(reservation.bytes);
        self.check(Bound::Bytes, added)?;
        reservation.bytes += added;
        self.usage.reserved.bytes += added;
        Ok(())
    }

    /// Gives a reservation back and counts what became of it.
    ///
    /// # Errors
    /// When what it says does not fit what was counted. The reservation is given back nevertheless.
    pub fn settle(&mut self, reservation: Reservation, settled: Settled) -> Result<(), Drift> {
        let reserved = self.usage.reserved;
        self.usage.reserved = Sum {
            blobs: reserved.blobs.saturating_sub(1),
            bytes: reserved.bytes.saturating_sub(reservation.bytes),
        };
        match settled {
            Settled::New(bytes) => self.apply(Change::Put(bytes)),
            Settled::Restored(bytes) => self.apply(Change::Restore(bytes)),
            Settled::Known | Settled::GivenUp => Ok(()),
        }
    }

    /// Returns what counts against the quota; more than there are numbers for counts as the largest.
    fn held(&self, bound: Bound) -> u64 {
        let Usage {
            live,
            trash,
            reserved,
            dead: _,
        } = self.usage;
        let parts = [live, trash, reserved].map(|sum| match bound {
            Bound::Bytes => sum.bytes,
            Bound::Blobs => sum.blobs,
        });
        parts.into_iter().fold(0, u64::saturating_add)
    }

    fn check(&self, bound: Bound, wanted: u64) -> Result<(), Full> {
        let max = match bound {
            Bound::Bytes => self.quota.bytes_max,
            Bound::Blobs => self.quota.blobs_max,
        };
        // Without a bound there is one: numbers end.
        let max = max.unwrap_or(u64::MAX);
        let free = max.saturating_sub(self.held(bound));
        if wanted <= free {
            return Ok(());
        }
        Err(Full {
            bound,
            wanted,
            free,
            max,
        })
    }
}

/// Returns the counts after a change, or nothing when it does not fit.
fn counted(usage: Usage, change: Change) -> Option<Usage> {
    let Usage {
        live, trash, dead, ..
    } = usage;
    let (live, trash, dead) = match change {
        Change::Put(bytes) => (live.checked_add(Sum::of(bytes))?, trash, dead),
        Change::Trash(bytes) => {
            let sum = Sum::of(bytes);
            (live.checked_sub(sum)?, trash.checked_add(sum)?, dead)
        }
        Change::Restore(bytes) => {
            let sum = Sum::of(bytes);
            (live.checked_add(sum)?, trash.checked_sub(sum)?, dead)
        }
        Change::Purge(bytes) => {
            let sum = Sum::of(bytes);
            (live, trash.checked_sub(sum)?, dead.checked_add(sum)?)
        }
        Change::Lose(bytes) => {
            let sum = Sum::of(bytes);
            (live.checked_sub(sum)?, trash, dead.checked_add(sum)?)
        }
        Change::Reclaim(sum) => (live, trash, dead.checked_sub(sum)?),
    };
    Some(Usage {
        live,
        trash,
        dead,
        ..usage
    })
}

#[cfg(test)]
mod tests;
