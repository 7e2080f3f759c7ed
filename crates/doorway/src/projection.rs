//! Runs the projector: gives it nudges and pages, does what it asks. It decides nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base::{ContentHash, Machine as _};
use blobs::Blobs;
use chain::{AgentPubKey, DnaHash, EnvelopeRef, Item, Record, record};
use doorway_core::address;
use doorway_core::event::Event;
use doorway_core::projector::{Batch, Cursor, Input, Limits, Output, Projector, Report};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use runtime::{Clock, Shutdown};
use tokio::sync::{Notify, mpsc, watch};

use crate::feed::Feed;
use crate::hot::Hot;
use crate::source::Source;
use crate::store::{Applied, Apply, ProjectionStore, StoreError};
use crate::writing::Writing;

/// Inputs that wait for the projector; a sender beyond them waits.
const INPUTS_MAX: usize = 1_024;

/// Bytes of long bodies after which a page of a chain ends.
pub(crate) const PAGE_BODY_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// What the projector works with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) dna: DnaHash,
    pub(crate) limits: Limits,
    pub(crate) store: Arc<dyn ProjectionStore>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) writing: Writing,
    pub(crate) hot: Arc<Hot>,
    pub(crate) feed: Feed,
    pub(crate) clock: Clock,
    /// Told when words may wait to be indexed.
    pub(crate) words: Arc<Notify>,
}

/// Tells the projector what happened, and others how far it is.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) inputs: mpsc::Sender<Input>,
    status: Arc<Mutex<Status>>,
    changes: watch::Receiver<()>,
}

/// How far the projector is.
#[derive(Default)]
struct Status {
    /// Newest committed record of each chain, as far as it is known.
    heads: BTreeMap<AgentPubKey, u32>,
    /// Newest projected record of each chain.
    stored: BTreeMap<AgentPubKey, u32>,
    /// Chains that cannot be projected any further, with the reason.
    stalled: BTreeMap<AgentPubKey, Stalled>,
}

/// A chain that cannot be projected any further.
#[derive(Clone, Debug)]
pub(crate) struct Stalled {
    pub(crate) agent: AgentPubKey,
    reason: String,
    /// Whether it does not prove itself; otherwise it is tried again.
    pub(crate) is_invalid: bool,
}

impl fmt::Display for Stalled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.agent, self.reason)
    }
}

impl Handle {
    /// Says something to the projector; waits while its queue is full.
    pub(crate) async fn tell(&self, input: Input) {
        // A closed queue means that the process is ending: what is not projected now will be at the next start.
        drop(self.inputs.send(input).await);
    }

    /// Notes that a chain has grown, before anybody is told so: from now on what is not projected counts as lag.
    pub(crate) fn committed(&self, agent: &AgentPubKey, seq: u32) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let head = status.heads.entry(agent.clone()).or_default();
        *head = (*head).max(seq);
    }

    /// Waits until everything that was committed is projected, or cannot be.
    pub(crate) async fn caught_up(&self) {
        let mut changes = self.changes.clone();
        while self.lag() > 0 {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until every chain is projected as far as it is known to go, those included that cannot be.
    pub(crate) async fn copied(&self) {
        let mut changes = self.changes.clone();
        while !self.behind(1).is_empty() {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Returns how many committed records are not projected; chains that cannot be are told by `stalled`.
    pub(crate) fn lag(&self) -> u64 {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = |(agent, head): (&AgentPubKey, &u32)| {
            let stored = status
                .stored
                .get(agent)
                .map_or(0, |seq| u64::from(*seq) + 1);
            (u64::from(*head) + 1).saturating_sub(stored)
        };
        let moving = |(agent, _): &(&AgentPubKey, &u32)| !status.stalled.contains_key(*agent);
        status.heads.iter().filter(moving).map(behind).sum()
    }

    /// Returns the chains that have committed records which are not projected, at most `limit`.
    pub(crate) fn behind(&self, limit: usize) -> Vec<AgentPubKey> {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let is_behind =
            |(agent, head): &(&AgentPubKey, &u32)| status.stored.get(*agent) < Some(head);
        let behind = status.heads.iter().filter(is_behind);
        behind.map(|(agent, _)| agent.clone()).take(limit).collect()
    }

    /// Tells whether a chain does not prove itself.
    pub(crate) fn is_invalid(&self, agent: &AgentPubKey) -> bool {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let stalled = status.stalled.get(agent);
        stalled.is_some_and(|stalled| stalled.is_invalid)
    }

    /// Returns the chains that cannot be projected any further, each with the reason.
    pub(crate) fn stalled(&self) -> Vec<Stalled> {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.stalled.values().cloned().collect()
    }
}

/// Makes the projector's queue and the task that serves it.
pub(crate) fn start(
    parts: Parts,
    cursors: Vec<(AgentPubKey, Cursor)>,
    shutdown: Shutdown,
) -> (Handle, impl Future<Output = ()> + Send) {
    let (inputs, queue) = mpsc::channel(INPUTS_MAX);
    let status = Arc::new(Mutex::new(Status::default()));
    let (changed, changes) = watch::channel(());
    let handle = Handle {
        inputs,
        status: Arc::clone(&status),
        changes,
    };
    let shell = Shell {
        machine: Projector::new(parts.dna.clone(), parts.limits.clone()),
        cursors: cursors.into_iter().collect(),
        under_way: FuturesUnordered::new(),
        parts,
        status,
        changed,
    };
    (handle, shell.run(queue, shutdown))
}

struct Shell {
    machine: Projector,
    /// The store's cursors as they were read last.
    cursors: BTreeMap<AgentPubKey, Cursor>,
    under_way: FuturesUnordered<BoxFuture<'static, Input>>,
    parts: Parts,
    status: Arc<Mutex<Status>>,
    /// Tells those who wait that the status is another one.
    changed: watch::Sender<()>,
}

impl Shell {
    async fn run(mut self, mut queue: mpsc::Receiver<Input>, shutdown: Shutdown) {
        loop {
            self.perform();
            let deadline = self.deadline();
            let input = tokio::select! {
                biased;
                () = shutdown.requested() => break,
                Some(done) = self.under_way.next() => done,
                Some(input) = queue.recv() => input,
                () = deadline => Input::Timeout,
            };
            self.note(&input);
            self.changed.send_replace(());
            self.machine.handle(self.parts.clock.now(), input);
        }
        // What is being stored is finished, so that the store's files are closed in order.
        while self.under_way.next().await.is_some() {}
    }

    /// Waits until the machine wants to be woken.
    fn deadline(&self) -> impl Future<Output = ()> + use<> {
        let now = self.parts.clock.now();
        let wait = self.machine.poll_timeout().map(|(at, _)| at.since(now));
        async move {
            match wait {
                Some(wait) => tokio::time::sleep(wait.into()).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Does everything that the machine asks for.
    fn perform(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            let parts = self.parts.clone();
            match output {
                Output::Fetch {
                    agent,
                    after,
                    limit,
                } => self
                    .under_way
                    .push(Box::pin(fetch(parts, agent, after, limit))),
                Output::Store(batch) => {
                    let before = self.cursors.get(&batch.agent).cloned();
                    self.under_way.push(Box::pin(store(parts, batch, before)));
                }
                Output::Report(report) => self.report(report),
            }
        }
    }

    /// Remembers heads and cursors for `/ready` and for failures.
    fn note(&mut self, input: &Input) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match input {
            Input::Nudge { agent, seq } => {
                let head = status.heads.entry(agent.clone()).or_default();
                *head = (*head).max(*seq);
            }
            Input::Follow {
                agent,
                cursor: Some(cursor),
            }
            | Input::StoreFailed {
                agent,
                stored: Some(cursor),
                ..
            } => {
                status.stored.insert(agent.clone(), cursor.seq);
                self.cursors.insert(agent.clone(), cursor.clone());
            }
            Input::Stored { agent, seq } => {
                status.stored.insert(agent.clone(), *seq);
            }
            Input::Unfollow { agent } => {
                status.heads.remove(agent);
                status.stalled.remove(agent);
            }
            Input::Follow { cursor: None, .. }
            | Input::StoreFailed { stored: None, .. }
            | Input::Page { .. }
            | Input::BlobStored { .. }
            | Input::Timeout => {}
        }
    }

    fn report(&self, report: Report) {
        let (agent, reason, is_invalid) = match report {
            Report::CaughtUp { agent, .. } => {
                let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
                status.stalled.remove(&agent);
                drop(status);
                self.changed.send_replace(());
                return;
            }
            Report::Stalled { agent, reason, .. } => {
                tracing::warn!(%agent, %reason, "projection waits");
                (agent, reason.to_string(), false)
            }
            Report::Quarantined { agent, reason, .. } => {
                tracing::error!(%agent, %reason, "chain is not projected any further");
                (agent, reason.to_string(), true)
            }
            Report::Refused { agent } => {
                tracing::error!(%agent, "too many chains to project");
                let reason = "too many chains are projected here".to_owned();
                (agent, reason, false)
            }
        };
        let stalled = Stalled {
            agent: agent.clone(),
            reason,
            is_invalid,
        };
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.stalled.insert(agent, stalled);
        drop(status);
        self.changed.send_replace(());
    }
}

/// Reads a page of a chain with the blobs that its records point to.
async fn fetch(parts: Parts, agent: AgentPubKey, after: Option<u32>, limit: u32) -> Input {
    let fetched = parts.source.fetch(agent.clone(), after, limit).await;
    Input::Page {
        agent,
        after,
        fetched,
    }
}

/// Returns the blob that a record's envelope points to, when there is one and it is here.
pub(crate) async fn body_of(record: &Record, blobs: &Blobs) -> Option<Vec<u8>> {
    let hash = spilled_of(record)?;
    crate::blob_bytes(blobs, &hash, chain::kind::SPILLED_BYTES_MAX as u64).await
}

/// Returns which blob a record's envelope points to.
pub(crate) fn spilled_of(record: &Record) -> Option<ContentHash> {
    let envelope = EnvelopeRef::from_entry(record::present(record)?).ok()?;
    let (hash, _) = Item::spilled_ref(envelope).ok()??;
    Some(hash)
}

/// Stores a batch and makes what it changed new for readers.
async fn store(parts: Parts, batch: Batch, before: Option<Cursor>) -> Input {
    let (agent, cursor) = (batch.agent.clone(), batch.cursor.clone());
    let is_bulk = batch.is_bulk();
    let began = parts.clock.now();
    match apply(&parts, batch).await {
        Ok(Applied::Stored { event, skipped }) => {
            for (seq, reason) in skipped {
                tracing::info!(%agent, seq, reason = reason.as_str(), "record is not projected");
            }
            tell(&parts, &event, &cursor, is_bulk);
            if is_bulk {
                parts.words.notify_one();
            }
            let took_us = parts.clock.now().since(began).as_micros();
            let changes = event.changes.len();
            tracing::debug!(%agent, seq = cursor.seq, changes, took_us, "projected");
            Input::Stored {
                agent,
                seq: cursor.seq,
            }
        }
        Ok(Applied::Elsewhere(stored)) => Input::StoreFailed {
            agent,
            seq: cursor.seq,
            stored,
        },
        Err(error) => {
            let stored = parts.store.cursor(&agent).await.unwrap_or(before);
            match error {
                StoreError::Fenced { holder, epoch } => parts.writing.fenced(holder, epoch),
                error => tracing::error!(%agent, %error, "projection store failed"),
            }
            Input::StoreFailed {
                agent,
                seq: cursor.seq,
                stored,
            }
        }
    }
}

/// Claims the addresses of a batch and stores it, under the epoch that this process holds.
async fn apply(parts: &Parts, batch: Batch) -> Result<Applied, StoreError> {
    let epoch = parts.writing.epoch()?;
    let claimed = parts
        .source
        .claim(batch.agent.clone(), address::claims(&batch));
    let claims = claimed
        .await
        .map_err(|problem| StoreError::Failed(problem.to_string()))?;
    let apply = Apply {
        epoch,
        at: parts.clock.now(),
        batch,
        claims,
    };
    parts.store.apply(apply).await
}

/// Makes what was stored new for readers here, and for those who follow the log.
fn tell(parts: &Parts, event: &Event, cursor: &Cursor, is_bulk: bool) {
    // Of so many things next to nothing is in the cache, and naming each would take longer than forgetting all.
    if is_bulk {
        parts.hot.everything_changed();
    } else {
        parts.hot.changed(event);
    }
    parts.feed.grew(event.number);
    // How long after its signing the newest record became visible, for people who measure.
    let lag_us = parts.clock.now().since(cursor.timestamp).as_micros();
    tracing::trace!(target: "doorway::event::records_projected", agent = %event.agent, seq = cursor.seq, lag_us);
}
