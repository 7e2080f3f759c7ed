//! The hot cache: answers that everybody may see, kept in memory until something that they show changes.
//!
//! # Invariants
//! Only what is [`Shared`] is kept, and that mark is made of [`Reach::Commons`] alone; so the cache answers the
//! questions of anonymous readers and no others.
//! An answer is never served after one of its tags was invalidated, nor kept when that happened while it was made.
//! Entries and bytes stay within [`Limits`]; the entry that was used longest ago makes room.
//!
//! It does not know what answers are made of, and makes none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{Duration, Reach, Timestamp};
use chain::{ActionHash, AgentPubKey};

/// Bounds of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most entries.
    pub entries_max: usize,
    /// Most bytes of all entries together, by the weights that callers give and the lengths of the keys.
    pub bytes_max: u64,
    /// Largest weight of one entry in bytes; heavier answers are not kept.
    pub entry_bytes_max: u64,
    /// Most tags of one entry; answers that show more are not kept.
    pub entry_tags_max: usize,
    /// Longest time that an answer is served, should an invalidation ever be missed.
    pub ttl: Duration,
    /// Longest time that "there is nothing" is served.
    pub absent_ttl: Duration,
    /// How many invalidated tags are remembered for answers that are being made; when there are more, all answers
    /// that were begun before are not kept.
    pub tags_remembered_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries_max: 10_000,
            bytes_max: 64 * 1_024 * 1_024,
            entry_bytes_max: 1_024 * 1_024,
            entry_tags_max: 32,
            ttl: Duration::from_secs(300),
            absent_ttl: Duration::from_secs(10),
            tags_remembered_max: 10_000,
        }
    }
}

/// What an answer answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Which sort of answer, for example the name of a route.
    pub class: &'static str,
    /// The question, for example the path and query of the request.
    pub text: String,
}

/// What an answer shows, and so by what it may become wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// One item, by its first action.
    Item(ActionHash),
    /// A course, by its slug.
    Course(String),
    /// Everything of one author.
    Author(AgentPubKey),
    /// Lists of all sorts, and everything that was not there when it was asked for.
    Lists,
}

/// The mark of what everybody may see. Nothing else gets into the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared(());

impl Shared {
    /// Returns the mark for what everybody may see, and nothing for everything else.
    #[must_use]
    pub fn of(reach: Reach) -> Option<Self> {
        (reach == Reach::Commons).then_some(Self(()))
    }
}

/// What the cache knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<V> {
    /// The answer.
    Hit(V),
    /// There is nothing that everybody may see.
    Absent,
    /// The answer has to be made; the ticket goes with it into [`Cache::admit`].
    Miss(Ticket),
}

/// When an answer was begun. An invalidation after that keeps the answer out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    generation: u64,
    at: Timestamp,
}

/// An answer that was made.
#[derive(Clone, Debug)]
pub enum Answer<V> {
    /// Something that everybody may see.
    Found {
        /// The mark.
        shared: Shared,
        /// The answer.
        value: V,
        /// Its size in bytes.
        bytes: u64,
        /// What it shows.
        tags: Vec<Tag>,
    },
    /// There is nothing that everybody may see. A new item may change that, so it goes with [`Tag::Lists`].
    Absent,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is kept.
    Kept,
    /// Something that it shows changed while it was made.
    Outdated,
    /// It is heavier than an entry may be, or shows more things.
    TooLarge,
}

/// The hot cache.
#[derive(Clone, Debug)]
pub struct Cache<V> {
    limits: Limits,
    entries: BTreeMap<Arc<Key>, Entry<V>>,
    /// Entries by the time of their last use, oldest first.
    order: BTreeMap<u64, Arc<Key>>,
    by_tag: BTreeMap<Tag, BTreeSet<Arc<Key>>>,
    bytes: u64,
    uses: u64,
    /// Counts invalidations.
    generation: u64,
    /// The generation of the last invalidation of each tag; tags that are not listed had theirs at or before `floor`.
    invalidated: BTreeMap<Tag, u64>,
    floor: u64,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    value: Option<V>,
    tags: Vec<Tag>,
    bytes: u64,
    expires: Timestamp,
    used: u64,
}

impl<V: Clone> Cache<V> {
    /// Starts empty.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            by_tag: BTreeMap::new(),
            bytes: 0,
            uses: 0,
            generation: 0,
            invalidated: BTreeMap::new(),
            floor: 0,
        }
    }

    /// Looks an answer up and notes that it was used.
    pub fn look_up(&mut self, now: Timestamp, key: &Key) -> Lookup<V> {
        let miss = Lookup::Miss(Ticket {
            generation: self.generation,
            at: now,
        });
        let Some((key, entry)) = self.entries.get_key_value(key) else {
            return miss;
        };
        let key = Arc::clone(key);
        if entry.expires <= now {
            self.remove(&key);
            return miss;
        }
        let found = entry.value.clone().map_or(Lookup::Absent, Lookup::Hit);
        self.touch(&key);
        found
    }

    /// Keeps an answer that was begun when `ticket` was given, unless it may be wrong by now.
    pub fn admit(&mut self, ticket: Ticket, key: Key, answer: Answer<V>) -> Admission {
        let (value, weight, tags, ttl) = match answer {
            Answer::Found {
                shared: Shared(()),
                value,
                bytes,
                tags,
            } => (Some(value), bytes, tags, self.limits.ttl),
            Answer::Absent => (None, 0, vec![Tag::Lists], self.limits.absent_ttl),
        };
        if tags
            .iter()
            .any(|tag| self.was_invalidated_after(ticket, tag))
        {
            return Admission::Outdated;
        }
        let bytes = weight.saturating_add(key.text.len() as u64);
        let is_heavy = bytes > self.limits.entry_bytes_max.min(self.limits.bytes_max);
        if is_heavy || tags.len() > self.limits.entry_tags_max || self.limits.entries_max == 0 {
            return Admission::TooLarge;
        }
        let key = Arc::new(key);
        self.remove(&key);
        self.make_room(bytes);
        for tag in &tags {
            self.by_tag
                .entry(tag.clone())
                .or_default()
                .insert(Arc::clone(&key));
        }
        self.bytes += bytes;
        self.uses += 1;
        self.order.insert(self.uses, Arc::clone(&key));
        let entry = Entry {
            value,
            tags,
            bytes,
            expires: ticket.at + ttl,
            used: self.uses,
        };
        self.entries.insert(key, entry);
        Admission::Kept
    }

    /// Drops every answer that shows one of the tags, and keeps out those that are being made.
    ///
    /// Call it after the change can be read, so that whatever is made from then on shows it.
    pub fn invalidate(&mut self, tags: &[Tag]) {
        self.generation += 1;
        for tag in tags {
            for key in self.by_tag.remove(tag).into_iter().flatten() {
                self.remove(&key);
            }
            self.invalidated.insert(tag.clone(), self.generation);
        }
        if self.invalidated.len() > self.limits.tags_remembered_max {
            self.invalidated.clear();
            self.floor = self.generation;
        }
    }

    /// Returns how many answers are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether no answer is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns how many bytes the answers weigh together.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn was_invalidated_after(&self, ticket: Ticket, tag: &Tag) -> bool {
        let last = self
            .invalidated
            .get(tag)
            .copied()
            .unwrap_or_default()
            .max(self.floor);
        last > ticket.generation
    }

    fn touch(&mut self, key: &Arc<Key>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        self.uses += 1;
        self.order.remove(&entry.used);
        entry.used = self.uses;
        self.order.insert(self.uses, Arc::clone(key));
    }

    fn make_room(&mut self, bytes: u64) {
        while self.entries.len() >= self.limits.entries_max
            || self.bytes + bytes > self.limits.bytes_max
        {
            let Some((_, oldest)) = self.order.first_key_value() else {
                return;
            };
            let oldest = Arc::clone(oldest);
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &Arc<Key>) {
        let Some(entry) = self.entries.remove(key) else {
            return;
        };
        self.bytes -= entry.bytes;
        self.order.remove(&entry.used);
        for tag in &entry.tags {
            if let Some(keys) = self.by_tag.get_mut(tag) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_tag.remove(tag);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
