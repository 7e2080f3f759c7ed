//! Follows another doorway: copies what everybody may see, and believes nothing that does not prove itself.
//!
//! The log of events says that a chain has moved; the chain's records are fetched, verified and projected as those of
//! a conductor are. Blobs come along before the records that need them.
//!
//! # Invariants
//! A record is shown only after the whole chain before it was verified.
//! What the other doorway says is trusted for three things alone: which chains there are, which author used an address
//! first, and what it leaves out.

mod source;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::FollowView;
use base::{Code, Problem, Timestamp};
use chain::{AgentPubKey, DnaHash};
use client::Events;
use doorway_core::address::Address;
use doorway_core::projector::Input;
use runtime::{Clock, Shutdown};
use serde::Deserialize;
use tokio::time;

use crate::mirror::Mirror;
use crate::projection::Handle;
use crate::store::ProjectionStore;

/// Waits between two attempts to reach the other doorway: the first, and the longest.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(200);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(15);

/// Most chains that are copied; a doorway that names more is not believed.
const CHAINS_MAX: usize = 100_000;

/// The other doorway, and what is known of it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Follow(Arc<Inner>);

struct Inner {
    upstream: client::Doorway,
    dna: DnaHash,
    mirror: Mirror,
    clock: Clock,
    status: Mutex<Status>,
}

#[derive(Default)]
struct Status {
    is_connected: bool,
    /// Whether all chains were told at least once.
    is_live: bool,
    /// Whether everything that was told then has been copied.
    is_complete: bool,
    heard_at: Option<Timestamp>,
    /// Whether anything was heard in the newest session.
    is_heard: bool,
    fault: String,
    /// How far each chain is projected there.
    announced: BTreeMap<AgentPubKey, u32>,
    /// When the authors of the pages in hand used their addresses, in the order of the addresses.
    claims: BTreeMap<AgentPubKey, Arc<Vec<(Address, u64)>>>,
    /// Chains of which something was served that cannot be right.
    refused: BTreeSet<AgentPubKey>,
    /// Why the other doorway could not be asked for a chain the last time; only chains that wait for it.
    away: BTreeMap<AgentPubKey, String>,
    /// Chains that are told to go on from another record than the one that was copied, with the reason.
    forks: BTreeMap<AgentPubKey, String>,
}

/// What matters here of [`api::EventView`]. What changed there is found out from the records.
#[derive(Deserialize)]
struct Announced<'a> {
    #[serde(borrow)]
    agent: Cow<'a, str>,
    seq: u32,
    #[serde(borrow)]
    action_hash: Cow<'a, str>,
}

impl Follow {
    pub(crate) fn new(
        upstream: client::Doorway,
        dna: DnaHash,
        mirror: Mirror,
        clock: Clock,
        is_complete: bool,
    ) -> Self {
        let status = Status {
            is_complete,
            ..Status::default()
        };
        Self(Arc::new(Inner {
            upstream,
            dna,
            mirror,
            clock,
            status: Mutex::new(status),
        }))
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether something of a chain was served that cannot be right.
    pub(crate) fn is_refused(&self, agent: &AgentPubKey) -> bool {
        self.status().refused.contains(agent)
    }

    /// Tells whether a chain waits for nothing but the other doorway, which is out of reach.
    pub(crate) fn is_away(&self, agent: &AgentPubKey) -> bool {
        self.status().away.contains_key(agent)
    }

    /// Returns the chains of which the other doorway told two different stories, each with the record in question.
    pub(crate) fn forks(&self) -> Vec<String> {
        let status = self.status();
        let line = |(agent, reason): (&AgentPubKey, &String)| {
            format!("{} {agent}: {reason}", Code::SourceForged)
        };
        status.forks.iter().map(line).collect()
    }

    /// Returns how it stands, given how many announced records are not projected.
    pub(crate) fn view(&self, lag_records: u64) -> FollowView {
        let status = self.status();
        // A chain may notice that nobody is there before the log does.
        let away = status
            .away
            .values()
            .next()
            .filter(|_| status.fault.is_empty());
        FollowView {
            url: self.0.upstream.address().to_string(),
            is_connected: status.is_connected,
            is_complete: status.is_complete,
            lag_records,
            heard_at_us: status.heard_at.map_or(0, Timestamp::as_micros),
            fault: away.unwrap_or(&status.fault).clone(),
        }
    }

    /// Reads the log for as long as the process lives; calls `complete` once everything is here for the first time.
    pub(crate) async fn run(
        self,
        store: Arc<dyn ProjectionStore>,
        projection: Handle,
        complete: impl Fn(),
        shutdown: Shutdown,
    ) {
        let mut cursor: Option<String> = None;
        let mut delay = RETRY_DELAY_MIN;
        loop {
            self.status().is_heard = false;
            let session = self.session(&mut cursor, store.as_ref(), &projection, &complete);
            let Some(ended) = shutdown.race(session).await else {
                return;
            };
            let problem = ended.err();
            if let Some(problem) = &problem {
                tracing::debug!(%problem, "the followed doorway is out of reach");
            }
            {
                let mut status = self.status();
                status.is_connected = false;
                status.fault = problem.as_ref().map(told).unwrap_or_default();
                // Who said anything is there; who says nothing is left in peace for longer and longer.
                delay = if status.is_heard {
                    RETRY_DELAY_MIN
                } else {
                    (delay * 2).min(RETRY_DELAY_MAX)
                };
            }
            if shutdown.race(time::sleep(delay)).await.is_none() {
                return;
            }
        }
    }

    /// Reads the log until the connection ends.
    async fn session(
        &self,
        cursor: &mut Option<String>,
        store: &dyn ProjectionStore,
        projection: &Handle,
        complete: &impl Fn(),
    ) -> Result<(), Problem> {
        let version = self.0.upstream.version().await?;
        if version.community.dna_hash != self.0.dna.to_string() {
            let detail = format!(
                "{} belongs to another community now: {}",
                self.0.upstream.address(),
                version.community.name
            );
            return Err(Problem::new(Code::SourceForged, detail));
        }
        let mut events = self.0.upstream.events(cursor.as_deref()).await?;
        {
            let mut status = self.status();
            status.is_connected = true;
            status.fault.clear();
        }
        loop {
            let next = self.next(&mut events, projection, complete).await?;
            let Some(event) = next else {
                return Ok(());
            };
            {
                let mut status = self.status();
                status.heard_at = Some(self.0.clock.now());
                status.is_heard = true;
            }
            match event.name.as_str() {
                "chain" => {
                    let view: Announced<'_> = serde_json::from_str(&event.data)
                        .map_err(|error| Problem::new(Code::ServerAnswer, error.to_string()))?;
                    self.announce(&view, store, projection).await?;
                }
                "live" => self.status().is_live = true,
                "outdated" => tracing::info!("the log was read from the state of all chains"),
                "closed" => return Ok(()),
                // Newer doorways may tell more.
                _ => {}
            }
            if !event.id.is_empty() {
                *cursor = Some(event.id);
            }
        }
    }

    /// Waits for the next event; meanwhile notes when everything is copied.
    async fn next(
        &self,
        events: &mut Events,
        projection: &Handle,
        complete: &impl Fn(),
    ) -> Result<Option<client::Event>, Problem> {
        let is_due = {
            let status = self.status();
            status.is_live && !status.is_complete
        };
        if !is_due {
            return events.next().await;
        }
        tokio::select! {
            biased;
            event = events.next() => event,
            // A copy that lacks a chain, for whatever reason, is not complete and gets no visitors.
            () = projection.copied() => {
                self.status().is_complete = true;
                complete();
                events.next().await
            }
        }
    }

    /// Compares what is announced with the record that was copied: at one place of a chain there is one record.
    async fn compare(
        &self,
        agent: &AgentPubKey,
        view: &Announced<'_>,
        store: &dyn ProjectionStore,
    ) -> Result<(), Problem> {
        let cursor = store.cursor(agent).await?;
        if cursor.is_none_or(|cursor| cursor.seq < view.seq) {
            return Ok(());
        }
        let rows = store.chain(agent, view.seq.checked_sub(1), 1).await?;
        let copied = rows
            .records
            .first()
            .map(|record| record.action_address().to_string());
        let mut status = self.status();
        if copied.as_deref() == Some(view.action_hash.as_ref()) {
            status.forks.remove(agent);
            return Ok(());
        }
        let reason = format!(
            "record {} is announced as {}, and {} was copied",
            view.seq,
            view.action_hash,
            copied.unwrap_or_default()
        );
        tracing::error!(%agent, seq = view.seq, "a chain is told in two ways");
        status.forks.insert(agent.clone(), reason);
        Ok(())
    }

    /// Notes how far a chain is projected there, and has it copied.
    async fn announce(
        &self,
        view: &Announced<'_>,
        store: &dyn ProjectionStore,
        projection: &Handle,
    ) -> Result<(), Problem> {
        let agent = AgentPubKey::try_from(view.agent.as_ref())
            .map_err(|_| Problem::new(Code::ServerAnswer, "an event names no agent"))?;
        self.compare(&agent, view, store).await?;
        let is_new = {
            let mut status = self.status();
            let known = status.announced.get(&agent).copied();
            if known.is_none() && status.announced.len() >= CHAINS_MAX {
                let detail = format!("more than {CHAINS_MAX} chains were named");
                return Err(Problem::new(Code::SourceForged, detail));
            }
            let seq = known.map_or(view.seq, |known| known.max(view.seq));
            status.announced.insert(agent.clone(), seq);
            known.is_none()
        };
        projection.committed(&agent, view.seq);
        // A chain that did not prove itself is looked at again when it has grown: it may have been mended.
        if is_new || projection.is_invalid(&agent) {
            let cursor = store.cursor(&agent).await?;
            let agent = agent.clone();
            projection.tell(Input::Follow { agent, cursor }).await;
        }
        let seq = view.seq;
        projection.tell(Input::Nudge { agent, seq }).await;
        Ok(())
    }
}

/// Says what is wrong; what was served wrongly carries its code.
fn told(problem: &Problem) -> String {
    match problem.code {
        Code::SourceForged => format!("{} {problem}", problem.code),
        _ => problem.to_string(),
    }
}
