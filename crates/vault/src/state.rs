//! What is on stable storage, for whoever reads: which keys there are, how they unlock, what was signed last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::body::Place;
use crate::core::fence::{RawAgent, Standing};
use crate::envelope::Envelope;

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) standing: Standing<Place>,
}

/// All keys that did not go. The keeper alone changes it.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    kept: Mutex<BTreeMap<RawAgent, Kept>>,
}

impl Shared {
    pub(crate) const fn new(kept: BTreeMap<RawAgent, Kept>) -> Self {
        Self {
            kept: Mutex::new(kept),
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<RawAgent, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn envelope(&self, agent: &RawAgent) -> Option<Arc<Envelope>> {
        Some(Arc::clone(&self.kept().get(agent)?.envelope))
    }

    pub(crate) fn standing(&self, agent: &RawAgent) -> Option<Standing<Place>> {
        Some(self.kept().get(agent)?.standing.clone())
    }

    pub(crate) fn last(&self, agent: &RawAgent) -> Option<Place> {
        self.kept().get(agent)?.standing.last().copied()
    }

    /// Returns keys behind one, in order.
    pub(crate) fn after(&self, after: Option<&RawAgent>, limit: usize) -> Vec<(RawAgent, Kept)> {
        use std::ops::Bound;
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(*after));
        let kept = self.kept();
        let found = kept.range((start, Bound::Unbounded));
        found
            .take(limit)
            .map(|(agent, kept)| (*agent, kept.clone()))
            .collect()
    }

    /// Returns how many keys there are, and of how many the head is not confirmed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let kept = self.kept();
        let unconfirmed = kept.values().filter(|kept| !kept.standing.is_confirmed());
        (kept.len() as u64, unconfirmed.count() as u64)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut BTreeMap<RawAgent, Kept>)) {
        change(&mut self.kept());
    }
}
