//! How answers are begun, what becomes of them, and who gets them.

use base::{Duration, Timestamp};

use super::{Cache, Fill};
use crate::cache::table::{Entry, Kept};
use crate::cache::{
    Answer, EntryId, FillId, Freshness, Outcome, Output, Purpose, ReaderId, Shared, Tag,
};

/// An answer with what is needed to keep it.
struct Offer<V> {
    value: V,
    shared: Option<Shared>,
    bytes: u64,
    tags: Vec<Tag>,
}

impl<V: Clone, F: Clone> Cache<V, F> {
    /// Returns the number that the next fill will have.
    pub(super) const fn next_fill(&self) -> FillId {
        FillId(self.fills_begun + 1)
    }

    /// Has an answer made.
    pub(super) fn begin(&mut self, id: u32, maker: ReaderId, purpose: Purpose) {
        let fill = self.next_fill();
        let Some(slot) = self.table.get_mut(id) else {
            return;
        };
        self.fills_begun += 1;
        slot.fills_open += 1;
        if purpose != Purpose::Pass {
            slot.current = Some(fill);
        }
        if let Some(waiter) = slot.waiters.get_mut(&maker) {
            waiter.has_made = true;
        }
        let begun = Fill {
            slot: id,
            begun: self.changes.generation(),
            at: self.now,
        };
        self.fills.insert(fill, begun);
        self.outputs.push_back(Output::Fill {
            fill,
            maker,
            purpose,
        });
    }

    /// Takes a fill off the list; returns it and whether readers had joined it.
    fn end(&mut self, id: FillId) -> Option<(Fill, bool)> {
        let fill = self.fills.remove(&id)?;
        let slot = self.table.get_mut(fill.slot)?;
        slot.fills_open -= 1;
        let is_current = slot.current == Some(id);
        if is_current {
            slot.current = None;
        }
        Some((fill, is_current))
    }

    /// Takes what came of a fill; one that is not known any more is ignored.
    pub(super) fn filled(&mut self, id: FillId, outcome: Outcome<V, F>) {
        let Some((fill, is_current)) = self.end(id) else {
            return;
        };
        match outcome {
            Outcome::Made {
                value,
                shared,
                bytes,
                tags,
            } => {
                let offer = Offer {
                    value,
                    shared,
                    bytes,
                    tags,
                };
                self.made(id, fill, offer);
            }
            Outcome::Absent => {
                let tags = vec![Tag::Lists];
                let changed = self.changes.first_after(fill.begun, &tags);
                self.tell(fill.slot, id, changed, &Answer::Absent);
                if changed.is_none() && !self.has_newer(fill.slot, id) {
                    let ttl = self.limits.absent_ttl;
                    self.mark(fill.slot, id, Kept::Absent, fill.at + ttl, tags);
                }
            }
            Outcome::Refused(failure) if is_current => {
                self.table.clear(fill.slot);
                self.fail(fill.slot, id, Some(failure));
            }
            Outcome::Failed(failure) if is_current => self.fail(fill.slot, id, Some(failure)),
            // Of another attempt something better may be known, or will be soon.
            Outcome::Refused(failure) | Outcome::Failed(failure) => {
                self.tell_own(fill.slot, id, Answer::Failed(failure));
            }
        }
        self.go_on(fill.slot);
    }

    /// A maker vanished: somebody else makes the answer, unless that happens again and again.
    pub(super) fn dropped(&mut self, id: FillId) {
        let Some((fill, is_current)) = self.end(id) else {
            return;
        };
        if is_current {
            let drops_max = self.limits.drops_max;
            let slot = self.table.get_mut(fill.slot);
            let is_over = slot.is_none_or(|slot| {
                slot.drops += 1;
                let mut others = slot.waiters.values();
                slot.drops >= drops_max
                    || !others.any(|other| other.own.is_none() && !other.has_made)
            });
            if is_over {
                self.fail(fill.slot, id, None);
            }
        } else {
            self.tell_own(fill.slot, id, Answer::Lost);
        }
        self.go_on(fill.slot);
    }

    fn made(&mut self, id: FillId, fill: Fill, offer: Offer<V>) {
        let changed = self.changes.first_after(fill.begun, &offer.tags);
        let answer = Answer::Found {
            value: offer.value.clone(),
            freshness: Freshness::Fresh,
        };
        self.tell(fill.slot, id, changed, &answer);
        if changed.is_some() || self.has_newer(fill.slot, id) {
            return;
        }
        let key_len = self.table.key_len(fill.slot) as u64;
        let bytes = offer.bytes.saturating_add(key_len);
        let limits = &self.limits;
        let fits = bytes <= limits.entry_bytes_max.min(limits.bytes_max)
            && offer.tags.len() <= limits.entry_tags_max
            && limits.entries_max > 0;
        if !fits || offer.shared.is_none() {
            let until = self.now + self.limits.pass_ttl;
            self.mark(fill.slot, id, Kept::Passing, until, Vec::new());
            return;
        }
        self.table.clear(fill.slot);
        self.table.make_room(1, bytes, &self.limits);
        let kept = Kept::Value {
            value: offer.value.clone(),
            bytes,
            retry_at: None,
        };
        let entry = Entry {
            kept,
            fill: id,
            fresh_until: self.fresh_until(id, fill.at),
            tags: offer.tags,
        };
        self.table.put(fill.slot, entry);
        self.outputs.push_back(Output::Kept {
            entry: EntryId {
                slot: fill.slot,
                fill: id,
            },
            value: offer.value,
        });
    }

    /// Says until when an answer is fresh: a tenth sooner or later, so that answers of one moment do not end in one.
    fn fresh_until(&self, id: FillId, at: Timestamp) -> Timestamp {
        let ttl = self.limits.ttl.as_micros();
        let tenth = ttl / 10;
        let drawn = self.seeds.draw(id, tenth * 2 + 1);
        at + Duration::from_micros(ttl - tenth + drawn)
    }

    /// Tells whether what is kept came of a later fill. A failure does not count: any answer is better.
    fn has_newer(&self, slot: u32, id: FillId) -> bool {
        let entry = self.table.get(slot).and_then(|slot| slot.entry.as_ref());
        entry.is_some_and(|entry| {
            let is_failure = matches!(entry.kept, Kept::Failed(_));
            entry.fill > id && !is_failure && self.now < entry.fresh_until
        })
    }

    /// Remembers that there is no answer to keep, when the question is not too long for that.
    fn mark(&mut self, slot: u32, id: FillId, kept: Kept<V, F>, until: Timestamp, tags: Vec<Tag>) {
        self.table.clear(slot);
        if self.limits.absent_entries_max == 0
            || self.table.key_len(slot) > self.limits.absent_key_bytes_max
        {
            return;
        }
        self.table.make_room_for_mark(&self.limits);
        let entry = Entry {
            kept,
            fill: id,
            fresh_until: until,
            tags,
        };
        self.table.put(slot, entry);
    }

    /// Answers those for whom it is right: who asked before the first change, and whose own it is.
    fn tell(&mut self, slot: u32, id: FillId, changed: Option<u64>, answer: &Answer<V, F>) {
        let Some(found) = self.table.get_mut(slot) else {
            return;
        };
        found.drops = 0;
        let is_right = |waiter: &crate::cache::table::Waiter| {
            waiter.own == Some(id) || changed.is_none_or(|changed| waiter.asked < changed)
        };
        let readers: Vec<ReaderId> = found
            .waiters
            .iter()
            .filter(|(_, waiter)| is_right(waiter))
            .map(|(reader, _)| *reader)
            .collect();
        for reader in readers {
            self.forget(reader);
            self.answer(reader, answer.clone());
        }
    }

    /// Answers the reader whose own fill it was.
    fn tell_own(&mut self, slot: u32, id: FillId, answer: Answer<V, F>) {
        let found = self.table.get(slot).and_then(|slot| {
            let mut waiters = slot.waiters.iter();
            waiters.find(|(_, waiter)| waiter.own == Some(id))
        });
        if let Some(reader) = found.map(|(reader, _)| *reader) {
            self.forget(reader);
            self.answer(reader, answer);
        }
    }

    /// Tells a failure to all who wait for it; the old answer instead, where there is one.
    fn fail(&mut self, slot: u32, id: FillId, failure: Option<F>) {
        let now = self.now;
        let spare = self.spare(slot);
        let answer = match (&spare, &failure) {
            (Some(value), _) => Answer::Found {
                value: value.clone(),
                freshness: Freshness::Stale,
            },
            (None, Some(failure)) => Answer::Failed(failure.clone()),
            (None, None) => Answer::Lost,
        };
        self.tell(slot, id, None, &answer);
        let retry_delay = self.limits.retry_delay;
        let entry = self
            .table
            .get_mut(slot)
            .and_then(|slot| slot.entry.as_mut());
        match entry.map(|entry| &mut entry.kept) {
            Some(Kept::Value { retry_at, .. }) if spare.is_some() => {
                *retry_at = Some(now + retry_delay);
            }
            Some(Kept::Value { .. } | Kept::Absent | Kept::Failed(_) | Kept::Passing) | None => {
                let until = now + self.limits.error_ttl;
                let tags = vec![Tag::Lists];
                self.mark(slot, id, Kept::Failed(failure), until, tags);
            }
        }
    }

    /// Has an answer made for those who still wait, and lets go of what is over.
    pub(super) fn go_on(&mut self, id: u32) {
        let next = self.table.get(id).filter(|slot| slot.current.is_none());
        let next = next.and_then(|slot| {
            let mut waiting = slot.waiters.iter().filter(|(_, one)| one.own.is_none());
            let first = waiting.next()?;
            let mut all = std::iter::once(first).chain(waiting);
            let maker = all.find(|(_, waiter)| !waiter.has_made);
            Some(maker.map(|(reader, _)| *reader))
        });
        match next {
            Some(Some(maker)) => self.begin(id, maker, Purpose::Missing),
            Some(None) => {
                let fill = self.next_fill();
                self.fail(id, fill, None);
            }
            None => {}
        }
        self.table.release(id);
        self.forget_changes();
    }

    /// Forgets which changes there were when no answer is in the making.
    pub(super) fn forget_changes(&mut self) {
        if self.fills.is_empty() {
            self.changes.forget_all();
        }
    }

    /// Keeps the encodings of an answer that is still kept.
    pub(super) fn encoded(&mut self, entry: EntryId, value: V, bytes: u64) {
        let key_len = self.table.key_len(entry.slot) as u64;
        let weight = bytes.saturating_add(key_len);
        if weight > self.limits.entry_bytes_max.min(self.limits.bytes_max) {
            return;
        }
        if self.table.replace(entry, value, weight) {
            self.table.make_room(0, 0, &self.limits);
        }
    }
}
