//! What each address has spent: one bucket of tokens each, filled again by time.
//!
//! Everything is counted in whole parts of a token, [`PARTS`] to one, so that a bucket that gets `n` tokens a minute gets
//! exactly `n` parts a microsecond; nothing is rounded.
//!
//! A bucket that is full again says nothing and can be forgotten. Two lists find the one to forget: by when buckets are
//! full, and by when they were used. Each names every bucket once, at a place that is never too late, and is corrected
//! only when room is needed; a request of a known address touches nothing but its bucket.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use base::{Duration, Timestamp};

use super::Limits;

/// Parts of one token: microseconds of a minute.
const PARTS: u64 = 60_000_000;

/// Where a request comes from: an address of version 4, or the 64-bit network of one of version 6, because that is
/// what one customer of a provider has (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A whole address.
    V4(u32),
    /// The first half of an address.
    V6(u64),
}

impl Origin {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64;
                Self::V6(u64::try_from(network).expect("half of 128 bits"))
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Parts of tokens at `at`.
    level: u64,
    at: Timestamp,
    /// The number of its last use.
    used: u64,
    /// Where it stands in the list by when buckets are full.
    listed_full: Timestamp,
    /// Where it stands in the list by uses.
    listed_use: u64,
}

/// The buckets of all addresses that have spent something, on steady time.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    /// Parts that a bucket gets in a microsecond.
    rate: u64,
    /// Parts of a full bucket.
    full: u64,
    buckets_max: usize,
    buckets: BTreeMap<Origin, Bucket>,
    by_full: BTreeSet<(Timestamp, Origin)>,
    by_use: BTreeSet<(u64, Origin)>,
    uses: u64,
}

impl Buckets {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            rate: u64::from(limits.address_requests_per_minute.max(1)),
            full: u64::from(limits.address_burst.max(1)) * PARTS,
            buckets_max: limits.addresses_max.max(1),
            buckets: BTreeMap::new(),
            by_full: BTreeSet::new(),
            by_use: BTreeSet::new(),
            uses: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Returns after how many seconds there will be enough tokens, at least 1; or nothing when there are.
    pub(super) fn missing_secs(&self, now: Timestamp, origin: Origin, tokens: u32) -> Option<u32> {
        let bucket = self.buckets.get(&origin)?;
        let missing = self
            .parts(tokens)
            .checked_sub(level(bucket, now, self.rate, self.full))
            .filter(|parts| 0 < *parts)?;
        let secs = missing.div_ceil(self.rate).div_ceil(1_000_000);
        Some(u32::try_from(secs).unwrap_or(u32::MAX))
    }

    /// Takes tokens that are there.
    pub(super) fn spend(&mut self, now: Timestamp, origin: Origin, tokens: u32) {
        let parts = self.parts(tokens);
        self.uses += 1;
        let (rate, full, used) = (self.rate, self.full, self.uses);
        if let Some(bucket) = self.buckets.get_mut(&origin) {
            bucket.level = level(bucket, now, rate, full) - parts;
            bucket.at = now;
            bucket.used = used;
            return;
        }
        if self.buckets.len() >= self.buckets_max {
            self.forget_one(now);
        }
        let level = self.full - parts;
        let bucket = Bucket {
            level,
            at: now,
            used,
            listed_full: self.full_at(level, now),
            listed_use: used,
        };
        self.by_full.insert((bucket.listed_full, origin));
        self.by_use.insert((bucket.listed_use, origin));
        self.buckets.insert(origin, bucket);
    }

    fn parts(&self, tokens: u32) -> u64 {
        (u64::from(tokens) * PARTS).min(self.full)
    }

    fn full_at(&self, level: u64, at: Timestamp) -> Timestamp {
        at + Duration::from_micros((self.full - level).div_ceil(self.rate))
    }

    /// Makes room: forgets a bucket that is full, or the one that was used longest ago.
    fn forget_one(&mut self, now: Timestamp) {
        let origin = self
            .find_full(now)
            .or_else(|| self.find_oldest())
            .expect("room is made only when there are buckets");
        if let Some(bucket) = self.buckets.remove(&origin) {
            self.by_full.remove(&(bucket.listed_full, origin));
            self.by_use.remove(&(bucket.listed_use, origin));
        }
    }

    fn find_full(&mut self, now: Timestamp) -> Option<Origin> {
        while let Some((listed, origin)) = self.by_full.first().copied() {
            if now < listed {
                return None;
            }
            let bucket = *self.bucket(origin);
            let full_at = self.full_at(bucket.level, bucket.at);
            if full_at <= now {
                return Some(origin);
            }
            self.by_full.remove(&(listed, origin));
            self.by_full.insert((full_at, origin));
            self.bucket(origin).listed_full = full_at;
        }
        None
    }

    fn find_oldest(&mut self) -> Option<Origin> {
        while let Some((listed, origin)) = self.by_use.first().copied() {
            let used = self.bucket(origin).used;
            if used == listed {
                return Some(origin);
            }
            self.by_use.remove(&(listed, origin));
            self.by_use.insert((used, origin));
            self.bucket(origin).listed_use = used;
        }
        None
    }

    fn bucket(&mut self, origin: Origin) -> &mut Bucket {
        self.buckets
            .get_mut(&origin)
            .expect("every bucket that is listed is there")
    }
}

/// Returns the parts of tokens in a bucket.
fn level(bucket: &Bucket, now: Timestamp, rate: u64, full: u64) -> u64 {
    let filled = now.since(bucket.at).as_micros().saturating_mul(rate);
    bucket.level.saturating_add(filled).min(full)
}
