//! Pages of chains from the doorway that is followed, with the blobs that they need.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::ClaimView;
use base::{Code, ContentHash, Problem, Reach};
use chain::kind::{BlobManifest, Opened};
use chain::{AgentPubKey, EnvelopeRef, Item, Record, record};
use client::{ChainPage, Scratch};
use doorway_core::address::{Address, Claim};
use doorway_core::projector::{FetchFault, Fetched};
use futures::future::BoxFuture;
use tokio::time;

use super::Follow;
use crate::mirror::Ended;
use crate::present;
use crate::source::Source;

/// How long one page waits for its blobs; what has not arrived by then goes on arriving, and the page ends before it.
const BLOBS_WAIT_MAX: Duration = Duration::from_secs(20);

/// The number of an address about which the other doorway said nothing: behind all others.
const UNKNOWN_NUMBER: u64 = i64::MAX.cast_unsigned();

/// Why a page cannot be taken.
enum Bring {
    /// It may work later.
    Later(String),
    /// What was served cannot be right.
    Forged(String),
}

/// What a record needs before it can be shown.
enum Need {
    /// Nothing.
    Nothing,
    /// The blob that holds its text.
    Body(ContentHash),
    /// The blob that it is a manifest of.
    Blob(ContentHash),
}

impl Source for Follow {
    fn fetch(
        &self,
        agent: AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Fetched>, FetchFault>> {
        Box::pin(self.page(agent, after, limit))
    }

    fn claim(
        &self,
        agent: AgentPubKey,
        addresses: BTreeSet<Address>,
    ) -> BoxFuture<'_, Result<Vec<Claim>, Problem>> {
        let told = self.status().claims.get(&agent).map(Arc::clone);
        // Both are in order, so one walk finds them all.
        let mut told = told.as_deref().into_iter().flatten().peekable();
        let claim = |address: Address| {
            while told.next_if(|(other, _)| *other < address).is_some() {}
            let known = told.next_if(|(other, _)| *other == address);
            Claim {
                number: known.map_or(UNKNOWN_NUMBER, |(_, number)| *number),
                address,
            }
        };
        let claims = addresses.into_iter().map(claim).collect();
        Box::pin(std::future::ready(Ok(claims)))
    }
}

impl Follow {
    /// Reads a page up to what was announced, so that everything in it can be read there.
    async fn page(
        &self,
        agent: AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Fetched>, FetchFault> {
        let announced = self.status().announced.get(&agent).copied();
        let Some(last) = announced.filter(|last| after.is_none_or(|after| after < *last)) else {
            return Ok(Vec::new());
        };
        let name = agent.to_string();
        let upstream = &self.0.upstream;
        let fault = |problem: Problem| FetchFault(problem.to_string());
        let answer = upstream.chain_page(&name, after, limit).await;
        self.note_reach(&agent, answer.as_ref().err());
        let answer = answer.map_err(fault)?;
        let view = ChainPage::read(&answer).map_err(fault)?;
        let brought = self.bring(&agent, &view, after, last).await;
        let claims = claims(view.claims);
        let mut status = self.status();
        match brought {
            Ok(page) => {
                status.refused.remove(&agent);
                status.claims.insert(agent, Arc::new(claims));
                Ok(page)
            }
            Err(Bring::Later(reason)) => {
                if !status.is_connected {
                    status.away.insert(agent, reason.clone());
                }
                Err(FetchFault(reason))
            }
            Err(Bring::Forged(reason)) => {
                tracing::warn!(%agent, reason, "something was served that cannot be right");
                status.refused.insert(agent);
                Err(FetchFault(reason))
            }
        }
    }

    /// Notes whether a chain waits for a doorway that is out of reach.
    fn note_reach(&self, agent: &AgentPubKey, problem: Option<&Problem>) {
        let mut status = self.status();
        let is_away = |problem: &&Problem| {
            matches!(
                problem.code,
                Code::ServerUnreachable | Code::Unavailable | Code::ShuttingDown
            )
        };
        match problem.filter(is_away) {
            Some(problem) => drop(status.away.insert(agent.clone(), problem.to_string())),
            None => drop(status.away.remove(agent)),
        }
    }

    /// Decodes the records of a page and brings their blobs; the page ends before a record whose blob is not here yet.
    async fn bring(
        &self,
        agent: &AgentPubKey,
        view: &ChainPage<'_>,
        after: Option<u32>,
        last: u32,
    ) -> Result<Vec<Fetched>, Bring> {
        if view.agent != agent.to_string() || view.dna_hash != self.0.dna.to_string() {
            return Err(Bring::Forged("another chain was served".to_owned()));
        }
        let deadline = time::Instant::now() + BLOBS_WAIT_MAX;
        let wanted = after.map_or(0, |after| after + 1);
        let mut page = Vec::with_capacity(view.records.len());
        let (mut bytes, mut scratch) = (0, Scratch::default());
        for record in &view.records {
            let record = match record.decode(&mut scratch) {
                Ok(record) => record,
                Err(error) if page.is_empty() => {
                    let reason = format!("a record cannot be read: {error}");
                    return Err(Bring::Forged(reason));
                }
                // The next page begins with it.
                Err(_) => break,
            };
            let seq = record.action().action_seq();
            if page.is_empty() && wanted < seq {
                let reason = format!("record {seq} came where {wanted} was expected");
                return Err(Bring::Forged(reason));
            }
            if seq > last {
                break;
            }
            match time::timeout_at(deadline, self.complete(&record)).await {
                Ok(Ok(body)) => {
                    bytes += body.as_ref().map_or(0, Vec::len);
                    page.push(Fetched { record, body });
                }
                Ok(Err(fault)) if page.is_empty() => return Err(fault),
                Err(_) if page.is_empty() => {
                    return Err(Bring::Later("a blob is still being copied".to_owned()));
                }
                Ok(Err(_)) | Err(_) => break,
            }
            if bytes > crate::projection::PAGE_BODY_BYTES_MAX {
                break;
            }
        }
        if page.is_empty() {
            // What the log announces is there before it is announced.
            let reason = format!("record {last} was announced and is not there");
            return Err(Bring::Forged(reason));
        }
        Ok(page)
    }

    /// Copies the blob that a record needs, and returns the body that is in it.
    async fn complete(&self, record: &Record) -> Result<Option<Vec<u8>>, Bring> {
        let (hash, is_body) = match need(record) {
            Need::Nothing => return Ok(None),
            Need::Body(hash) => (hash, true),
            Need::Blob(hash) => (hash, false),
        };
        match self.0.mirror.copy(&hash).await {
            Ended::Here if is_body => Ok(self.0.mirror.body(&hash).await),
            // A manifest whose blob is gone is history like any other record.
            Ended::Here | Ended::Absent => Ok(None),
            Ended::Failed(reason) => Err(Bring::Later(reason)),
            Ended::Forged(reason) => Err(Bring::Forged(reason)),
        }
    }
}

fn need(record: &Record) -> Need {
    let envelope = record::present(record).and_then(EnvelopeRef::peek);
    let Some(envelope) = envelope else {
        return Need::Nothing;
    };
    match Item::spilled_ref(envelope) {
        Ok(Some((hash, _))) => Need::Body(hash),
        // Pages are not read twice for this: of what is not in a blob, only manifests name one.
        Ok(None) if envelope.kind == BlobManifest::KIND => manifest(envelope),
        Ok(None) | Err(_) => Need::Nothing,
    }
}

/// Returns the blob that a manifest is of, when everybody may see it.
fn manifest(envelope: EnvelopeRef<'_>) -> Need {
    match Item::open_ref(envelope) {
        Ok(Opened::Item(Item::BlobManifest(manifest))) if manifest.reach.0 == Reach::Commons => {
            Need::Blob(manifest.id())
        }
        Ok(Opened::Item(_) | Opened::Spilled { .. }) | Err(_) => Need::Nothing,
    }
}

/// Returns when addresses were used first, in the order of the addresses, the last word on each.
fn claims(views: Vec<ClaimView>) -> Vec<(Address, u64)> {
    let address = |view: ClaimView| {
        let kind = present::kind_of(&view.r#type)?;
        let ClaimView {
            course,
            slug,
            number,
            ..
        } = view;
        Some((Address { kind, course, slug }, number))
    };
    let mut claims: Vec<_> = views.into_iter().filter_map(address).collect();
    claims.reverse();
    claims.sort_by(|(one, _), (other, _)| one.cmp(other));
    claims.dedup_by(|(later, _), (kept, _)| later == kept);
    claims
}
