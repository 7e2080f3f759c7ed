//! The projection store in its simplest form, with the checks that must hold at every commit.

use std::collections::{BTreeMap, BTreeSet};

use chain::{ActionHash, AgentPubKey};
use doorway_core::event;
use doorway_core::projector::{Batch, Change, Cursor, Known, Merge, merge};

use crate::cast::{Actor, Nature};
use crate::chains::{Expected, Writer};

/// What survives a crash of the process.
#[derive(Default)]
pub(crate) struct Store {
    cursors: BTreeMap<AgentPubKey, Cursor>,
    items: BTreeMap<ActionHash, (Known, Expected)>,
    skips: BTreeMap<AgentPubKey, usize>,
    /// Why records were skipped, by reason.
    pub(crate) reasons: BTreeMap<&'static str, u64>,
    /// Every record that was ever stored.
    stored: BTreeSet<(AgentPubKey, u32)>,
}

impl Store {
    pub(crate) fn cursor(&self, agent: &AgentPubKey) -> Option<Cursor> {
        self.cursors.get(agent).cloned()
    }

    /// Applies a batch in one transaction, or refuses it whole when it continues from elsewhere.
    pub(crate) fn commit(&mut self, actor: &Actor, batch: &Batch) -> bool {
        let agent = &batch.agent;
        let after = self.cursors.get(agent).map(|cursor| cursor.seq);
        if after != batch.after {
            return false;
        }
        let first = after.map_or(0, |seq| seq + 1);
        assert!(
            first <= batch.cursor.seq,
            "a batch moves the cursor forward"
        );
        for seq in first..=batch.cursor.seq {
            assert!(
                self.stored.insert((agent.clone(), seq)),
                "record {seq} of {agent} was stored twice"
            );
        }
        let seqs: Vec<u32> = batch.changes.iter().map(Change::seq).collect();
        assert!(
            seqs.is_sorted_by(|one, next| one < next),
            "changes are in order: {seqs:?}"
        );
        assert!(
            seqs.iter()
                .all(|seq| (first..=batch.cursor.seq).contains(seq)),
            "changes are within the batch"
        );
        let kept: Vec<u32> = batch
            .records
            .iter()
            .map(|record| record.action().action_seq())
            .collect();
        assert!(
            kept.iter().copied().eq(first..=batch.cursor.seq),
            "every record of the batch comes along, in order: {kept:?}"
        );
        for change in &batch.changes {
            self.apply(agent, change);
        }
        self.cursors.insert(agent.clone(), batch.cursor.clone());
        self.check(actor);
        true
    }

    fn apply(&mut self, agent: &AgentPubKey, change: &Change) {
        let existing = change.item().and_then(|item| self.items.get(item));
        let decision = merge(existing.map(|(known, _)| known), change);
        match (decision, change) {
            (Merge::Insert, Change::Put(version)) => {
                let known = Known {
                    author: version.author.clone(),
                    kind: version.content.kind().to_owned(),
                    seq: version.seq,
                    is_withdrawn: false,
                    reach: version.content.reach(),
                    course: event::place(&version.content).0,
                    slug: event::place(&version.content).1,
                };
                let row = Expected {
                    content: version.content.clone(),
                    versions: 1,
                    is_withdrawn: false,
                };
                self.items.insert(version.item.clone(), (known, row));
            }
            (Merge::Replace, Change::Put(version)) => {
                let (known, row) = self.items.get_mut(&version.item).expect("merge saw it");
                known.seq = version.seq;
                known.reach = version.content.reach();
                if known.is_unknown_kind() {
                    known.kind = version.content.kind().to_owned();
                }
                (known.course, known.slug) = event::place(&version.content);
                row.content = version.content.clone();
                row.versions += 1;
            }
            (Merge::Withdraw, Change::Withdraw { item, seq, .. }) => {
                let (known, row) = self.items.get_mut(item).expect("merge saw it");
                known.seq = *seq;
                known.is_withdrawn = true;
                row.is_withdrawn = true;
            }
            (Merge::Skip(reason), _) => {
                *self.skips.entry(agent.clone()).or_default() += 1;
                *self.reasons.entry(reason.as_str()).or_default() += 1;
            }
            (decision, change) => panic!("{decision:?} does not fit {change:?}"),
        }
    }

    /// What is stored of an agent is what its chain says up to the cursor, no more and no less.
    fn check(&self, actor: &Actor) {
        let agent = actor.agent();
        let Some(cursor) = self.cursors.get(&agent) else {
            return;
        };
        let writer = branch_of(actor, cursor).expect("the cursor is on the chain");
        let (expect, skips) = &writer.states[cursor.seq as usize];
        let items: BTreeMap<&ActionHash, &Expected> = self
            .items
            .iter()
            .filter(|(_, (known, _))| known.author == agent)
            .map(|(item, (_, row))| (item, row))
            .collect();
        assert_eq!(
            items,
            expect.iter().collect(),
            "items of {agent} at {}",
            cursor.seq
        );
        assert_eq!(
            self.skips.get(&agent).copied().unwrap_or_default(),
            *skips,
            "skips of {agent}"
        );
    }
}

/// Returns the branch of an agent's chain that a cursor is on.
pub(crate) fn branch_of<'a>(actor: &'a Actor, cursor: &Cursor) -> Option<&'a Writer> {
    let is_on = |writer: &Writer| {
        writer
            .records
            .get(cursor.seq as usize)
            .is_some_and(|record| *record.action_address() == cursor.hash)
    };
    let other = match &actor.nature {
        Nature::Forked { other } => Some(&**other),
        Nature::Honest | Nature::Forged { .. } => None,
    };
    // The newer branch first: before the fork a cursor is on both.
    other
        .into_iter()
        .chain([&actor.writer])
        .find(|writer| is_on(writer))
}
