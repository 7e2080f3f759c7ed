//! The store as the log would give it back, and beside it what is true: who touched what and when, by a clock that is
//! right.

use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Duration, Timestamp};

use super::super::super::super::{Generation, Holds, Item, Root, State};
use super::{children, holds};
use crate::clock::{Limits, SlowClock, SlowTime};

#[derive(Clone)]
struct Lease {
    hash: ContentHash,
    until: SlowTime,
    /// When it ends in truth, and how far the slow clock was ahead of the truth when it was given.
    true_until: Timestamp,
    slack: Duration,
}

/// When a blob was touched or trashed in truth, and how far the slow clock was ahead of it then.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    at: Timestamp,
    slack: Duration,
    pub(super) generation: Generation,
}

#[derive(Clone)]
pub(super) struct Store {
    pub(super) items: BTreeMap<ContentHash, Item>,
    tags: BTreeMap<u8, ContentHash>,
    leases: Vec<Lease>,
    pub(super) uploads: BTreeSet<ContentHash>,
    pub(super) generation: Generation,
    clock: SlowClock,
    /// When the clock was read last, in truth.
    true_last: Timestamp,
    /// By how much the slow clock has counted more than passed.
    slack: Duration,
    touched: BTreeMap<ContentHash, Moment>,
    trashed: BTreeMap<ContentHash, Moment>,
}

impl Store {
    pub(super) fn new(now: Timestamp) -> Self {
        let mut clock = SlowClock::new(Limits::default());
        clock.advance(now);
        Self {
            items: BTreeMap::new(),
            tags: BTreeMap::new(),
            leases: Vec::new(),
            uploads: BTreeSet::new(),
            generation: Generation(0),
            clock,
            true_last: now,
            slack: Duration::ZERO,
            touched: BTreeMap::new(),
            trashed: BTreeMap::new(),
        }
    }

    /// Reads the clock; returns by how much it has counted more than passed.
    pub(super) fn read_clock(&mut self, now: Timestamp, wall: Timestamp) -> Duration {
        let before = self.clock.shown();
        let counted = self.clock.advance(wall).since(before);
        let passed = now.since(self.true_last);
        let more = counted.as_micros().saturating_sub(passed.as_micros());
        self.slack = Duration::from_micros(self.slack.as_micros() + more);
        self.true_last = now;
        self.slack
    }

    pub(super) const fn seen(&self) -> SlowTime {
        self.clock.shown()
    }

    fn next(&mut self) -> Generation {
        self.generation.0 += 1;
        self.generation
    }

    /// The generation that comes next.
    pub(super) const fn coming(&self) -> Generation {
        Generation(self.generation.0 + 1)
    }

    fn moment(&self, now: Timestamp) -> Moment {
        Moment {
            at: now,
            slack: self.slack,
            generation: self.generation,
        }
    }

    pub(super) fn put(&mut self, now: Timestamp, hash: ContentHash) {
        self.items.entry(hash).or_insert(Item {
            hash,
            bytes: 1 + u64::from(hash.as_bytes()[0]),
            touched: Generation(0),
            touched_at: SlowTime::START,
            state: State::Live,
        });
        self.touch(now, hash);
    }

    pub(super) fn touch(&mut self, now: Timestamp, hash: ContentHash) {
        let generation = self.next();
        let seen = self.clock.shown();
        if let Some(item) = self.items.get_mut(&hash) {
            item.touch(generation, seen);
            self.touched.insert(hash, self.moment(now));
            self.trashed.remove(&hash);
        }
    }

    fn touch_all(&mut self, now: Timestamp, hash: ContentHash) {
        self.touch(now, hash);
        if holds(hash) == Holds::Folder {
            for child in children(hash) {
                self.touch(now, child);
            }
        }
    }

    pub(super) fn tag(&mut self, now: Timestamp, name: u8, hash: ContentHash) {
        self.touch_all(now, hash);
        self.next();
        self.tags.insert(name, hash);
    }

    pub(super) fn untag(&mut self, name: u8) {
        self.next();
        self.tags.remove(&name);
    }

    pub(super) fn lease(&mut self, now: Timestamp, hash: ContentHash, span: Duration) {
        self.touch_all(now, hash);
        self.next();
        self.leases.push(Lease {
            hash,
            until: self.seen() + span,
            true_until: now + span,
            slack: self.slack,
        });
    }

    /// Returns the names after one of them, as a page would.
    pub(super) fn tags_after(&self, after: Option<u8>, limit: usize) -> Vec<(u8, Root)> {
        let from = after.map_or(0, |name| name + 1);
        let tags = self.tags.range(from..).take(limit);
        let roots = tags.map(|(name, hash)| {
            let holds = holds(*hash);
            (*name, Root::Tag { hash: *hash, holds })
        });
        roots.collect()
    }

    pub(super) fn other_roots(&self) -> Vec<Root> {
        let leases = self.leases.iter().map(|lease| Root::Lease {
            hash: lease.hash,
            holds: holds(lease.hash),
            until: lease.until,
        });
        let uploads = self.uploads.iter().map(|hash| Root::Upload { hash: *hash });
        leases.chain(uploads).collect()
    }

    /// Forgets leases that are over; returns whether there were some.
    pub(super) fn drop_expired(&mut self) -> bool {
        let seen = self.seen();
        let before = self.leases.len();
        self.leases.retain(|lease| seen < lease.until);
        self.leases.len() < before
    }

    /// Blobs that names lead to.
    pub(super) fn tagged(&self) -> BTreeSet<ContentHash> {
        self.tags.values().copied().collect()
    }

    /// Blobs whose leases cannot be over.
    pub(super) fn leased(&self, now: Timestamp) -> BTreeSet<ContentHash> {
        let is_alive = |lease: &&Lease| {
            let gained = self.slack.as_micros() - lease.slack.as_micros();
            now + Duration::from_micros(gained) < lease.true_until
        };
        let alive = self.leases.iter().filter(is_alive);
        alive.map(|lease| lease.hash).collect()
    }

    /// Everything that must not go now, in truth.
    pub(super) fn reachable(&self, now: Timestamp) -> BTreeSet<ContentHash> {
        let mut all = self.tagged();
        all.extend(self.leased(now));
        let folders: Vec<ContentHash> = all.iter().copied().collect();
        all.extend(folders.into_iter().flat_map(children));
        all.extend(&self.uploads);
        all
    }

    /// How long ago something was in truth, and what the slow clock may have counted more since.
    pub(super) fn at_most_since(&self, now: Timestamp, moment: &Moment) -> Duration {
        let gained = self.slack.as_micros() - moment.slack.as_micros();
        Duration::from_micros(now.since(moment.at).as_micros() + gained)
    }

    pub(super) fn touched(&self, hash: &ContentHash) -> Moment {
        self.touched[hash]
    }

    pub(super) fn trashed(&self, hash: &ContentHash) -> Moment {
        self.trashed[hash]
    }

    pub(super) fn trash(&mut self, now: Timestamp, hash: &ContentHash, collection: Generation) {
        self.next();
        let seen = self.clock.shown();
        let item = self.items.get_mut(hash).expect("it is there");
        item.trash(collection, seen);
        self.trashed.insert(*hash, self.moment(now));
    }

    pub(super) fn purge(&mut self, hash: &ContentHash) {
        self.next();
        self.items.remove(hash);
        self.touched.remove(hash);
        self.trashed.remove(hash);
    }
}
