//! The projector itself: takes what happened, says what to do next.

use std::collections::VecDeque;

use base::{ContentHash, Duration, Machine, Timestamp};
use chain::{AgentPubKey, DnaHash, Record, Rejection};
use thiserror::Error;

use super::page::{End, Verdict, judge};
use super::step::{Roster, Step, Then};
use super::{Batch, Cursor};

/// Bounds of the projector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most agents that are followed; one more is refused with [`Report::Refused`].
    pub agents_max: usize,
    /// Most agents that have a fetch or a batch under way; the others wait in order.
    pub agents_in_flight_max: usize,
    /// Most records in a page, and so in a batch.
    pub page_records_max: u32,
    /// How often a chain is looked at without a nudge, which is how lost nudges lose nothing.
    pub poll_interval: Duration,
    /// Shortest wait after a failure; it doubles with every failure in a row.
    pub retry_delay_min: Duration,
    /// Longest wait after a failure.
    pub retry_delay_max: Duration,
    /// Longest time that a page may take before it is given up.
    pub fetch_time_max: Duration,
    /// How often in a row a chain may show a gap before it is quarantined, and a nudge may promise what is not there
    /// before it is forgotten.
    pub attempts_max: u32,
    /// How many newly stored blobs are remembered, for pages that were read just before one arrived.
    pub blobs_remembered_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agents_max: 100_000,
            agents_in_flight_max: 16,
            page_records_max: 256,
            poll_interval: Duration::from_secs(30),
            retry_delay_min: Duration::from_millis(50),
            retry_delay_max: Duration::from_secs(30),
            fetch_time_max: Duration::from_secs(60),
            attempts_max: 10,
            blobs_remembered_max: 1_024,
        }
    }
}

/// What the shell tells the projector.
#[derive(Clone, Debug)]
pub enum Input {
    /// Project this agent's chain from the store's cursor on; said again it lifts a quarantine.
    Follow {
        /// Whose chain.
        agent: AgentPubKey,
        /// The store's cursor; nothing when the store has no record of the chain.
        cursor: Option<Cursor>,
    },
    /// Stop projecting this agent's chain; what is stored stays.
    Unfollow {
        /// Whose chain.
        agent: AgentPubKey,
    },
    /// A chain may have grown. Nudges may be lost, late, repeated or wrong.
    Nudge {
        /// Whose chain.
        agent: AgentPubKey,
        /// The sequence number of its newest record.
        seq: u32,
    },
    /// The completion of [`Output::Fetch`].
    Page {
        /// Whose chain.
        agent: AgentPubKey,
        /// What the fetch named.
        after: Option<u32>,
        /// Records in order. It may be shorter than asked for, but is empty only when there is nothing more.
        fetched: Result<Vec<Fetched>, FetchFault>,
    },
    /// A batch is in the store, for ever.
    Stored {
        /// Whose.
        agent: AgentPubKey,
        /// The sequence number of the batch's cursor.
        seq: u32,
    },
    /// A batch may not be in the store.
    StoreFailed {
        /// Whose.
        agent: AgentPubKey,
        /// The sequence number of the batch's cursor.
        seq: u32,
        /// The cursor that the store really has; when it cannot be read, the one that was read last.
        stored: Option<Cursor>,
    },
    /// A blob arrived that a record may point to.
    BlobStored {
        /// Its id.
        hash: ContentHash,
    },
    /// The time of [`Machine::poll_timeout`] has come.
    Timeout,
}

/// A record with the blob that holds its body, when it has one and the shell could get it.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The record.
    pub record: Record,
    /// The bytes of the blob that the record's envelope points to.
    pub body: Option<Vec<u8>>,
}

/// Why a page could not be fetched: lower case, no full stop. It is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FetchFault(pub String);

/// What the projector asks of the shell.
#[derive(Clone, Debug)]
pub enum Output {
    /// Read the records after `after`, at most `limit`; the completion is [`Input::Page`].
    Fetch {
        /// Whose chain.
        agent: AgentPubKey,
        /// Sequence number of the last known record; nothing for the whole chain.
        after: Option<u32>,
        /// Most records.
        limit: u32,
    },
    /// Store a batch in one transaction; the completion is [`Input::Stored`] or [`Input::StoreFailed`].
    Store(Batch),
    /// Tell people; there is no completion.
    Report(Report),
}

/// How it stands with one agent, said once per change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Everything that its chain held at the last look is stored.
    CaughtUp {
        /// Whose chain.
        agent: AgentPubKey,
        /// The newest record's sequence number; nothing for an empty chain.
        seq: Option<u32>,
    },
    /// Nothing more can be stored at the moment; it is tried again.
    Stalled {
        /// Whose chain.
        agent: AgentPubKey,
        /// The last stored record's sequence number.
        seq: Option<u32>,
        /// Why.
        reason: Stall,
    },
    /// The chain is invalid after what is stored; it is not looked at again until it is followed again.
    Quarantined {
        /// Whose chain.
        agent: AgentPubKey,
        /// The last stored record's sequence number.
        seq: Option<u32>,
        /// Why.
        reason: Rejection,
    },
    /// Too many agents are followed already.
    Refused {
        /// Who is not followed.
        agent: AgentPubKey,
    },
}

/// Why nothing more can be stored at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Stall {
    /// The chain cannot be read.
    #[error("chain cannot be read: {0}")]
    Source(FetchFault),
    /// The store refused a batch.
    #[error("store refused a batch")]
    Store,
    /// A body is in a blob that has not arrived.
    #[error("blob {0} has not arrived")]
    Blob(ContentHash),
    /// Records are missing.
    #[error("record {found} came where {wanted} was expected")]
    Gap {
        /// The sequence number that continues the chain.
        wanted: u32,
        /// The one that came.
        found: u32,
    },
    /// A nudge named a record that the chain does not show.
    #[error("record {0} was announced and is not there")]
    Promise(u32),
}

/// Turns chains into batches for the store; see the module's documentation.
#[derive(Clone, Debug)]
pub struct Projector {
    dna: DnaHash,
    limits: Limits,
    roster: Roster,
    outputs: VecDeque<Output>,
    /// Blobs that arrived while something was under way, oldest first.
    arrived: VecDeque<ContentHash>,
}

impl Projector {
    /// Starts with nobody to follow.
    #[must_use]
    pub fn new(dna: DnaHash, limits: Limits) -> Self {
        Self {
            dna,
            limits,
            roster: Roster::default(),
            outputs: VecDeque::new(),
            arrived: VecDeque::new(),
        }
    }

    fn follow(&mut self, agent: &AgentPubKey, cursor: Option<Cursor>) {
        let is_full = self.roster.len() >= self.limits.agents_max;
        let Some(followed) = self.roster.get_mut(agent) else {
            if is_full {
                self.outputs.push_back(Output::Report(Report::Refused {
                    agent: agent.clone(),
                }));
            } else {
                self.roster.add(agent, cursor);
            }
            return;
        };
        followed.is_followed = true;
        followed.failures = 0;
        followed.gaps = 0;
        followed.told = None;
        match followed.step() {
            // The completion tells the cursor, and tells it later than this input does.
            Step::Storing { .. } => self.roster.forgive(agent),
            Step::Fetching { .. } | Step::Queued { .. } => followed.cursor = cursor,
            Step::Idle { .. }
            | Step::Waiting { .. }
            | Step::Awaiting { .. }
            | Step::Quarantined => {
                followed.cursor = cursor;
                self.roster.enqueue(agent);
            }
        }
    }

    fn unfollow(&mut self, agent: &AgentPubKey) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        if followed.step().is_in_flight() {
            followed.is_followed = false;
        } else {
            self.roster.remove(agent);
        }
    }

    fn nudge(&mut self, agent: &AgentPubKey, seq: u32) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        if Some(seq) <= followed.seq() {
            return;
        }
        followed.nudged = followed.nudged.max(Some(seq));
        match followed.step() {
            Step::Idle { .. } => self.roster.enqueue(agent),
            Step::Fetching { .. } => self.roster.note_nudge(agent),
            Step::Queued { .. }
            | Step::Storing { .. }
            | Step::Waiting { .. }
            | Step::Awaiting { .. }
            | Step::Quarantined => {}
        }
    }

    fn take_page(
        &mut self,
        now: Timestamp,
        agent: &AgentPubKey,
        after: Option<u32>,
        fetched: Result<Vec<Fetched>, FetchFault>,
    ) {
        let Some(followed) = self.roster.get(agent) else {
            return;
        };
        let Step::Fetching {
            after: asked,
            is_nudged,
            ..
        } = *followed.step()
        else {
            return;
        };
        if asked != after {
            return;
        }
        if !followed.is_followed {
            self.roster.remove(agent);
            return;
        }
        if followed.seq() != after {
            self.roster.enqueue(agent);
            return;
        }
        match fetched {
            Err(fault) => self.fail(now, agent, Stall::Source(fault)),
            Ok(records) => {
                let limit = usize::try_from(self.limits.page_records_max).unwrap_or(usize::MAX);
                let verdict = judge(&self.dna, agent, followed.cursor.as_ref(), records, limit);
                self.take_verdict(now, agent, is_nudged, verdict);
            }
        }
    }

    fn take_verdict(
        &mut self,
        now: Timestamp,
        agent: &AgentPubKey,
        is_nudged: bool,
        verdict: Verdict,
    ) {
        let Verdict {
            changes,
            cursor,
            end,
        } = verdict;
        let Some(cursor) = cursor else {
            match end {
                End::Complete => self.take_nothing(now, agent, is_nudged),
                End::Gap { wanted, found } => self.take_gap(now, agent, wanted, found),
                End::Missing(blob) => self.await_blob(now, agent, blob),
                End::Invalid(rejection) => self.quarantine(agent, rejection),
            }
            return;
        };
        let then = match end {
            End::Complete => Then::Fetch,
            End::Gap { wanted, found } => Then::Gap { wanted, found },
            End::Missing(blob) => Then::Missing(blob),
            End::Invalid(rejection) => Then::Quarantine(rejection),
        };
        let after = self.roster.get(agent).and_then(|followed| followed.seq());
        self.roster.enter(
            agent,
            Step::Storing {
                cursor: cursor.clone(),
                then,
            },
        );
        self.outputs.push_back(Output::Store(Batch {
            agent: agent.clone(),
            after,
            cursor,
            changes,
        }));
    }

    /// The chain holds no more than what is stored.
    fn take_nothing(&mut self, now: Timestamp, agent: &AgentPubKey, is_nudged: bool) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        if is_nudged {
            // The record may have been written after the page was read.
            self.roster.enqueue(agent);
            return;
        }
        if let Some(seq) = followed.nudged.filter(|_| followed.is_behind())
            && followed.failures < self.limits.attempts_max
        {
            self.fail(now, agent, Stall::Promise(seq));
            return;
        }
        followed.nudged = None;
        followed.failures = 0;
        let report = Report::CaughtUp {
            agent: agent.clone(),
            seq: followed.seq(),
        };
        self.roster.enter(
            agent,
            Step::Idle {
                until: now + self.limits.poll_interval,
            },
        );
        self.tell(agent, report);
    }

    fn take_gap(&mut self, now: Timestamp, agent: &AgentPubKey, wanted: u32, found: u32) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        followed.gaps += 1;
        if followed.gaps >= self.limits.attempts_max {
            self.quarantine(agent, Rejection::Gap { wanted, found });
        } else {
            self.fail(now, agent, Stall::Gap { wanted, found });
        }
    }

    fn await_blob(&mut self, now: Timestamp, agent: &AgentPubKey, blob: ContentHash) {
        if let Some(place) = self.arrived.iter().position(|arrived| *arrived == blob) {
            self.arrived.remove(place);
            self.roster.enqueue(agent);
            return;
        }
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        let report = Report::Stalled {
            agent: agent.clone(),
            seq: followed.seq(),
            reason: Stall::Blob(blob),
        };
        self.roster.enter(
            agent,
            Step::Awaiting {
                blob,
                until: now + self.limits.retry_delay_max,
            },
        );
        self.tell(agent, report);
    }

    fn quarantine(&mut self, agent: &AgentPubKey, reason: Rejection) {
        let Some(followed) = self.roster.get(agent) else {
            return;
        };
        let report = Report::Quarantined {
            agent: agent.clone(),
            seq: followed.seq(),
            reason,
        };
        self.roster.enter(agent, Step::Quarantined);
        self.tell(agent, report);
    }

    fn fail(&mut self, now: Timestamp, agent: &AgentPubKey, reason: Stall) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        let delay = self.limits.retry_delay(followed.failures);
        followed.failures = followed.failures.saturating_add(1);
        let report = Report::Stalled {
            agent: agent.clone(),
            seq: followed.seq(),
            reason,
        };
        self.roster
            .enter(agent, Step::Waiting { until: now + delay });
        self.tell(agent, report);
    }

    fn take_stored(&mut self, now: Timestamp, agent: &AgentPubKey, seq: u32) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        let Step::Storing { cursor, then } = followed.step().clone() else {
            return;
        };
        if cursor.seq != seq {
            return;
        }
        followed.cursor = Some(cursor);
        followed.failures = 0;
        followed.gaps = 0;
        if !followed.is_followed {
            self.roster.remove(agent);
            return;
        }
        match then {
            Then::Fetch => self.roster.enqueue(agent),
            Then::Gap { wanted, found } => self.take_gap(now, agent, wanted, found),
            Then::Missing(blob) => self.await_blob(now, agent, blob),
            Then::Quarantine(rejection) => self.quarantine(agent, rejection),
        }
    }

    fn take_store_fault(
        &mut self,
        now: Timestamp,
        agent: &AgentPubKey,
        seq: u32,
        stored: Option<Cursor>,
    ) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        let Step::Storing { cursor, .. } = followed.step() else {
            return;
        };
        if cursor.seq != seq {
            return;
        }
        if stored.as_ref() == Some(cursor) {
            // It was committed; only the answer was lost.
            self.take_stored(now, agent, seq);
            return;
        }
        followed.cursor = stored;
        if followed.is_followed {
            self.fail(now, agent, Stall::Store);
        } else {
            self.roster.remove(agent);
        }
    }

    fn take_blob(&mut self, hash: ContentHash) {
        for agent in self.roster.awaiting(hash) {
            self.roster.enqueue(&agent);
        }
        if self.roster.in_flight() == 0 || self.limits.blobs_remembered_max == 0 {
            return;
        }
        if self.arrived.len() == self.limits.blobs_remembered_max {
            self.arrived.pop_front();
        }
        self.arrived.push_back(hash);
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some((at, agent)) = self.roster.next_alarm() {
            if at > now {
                return;
            }
            let agent = agent.clone();
            let Some(followed) = self.roster.get(&agent) else {
                return;
            };
            if !followed.step().is_in_flight() {
                self.roster.enqueue(&agent);
            } else if followed.is_followed {
                self.fail(
                    now,
                    &agent,
                    Stall::Source(FetchFault("no answer in time".to_owned())),
                );
            } else {
                self.roster.remove(&agent);
            }
        }
    }

    /// Hands out free places in the order in which they were asked for.
    fn fill_places(&mut self, now: Timestamp) {
        while self.roster.in_flight() < self.limits.agents_in_flight_max {
            let Some(agent) = self.roster.next_queued() else {
                break;
            };
            let after = self.roster.get(&agent).and_then(|followed| followed.seq());
            let deadline = now + self.limits.fetch_time_max;
            self.roster.enter(
                &agent,
                Step::Fetching {
                    after,
                    deadline,
                    is_nudged: false,
                },
            );
            self.outputs.push_back(Output::Fetch {
                agent,
                after,
                limit: self.limits.page_records_max,
            });
        }
        if self.roster.in_flight() == 0 {
            self.arrived.clear();
        }
    }

    /// Says how it stands with an agent, unless that was said last.
    fn tell(&mut self, agent: &AgentPubKey, report: Report) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        if followed.told.as_ref() != Some(&report) {
            followed.told = Some(report.clone());
            self.outputs.push_back(Output::Report(report));
        }
    }
}

impl Machine for Projector {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Follow { agent, cursor } => self.follow(&agent, cursor),
            Input::Unfollow { agent } => self.unfollow(&agent),
            Input::Nudge { agent, seq } => self.nudge(&agent, seq),
            Input::Page {
                agent,
                after,
                fetched,
            } => self.take_page(now, &agent, after, fetched),
            Input::Stored { agent, seq } => self.take_stored(now, &agent, seq),
            Input::StoreFailed { agent, seq, stored } => {
                self.take_store_fault(now, &agent, seq, stored)
            }
            Input::BlobStored { hash } => self.take_blob(hash),
            Input::Timeout => self.wake(now),
        }
        self.fill_places(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let (_, agent) = self.roster.next_alarm()?;
        self.roster.get(agent)?.step().alarm()
    }
}

impl Limits {
    /// Returns how long to wait after one more failure, when `failures` went before it in a row.
    fn retry_delay(&self, failures: u32) -> Duration {
        let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
        let micros = self.retry_delay_min.as_micros().saturating_mul(factor);
        Duration::from_micros(micros).min(self.retry_delay_max)
    }
}

#[cfg(test)]
mod tests;
