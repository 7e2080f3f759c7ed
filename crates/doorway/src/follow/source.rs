//! Pages of chains from the doorway that is followed, with the blobs that they need.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::{ChainView, ClaimView};
use base::{ContentHash, Problem, Reach};
use chain::kind::Opened;
use chain::{AgentPubKey, Envelope, Item, Record, record};
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
        let told = self
            .status()
            .claims
            .get(&agent)
            .cloned()
            .unwrap_or_default();
        let claim = |address: Address| Claim {
            number: told.get(&address).copied().unwrap_or(UNKNOWN_NUMBER),
            address,
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
        let view = upstream.chain(&name, after, limit, None).await;
        let view = view.map_err(|problem| FetchFault(problem.to_string()))?;
        if view.agent != name || view.dna_hash != self.0.dna.to_string() {
            return Err(FetchFault("another chain was served".to_owned()));
        }
        let page = self.bring(&view, last).await?;
        self.status().claims.insert(agent, claims(view.claims));
        Ok(page)
    }

    /// Decodes the records of a page and brings their blobs; the page ends before a record whose blob is not here yet.
    async fn bring(&self, view: &ChainView, last: u32) -> Result<Vec<Fetched>, FetchFault> {
        let deadline = time::Instant::now() + BLOBS_WAIT_MAX;
        let mut page = Vec::with_capacity(view.records.len());
        let mut bytes = 0;
        for record in &view.records {
            let record = record
                .decode()
                .map_err(|error| FetchFault(format!("a record cannot be read: {error}")))?;
            if record.action().action_seq() > last {
                break;
            }
            match time::timeout_at(deadline, self.complete(&record)).await {
                Ok(Ok(body)) => {
                    bytes += body.as_ref().map_or(0, Vec::len);
                    page.push(Fetched { record, body });
                }
                Ok(Err(fault)) if page.is_empty() => return Err(fault),
                Err(_) if page.is_empty() => {
                    return Err(FetchFault("a blob is still being copied".to_owned()));
                }
                Ok(Err(_)) | Err(_) => break,
            }
            if bytes > crate::projection::PAGE_BODY_BYTES_MAX {
                break;
            }
        }
        Ok(page)
    }

    /// Copies the blob that a record needs, and returns the body that is in it.
    async fn complete(&self, record: &Record) -> Result<Option<Vec<u8>>, FetchFault> {
        let (hash, is_body) = match need(record) {
            Need::Nothing => return Ok(None),
            Need::Body(hash) => (hash, true),
            Need::Blob(hash) => (hash, false),
        };
        match self.0.mirror.copy(&hash).await {
            Ended::Here if is_body => Ok(self.0.mirror.body(&hash).await),
            // A manifest whose blob is gone is history like any other record.
            Ended::Here | Ended::Absent => Ok(None),
            Ended::Failed(reason) | Ended::Forged(reason) => Err(FetchFault(reason)),
        }
    }
}

fn need(record: &Record) -> Need {
    let envelope = record::present(record).and_then(|entry| Envelope::from_entry(entry).ok());
    let opened = envelope.and_then(|envelope| Item::open(&envelope).ok());
    match opened {
        Some(Opened::Spilled { hash, bytes }) if bytes <= chain::kind::SPILLED_BYTES_MAX as u64 => {
            Need::Body(hash)
        }
        Some(Opened::Item(Item::BlobManifest(manifest)))
            if Item::BlobManifest(manifest.clone()).reach() == Reach::Commons =>
        {
            Need::Blob(manifest.id())
        }
        Some(Opened::Item(_) | Opened::Spilled { .. }) | None => Need::Nothing,
    }
}

fn claims(views: Vec<ClaimView>) -> BTreeMap<Address, u64> {
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
    views.into_iter().filter_map(address).collect()
}
