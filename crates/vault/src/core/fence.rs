//! Whether something may be signed: the memory of what each agent signed last.
//!
//! The fence is asked with [`Fence::decide`]; what is to be signed is put on stable storage by a shell, and the fence
//! hears of it with [`Fence::take`] and how the batch ended with [`Fence::settle`].
//!
//! # Invariants
//! * Of one agent and sequence number the fence admits one hash, for ever, whatever is taken back or replayed.
//! * Epochs of an agent never go down, and neither do the epochs of its grants.
//! * An agent of which something may be missing is unconfirmed, and nothing is admitted for it until its head is told.
//!
//! It knows no keys and no signatures, and believes what a shell verified.

use std::collections::{BTreeMap, VecDeque};

use thiserror::Error;

/// The raw public key of an agent.
pub type RawAgent = [u8; 32];

/// How many actions of an agent are remembered beside its head, so that they can be signed again without a look at the
/// log.
pub const RECENT_MAX: usize = 8;

/// An action, as far as the fence looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its sequence number.
    pub seq: u32,
    /// The 32 bytes of its hash.
    pub hash: [u8; 32],
}

/// What is to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An action of the agent's chain.
    Action {
        /// The epoch in which whoever asks hosts the agent.
        epoch: u64,
        /// The action.
        mark: Mark,
        /// The hash that it links to.
        previous: Option<[u8; 32]>,
        /// Whether the chain ends with it.
        closes: bool,
    },
    /// A grant for a doorway.
    Grant {
        /// The epoch of the grant.
        epoch: u64,
        /// The hash of the grant.
        hash: [u8; 32],
    },
    /// An answer to a challenge.
    Statement {
        /// The hash of the statement.
        hash: [u8; 32],
    },
}

/// What a shell does with what is to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Write it down, and sign when that is stable.
    Write,
    /// It was written down before: sign it again when everything before is stable.
    Again,
    /// It lies further back than the fence remembers: sign it when it is found in the log, and refuse it otherwise.
    LookUp,
}

/// Why nothing is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Nobody has this key here.
    #[error("the vault does not keep this key")]
    Unknown,
    /// The vault may have missed what the agent signed.
    #[error(
        "the vault was restored and does not know yet what was signed last; confirm the head of the chain first"
    )]
    Unconfirmed,
    /// Whoever asks hosted the agent earlier.
    #[error("the agent has been hosted elsewhere since; its epoch is {known} now")]
    StaleEpoch {
        /// The agent's epoch.
        known: u64,
    },
    /// Something else was signed at this place or after it.
    #[error("another action was already signed at sequence number {seq}")]
    Equivocation {
        /// The place.
        seq: u32,
    },
    /// Actions are missing before this one.
    #[error(
        "action {found} came where {wanted} was expected; confirm the head when the chain went on elsewhere"
    )]
    Gap {
        /// The sequence number that continues the chain.
        wanted: u32,
        /// The one that came.
        found: u32,
    },
    /// It does not link to the last action.
    #[error("action {seq} does not link to the action that was signed before it")]
    Link {
        /// Its sequence number.
        seq: u32,
    },
    /// The chain was closed.
    #[error("the chain was closed")]
    Closed,
    /// A grant of this epoch or a later one was signed.
    #[error("a grant of epoch {known} was already signed")]
    GrantEpoch {
        /// The newest epoch of a grant.
        known: u64,
    },
    /// The head that was told is older than what the vault signed.
    #[error("this is not the head: action {known} was signed here")]
    Behind {
        /// The last sequence number that is known.
        known: u32,
    },
    /// The agent has gone.
    #[error("the agent has left this vault")]
    Retired,
}

/// What is remembered of one agent. `P` is where a shell finds what was written for it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<P> {
    /// The last actions, the newest last; empty while nothing was signed.
    recent: VecDeque<Mark>,
    epoch: u64,
    grant: Option<(u64, [u8; 32])>,
    is_closed: bool,
    is_confirmed: bool,
    is_retired: bool,
    last: Option<P>,
}

/// The memory of all agents.
#[derive(Clone, Debug)]
pub struct Fence<P> {
    agents: BTreeMap<RawAgent, Standing<P>>,
    /// What agents were before the batch that is not stable yet, the oldest first.
    before: Vec<(RawAgent, Option<Standing<P>>)>,
}

/// The head of a chain, as somebody tells it who has the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The newest action; `None` when there is none.
    pub head: Option<Mark>,
    /// Whether the newest action closes the chain.
    pub closes: bool,
    /// The epoch of the newest grant, when there is one.
    pub grant_epoch: Option<u64>,
}

impl<P> Standing<P> {
    const fn new(is_confirmed: bool) -> Self {
        Self {
            recent: VecDeque::new(),
            epoch: 0,
            grant: None,
            is_closed: false,
            is_confirmed,
            is_retired: false,
            last: None,
        }
    }

    /// Returns the newest action.
    #[must_use]
    pub fn head(&self) -> Option<Mark> {
        self.recent.back().copied()
    }

    /// Returns the epoch in which an action was signed last.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Tells whether its head is known for certain.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    /// Tells whether the agent has gone.
    #[must_use]
    pub const fn is_retired(&self) -> bool {
        self.is_retired
    }

    /// Returns where the last thing stands that was written for it.
    #[must_use]
    pub const fn last(&self) -> Option<&P> {
        self.last.as_ref()
    }

    fn push(&mut self, mark: Mark) {
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(mark);
    }

    fn decide(&self, ask: &Ask) -> Result<Decision, Refusal> {
        if self.is_retired {
            return Err(Refusal::Retired);
        }
        if !self.is_confirmed {
            return Err(Refusal::Unconfirmed);
        }
        match *ask {
            Ask::Action {
                epoch,
                mark,
                previous,
                closes: _,
            } => self.decide_action(epoch, mark, previous),
            Ask::Grant { epoch, hash } => match self.grant {
                Some((known, signed)) if epoch == known && hash == signed => Ok(Decision::Again),
                Some((known, _)) if epoch <= known => Err(Refusal::GrantEpoch { known }),
                _ => Ok(Decision::Write),
            },
            Ask::Statement { .. } => Ok(Decision::Write),
        }
    }

    fn decide_action(
        &self,
        epoch: u64,
        mark: Mark,
        previous: Option<[u8; 32]>,
    ) -> Result<Decision, Refusal> {
        let known = self.epoch;
        if epoch < known {
            return Err(Refusal::StaleEpoch { known });
        }
        let head = self.head();
        let wanted = match head {
            None => 0,
            Some(head) => head.seq.checked_add(1).ok_or(Refusal::Closed)?,
        };
        let Mark { seq, hash } = mark;
        if seq < wanted {
            let remembered = self.recent.iter().find(|known| known.seq == seq);
            return match remembered {
                Some(known) if known.hash == hash => Ok(Decision::Again),
                Some(_) => Err(Refusal::Equivocation { seq }),
                None => Ok(Decision::LookUp),
            };
        }
        if self.is_closed {
            return Err(Refusal::Closed);
        }
        if seq > wanted {
            return Err(Refusal::Gap { wanted, found: seq });
        }
        if previous != head.map(|head| head.hash) {
            return Err(Refusal::Link { seq });
        }
        Ok(Decision::Write)
    }
}

impl<P: Clone> Fence<P> {
    /// Remembers nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            agents: BTreeMap::new(),
            before: Vec::new(),
        }
    }

    /// Returns what is remembered of an agent, the batch included that is not stable yet.
    #[must_use]
    pub fn standing(&self, agent: &RawAgent) -> Option<&Standing<P>> {
        self.agents.get(agent)
    }

    /// Returns all agents that did not go, in order.
    pub fn agents(&self) -> impl Iterator<Item = (&RawAgent, &Standing<P>)> {
        self.agents
            .iter()
            .filter(|(_, standing)| !standing.is_retired)
    }

    /// Decides about something that is to be signed; nothing changes.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decide(&self, agent: &RawAgent, ask: &Ask) -> Result<Decision, Refusal> {
        self.agents.get(agent).ok_or(Refusal::Unknown)?.decide(ask)
    }

    /// Hears that something was written down at a place, to be signed.
    ///
    /// # Panics
    /// When it was not decided that it is written.
    pub fn take(&mut self, agent: &RawAgent, ask: &Ask, place: P) {
        let standing = self.change(agent);
        match *ask {
            Ask::Action {
                epoch,
                mark,
                previous: _,
                closes,
            } => {
                assert!(
                    standing.head().is_none_or(|head| head.seq < mark.seq),
                    "an action is written down once"
                );
                standing.push(mark);
                standing.epoch = standing.epoch.max(epoch);
                standing.is_closed |= closes;
            }
            Ask::Grant { epoch, hash } => standing.grant = Some((epoch, hash)),
            Ask::Statement { .. } => {}
        }
        standing.last = Some(place);
    }

    /// Hears that an agent came: with a new key, or with one that may have signed elsewhere.
    ///
    /// What is remembered of an agent that comes back stays.
    pub fn enroll(&mut self, agent: &RawAgent, is_new_key: bool, place: P) {
        let standing = self.change(agent);
        standing.is_confirmed = is_new_key && standing.last.is_none();
        standing.is_retired = false;
        standing.last = Some(place);
    }

    /// Hears that an agent has gone. It is remembered, so that its key never signs here again.
    pub fn retire(&mut self, agent: &RawAgent, place: P) {
        let standing = self.change(agent);
        standing.is_retired = true;
        standing.last = Some(place);
    }

    /// Hears that the vault may have missed something of everybody.
    pub fn doubt(&mut self) {
        let agents: Vec<_> = self.agents.keys().copied().collect();
        for agent in agents {
            self.change(&agent).is_confirmed = false;
        }
    }

    /// Tells whether a head that was told can be believed; nothing changes.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, agent: &RawAgent, told: &Told) -> Result<(), Refusal> {
        let standing = self.agents.get(agent).ok_or(Refusal::Unknown)?;
        if standing.is_retired {
            return Err(Refusal::Retired);
        }
        let Some(known) = standing.head() else {
            return Ok(());
        };
        let behind = Refusal::Behind { known: known.seq };
        let head = told.head.ok_or(behind)?;
        if head.seq < known.seq {
            return Err(behind);
        }
        if head.seq == known.seq && head.hash != known.hash {
            return Err(Refusal::Equivocation { seq: head.seq });
        }
        Ok(())
    }

    /// Hears that a head was written down that [`Fence::check`] accepted.
    pub fn confirm(&mut self, agent: &RawAgent, told: &Told, place: P) {
        let standing = self.change(agent);
        if let Some(head) = told.head
            && standing.head() != Some(head)
        {
            standing.recent.clear();
            standing.push(head);
        }
        standing.is_closed |= told.closes;
        if let Some(told) = told.grant_epoch
            && standing.grant.is_none_or(|(known, _)| known < told)
        {
            // No grant has this hash, so the told epoch counts as used.
            standing.grant = Some((told, [0; 32]));
        }
        standing.is_confirmed = true;
        standing.last = Some(place);
    }

    /// Hears how the batch ended: everything of it is stable, or nothing of it ever counted.
    pub fn settle(&mut self, is_stable: bool) {
        if is_stable {
            self.before.clear();
            return;
        }
        while let Some((agent, before)) = self.before.pop() {
            match before {
                Some(standing) => self.agents.insert(agent, standing),
                None => self.agents.remove(&agent),
            };
        }
    }

    /// Remembers what an agent was, and returns what it is.
    fn change(&mut self, agent: &RawAgent) -> &mut Standing<P> {
        self.before.push((*agent, self.agents.get(agent).cloned()));
        self.agents
            .entry(*agent)
            .or_insert_with(|| Standing::new(true))
    }
}

impl<P: Clone> Default for Fence<P> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
