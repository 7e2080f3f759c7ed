//! Where entries are: one slot per question that is kept, made or waited for.
//!
//! # Invariants
//! A slot is in use as long as it has an entry, a reader or a fill, and its question is in the index exactly then.
//! `values` holds the slots with answers, `marks` those with anything else that is kept; `bytes` is what the answers
//! weigh; `by_tag` names exactly the slots whose entries have the tag.
//!
//! It knows no time and no policy.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use hashbrown::HashTable;

use super::sieve::Sieve;
use super::{EntryId, FillId, Hashed, Key, ReaderId, Tag};

/// What is known about one question.
#[derive(Clone, Debug)]
pub(super) struct Slot<V, F> {
    hash: u64,
    key: Key,
    pub(super) entry: Option<Entry<V, F>>,
    /// The fill that readers join.
    pub(super) current: Option<FillId>,
    /// Fills in the making, the current one and others.
    pub(super) fills_open: u32,
    /// Makers that vanished since the last outcome.
    pub(super) drops: u32,
    pub(super) waiters: BTreeMap<ReaderId, Waiter>,
}

/// A reader who waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    /// The number of the last change before they asked.
    pub(super) asked: u64,
    /// Whether they were asked to make the answer already.
    pub(super) has_made: bool,
    /// The fill that is theirs alone.
    pub(super) own: Option<FillId>,
}

/// What is kept for a question.
#[derive(Clone, Debug)]
pub(super) struct Entry<V, F> {
    pub(super) kept: Kept<V, F>,
    /// Which fill it came of.
    pub(super) fill: FillId,
    /// Until when it needs nothing.
    pub(super) fresh_until: Timestamp,
    pub(super) tags: Vec<Tag>,
}

#[derive(Clone, Debug)]
pub(super) enum Kept<V, F> {
    /// An answer.
    Value {
        value: V,
        bytes: u64,
        /// After a failed attempt: when the next one may begin.
        retry_at: Option<Timestamp>,
    },
    /// There is nothing.
    Absent,
    /// It could not be made; without a reason when makers vanished.
    Failed(Option<F>),
    /// It cannot be kept.
    Passing,
}

/// The slots, by number and by question.
#[derive(Clone, Debug)]
pub(super) struct Table<V, F> {
    index: HashTable<u32>,
    slots: Vec<Option<Slot<V, F>>>,
    free: Vec<u32>,
    by_tag: BTreeMap<Tag, BTreeSet<u32>>,
    values: Sieve,
    marks: Sieve,
    bytes: u64,
    evictions: u64,
}

impl<V, F> Table<V, F> {
    pub(super) const fn new() -> Self {
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            by_tag: BTreeMap::new(),
            values: Sieve::new(),
            marks: Sieve::new(),
            bytes: 0,
            evictions: 0,
        }
    }

    pub(super) fn find(&self, sought: &Hashed<'_>) -> Option<u32> {
        let is_it = |id: &u32| {
            self.slots[*id as usize]
                .as_ref()
                .is_some_and(|slot| slot.hash == sought.hash && slot.key.borrowed() == sought.key)
        };
        self.index.find(sought.hash, is_it).copied()
    }

    /// Finds the slot of a question or makes it.
    pub(super) fn find_or_make(&mut self, sought: &Hashed<'_>) -> u32 {
        if let Some(id) = self.find(sought) {
            return id;
        }
        let slot = Slot {
            hash: sought.hash,
            key: sought.key.to_key(),
            entry: None,
            current: None,
            fills_open: 0,
            drops: 0,
            waiters: BTreeMap::new(),
        };
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("bounds keep slots far below this")
        });
        self.slots[id as usize] = Some(slot);
        let Self { index, slots, .. } = self;
        index.insert_unique(sought.hash, id, |id| {
            slots[*id as usize].as_ref().map_or(0, |slot| slot.hash)
        });
        id
    }

    pub(super) fn get(&self, id: u32) -> Option<&Slot<V, F>> {
        self.slots.get(id as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Slot<V, F>> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    /// Notes that an entry was used.
    pub(super) fn touch(&mut self, id: u32) {
        self.values.touch(id);
        self.marks.touch(id);
    }

    /// Gives a slot back when nothing is left in it.
    pub(super) fn release(&mut self, id: u32) {
        let is_over = self.get(id).is_some_and(|slot| {
            slot.entry.is_none() && slot.fills_open == 0 && slot.waiters.is_empty()
        });
        if !is_over {
            return;
        }
        let Some(slot) = self.slots[id as usize].take() else {
            return;
        };
        if let Ok(found) = self.index.find_entry(slot.hash, |other| *other == id) {
            found.remove();
        }
        self.free.push(id);
    }

    /// Puts an entry into a slot, instead of the one that is there.
    pub(super) fn put(&mut self, id: u32, entry: Entry<V, F>) {
        self.clear(id);
        let Some(slot) = self.slots.get_mut(id as usize).and_then(Option::as_mut) else {
            return;
        };
        for tag in &entry.tags {
            self.by_tag.entry(tag.clone()).or_default().insert(id);
        }
        match &entry.kept {
            Kept::Value { bytes, .. } => {
                self.bytes += bytes;
                self.values.insert(id);
            }
            Kept::Absent | Kept::Failed(_) | Kept::Passing => self.marks.insert(id),
        }
        slot.entry = Some(entry);
    }

    /// Takes the entry out of a slot.
    pub(super) fn clear(&mut self, id: u32) {
        let Some(entry) = self.get_mut(id).and_then(|slot| slot.entry.take()) else {
            return;
        };
        match entry.kept {
            Kept::Value { bytes, .. } => {
                self.bytes -= bytes;
                self.values.remove(id);
            }
            Kept::Absent | Kept::Failed(_) | Kept::Passing => self.marks.remove(id),
        }
        for tag in &entry.tags {
            if let Some(ids) = self.by_tag.get_mut(tag) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_tag.remove(tag);
                }
            }
        }
    }

    /// Takes out every entry with the tag.
    pub(super) fn clear_tagged(&mut self, tag: &Tag) {
        for id in self.by_tag.remove(tag).into_iter().flatten() {
            self.clear(id);
            self.release(id);
        }
    }

    /// Takes out every entry.
    pub(super) fn clear_all(&mut self) {
        for id in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            self.clear(id);
            self.release(id);
        }
    }

    /// Changes an answer and its weight; false when that entry is no longer there.
    pub(super) fn replace(&mut self, entry: EntryId, value: V, weight: u64) -> bool {
        let Some(found) = self
            .get_mut(entry.slot)
            .and_then(|slot| slot.entry.as_mut())
        else {
            return false;
        };
        let is_same = found.fill == entry.fill;
        let Kept::Value {
            value: old, bytes, ..
        } = &mut found.kept
        else {
            return false;
        };
        if !is_same {
            return false;
        }
        *old = value;
        let before = std::mem::replace(bytes, weight);
        self.bytes = self.bytes - before + weight;
        true
    }

    /// Lets answers go until there is room for `more` of them with `bytes` together.
    pub(super) fn make_room(&mut self, more: usize, bytes: u64, limits: &super::Limits) {
        while self.values.len() + more > limits.entries_max
            || self.bytes.saturating_add(bytes) > limits.bytes_max
        {
            let Some(id) = self.values.choose() else {
                return;
            };
            self.clear(id);
            self.release(id);
            self.evictions += 1;
        }
    }

    /// Lets marks go until there is room for one more.
    pub(super) fn make_room_for_mark(&mut self, limits: &super::Limits) {
        while self.marks.len() >= limits.absent_entries_max {
            let Some(id) = self.marks.choose() else {
                return;
            };
            self.clear(id);
            self.release(id);
        }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn evictions(&self) -> u64 {
        self.evictions
    }

    pub(super) const fn values_len(&self) -> usize {
        self.values.len()
    }

    pub(super) const fn marks_len(&self) -> usize {
        self.marks.len()
    }

    pub(super) fn key_len(&self, id: u32) -> usize {
        self.get(id).map_or(0, |slot| slot.key.text.len())
    }
}
