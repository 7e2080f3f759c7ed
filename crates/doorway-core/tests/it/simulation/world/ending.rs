//! The end of a run: what must be projected when the world has been calm for a while.

use std::collections::BTreeMap;

use chain::Rejection;
use doorway_core::projector::{Cursor, Report};

use super::World;
use crate::cast::{Actor, Nature};
use crate::chains::Writer;
use crate::simulation::store::branch_of;

impl World<'_> {
    /// Checks that everything that can be projected is, and returns what happened how often.
    pub(crate) fn finish(mut self) -> BTreeMap<&'static str, u64> {
        for (index, actor) in self.actors.iter().enumerate() {
            let cursor = self.store.cursor(&actor.agent());
            let (seq, reason) = outcome(actor, self.visible[index].1, cursor.as_ref());
            let found = cursor.map(|cursor| cursor.seq);
            assert_eq!(found, seq, "actor {index} is projected as far as it can be");
            let agent = actor.agent();
            let expect = match reason {
                None => Report::CaughtUp { agent, seq },
                Some(reason) => Report::Quarantined { agent, seq, reason },
            };
            assert_eq!(
                self.reports.get(&index),
                Some(&expect),
                "actor {index} is reported truly"
            );
        }
        let tally = self.network.tally();
        self.marks.insert("nudge lost", tally.lost);
        self.marks.insert("nudge cut", tally.cut);
        self.marks.insert("nudge twice", tally.duplicated);
        self.marks.extend(std::mem::take(&mut self.store.reasons));
        self.marks.retain(|_, times| *times > 0);
        self.marks
    }
}

/// Returns how far an agent's chain is projected in the end, and why not farther when it is not.
fn outcome(
    actor: &Actor,
    is_switched: bool,
    cursor: Option<&Cursor>,
) -> (Option<u32>, Option<Rejection>) {
    let last = |writer: &Writer| writer.len() - 1;
    match &actor.nature {
        Nature::Honest => (Some(last(&actor.writer)), None),
        Nature::Forged { seq } => (seq.checked_sub(1), Some(Rejection::Signature { seq: *seq })),
        Nature::Forked { other } => {
            assert!(is_switched, "every run switches in time");
            let seq = cursor.map(|cursor| cursor.seq);
            let is_on_other = cursor
                .and_then(|cursor| branch_of(actor, cursor))
                .is_none_or(|branch| std::ptr::eq(branch, &**other));
            match seq {
                Some(seq) if !is_on_other && seq < last(other) => {
                    (Some(seq), Some(Rejection::Link { seq: seq + 1 }))
                }
                Some(seq) if !is_on_other => (Some(seq), None),
                Some(_) | None => (Some(last(other)), None),
            }
        }
    }
}
