//! Where the projector reads chains: the conductor that hosts them, or the doorway that is followed.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Problem;
use blobs::Blobs;
use chain::{AgentPubKey, DnaHash};
use conductor::{CellId, Conductor};
use doorway_core::address::{Address, Claim};
use doorway_core::projector::{FetchFault, Fetched, Input};
use futures::future::BoxFuture;
use tokio::sync::{broadcast, mpsc};

use crate::community::Community;
use crate::projection::{PAGE_BODY_BYTES_MAX, body_of};

/// Chains with all that is needed to project them.
pub(crate) trait Source: Send + Sync {
    /// Reads the records of a chain after `after`, at most `limit`, with the blobs that their envelopes point to.
    fn fetch(
        &self,
        agent: AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Fetched>, FetchFault>>;

    /// Returns the places of an author's addresses in the order of arrival.
    fn claim(
        &self,
        agent: AgentPubKey,
        addresses: BTreeSet<Address>,
    ) -> BoxFuture<'_, Result<Vec<Claim>, Problem>>;
}

/// Chains that are hosted here.
pub(crate) struct Hosted {
    pub(crate) dna: DnaHash,
    pub(crate) conductor: Arc<dyn Conductor>,
    pub(crate) community: Community,
    pub(crate) blobs: Blobs,
}

impl Source for Hosted {
    fn fetch(
        &self,
        agent: AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Fetched>, FetchFault>> {
        Box::pin(async move {
            let cell = CellId {
                dna: self.dna.clone(),
                agent,
            };
            let page = self.conductor.chain(&cell, after, limit).await;
            let page = page.map_err(|fault| FetchFault(fault.to_string()))?;
            let mut fetched = Vec::with_capacity(page.records.len());
            let mut bytes = 0;
            for record in page.records {
                let body = body_of(&record, &self.blobs).await;
                bytes += body.as_ref().map_or(0, Vec::len);
                fetched.push(Fetched { record, body });
                if bytes > PAGE_BODY_BYTES_MAX {
                    break;
                }
            }
            Ok(fetched)
        })
    }

    fn claim(
        &self,
        agent: AgentPubKey,
        addresses: BTreeSet<Address>,
    ) -> BoxFuture<'_, Result<Vec<Claim>, Problem>> {
        Box::pin(async move { self.community.claim(addresses, &agent.to_string()).await })
    }
}

/// Passes the conductor's nudges on, as long as somebody listens.
pub(crate) async fn pass_nudges(
    dna: DnaHash,
    mut nudges: broadcast::Receiver<conductor::Nudge>,
    inputs: mpsc::Sender<Input>,
) {
    loop {
        let nudge = match nudges.recv().await {
            Ok(nudge) if nudge.cell.dna == dna => nudge,
            // Another community's, or lost: the projector polls, so nothing is missed for long.
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let input = Input::Nudge {
            agent: nudge.cell.agent,
            seq: nudge.seq,
        };
        if inputs.send(input).await.is_err() {
            return;
        }
    }
}
