//! Which keys are unlocked, in which place of the arena, and until when.
//!
//! # Invariants
//! * A place belongs to one agent at most; a place that is given up is named once, so that a shell can wipe it.
//! * Nobody is unlocked longer than the limits say, whatever the clock does: time that runs backwards counts as none.

use std::collections::{BTreeMap, BTreeSet};

use base::{Duration, Timestamp};

use super::fence::RawAgent;

/// Bounds of unlocked keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most keys that are unlocked at once; the one that was used longest ago makes room.
    pub sessions_max: u32,
    /// How long a key stays unlocked that nobody uses, in seconds.
    pub idle_secs_max: u64,
    /// How long a key stays unlocked at all, in seconds.
    pub life_secs_max: u64,
}

/// A place in the arena, from 0.
pub type Place = u32;

/// All unlocked keys.
#[derive(Clone, Debug)]
pub struct Sessions {
    limits: Limits,
    /// The latest time that was seen.
    now: Timestamp,
    open: BTreeMap<RawAgent, Session>,
    /// By when they were used last, and among these by number.
    by_use: BTreeSet<(Timestamp, u64, RawAgent)>,
    /// By when they end at the latest.
    by_end: BTreeSet<(Timestamp, RawAgent)>,
    free: Vec<Place>,
    /// Places from here on were never used.
    fresh: Place,
    uses: u64,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    place: Place,
    used: (Timestamp, u64),
    end: Timestamp,
}

/// Where an unlocked key goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The place for the key.
    pub place: Place,
    /// Places that are to be wiped before; `place` can be one of them.
    pub wipe: Vec<Place>,
}

impl Default for Limits {
    /// The limits of the design: 10,000 sessions, 15 minutes idle, one hour at all.
    fn default() -> Self {
        Self {
            sessions_max: 10_000,
            idle_secs_max: 15 * 60,
            life_secs_max: 60 * 60,
        }
    }
}

impl Sessions {
    /// Nobody is unlocked.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Limits {
                sessions_max: limits.sessions_max.max(1),
                ..limits
            },
            now: Timestamp(i64::MIN),
            open: BTreeMap::new(),
            by_use: BTreeSet::new(),
            by_end: BTreeSet::new(),
            free: Vec::new(),
            fresh: 0,
            uses: 0,
        }
    }

    /// Returns how many keys are unlocked, those included whose time is over but was not noticed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Tells whether no key is unlocked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Unlocks a key anew, with a whole life before it.
    pub fn open(&mut self, now: Timestamp, agent: RawAgent) -> Opened {
        let mut wipe = self.expire(now);
        wipe.extend(self.close(&agent));
        if self.open.len() >= self.limits.sessions_max as usize
            && let Some((_, _, oldest)) = self.by_use.first().copied()
        {
            wipe.extend(self.close(&oldest));
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.fresh += 1;
            self.fresh - 1
        });
        self.uses += 1;
        let session = Session {
            place,
            used: (self.now, self.uses),
            end: self.now + Duration::from_secs(self.limits.life_secs_max),
        };
        self.by_use.insert((self.now, self.uses, agent));
        self.by_end.insert((session.end, agent));
        self.open.insert(agent, session);
        Opened { place, wipe }
    }

    /// Returns where an unlocked key is, and counts this as a use; `None` when it is locked or its time is over.
    pub fn find(&mut self, now: Timestamp, agent: &RawAgent) -> Option<Place> {
        self.now = self.now.max(now);
        let idle = Duration::from_secs(self.limits.idle_secs_max);
        let session = self.open.get_mut(agent)?;
        let (used, number) = session.used;
        if session.end <= self.now || used + idle <= self.now {
            return None;
        }
        self.uses += 1;
        session.used = (self.now, self.uses);
        let place = session.place;
        self.by_use.remove(&(used, number, *agent));
        self.by_use.insert((self.now, self.uses, *agent));
        Some(place)
    }

    /// Locks a key; returns the place that is to be wiped.
    pub fn close(&mut self, agent: &RawAgent) -> Option<Place> {
        let session = self.open.remove(agent)?;
        let (used, number) = session.used;
        self.by_use.remove(&(used, number, *agent));
        self.by_end.remove(&(session.end, *agent));
        self.free.push(session.place);
        Some(session.place)
    }

    /// Locks all keys whose time is over; returns the places that are to be wiped.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Place> {
        self.now = self.now.max(now);
        let idle = Duration::from_secs(self.limits.idle_secs_max);
        let mut wipe = Vec::new();
        while let Some((end, agent)) = self.by_end.first().copied()
            && end <= self.now
        {
            wipe.extend(self.close(&agent));
        }
        while let Some((used, _, agent)) = self.by_use.first().copied()
            && used + idle <= self.now
        {
            wipe.extend(self.close(&agent));
        }
        wipe
    }

    /// Returns when the next key is to be locked at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let idle = Duration::from_secs(self.limits.idle_secs_max);
        let end = self.by_end.first().map(|(end, _)| *end)?;
        let (used, _, _) = self.by_use.first()?;
        Some(end.min(*used + idle))
    }
}

#[cfg(test)]
mod tests;
