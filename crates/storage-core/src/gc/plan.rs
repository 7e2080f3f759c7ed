//! What a finished mark says of each blob, and what the writer says of it once more.

use std::collections::BTreeSet;

use base::ContentHash;

use super::{Generation, Item, State, Terms};
use crate::clock::SlowTime;

/// What is reachable, and since when: all that the verdicts need.
///
/// It holds for the process that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    generation: Generation,
    now: SlowTime,
    terms: Terms,
    reached: BTreeSet<ContentHash>,
}

/// What becomes of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing.
    Keep(Keep),
    /// It comes out of the trash, because something leads to it after all that was there before it went in.
    Restore,
    /// It goes into the trash.
    Trash,
    /// It is removed for ever.
    Purge,
}

/// Why nothing becomes of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// A tag, a lease, an upload or a folder leads to it.
    Reachable,
    /// It was put or touched after the collection began.
    TouchedSince,
    /// It was put or touched not long ago.
    Young,
    /// It is in the trash and stays there for now.
    InTrash,
    /// It is not there any more.
    Gone,
    /// It is not as the scan saw it; the next collection judges it anew.
    Changed,
}

impl Plan {
    pub(super) const fn new(
        generation: Generation,
        now: SlowTime,
        terms: Terms,
        reached: BTreeSet<ContentHash>,
    ) -> Self {
        Self {
            generation,
            now,
            terms,
            reached,
        }
    }

    /// Returns the generation with which the collection began.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns when the collection began; what it trashes is in the trash since then.
    #[must_use]
    pub const fn began(&self) -> SlowTime {
        self.now
    }

    /// Returns how many blobs are reachable; some of them may not be here.
    #[must_use]
    pub fn reached(&self) -> usize {
        self.reached.len()
    }

    /// Says what becomes of a blob. A dry run goes no further.
    #[must_use]
    pub fn verdict(&self, item: &Item) -> Verdict {
        let is_reached = self.reached.contains(&item.hash);
        match item.state {
            State::Live if is_reached => Verdict::Keep(Keep::Reachable),
            State::Live if self.generation <= item.touched => Verdict::Keep(Keep::TouchedSince),
            State::Live if self.now.since(item.touched_at) < self.terms.grace => {
                Verdict::Keep(Keep::Young)
            }
            State::Live => Verdict::Trash,
            // What was deleted after the mark had read the roots stays deleted.
            State::Trashed { collection, .. } if is_reached && collection < self.generation => {
                Verdict::Restore
            }
            State::Trashed { collection, at } => {
                let is_older = collection < self.generation && item.touched < self.generation;
                if is_older && self.terms.trash_for <= self.now.since(at) {
                    Verdict::Purge
                } else {
                    Verdict::Keep(Keep::InTrash)
                }
            }
        }
    }
}

/// Says once more what becomes of a blob, with the blob as it is now: the writer asks this right before it acts.
///
/// `planned` is what [`Plan::verdict`] said when the blob was scanned. Anything else than the same answer is a reason
/// to keep it.
#[must_use]
pub fn recheck(plan: &Plan, planned: Verdict, current: Option<&Item>) -> Verdict {
    let Some(item) = current else {
        return Verdict::Keep(Keep::Gone);
    };
    let verdict = plan.verdict(item);
    match verdict {
        Verdict::Keep(_) => verdict,
        Verdict::Restore | Verdict::Trash | Verdict::Purge if verdict == planned => verdict,
        Verdict::Restore | Verdict::Trash | Verdict::Purge => Verdict::Keep(Keep::Changed),
    }
}
