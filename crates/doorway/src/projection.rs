//! Runs the projector: gives it nudges and pages, does what it asks. It decides nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::{ContentHash, Machine as _, Timestamp};
use blobs::Blobs;
use chain::kind::Opened;
use chain::{AgentPubKey, DnaHash, Envelope, Item, Record, record};
use conductor::{CellId, Conductor, Nudge};
use doorway_core::address;
use doorway_core::projector::{
    Batch, Cursor, FetchFault, Fetched, Input, Limits, Output, Projector, Report,
};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use runtime::{Clock, Shutdown};
use tokio::sync::{broadcast, mpsc, watch};

use crate::community::Community;
use crate::hot::Hot;
use crate::store::{Applied, ProjectionStore, StoreError};

/// Inputs that wait for the projector; a sender beyond them waits.
const INPUTS_MAX: usize = 1_024;

/// Bytes of long bodies after which a page of a chain ends.
pub(crate) const PAGE_BODY_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// What the projector works with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) dna: DnaHash,
    pub(crate) store: Arc<dyn ProjectionStore>,
    pub(crate) community: Community,
    pub(crate) conductor: Arc<dyn Conductor>,
    pub(crate) blobs: Blobs,
    pub(crate) hot: Arc<Hot>,
    pub(crate) clock: Clock,
}

/// Tells the projector what happened, and others how far it is.
#[derive(Clone)]
pub(crate) struct Handle {
    inputs: mpsc::Sender<Input>,
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
    stalled: BTreeMap<AgentPubKey, String>,
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

    /// Returns the chains that cannot be projected any further, each with the reason.
    pub(crate) fn stalled(&self) -> Vec<String> {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(agent, reason): (&AgentPubKey, &String)| format!("{agent}: {reason}");
        status.stalled.iter().map(line).collect()
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
    let nudges = parts.conductor.nudges();
    let shell = Shell {
        machine: Projector::new(parts.dna.clone(), Limits::default()),
        cursors: cursors.into_iter().collect(),
        under_way: FuturesUnordered::new(),
        parts,
        status,
        changed,
    };
    (handle, shell.run(queue, nudges, shutdown))
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
    async fn run(
        mut self,
        mut queue: mpsc::Receiver<Input>,
        mut nudges: broadcast::Receiver<Nudge>,
        shutdown: Shutdown,
    ) {
        loop {
            self.perform();
            let deadline = self.deadline();
            let input = tokio::select! {
                biased;
                () = shutdown.requested() => break,
                Some(done) = self.under_way.next() => done,
                Some(input) = queue.recv() => input,
                nudge = nudges.recv() => match nudge {
                    Ok(nudge) if nudge.cell.dna == self.parts.dna => Input::Nudge {
                        agent: nudge.cell.agent,
                        seq: nudge.seq,
                    },
                    // Another community's, or lost: the projector polls, so nothing is missed for long.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => break,
                },
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
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::CaughtUp { agent, .. } => {
                status.stalled.remove(&agent);
            }
            Report::Stalled { agent, reason, .. } => {
                tracing::warn!(%agent, %reason, "projection waits");
                status.stalled.insert(agent, reason.to_string());
            }
            Report::Quarantined { agent, reason, .. } => {
                tracing::error!(%agent, %reason, "chain is not projected any further");
                status.stalled.insert(agent, reason.to_string());
            }
            Report::Refused { agent } => {
                tracing::error!(%agent, "too many chains to project");
                status
                    .stalled
                    .insert(agent, "too many chains are projected here".to_owned());
            }
        }
        drop(status);
        self.changed.send_replace(());
    }
}

/// Reads a page of a chain with the blobs that its records point to.
async fn fetch(parts: Parts, agent: AgentPubKey, after: Option<u32>, limit: u32) -> Input {
    let cell = CellId {
        dna: parts.dna.clone(),
        agent: agent.clone(),
    };
    let fetched = match parts.conductor.chain(&cell, after, limit).await {
        Err(fault) => Err(FetchFault(fault.to_string())),
        Ok(page) => {
            let mut fetched = Vec::with_capacity(page.records.len());
            let mut bytes = 0;
            for record in page.records {
                let body = body_of(&record, &parts.blobs).await;
                bytes += body.as_ref().map_or(0, Vec::len);
                fetched.push(Fetched { record, body });
                if bytes > PAGE_BODY_BYTES_MAX {
                    break;
                }
            }
            Ok(fetched)
        }
    };
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
    let envelope = Envelope::from_entry(record::present(record)?).ok()?;
    match Item::open(&envelope).ok()? {
        Opened::Spilled { hash, .. } => Some(hash),
        Opened::Item(_) => None,
    }
}

/// Stores a batch and makes what it changed new for readers.
async fn store(parts: Parts, batch: Batch, before: Option<Cursor>) -> Input {
    let (agent, cursor) = (batch.agent.clone(), batch.cursor.clone());
    let began = parts.clock.now();
    let newest = batch.changes.len();
    let claimed = parts
        .community
        .claim(address::claims(&batch), &agent.to_string())
        .await;
    let applied = match claimed {
        Ok(()) => parts.store.apply(batch.clone()).await,
        Err(problem) => Err(StoreError::Failed(problem.to_string())),
    };
    match applied {
        Ok(Applied::Stored { skipped, .. }) => {
            parts.hot.changed(&batch);
            for (seq, reason) in skipped {
                tracing::info!(%agent, seq, reason = reason.as_str(), "record is not projected");
            }
            trace_lag(&batch, parts.clock.now());
            let took_us = parts.clock.now().since(began).as_micros();
            tracing::debug!(%agent, seq = cursor.seq, changes = newest, took_us, "projected");
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
            tracing::error!(%agent, %error, "projection store failed");
            let stored = match parts.store.cursors().await {
                Ok(cursors) => cursors
                    .into_iter()
                    .find_map(|(other, cursor)| (other == agent).then_some(cursor)),
                Err(_) => before,
            };
            Input::StoreFailed {
                agent,
                seq: cursor.seq,
                stored,
            }
        }
    }
}

/// Says for each record of a batch how long after its signing it became visible, for people who measure.
fn trace_lag(batch: &Batch, now: Timestamp) {
    let lag_us = now.since(batch.cursor.timestamp).as_micros();
    tracing::trace!(target: "doorway::event::records_projected", agent = %batch.agent, seq = batch.cursor.seq, lag_us);
}
