//! The one thread that writes: it asks the fence, stages what is to be signed, syncs once for all who wait, and tells
//! them.
//!
//! # Invariants
//! Nobody is told that something may be signed before it is on stable storage.
//! What a failed batch changed in memory is taken back; after a poisoned log nothing is admitted any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Timestamp;
use disk::log::group::{Owner, Promise};
use disk::log::{Appender, CommitError, Log, PushError, Record};

use crate::body::{Body, Place};
use crate::core::fence::{Ask, Decision, Fence, Mark, RawAgent, Refusal, Told};
use crate::core::slots::{self, SlotKind};
use crate::envelope::{Envelope, Slot};
use crate::error::{ChangeError, SignError};
use crate::history::Signed;
use crate::state::{Kept, Shared};

/// The stream of all log records of a vault.
pub(crate) const STREAM: u16 = 1;

/// How far back the log is searched for something that is to be signed again, in signatures of the agent.
const LOOK_BACK_MAX: usize = 1_024;

/// What is to be signed, as it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) agent: RawAgent,
    pub(crate) ask: Ask,
    /// `before` is filled in when it is staged.
    pub(crate) signed: Signed,
}

/// A change of what is kept.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A key comes, with what is signed for it at once.
    Enroll {
        envelope: Envelope,
        is_new_key: bool,
        inception: Option<Signed>,
    },
    AddSlot(Slot),
    RemoveSlot(u16),
    Confirm(Told),
    Retire,
}

pub(crate) enum Command {
    Sign(Order, Promise<Result<(), SignError>>),
    Change(
        RawAgent,
        Timestamp,
        Box<Change>,
        Promise<Result<(), ChangeError>>,
    ),
}

/// Somebody who is told when the batch has ended.
enum Waiter {
    Sign(Promise<Result<(), SignError>>, Result<(), SignError>),
    Change(Promise<Result<(), ChangeError>>, Result<(), ChangeError>),
}

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    fence: Fence<Place>,
    log: Log,
    /// Envelopes as this batch changes them; `None` for those that go.
    draft: BTreeMap<RawAgent, Option<Envelope>>,
    /// Agents of which something changed in this batch.
    touched: BTreeSet<RawAgent>,
    waiters: Vec<Waiter>,
}

impl Keeper {
    pub(crate) const fn new(shared: Arc<Shared>, fence: Fence<Place>, log: Log) -> Self {
        Self {
            shared,
            fence,
            log,
            draft: BTreeMap::new(),
            touched: BTreeSet::new(),
            waiters: Vec::new(),
        }
    }

    fn sign(&mut self, order: Order, appender: &mut Appender) -> Result<(), SignError> {
        let Order { agent, ask, signed } = order;
        match self.fence.decide(&agent, &ask)? {
            Decision::Write => {
                let signed = Signed {
                    before: self.last(&agent),
                    ..signed
                };
                let place = push(appender, &agent, &Body::Signed(signed))?;
                self.fence.take(&agent, &ask, place);
                self.touched.insert(agent);
                Ok(())
            }
            Decision::Again => Ok(()),
            Decision::LookUp => self.look_up(&agent, &ask),
        }
    }

    /// Searches the log for an action that is to be signed again.
    fn look_up(&self, agent: &RawAgent, ask: &Ask) -> Result<(), SignError> {
        let Ask::Action { mark, .. } = ask else {
            return Ok(());
        };
        let Mark { seq, hash } = *mark;
        let refusal = SignError::Refused(Refusal::Equivocation { seq });
        let mut place = self.shared.last(agent);
        for _ in 0..LOOK_BACK_MAX {
            let Some(at) = place else {
                break;
            };
            let body = read(&self.log, agent, &at).map_err(|_| SignError::History)?;
            if let Body::Signed(signed) = &body
                && signed.what.is_action()
                && signed.seq <= seq
            {
                let is_same = signed.seq == seq && signed.hash == hash;
                return if is_same { Ok(()) } else { Err(refusal) };
            }
            place = before(&body);
        }
        Err(refusal)
    }

    fn change(
        &mut self,
        agent: RawAgent,
        at: Timestamp,
        change: Change,
        appender: &mut Appender,
    ) -> Result<(), ChangeError> {
        match change {
            Change::Enroll {
                envelope,
                is_new_key,
                inception,
            } => self.enroll(at, (envelope, is_new_key, inception), appender),
            Change::AddSlot(slot) => self.add_slot(agent, slot, appender),
            Change::RemoveSlot(number) => self.remove_slot(agent, number, appender),
            Change::Confirm(told) => {
                self.fence.check(&agent, &told)?;
                let before = self.last(&agent);
                let place = push(appender, &agent, &Body::Confirmed { told, at, before })?;
                self.fence.confirm(&agent, &told, place);
                self.touched.insert(agent);
                Ok(())
            }
            Change::Retire => {
                self.envelope(&agent)?;
                let before = self.last(&agent);
                let place = push(appender, &agent, &Body::Retired { at, before })?;
                self.fence.retire(&agent, place);
                self.draft.insert(agent, None);
                self.touched.insert(agent);
                Ok(())
            }
        }
    }

    fn enroll(
        &mut self,
        at: Timestamp,
        (envelope, is_new_key, inception): (Envelope, bool, Option<Signed>),
        appender: &mut Appender,
    ) -> Result<(), ChangeError> {
        slots::check(envelope.slots.iter().map(|slot| slot.kind))?;
        let agent = envelope.owner.agent;
        if self.envelope(&agent).is_ok() {
            return Err(ChangeError::Kept);
        }
        let body = Body::Enrolled {
            envelope: envelope.clone(),
            is_new_key,
            at,
        };
        let mut place = push(appender, &agent, &body)?;
        self.fence.enroll(&agent, is_new_key, place);
        if let Some(inception) = inception {
            let ask = Ask::Statement {
                hash: inception.hash,
            };
            let before = Some(place);
            place = push(
                appender,
                &agent,
                &Body::Signed(Signed {
                    before,
                    ..inception
                }),
            )?;
            self.fence.take(&agent, &ask, place);
        }
        self.draft.insert(agent, Some(envelope));
        self.touched.insert(agent);
        Ok(())
    }

    fn add_slot(
        &mut self,
        agent: RawAgent,
        slot: Slot,
        appender: &mut Appender,
    ) -> Result<(), ChangeError> {
        let mut envelope = self.envelope(&agent)?;
        if envelope
            .slots
            .iter()
            .any(|known| known.number >= slot.number)
        {
            return Err(ChangeError::Busy);
        }
        envelope.slots.push(slot.clone());
        slots::check(kinds(&envelope))?;
        let owner = envelope.owner;
        push(appender, &agent, &Body::SlotAdded { owner, slot })?;
        self.draft.insert(agent, Some(envelope));
        self.touched.insert(agent);
        Ok(())
    }

    fn remove_slot(
        &mut self,
        agent: RawAgent,
        number: u16,
        appender: &mut Appender,
    ) -> Result<(), ChangeError> {
        let mut envelope = self.envelope(&agent)?;
        let count = envelope.slots.len();
        envelope.slots.retain(|slot| slot.number != number);
        if envelope.slots.len() == count {
            return Err(ChangeError::NoSlot(number));
        }
        slots::check(kinds(&envelope))?;
        let owner = envelope.owner;
        push(appender, &agent, &Body::SlotRemoved { owner, number })?;
        self.draft.insert(agent, Some(envelope));
        self.touched.insert(agent);
        Ok(())
    }

    /// Returns an envelope as this batch has it.
    fn envelope(&self, agent: &RawAgent) -> Result<Envelope, ChangeError> {
        let envelope = match self.draft.get(agent) {
            Some(envelope) => envelope.clone(),
            None => self.shared.envelope(agent).map(|kept| (*kept).clone()),
        };
        envelope.ok_or(ChangeError::Refused(Refusal::Unknown))
    }

    fn last(&self, agent: &RawAgent) -> Option<Place> {
        self.fence.standing(agent)?.last().copied()
    }

    /// Shows everybody what the batch changed.
    fn publish(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        let mut draft = std::mem::take(&mut self.draft);
        self.shared.change(|kept| {
            for agent in touched {
                let Some(standing) = self.fence.standing(&agent) else {
                    continue;
                };
                match draft.remove(&agent) {
                    Some(Some(envelope)) => {
                        let standing = standing.clone();
                        let envelope = Arc::new(envelope);
                        kept.insert(agent, Kept { envelope, standing });
                    }
                    Some(None) => {
                        kept.remove(&agent);
                    }
                    None => {
                        if let Some(kept) = kept.get_mut(&agent) {
                            kept.standing.clone_from(standing);
                        }
                    }
                }
            }
        });
    }
}

impl Owner for Keeper {
    type Command = Command;

    fn weight(command: &Command) -> usize {
        match command {
            Command::Sign(..) => 256,
            Command::Change(..) => 4_096,
        }
    }

    fn stage(&mut self, command: Command, appender: &mut Appender) {
        let waiter = match command {
            Command::Sign(order, promise) => Waiter::Sign(promise, self.sign(order, appender)),
            Command::Change(agent, at, change, promise) => {
                Waiter::Change(promise, self.change(agent, at, *change, appender))
            }
        };
        self.waiters.push(waiter);
    }

    fn committed(&mut self, result: Result<u64, &CommitError>) {
        let failed = result.err();
        self.fence.settle(failed.is_none());
        if failed.is_none() {
            self.publish();
        } else {
            self.draft.clear();
            self.touched.clear();
        }
        // A refusal may rest on what a failed batch changed, so it does not count either.
        for waiter in self.waiters.drain(..) {
            match (waiter, failed) {
                (Waiter::Sign(promise, answer), None) => promise.keep(answer),
                (Waiter::Sign(promise, _), Some(error)) => {
                    promise.keep(Err(SignError::Commit(error.clone())));
                }
                (Waiter::Change(promise, answer), None) => promise.keep(answer),
                (Waiter::Change(promise, _), Some(error)) => {
                    promise.keep(Err(ChangeError::Commit(error.clone())));
                }
            }
        }
    }
}

fn kinds(envelope: &Envelope) -> impl Iterator<Item = SlotKind> {
    envelope.slots.iter().map(|slot| slot.kind)
}

/// Stages one log record.
pub(crate) fn push(
    appender: &mut Appender,
    agent: &RawAgent,
    body: &Body,
) -> Result<Place, PushError> {
    let bytes = body.encode();
    let record = Record {
        stream: STREAM,
        kind: body.kind(),
        key: *agent,
        body: &[bytes.as_slice().into()],
    };
    appender.push(record).map(|(place, _)| place)
}

/// Reads a log record of an agent.
pub(crate) fn read(log: &Log, agent: &RawAgent, at: &Place) -> Result<Body, String> {
    let (head, body) = log.read(at).map_err(|error| error.to_string())?;
    if head.key != *agent {
        return Err("a log record of another key stands there".to_owned());
    }
    Body::decode(head.kind, agent, &body).map_err(|error| error.to_string())
}

/// Returns where the log record before this one is, of those that make up the history of an agent.
pub(crate) const fn before(body: &Body) -> Option<Place> {
    match body {
        Body::Signed(signed) => signed.before,
        Body::Confirmed { before, .. } | Body::Retired { before, .. } => *before,
        Body::Home(_)
        | Body::Enrolled { .. }
        | Body::SlotAdded { .. }
        | Body::SlotRemoved { .. }
        | Body::Restored => None,
    }
}
