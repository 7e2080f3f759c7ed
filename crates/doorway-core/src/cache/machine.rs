//! The cache itself: takes what happened, says what to make and whom to answer.

mod fills;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{Machine, Timestamp};

use super::changes::Changes;
use super::table::{Kept, Table, Waiter};
use super::{
    Answer, FillId, Freshness, Hashed, Input, Key, Limits, Output, Purpose, ReaderId, Seeds, Tally,
};
use crate::steady::Steady;

/// The hot cache; see the module's documentation. `V` is an answer, `F` the reason of a failure.
#[derive(Clone, Debug)]
pub struct Cache<V, F> {
    limits: Limits,
    seeds: Seeds,
    time: Steady,
    /// The steady time of the last input.
    now: Timestamp,
    table: Table<V, F>,
    changes: Changes,
    fills: BTreeMap<FillId, Fill>,
    fills_begun: u64,
    /// In which slot a reader waits, and until when.
    readers: BTreeMap<ReaderId, (u32, Timestamp)>,
    deadlines: BTreeSet<(Timestamp, ReaderId)>,
    outputs: VecDeque<Output<V, F>>,
}

/// An answer that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<V> {
    /// The answer.
    pub value: V,
    /// How old it is.
    pub freshness: Freshness,
}

/// An answer in the making.
#[derive(Clone, Copy, Debug)]
struct Fill {
    slot: u32,
    /// The number of the last change before it was begun.
    begun: u64,
    at: Timestamp,
}

/// What there is for a question at this moment.
enum State {
    /// An answer that needs nothing.
    Fresh,
    /// An answer that is served while a newer one is made.
    Stale {
        wants_refresh: bool,
    },
    /// An answer that is served only when a newer one cannot be made, or none at all.
    Missing,
    Absent,
    Failed,
    Passing,
}

impl<V: Clone, F: Clone> Cache<V, F> {
    /// Starts empty.
    #[must_use]
    pub const fn new(limits: Limits, seeds: Seeds) -> Self {
        Self {
            changes: Changes::new(limits.tags_remembered_max),
            limits,
            seeds,
            time: Steady::new(),
            now: Timestamp::EPOCH,
            table: Table::new(),
            fills: BTreeMap::new(),
            fills_begun: 0,
            readers: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Returns an answer that can be served without asking for anything; everything else goes through
    /// [`Input::Ask`]. The hash must come of the same [`Seeds`].
    pub fn hit(&mut self, now: Timestamp, sought: &Hashed<'_>) -> Option<Hit<V>> {
        self.now = self.time.advance(now);
        let slot = self.table.find(sought)?;
        let freshness = match self.state(slot) {
            State::Fresh => Freshness::Fresh,
            State::Stale {
                wants_refresh: false,
            } => Freshness::Stale,
            State::Stale {
                wants_refresh: true,
            }
            | State::Missing
            | State::Absent
            | State::Failed
            | State::Passing => return None,
        };
        let value = self.value(slot)?.clone();
        self.table.touch(slot);
        Some(Hit { value, freshness })
    }

    /// Returns how much it holds.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            entries: self.table.values_len(),
            absent: self.table.marks_len(),
            bytes: self.table.bytes(),
            evictions: self.table.evictions(),
            waiters: self.readers.len(),
            fills: self.fills.len(),
        }
    }

    fn value(&self, slot: u32) -> Option<&V> {
        match &self.table.get(slot)?.entry.as_ref()?.kept {
            Kept::Value { value, .. } => Some(value),
            Kept::Absent | Kept::Failed(_) | Kept::Passing => None,
        }
    }

    /// Returns the old answer of a slot, when it may be served because a newer one cannot be made.
    fn spare(&self, slot: u32) -> Option<V> {
        let entry = self.table.get(slot)?.entry.as_ref()?;
        let is_over = entry.fresh_until + self.limits.stale_if_error <= self.now;
        self.value(slot).filter(|_| !is_over).cloned()
    }

    fn state(&self, id: u32) -> State {
        let now = self.now;
        let Some(slot) = self.table.get(id) else {
            return State::Missing;
        };
        let Some(entry) = &slot.entry else {
            return State::Missing;
        };
        let is_fresh = now < entry.fresh_until;
        match &entry.kept {
            Kept::Value { .. } if is_fresh => State::Fresh,
            Kept::Value { retry_at, .. } => {
                let is_resting = retry_at.is_some_and(|at| now < at);
                let can_wait = now < entry.fresh_until + self.limits.stale_while_revalidate;
                if is_resting && now < entry.fresh_until + self.limits.stale_if_error {
                    State::Stale {
                        wants_refresh: false,
                    }
                } else if can_wait {
                    let wants_refresh = !self.is_joinable(slot.current);
                    State::Stale { wants_refresh }
                } else {
                    State::Missing
                }
            }
            Kept::Absent if is_fresh => State::Absent,
            Kept::Failed(_) if is_fresh => State::Failed,
            Kept::Passing if is_fresh => State::Passing,
            Kept::Absent | Kept::Failed(_) | Kept::Passing => State::Missing,
        }
    }

    /// Tells whether a fill is young enough that readers join it.
    fn is_joinable(&self, fill: Option<FillId>) -> bool {
        let fill = fill.and_then(|fill| self.fills.get(&fill));
        fill.is_some_and(|fill| self.now < fill.at + self.limits.fill_time_max)
    }

    fn ask(&mut self, reader: ReaderId, key: &Key) {
        if self.readers.contains_key(&reader) {
            return;
        }
        let seeds = self.seeds;
        let sought = seeds.hashed(key.borrowed());
        let slot = self.table.find(&sought);
        let state = slot.map_or(State::Missing, |slot| self.state(slot));
        if let Some(slot) = slot {
            self.table.touch(slot);
        }
        let (Some(slot), false) = (slot, matches!(state, State::Missing)) else {
            self.join(reader, &sought);
            return;
        };
        match state {
            State::Fresh => self.answer_with(reader, slot, Freshness::Fresh),
            State::Stale { wants_refresh } => {
                if wants_refresh && self.fills.len() < self.limits.fills_max {
                    self.begin(slot, reader, Purpose::Refresh);
                }
                self.answer_with(reader, slot, Freshness::Stale);
            }
            State::Absent => self.answer(reader, Answer::Absent),
            State::Failed => {
                let answer = self.failure(slot);
                self.answer(reader, answer);
            }
            State::Passing => self.pass(reader, slot),
            State::Missing => {}
        }
    }

    fn answer_with(&mut self, reader: ReaderId, slot: u32, freshness: Freshness) {
        let answer = match self.value(slot).cloned() {
            Some(value) => Answer::Found { value, freshness },
            None => Answer::Lost,
        };
        self.answer(reader, answer);
    }

    /// Returns what is told about a failure that is remembered.
    fn failure(&self, slot: u32) -> Answer<V, F> {
        let entry = self.table.get(slot).and_then(|slot| slot.entry.as_ref());
        match entry.map(|entry| &entry.kept) {
            Some(Kept::Failed(Some(failure))) => Answer::Failed(failure.clone()),
            Some(Kept::Failed(None) | Kept::Value { .. } | Kept::Absent | Kept::Passing) | None => {
                Answer::Lost
            }
        }
    }

    /// Lets a reader wait for the answer that is being made, and has it made when it is not.
    fn join(&mut self, reader: ReaderId, sought: &Hashed<'_>) {
        let found = self.table.find(sought);
        let current = found.and_then(|slot| self.table.get(slot)?.current);
        let needs_fill = !self.is_joinable(current);
        let is_full = self.fills.len() >= self.limits.fills_max;
        if self.readers.len() >= self.limits.waiters_max
            || (needs_fill && is_full && current.is_none())
        {
            let spare = found.and_then(|slot| self.spare(slot));
            let answer = spare.map_or(Answer::Overloaded, |value| Answer::Found {
                value,
                freshness: Freshness::Stale,
            });
            self.answer(reader, answer);
            return;
        }
        let slot = self.table.find_or_make(sought);
        self.wait(reader, slot, None);
        if needs_fill && !is_full {
            self.begin(slot, reader, Purpose::Missing);
        }
    }

    /// Has an answer made for one reader alone.
    fn pass(&mut self, reader: ReaderId, slot: u32) {
        if self.readers.len() >= self.limits.waiters_max
            || self.fills.len() >= self.limits.fills_max
        {
            self.answer(reader, Answer::Overloaded);
            return;
        }
        let own = self.next_fill();
        self.wait(reader, slot, Some(own));
        self.begin(slot, reader, Purpose::Pass);
    }

    fn wait(&mut self, reader: ReaderId, slot: u32, own: Option<FillId>) {
        let until = self.now + self.limits.wait_max;
        self.readers.insert(reader, (slot, until));
        self.deadlines.insert((until, reader));
        let waiter = Waiter {
            asked: self.changes.generation(),
            has_made: false,
            own,
        };
        if let Some(slot) = self.table.get_mut(slot) {
            slot.waiters.insert(reader, waiter);
        }
    }

    /// Takes a reader off the list of those who wait; returns the slot.
    fn forget(&mut self, reader: ReaderId) -> Option<u32> {
        let (id, until) = self.readers.remove(&reader)?;
        self.deadlines.remove(&(until, reader));
        if let Some(slot) = self.table.get_mut(id) {
            slot.waiters.remove(&reader);
        }
        Some(id)
    }

    fn answer(&mut self, reader: ReaderId, answer: Answer<V, F>) {
        self.outputs.push_back(Output::Answer { reader, answer });
    }

    /// Answers those whose time is over and forgets fills that nobody will hear of any more.
    fn expire(&mut self) {
        while let Some((at, reader)) = self.deadlines.first().copied()
            && at <= self.now
        {
            let Some(slot) = self.forget(reader) else {
                self.deadlines.remove(&(at, reader));
                continue;
            };
            let answer = self.spare(slot).map_or(Answer::TimedOut, |value| {
                let freshness = Freshness::Stale;
                Answer::Found { value, freshness }
            });
            self.answer(reader, answer);
            self.table.release(slot);
        }
        while let Some((fill, begun)) = self.fills.first_key_value().map(|(id, fill)| (*id, *fill))
            && begun.at + self.limits.fill_keep_max <= self.now
        {
            self.dropped(fill);
        }
    }
}

impl<V: Clone, F: Clone> Machine for Cache<V, F> {
    type Input = Input<V, F>;
    type Output = Output<V, F>;

    fn handle(&mut self, now: Timestamp, input: Self::Input) {
        self.now = self.time.advance(now);
        // Who leaves hears nothing any more, not even that their time was over.
        if let Input::Leave { reader } = &input
            && let Some(slot) = self.forget(*reader)
        {
            self.table.release(slot);
        }
        self.expire();
        match input {
            Input::Ask { reader, key } => self.ask(reader, &key),
            Input::Filled { fill, outcome } => self.filled(fill, outcome),
            Input::Dropped { fill } => self.dropped(fill),
            Input::Changed { tags } => {
                self.changes.note(&tags);
                for tag in &tags {
                    self.table.clear_tagged(tag);
                }
                self.forget_changes();
            }
            Input::EverythingChanged => {
                self.changes.note_everything();
                self.table.clear_all();
            }
            Input::Encoded {
                entry,
                value,
                bytes,
            } => self.encoded(entry, value, bytes),
            Input::Leave { .. } | Input::Timeout => {}
        }
    }

    fn poll_output(&mut self) -> Option<Self::Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let wait = self.deadlines.first().map(|(at, _)| (*at, "reader"));
        let keep = self.limits.fill_keep_max;
        let fill = self.fills.first_key_value();
        let fill = fill.map(|(_, fill)| (fill.at + keep, "fill"));
        let (at, reason) = wait.into_iter().chain(fill).min()?;
        Some((self.time.reading_at(at), reason))
    }
}
