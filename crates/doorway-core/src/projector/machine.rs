//! The projector itself: takes what happened, says what to do next.

use std::collections::VecDeque;

use base::{ContentHash, Machine, Timestamp};
use chain::{AgentPubKey, DnaHash, Rejection};

use super::page::{End, Verdict, judge};
use super::step::{Roster, Step};
use super::{Batch, Cursor, FetchFault, Fetched, Input, Limits, Output, Report, Stall};

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
            Step::Storing { .. } => {}
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
            records,
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
        // Why the page ended there, the next page shows again from its start.
        let after = self.roster.get(agent).and_then(|followed| followed.seq());
        self.roster.enter(
            agent,
            Step::Storing {
                cursor: cursor.clone(),
            },
        );
        self.outputs.push_back(Output::Store(Batch {
            agent: agent.clone(),
            after,
            cursor,
            changes,
            records,
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

    fn take_stored(&mut self, agent: &AgentPubKey, seq: u32) {
        let Some(followed) = self.roster.get_mut(agent) else {
            return;
        };
        let Step::Storing { cursor } = followed.step().clone() else {
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
        self.roster.enqueue(agent);
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
        let Step::Storing { cursor } = followed.step() else {
            return;
        };
        if cursor.seq != seq {
            return;
        }
        if stored.as_ref() == Some(cursor) {
            // It was committed; only the answer was lost.
            self.take_stored(agent, seq);
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
            Input::Stored { agent, seq } => self.take_stored(&agent, seq),
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
