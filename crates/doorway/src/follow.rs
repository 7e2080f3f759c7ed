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

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{EventView, FollowView};
use base::{Code, Problem, Timestamp};
use chain::{AgentPubKey, DnaHash};
use client::Events;
use doorway_core::address::Address;
use doorway_core::projector::Input;
use runtime::{Clock, Shutdown};
use tokio::time;

use crate::mirror::Mirror;
use crate::projection::Handle;
use crate::store::ProjectionStore;

/// Waits between two attempts to reach the other doorway: the first, and the longest.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(200);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(15);

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
    fault: String,
    /// How far each chain is projected there.
    announced: BTreeMap<AgentPubKey, u32>,
    /// When the authors of the pages in hand used their addresses.
    claims: BTreeMap<AgentPubKey, BTreeMap<Address, u64>>,
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

    /// Returns how it stands, given how many announced records are not projected.
    pub(crate) fn view(&self, lag_records: u64) -> FollowView {
        let status = self.status();
        FollowView {
            url: self.0.upstream.address().to_string(),
            is_connected: status.is_connected,
            is_complete: status.is_complete,
            lag_records,
            heard_at_us: status.heard_at.map_or(0, Timestamp::as_micros),
            fault: status.fault.clone(),
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
            let before = cursor.clone();
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
                status.fault = problem
                    .map(|problem| problem.to_string())
                    .unwrap_or_default();
            }
            delay = if cursor == before {
                (delay * 2).min(RETRY_DELAY_MAX)
            } else {
                RETRY_DELAY_MIN
            };
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
            self.status().heard_at = Some(self.0.clock.now());
            match event.name.as_str() {
                "chain" => {
                    let view: EventView = serde_json::from_str(&event.data)
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
            () = projection.caught_up() => {
                self.status().is_complete = true;
                complete();
                events.next().await
            }
        }
    }

    /// Notes how far a chain is projected there, and has it copied.
    async fn announce(
        &self,
        view: &EventView,
        store: &dyn ProjectionStore,
        projection: &Handle,
    ) -> Result<(), Problem> {
        let agent = AgentPubKey::try_from(view.agent.as_str())
            .map_err(|_| Problem::new(Code::ServerAnswer, "an event names no agent"))?;
        let is_new = {
            let mut status = self.status();
            let known = status.announced.get(&agent).copied();
            let seq = known.map_or(view.seq, |known| known.max(view.seq));
            status.announced.insert(agent.clone(), seq);
            known.is_none()
        };
        projection.committed(&agent, view.seq);
        if is_new {
            let cursor = store.cursor(&agent).await?;
            let agent = agent.clone();
            projection.tell(Input::Follow { agent, cursor }).await;
        }
        let seq = view.seq;
        projection.tell(Input::Nudge { agent, seq }).await;
        Ok(())
    }
}
