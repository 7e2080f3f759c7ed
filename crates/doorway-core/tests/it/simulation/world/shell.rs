//! The shell in the simulation: it reads pages and commits batches, and everything that can go wrong with them does.

use base::Duration;
use chain::kind::Opened;
use chain::{AgentPubKey, Envelope, Item, Record, record};
use doorway_core::projector::{Batch, FetchFault, Fetched};

use super::{Event, Hand, Inside, World};
use crate::cast::Nature;

impl World<'_> {
    pub(super) fn fetch(&mut self, agent: &AgentPubKey, after: Option<u32>, limit: u32) {
        let (actor, now) = (self.index_of(agent), self.queue.now());
        self.note("fetch", format_args!("{actor} after {after:?}"));
        assert!(limit <= self.limits.page_records_max);
        let hand = self.hands.entry(actor).or_default();
        let is_given_up = hand.fetch.is_none_or(|(_, deadline)| deadline <= now);
        assert!(
            is_given_up && !hand.is_storing,
            "one thing at a time for actor {actor}"
        );
        hand.fetch = Some((after, now + self.limits.fetch_time_max));
        self.count_hands();
        let delay = self.dice.span(Duration::ZERO, Duration::from_millis(50));
        self.queue.push_in(
            delay,
            Event::Inside(Inside::Read {
                actor,
                after,
                limit,
            }),
        );
    }

    pub(super) fn store(&mut self, batch: Batch) {
        let actor = self.index_of(&batch.agent);
        self.note(
            "batch",
            format_args!("{actor} after {:?} up to {}", batch.after, batch.cursor.seq),
        );
        let hand = self.hands.entry(actor).or_default();
        assert!(!hand.is_storing, "one batch at a time for actor {actor}");
        hand.is_storing = true;
        self.count_hands();
        let delay = self.dice.span(Duration::ZERO, Duration::from_millis(100));
        self.queue
            .push_in(delay, Event::Inside(Inside::Commit { batch }));
    }

    fn count_hands(&self) {
        let now = self.queue.now();
        let is_busy = |hand: &&Hand| {
            hand.is_storing || hand.fetch.is_some_and(|(_, deadline)| deadline > now)
        };
        let count = self.hands.values().filter(is_busy).count();
        assert!(
            count <= self.limits.agents_in_flight_max,
            "{count} agents are in flight"
        );
    }

    /// Reads a page of a chain as it is now, and sends it back through everything that can go wrong.
    pub(super) fn read(&mut self, actor: usize, after: Option<u32>, limit: u32) {
        let page = |fetched| {
            Event::Inside(Inside::Page {
                actor,
                after,
                fetched,
            })
        };
        if self.chance(self.faults.page_lost, "page lost") {
            return;
        }
        let delay = if self.chance(self.faults.page_late, "page came late") {
            self.dice
                .span(Duration::from_secs(50), Duration::from_secs(90))
        } else {
            self.dice.span(Duration::ZERO, Duration::from_millis(300))
        };
        if self.chance(self.faults.page_failed, "page failed") {
            self.queue
                .push_in(delay, page(Err(FetchFault("out of order".to_owned()))));
            return;
        }
        let start = after.map_or(0, |seq| seq as usize + 1);
        let end = (self.visible[actor].0 as usize).min(start + limit as usize);
        let records = self
            .branch(actor)
            .records
            .get(start..end)
            .unwrap_or_default();
        let mut fetched: Vec<Fetched> = records
            .iter()
            .map(|record| self.with_body(record))
            .collect();
        self.spoil(actor, start, &mut fetched);
        if self.chance(self.faults.page_twice, "page twice") {
            let again = self.dice.span(Duration::ZERO, Duration::from_secs(2));
            self.queue
                .push(self.queue.now() + delay + again, page(Ok(fetched.clone())));
        }
        self.queue.push_in(delay, page(Ok(fetched)));
    }

    fn spoil(&mut self, actor: usize, start: usize, fetched: &mut Vec<Fetched>) {
        if fetched.len() > 1 && self.dice.chance(self.faults.page_short) {
            let len = 1 + self.dice.index(fetched.len() - 1);
            fetched.truncate(len);
        }
        if fetched.len() > 1 && self.chance(self.faults.page_mixed, "page had records mixed") {
            self.dice.shuffle(fetched);
        }
        if !fetched.is_empty() && self.chance(self.faults.page_holed, "page had a record left out")
        {
            fetched.remove(self.dice.index(fetched.len()));
        }
        if start > 0 && self.chance(self.faults.page_old, "page had an old record") {
            let old = self.dice.index(start);
            // A fork could show there; the rules have tests of their own for that.
            if !matches!(self.actors[actor].nature, Nature::Forked { .. }) {
                let old = self.with_body(&self.branch(actor).records[old]);
                fetched.insert(self.dice.index(fetched.len() + 1), old);
            }
        }
    }

    /// Adds the blob that a record's envelope points to, when it can be read.
    fn with_body(&self, record: &Record) -> Fetched {
        let opened = record::present(record)
            .and_then(|entry| Envelope::from_entry(entry).ok())
            .and_then(|envelope| Item::open(&envelope).ok());
        let body = match opened {
            Some(Opened::Spilled { hash, .. }) => self.blobs.get(&hash).map(|bytes| bytes.to_vec()),
            Some(Opened::Item(_)) | None => None,
        };
        Fetched {
            record: record.clone(),
            body,
        }
    }

    pub(super) fn commit(&mut self, batch: &Batch) {
        let actor = self.index_of(&batch.agent);
        let mut is_told = true;
        if self.chance(self.faults.store_before, "store failed before it committed") {
            is_told = false;
        } else if !self.store.commit(self.actors[actor], batch) {
            self.mark("store refused a batch from elsewhere");
            is_told = false;
        } else if self.chance(self.faults.store_after, "store failed after it committed") {
            is_told = false;
        }
        let delay = self.dice.span(Duration::ZERO, Duration::from_millis(50));
        let seq = batch.cursor.seq;
        self.queue.push_in(
            delay,
            Event::Inside(Inside::Committed {
                actor,
                seq,
                is_told,
            }),
        );
    }
}
