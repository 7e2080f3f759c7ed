//! Who gets in: how much one address may ask for, and how much may be under way at the same time.
//!
//! [`Admission`] decides about each request before anything is done for it. A request has a [`Class`], which says what
//! it costs its address and with which others it shares places.
//!
//! # Invariants
//! Reads go before searches, searches before writes: the fuller the doorway, the fewer classes get in.
//! The routes that tell how the doorway is get in whatever the load, up to a small number of their own.
//! No address gets more than its burst at once and its rate over time; a refusal costs nothing.
//! A clock that jumps gives nobody more than the burst, and keeps nobody out for longer than the burst takes to fill
//! and the second for which steps back are waited for.
//! Blobs get in where a read does, and hold no place while they stream ([`Class::holds_place`]).
//! Each [`Place`] that is held comes back once through [`Admission::leave`]; then nothing is under way and nothing is kept but what
//! addresses have spent.
//!
//! It does not know who is behind an address; a shell that trusts a proxy passes the address that the proxy names.

mod buckets;
mod class;
mod limits;
mod load;

use base::{Code, Timestamp};
use core::net::IpAddr;

use buckets::{Buckets, Origin};
use load::Load;

use crate::steady::Steady;

pub use class::Class;
pub use limits::Limits;

/// Who asks for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The address that the request comes from, the client's where a trusted proxy stands in between.
    pub address: IpAddr,
    /// What is asked for.
    pub class: Class,
    /// How many bytes the request's body has, as far as it says; counted for [`Class::Write`] alone.
    pub announced_bytes: Option<u64>,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It gets in; the place goes back with [`Admission::leave`] when the answer has ended, however it ended.
    Admitted(Place),
    /// It does not get in.
    Refused {
        /// Why.
        reason: Reason,
        /// After how many seconds it is worth trying again, at least 1.
        retry_after_secs: u32,
    },
}

/// Why a request does not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its address has asked for too much.
    Address,
    /// The doorway has too much to do.
    Load,
}

impl Reason {
    /// Both, for counters.
    pub const ALL: [Self; 2] = [Self::Address, Self::Load];

    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Address => Code::TooManyRequests,
            Self::Load => Code::Overloaded,
        }
    }

    /// Returns the word used as a label of counters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Load => "load",
        }
    }
}

/// The right to be under way. It cannot be copied, so that each request leaves once.
#[must_use = "a place that is not handed back is taken for ever"]
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    class: Class,
    /// Bytes that are reserved for its body.
    bytes: u64,
    is_held: bool,
}

impl Place {
    /// Returns whose place it is.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Tells whether it counts as under way until it comes back, see [`Class::holds_place`]; one that does not need not
    /// come back.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.is_held
    }
}

/// What happened so far, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    admitted: [u64; Class::ALL.len()],
    refused: [[u64; Reason::ALL.len()]; Class::ALL.len()],
}

impl Counters {
    /// Returns how many requests of a class got in.
    #[must_use]
    pub const fn admitted(&self, class: Class) -> u64 {
        self.admitted[class as usize]
    }

    /// Returns how many requests of a class did not get in for this reason.
    #[must_use]
    pub const fn refused(&self, class: Class, reason: Reason) -> u64 {
        self.refused[class as usize][reason as usize]
    }
}

/// Decides who gets in.
#[derive(Clone, Debug)]
pub struct Admission {
    limits: Limits,
    clock: Steady,
    buckets: Buckets,
    load: Load,
    counters: Counters,
    /// Spreads those whom the load turns away over the seconds to come.
    turned_away: u32,
}

impl Admission {
    /// Starts with nobody in.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            buckets: Buckets::new(&limits),
            load: Load::new(&limits),
            limits,
            clock: Steady::default(),
            counters: Counters::default(),
            turned_away: 0,
        }
    }

    /// Decides whether a request gets in.
    ///
    /// The address is asked first, then the load; only who gets in pays.
    pub fn admit(&mut self, now: Timestamp, visitor: Visitor) -> Verdict {
        let class = visitor.class;
        let now = self.clock.advance(now);
        let origin = Origin::of(visitor.address);
        let is_local = visitor.address.to_canonical().is_loopback();
        let pays = class.cost() > 0 && !(self.limits.loopback_exempt && is_local);
        let missing = if pays {
            self.buckets.missing_secs(now, origin, class.cost())
        } else {
            None
        };
        if let Some(retry_after_secs) = missing {
            return self.refuse(class, Reason::Address, retry_after_secs);
        }
        let Some(bytes) = self.load.enter(class, visitor.announced_bytes) else {
            let spread = self.limits.load_retry_secs_max.max(1);
            self.turned_away = self.turned_away.wrapping_add(1);
            return self.refuse(class, Reason::Load, 1 + self.turned_away % spread);
        };
        if pays {
            self.buckets.spend(now, origin, class.cost());
        }
        self.counters.admitted[class as usize] += 1;
        let is_held = class.holds_place();
        if !is_held {
            self.load.leave(class, bytes);
        }
        Verdict::Admitted(Place {
            class,
            bytes,
            is_held,
        })
    }

    /// Takes a place back.
    pub fn leave(&mut self, place: Place) {
        if place.is_held {
            self.load.leave(place.class, place.bytes);
        }
    }

    /// Returns what happened so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns how many requests of a class are under way.
    #[must_use]
    pub const fn in_flight(&self, class: Class) -> usize {
        self.load.in_flight(class)
    }

    /// Returns how many requests are under way, without event streams and service routes.
    #[must_use]
    pub const fn in_flight_total(&self) -> usize {
        self.load.total()
    }

    /// Returns how many bytes are reserved for the bodies of writes under way.
    #[must_use]
    pub const fn write_bytes_in_flight(&self) -> u64 {
        self.load.write_bytes()
    }

    /// Returns how many addresses have spent something and are remembered.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.buckets.len()
    }

    fn refuse(&mut self, class: Class, reason: Reason, retry_after_secs: u32) -> Verdict {
        self.counters.refused[class as usize][reason as usize] += 1;
        Verdict::Refused {
            reason,
            retry_after_secs,
        }
    }
}

#[cfg(test)]
mod tests;
