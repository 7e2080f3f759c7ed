//! What a store decides about the grant. Every store does the same in one compare-and-set.

use base::{Duration, Timestamp};

use super::{Epoch, HolderId};

/// What a store is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Give me the grant, if it is free or mine.
    TryAcquire {
        /// Who asks.
        holder: HolderId,
        /// For how long.
        ttl: Duration,
    },
    /// Make my grant last longer, if it has not run out.
    Renew {
        /// Who asks.
        holder: HolderId,
        /// Which grant.
        epoch: Epoch,
        /// For how long from now.
        ttl: Duration,
    },
    /// Take my grant back.
    Release {
        /// Who gives it back.
        holder: HolderId,
        /// Which grant.
        epoch: Epoch,
    },
    /// May this epoch write? Asked inside the transaction of every write.
    Check {
        /// Which grant.
        epoch: Epoch,
    },
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The grant is the asker's.
    Granted {
        /// The epoch to write under.
        epoch: Epoch,
        /// How long it lasts from now.
        ttl: Duration,
    },
    /// The grant is not the asker's.
    Denied {
        /// Who has it; nobody when it ran out or was given back.
        holder: Option<HolderId>,
        /// The current epoch.
        epoch: Epoch,
        /// How long nobody else can have it.
        remaining: Duration,
    },
    /// The grant is given back, or was not the asker's anyway.
    Released,
    /// The epoch may write.
    Accepted,
    /// The epoch may not write.
    Fenced {
        /// The current epoch.
        epoch: Epoch,
    },
}

/// The one row that a store keeps about the grant.
///
/// # Invariants
/// The epoch never decreases, and grows with every grant to another holder and every grant after the last one ran out
/// or was given back.
/// A grant never lasts longer than it was asked for, even when the store's clock jumps back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantTable {
    epoch: Epoch,
    /// Who has the grant, or had it last, until it is given back.
    holder: Option<HolderId>,
    until: Timestamp,
    /// For how long it was given.
    ttl: Duration,
}

impl GrantTable {
    /// Reads the row back from a store.
    #[must_use]
    pub const fn restore(
        epoch: Epoch,
        holder: Option<HolderId>,
        until: Timestamp,
        ttl: Duration,
    ) -> Self {
        Self {
            epoch,
            holder,
            until,
            ttl,
        }
    }

    /// Returns until when the grant lasts, by the store's clock.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Returns for how long it was given.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Decides by the store's own clock.
    ///
    /// # Panics
    /// When there were as many grants as a 64-bit number can count.
    pub fn apply(&mut self, store_now: Timestamp, request: &Request) -> Reply {
        match request {
            Request::TryAcquire { holder, ttl } => self.try_acquire(store_now, holder, *ttl),
            Request::Renew { holder, epoch, ttl } => self.renew(store_now, holder, *epoch, *ttl),
            Request::Release { holder, epoch } => {
                if self.holder.as_ref() == Some(holder) && self.epoch == *epoch {
                    self.holder = None;
                }
                Reply::Released
            }
            Request::Check { epoch } => self.check(*epoch),
        }
    }

    /// Gives the grant when it is free or the asker's own.
    fn try_acquire(&mut self, now: Timestamp, holder: &HolderId, ttl: Duration) -> Reply {
        self.clamp(now);
        let is_free = self.holder.is_none() || self.until <= now;
        if !is_free && self.holder.as_ref() != Some(holder) {
            return self.deny(now);
        }
        if is_free {
            let next = self.epoch.0.checked_add(1);
            self.epoch = Epoch(next.expect("grants are counted in 64 bits"));
        }
        self.holder = Some(holder.clone());
        self.grant(now, ttl)
    }

    /// Makes a grant last longer that has not run out; one that has can only be acquired anew, under a new epoch.
    fn renew(&mut self, now: Timestamp, holder: &HolderId, epoch: Epoch, ttl: Duration) -> Reply {
        self.clamp(now);
        let is_own = self.holder.as_ref() == Some(holder) && self.epoch == epoch;
        if is_own && now < self.until {
            self.grant(now, ttl)
        } else {
            self.deny(now)
        }
    }

    /// Tells whether an epoch may write. The time does not matter: as long as nobody else has asked, a grant that ran
    /// out still keeps two writers apart.
    #[must_use]
    pub fn check(&self, epoch: Epoch) -> Reply {
        if self.holder.is_some() && self.epoch == epoch {
            Reply::Accepted
        } else {
            Reply::Fenced { epoch: self.epoch }
        }
    }

    /// Returns the current epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns whose grant the current epoch is, whether it ran out or not; nobody's when it was given back.
    #[must_use]
    pub const fn holder(&self) -> Option<&HolderId> {
        self.holder.as_ref()
    }

    fn grant(&mut self, now: Timestamp, ttl: Duration) -> Reply {
        self.until = now + ttl;
        self.ttl = ttl;
        Reply::Granted {
            epoch: self.epoch,
            ttl,
        }
    }

    fn deny(&self, now: Timestamp) -> Reply {
        let is_held = now < self.until;
        Reply::Denied {
            holder: self.holder.clone().filter(|_| is_held),
            epoch: self.epoch,
            remaining: match self.holder {
                Some(_) => self.until.since(now),
                None => Duration::ZERO,
            },
        }
    }

    /// A grant that lasts longer than it was given for was given before the clock jumped back.
    fn clamp(&mut self, now: Timestamp) {
        self.until = self.until.min(now + self.ttl);
    }
}
