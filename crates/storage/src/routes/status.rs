//! What is known of a blob: once, or as it changes.

use std::convert::Infallible;
use std::time::Duration;

use api::{BlobLeaseView, BlobStatusView, EvidenceView, SCHEMA_VERSION};
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use base::{Code, ContentHash, Problem, Timestamp};
use blobs::{Blobs, Status};
use bytes::Bytes;
use futures::{Stream, stream};
use http_kit::{Json, Path, ProblemResponse, Query};
use runtime::Shutdown;
use storage_core::access::Action;
use storage_core::tier::Tier;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::nothing;
use super::read::Parameters;
use crate::service::Storage;
use crate::sse;

/// The last tier that a node can bring a blob to by itself; the others need peers.
const TIER_MAX: Tier = Tier::Accepted;

/// How long a stream lasts at most.
const STREAM_MAX: Duration = Duration::from_secs(600);

/// How often a stream looks for what changes without a new tier, and says that it is there.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);

pub(super) async fn read(
    State(storage): State<Storage>,
    method: Method,
    headers: HeaderMap,
    Path(hash): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, ProblemResponse> {
    let hash = super::hash(&hash)?;
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::Read).await?;
    let view = look(&shelf.blobs, &hash, storage.now()).await?;
    let view = view.ok_or_else(nothing)?;
    if method == Method::HEAD || !sse::is_wanted(&headers) {
        return Ok(Json(view).into_response());
    }
    let place = storage.stream_place();
    let place = place.ok_or_else(|| Problem::new(Code::Overloaded, "too many streams are open"))?;
    let watch = Watch {
        shutdown: storage.0.shutdown.clone(),
        blobs: shelf.blobs,
        hash,
        storage,
        ends: Instant::now() + STREAM_MAX,
        next: Next::Tell(Box::new(view)),
        told: None,
        _place: place,
    };
    Ok(sse::response(events(watch)))
}

/// One reader who watches a blob.
struct Watch {
    storage: Storage,
    blobs: Blobs,
    hash: ContentHash,
    shutdown: Shutdown,
    ends: Instant,
    next: Next,
    told: Option<BlobStatusView>,
    _place: OwnedSemaphorePermit,
}

/// What a watch does next.
enum Next {
    Tell(Box<BlobStatusView>),
    Wait,
    End,
}

fn events(watch: Watch) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    stream::unfold(watch, |mut watch| async move {
        let bytes = watch.step().await?;
        Some((Ok(bytes), watch))
    })
}

impl Watch {
    /// Returns what is sent next; `None` at the end.
    async fn step(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.next, Next::Wait) {
            Next::End => return None,
            Next::Tell(view) => return Some(self.tell(*view)),
            Next::Wait => {}
        }
        if Instant::now() >= self.ends {
            return None;
        }
        let wanted = match self.told.as_ref().map(|view| view.tier.as_str()) {
            Some("durable") => Tier::Verified,
            _ => Tier::Durable,
        };
        let wait = LOOK_INTERVAL.min(self.ends - Instant::now());
        let waited = self.blobs.wait(&self.hash, wanted, wait);
        // What it says is read again below, with everything else.
        drop(self.shutdown.race(waited).await?);
        match look(&self.blobs, &self.hash, self.storage.now()).await {
            Ok(Some(view)) if self.is_news(&view) => Some(self.tell(view)),
            Ok(Some(_)) => Some(Bytes::from_static(b": still here\n\n")),
            Ok(None) => {
                self.next = Next::End;
                Some(Bytes::from_static(b"event: gone\ndata: {}\n\n"))
            }
            Err(problem) => {
                tracing::warn!(%problem, "the status of a blob cannot be read");
                None
            }
        }
    }

    /// Tells whether something has changed; the end of a lease is counted from now, so that it always moves a little.
    fn is_news(&self, view: &BlobStatusView) -> bool {
        self.told.as_ref().is_none_or(|told| {
            let now = BlobStatusView {
                lease_until_us: told.lease_until_us,
                leases: told.leases.clone(),
                ..view.clone()
            };
            *told != now || told.leases.len() != view.leases.len()
        })
    }

    fn tell(&mut self, view: BlobStatusView) -> Bytes {
        if view.tier == TIER_MAX.as_str() {
            self.next = Next::End;
        }
        let bytes = sse::event("status", &view);
        self.told = Some(view);
        bytes
    }
}

async fn look(
    blobs: &Blobs,
    hash: &ContentHash,
    now: Timestamp,
) -> Result<Option<BlobStatusView>, Problem> {
    let status = blobs.status(hash).await;
    let status = status.map_err(|error| error.problem())?;
    Ok(status.map(|status| view(&status, now)))
}

fn view(status: &Status, now: Timestamp) -> BlobStatusView {
    let accepted = status.accepted;
    let evidence = EvidenceView {
        tier: Tier::Accepted.as_str().to_owned(),
        at_us: accepted.at.as_micros(),
        kind: "log-record".to_owned(),
        text: accepted.lsn.to_string(),
    };
    let leases: Vec<BlobLeaseView> = status
        .leases
        .iter()
        .map(|lease| BlobLeaseView {
            schema_version: SCHEMA_VERSION,
            hash: status.hash.to_string(),
            holder: lease.holder.clone(),
            until_us: (now + lease.rest).as_micros(),
        })
        .collect();
    BlobStatusView {
        schema_version: SCHEMA_VERSION,
        hash: status.hash.to_string(),
        bytes: status.bytes,
        blake3: status.blake3.map(hex::encode).unwrap_or_default(),
        tier: status.tier.as_str().to_owned(),
        accepted_at_us: accepted.at.as_micros(),
        evidence: vec![evidence],
        waits_for: status.waits_for.clone(),
        tags: status.tags.iter().map(ToString::to_string).collect(),
        lease_until_us: leases.iter().map(|lease| lease.until_us).max(),
        leases,
        is_trashed: status.is_trashed,
        is_damaged: status.is_damaged,
    }
}
