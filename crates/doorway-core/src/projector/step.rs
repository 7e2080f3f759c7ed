//! Where one followed agent stands, and the indexes over all of them: who waits for a place, for a time, for a blob.
//!
//! # Invariants
//! An agent is in an index exactly when its step says so; only [`Roster::enter`] changes a step.

use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Timestamp};
use chain::AgentPubKey;

use super::{Cursor, Report};

/// What happens to an agent at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything known is stored; the next look comes with a nudge or at this time.
    Idle { until: Timestamp },
    /// Wants to fetch as soon as there is a place; tickets are served in order.
    Queued { ticket: u64 },
    /// A page is under way; after the deadline it is given up.
    Fetching {
        after: Option<u32>,
        deadline: Timestamp,
        is_nudged: bool,
    },
    /// A batch is under way.
    Storing { cursor: Cursor },
    /// Something failed; the next attempt comes at this time.
    Waiting { until: Timestamp },
    /// A body is in a blob that has not arrived; the next attempt comes with it or at this time.
    Awaiting { blob: ContentHash, until: Timestamp },
    /// The chain is invalid; nothing happens until it is followed again.
    Quarantined,
}

/// One agent that is followed, or that is no longer followed and still has something under way.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    pub(super) is_followed: bool,
    pub(super) cursor: Option<Cursor>,
    /// The highest sequence number that a nudge named.
    pub(super) nudged: Option<u32>,
    /// Failures since the last progress.
    pub(super) failures: u32,
    /// Pages in a row that had a gap, since the last progress.
    pub(super) gaps: u32,
    /// What was reported last, so that nothing is said twice.
    pub(super) told: Option<Report>,
    step: Step,
}

/// All agents.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    agents: BTreeMap<AgentPubKey, Followed>,
    queue: BTreeMap<u64, AgentPubKey>,
    alarms: BTreeSet<(Timestamp, AgentPubKey)>,
    awaited: BTreeMap<ContentHash, BTreeSet<AgentPubKey>>,
    in_flight: usize,
    ticket: u64,
}

impl Step {
    /// Returns when the step ends by itself, and why.
    pub(super) const fn alarm(&self) -> Option<(Timestamp, &'static str)> {
        match self {
            Self::Idle { until } => Some((*until, "look for lost nudges")),
            Self::Fetching { deadline, .. } => Some((*deadline, "give up a fetch")),
            Self::Waiting { until } => Some((*until, "try again")),
            Self::Awaiting { until, .. } => Some((*until, "look for a missing blob")),
            Self::Queued { .. } | Self::Storing { .. } | Self::Quarantined => None,
        }
    }

    /// Tells whether the shell has something of the agent in hand.
    pub(super) const fn is_in_flight(&self) -> bool {
        matches!(self, Self::Fetching { .. } | Self::Storing { .. })
    }
}

impl Followed {
    pub(super) const fn step(&self) -> &Step {
        &self.step
    }

    /// Returns the sequence number of the cursor.
    pub(super) fn seq(&self) -> Option<u32> {
        self.cursor.as_ref().map(|cursor| cursor.seq)
    }

    /// Tells whether a nudge named a record that is not stored.
    pub(super) fn is_behind(&self) -> bool {
        self.nudged > self.seq()
    }
}

impl Roster {
    /// Adds an agent that waits for a place.
    pub(super) fn add(&mut self, agent: &AgentPubKey, cursor: Option<Cursor>) {
        let followed = Followed {
            is_followed: true,
            cursor,
            nudged: None,
            failures: 0,
            gaps: 0,
            told: None,
            step: Step::Quarantined,
        };
        let before = self.agents.insert(agent.clone(), followed);
        assert!(before.is_none(), "an agent is added once");
        self.enqueue(agent);
    }

    /// Forgets an agent.
    pub(super) fn remove(&mut self, agent: &AgentPubKey) {
        if self.agents.contains_key(agent) {
            self.enter(agent, Step::Quarantined);
            self.agents.remove(agent);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.agents.len()
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn get(&self, agent: &AgentPubKey) -> Option<&Followed> {
        self.agents.get(agent)
    }

    pub(super) fn get_mut(&mut self, agent: &AgentPubKey) -> Option<&mut Followed> {
        self.agents.get_mut(agent)
    }

    /// Puts an agent at the end of those that wait for a place.
    pub(super) fn enqueue(&mut self, agent: &AgentPubKey) {
        let ticket = self.ticket;
        self.ticket += 1;
        self.enter(agent, Step::Queued { ticket });
    }

    /// Moves an agent to its next step and keeps the indexes.
    pub(super) fn enter(&mut self, agent: &AgentPubKey, next: Step) {
        let Some(followed) = self.agents.get_mut(agent) else {
            return;
        };
        let last = std::mem::replace(&mut followed.step, next);
        if let Some((at, _)) = last.alarm() {
            self.alarms.remove(&(at, agent.clone()));
        }
        match &last {
            Step::Queued { ticket } => {
                self.queue.remove(ticket);
            }
            Step::Awaiting { blob, .. } => {
                if let Some(agents) = self.awaited.get_mut(blob) {
                    agents.remove(agent);
                    if agents.is_empty() {
                        self.awaited.remove(blob);
                    }
                }
            }
            Step::Idle { .. }
            | Step::Fetching { .. }
            | Step::Storing { .. }
            | Step::Waiting { .. }
            | Step::Quarantined => {}
        }
        self.in_flight -= usize::from(last.is_in_flight());
        let next = &followed.step;
        if let Some((at, _)) = next.alarm() {
            self.alarms.insert((at, agent.clone()));
        }
        match next {
            Step::Queued { ticket } => {
                self.queue.insert(*ticket, agent.clone());
            }
            Step::Awaiting { blob, .. } => {
                self.awaited.entry(*blob).or_default().insert(agent.clone());
            }
            Step::Idle { .. }
            | Step::Fetching { .. }
            | Step::Storing { .. }
            | Step::Waiting { .. }
            | Step::Quarantined => {}
        }
        self.in_flight += usize::from(next.is_in_flight());
    }

    /// Notes that a nudge came while a page was under way.
    pub(super) fn note_nudge(&mut self, agent: &AgentPubKey) {
        if let Some(Followed {
            step: Step::Fetching { is_nudged, .. },
            ..
        }) = self.agents.get_mut(agent)
        {
            *is_nudged = true;
        }
    }

    /// Returns the agent that has waited longest for a place.
    pub(super) fn next_queued(&self) -> Option<AgentPubKey> {
        self.queue.first_key_value().map(|(_, agent)| agent.clone())
    }

    /// Returns the first alarm, with its agent.
    pub(super) fn next_alarm(&self) -> Option<(Timestamp, &AgentPubKey)> {
        self.alarms.first().map(|(at, agent)| (*at, agent))
    }

    /// Returns the agents that wait for a blob.
    pub(super) fn awaiting(&self, blob: ContentHash) -> Vec<AgentPubKey> {
        self.awaited
            .get(&blob)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}
