//! The words between a process and its lease.

use std::fmt;

use base::{Duration, Timestamp};

/// Who holds the grant: one run of one process.
///
/// A process takes a new one each time it starts, for otherwise what is left of its previous run could write in its
/// name. People read it in `/health`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId(pub String);

impl fmt::Display for HolderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which grant a write belongs to: 1 for the first, and growing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// Which request an answer belongs to; answers to older requests are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub(super) u64);

/// Bounds of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long a grant is asked; it is renewed after a third of it.
    pub lease_ttl: Duration,
    /// How long before the end of the grant the machine stops; covers what the clocks of process and store differ in
    /// speed. A grant that is not longer than this is as good as none.
    pub margin: Duration,
    /// How long a process that does not hold the grant waits before it asks again.
    pub ask_interval: Duration,
    /// How long the holder waits after a renewal that failed before it tries again.
    pub retry_interval: Duration,
    /// How long an answer is waited for.
    pub request_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(15),
            margin: Duration::from_secs(2),
            ask_interval: Duration::from_secs(2),
            retry_interval: Duration::from_secs(1),
            request_time_max: Duration::from_secs(2),
        }
    }
}

/// What the process tells its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The deadline has come; also how the machine is started.
    Timeout,
    /// The store gave or renewed the grant.
    Granted {
        /// The request.
        call: Call,
        /// The epoch to write under.
        epoch: Epoch,
        /// How long the grant lasts, from when the store decided.
        ttl: Duration,
    },
    /// The store did not give or renew the grant.
    Denied {
        /// The request.
        call: Call,
        /// Who has the grant; nobody when it ran out.
        holder: Option<HolderId>,
        /// The current epoch.
        epoch: Epoch,
        /// How long the store will not give it to somebody else.
        remaining: Duration,
    },
    /// The store could not be asked, or gave no answer that is understood.
    Failed {
        /// The request.
        call: Call,
    },
    /// The store refused a write, because another epoch is the current one.
    Fenced {
        /// The current epoch.
        epoch: Epoch,
    },
    /// The process ends: the grant is to be given back.
    Leave,
}

/// What the lease asks of its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the store for the grant.
    TryAcquire {
        /// Comes back with the answer.
        call: Call,
        /// Who asks.
        holder: HolderId,
        /// For how long.
        ttl: Duration,
    },
    /// Ask the store to make the grant last longer.
    Renew {
        /// Comes back with the answer.
        call: Call,
        /// Who asks.
        holder: HolderId,
        /// Which grant.
        epoch: Epoch,
        /// For how long.
        ttl: Duration,
    },
    /// Give the grant back; no answer is waited for.
    Release {
        /// Who gives it back.
        holder: HolderId,
        /// Which grant.
        epoch: Epoch,
    },
    /// Write from now on, and name this epoch with every write.
    Start {
        /// The epoch.
        epoch: Epoch,
    },
    /// Write no more. What is under way may end; the store refuses what comes too late.
    Stop {
        /// Why.
        reason: Stop,
    },
}

/// Why a process stops writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// By its own clock the grant may be over, and the store could not be asked in time.
    Expired,
    /// The store says that somebody else has the grant, or that it ran out.
    Denied {
        /// Who has it.
        to: Option<HolderId>,
        /// The current epoch.
        epoch: Epoch,
    },
    /// The store refused a write.
    Fenced {
        /// The current epoch.
        epoch: Epoch,
    },
    /// The process ends.
    Leaving,
}

/// How it stands, for `/health`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not held the grant yet, and asks for it.
    Candidate {
        /// Who had it when the store was asked last, and under which epoch.
        holder: Option<(HolderId, Epoch)>,
    },
    /// It writes.
    Holding {
        /// Under which epoch.
        epoch: Epoch,
        /// Until when, by its own clock, unless the grant is renewed.
        until: Timestamp,
    },
    /// It held the grant, lost it, and asks for it again.
    Lost {
        /// Who has it now, as far as the store said.
        to: Option<HolderId>,
        /// The newest epoch that it has heard of.
        epoch: Epoch,
    },
    /// It has given the grant back and asks no more.
    Left,
}
