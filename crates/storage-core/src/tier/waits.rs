//! Those who wait until a blob has reached a tier, as `Prefer: wait=N` (RFC 7240 §4.3) lets them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{ContentHash, Duration, Machine, Timestamp};

use super::Tier;
use crate::clock;

/// Bounds of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most that wait at once; who comes then is answered at once with what is reached.
    pub waits_max: usize,
    /// The longest that anybody waits.
    pub wait_max: Duration,
}

/// Who waits; a number that the shell never uses twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitId(pub u64);

/// What the shell tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody waits. A number that waits already is taken anew.
    Wait {
        /// Who.
        id: WaitId,
        /// For which blob.
        hash: ContentHash,
        /// For which tier.
        wants: Tier,
        /// Which tier the blob has.
        reached: Tier,
        /// How long.
        span: Duration,
    },
    /// A blob has reached a tier.
    Reached {
        /// Which blob.
        hash: ContentHash,
        /// Which tier.
        tier: Tier,
    },
    /// A blob was trashed or is damaged: it is not there any more.
    Gone {
        /// Which blob.
        hash: ContentHash,
    },
    /// Somebody waits no more; no answer comes.
    GiveUp {
        /// Who.
        id: WaitId,
    },
    /// The deadline has come.
    Timeout,
}

/// What the shell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer.
    Answer {
        /// Whom.
        id: WaitId,
        /// The tier that the blob has; none when it is gone.
        reached: Option<Tier>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    hash: ContentHash,
    wants: Tier,
    reached: Tier,
    until: Timestamp,
}

/// All who wait; see the module's documentation.
///
/// Deadlines are met in the time of the shell's clock: one that jumps forward ends them early, and then the answer says
/// what is reached by then. After a jump back nobody waits longer than its span once more.
#[derive(Clone, Debug)]
pub struct Waits {
    limits: Limits,
    waiting: BTreeMap<WaitId, Waiting>,
    by_hash: BTreeSet<(ContentHash, WaitId)>,
    deadlines: BTreeSet<(Timestamp, WaitId)>,
    last: Option<Timestamp>,
    outputs: VecDeque<Output>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            waits_max: 10_000,
            wait_max: Duration::from_secs(60),
        }
    }
}

impl Waits {
    /// Starts with nobody who waits.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: BTreeMap::new(),
            by_hash: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            last: None,
            outputs: VecDeque::new(),
        }
    }

    /// Returns how many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn wait(&mut self, id: WaitId, waiting: Waiting) {
        self.leave(id);
        let is_reached = waiting.wants <= waiting.reached;
        if is_reached || self.waiting.len() >= self.limits.waits_max {
            self.answer(id, Some(waiting.reached));
            return;
        }
        self.by_hash.insert((waiting.hash, id));
        self.deadlines.insert((waiting.until, id));
        self.waiting.insert(id, waiting);
    }

    fn leave(&mut self, id: WaitId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        self.by_hash.remove(&(waiting.hash, id));
        self.deadlines.remove(&(waiting.until, id));
        Some(waiting)
    }

    fn of(&self, hash: ContentHash) -> Vec<WaitId> {
        let range = (hash, WaitId(0))..=(hash, WaitId(u64::MAX));
        self.by_hash.range(range).map(|(_, id)| *id).collect()
    }

    fn reach(&mut self, hash: ContentHash, tier: Tier) {
        for id in self.of(hash) {
            let Some(waiting) = self.waiting.get_mut(&id) else {
                continue;
            };
            waiting.reached = waiting.reached.max(tier);
            let (wants, reached) = (waiting.wants, waiting.reached);
            if wants <= reached {
                self.leave(id);
                self.answer(id, Some(reached));
            }
        }
    }

    /// Answers those whose time is up.
    fn expire(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.deadlines.first().copied() {
            if now < until {
                return;
            }
            if let Some(waiting) = self.leave(id) {
                self.answer(id, Some(waiting.reached));
            }
        }
    }

    /// Moves all deadlines with a clock that was set back.
    fn follow(&mut self, now: Timestamp) {
        let back = clock::step_back(&mut self.last, now);
        if back == Duration::ZERO {
            return;
        }
        self.deadlines.clear();
        for (id, waiting) in &mut self.waiting {
            waiting.until = waiting.until - back;
            self.deadlines.insert((waiting.until, *id));
        }
    }

    fn answer(&mut self, id: WaitId, reached: Option<Tier>) {
        self.outputs.push_back(Output::Answer { id, reached });
    }
}

impl Machine for Waits {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Timestamp, input: Input) {
        self.follow(now);
        match input {
            Input::Wait {
                id,
                hash,
                wants,
                reached,
                span,
            } => {
                let until = now + span.min(self.limits.wait_max);
                self.wait(
                    id,
                    Waiting {
                        hash,
                        wants,
                        reached,
                        until,
                    },
                );
            }
            Input::Reached { hash, tier } => self.reach(hash, tier),
            Input::Gone { hash } => {
                for id in self.of(hash) {
                    self.leave(id);
                    self.answer(id, None);
                }
            }
            Input::GiveUp { id } => {
                self.leave(id);
            }
            Input::Timeout => {}
        }
        self.expire(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let (until, _) = self.deadlines.first()?;
        Some((*until, "somebody has waited long enough"))
    }
}
