//! Which blobs there are, how much room they take, and what is not durable yet.

use api::{
    BlobLine, BlobListView, HaveRequest, HaveView, QueueView, QueuedView, SCHEMA_VERSION,
    StoreUsageView, UsageView,
};
use axum::extract::State;
use axum::http::HeaderMap;
use base::{Code, ContentHash, Problem};
use blobs::Tally;
use http_kit::{Json, ProblemResponse, Query};
use serde::Deserialize;
use storage_core::access::{Action, Caller};
use storage_core::tier::Tier;

use super::read::Parameters as Namespaced;
use crate::service::{Shelf, Storage};

/// How many lines a page has without a wish, and at most.
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 999;

/// How many blobs are asked for at once.
const HAVE_MAX: usize = 1_024;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    pub(super) namespace: Option<String>,
    pub(super) after: Option<String>,
    pub(super) limit: Option<u32>,
    pub(super) prefix: Option<String>,
    /// 1 for the damaged blobs instead of those that are served.
    pub(super) damaged: Option<u8>,
}

impl Parameters {
    /// Returns how many lines are wanted: at most 999, because the engine gives a thousand at once, of which one tells
    /// that there are more.
    ///
    /// # Errors
    /// [`Code::MalformedQuery`] for none: who asks for no lines would go on asking for ever.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(LIMIT) {
            0 => {
                let detail = format!("limit is 1 to {LIMIT_MAX}");
                Err(Problem::new(Code::MalformedQuery, detail))
            }
            limit => Ok(limit.min(LIMIT_MAX) as usize),
        }
    }

    fn wants_damaged(&self) -> Result<bool, Problem> {
        match self.damaged {
            None | Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(_) => Err(Problem::new(
                Code::MalformedQuery,
                "damaged: 1 for yes, 0 for no",
            )),
        }
    }
}

pub(super) async fn list(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Json<BlobListView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::List).await?;
    let prefix = parameters.prefix.as_deref().unwrap_or_default();
    let prefix = prefix.to_ascii_lowercase();
    let before = before_prefix(&prefix)?;
    let cursor = parameters.after.as_deref().map(cursor).transpose()?;
    let after = cursor.max(before);
    let limit = parameters.limit()?;
    let is_damaged = parameters.wants_damaged()?;
    let found = match is_damaged {
        true => shelf.blobs.list_damaged_graded(after, limit + 1).await,
        false => shelf.blobs.list_graded(after, limit + 1).await,
    };
    let found = found.map_err(|error| error.problem())?;
    let mut items: Vec<BlobLine> = found
        .into_iter()
        .map(|listed| BlobLine {
            hash: listed.hash.to_string(),
            bytes: listed.bytes,
            tier: listed.tier.as_str().to_owned(),
            accepted_at_us: listed.accepted.at.as_micros(),
            is_damaged,
        })
        .take_while(|line| line.hash.starts_with(&prefix))
        .collect();
    let next = cut(&mut items, limit).map(|last| last.hash.clone());
    Ok(Json(BlobListView {
        schema_version: SCHEMA_VERSION,
        namespace: shelf.namespace.to_string(),
        damaged_blobs: shelf.blobs.damaged().blobs,
        items,
        next,
    }))
}

/// Cuts a page to its length; returns its last line when there are more.
pub(super) fn cut<T>(items: &mut Vec<T>, limit: usize) -> Option<&T> {
    if items.len() <= limit {
        return None;
    }
    items.truncate(limit);
    items.last()
}

fn cursor(text: &str) -> Result<ContentHash, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Code::MalformedCursor, "after is the `next` of a page"))
}

/// Returns the hash right before all those that begin with some hex digits; none when they begin at the first.
fn before_prefix(prefix: &str) -> Result<Option<ContentHash>, Problem> {
    let is_hex = prefix.len() <= 64 && prefix.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex {
        let detail = "prefix is at most 64 hex digits";
        return Err(Problem::new(Code::MalformedQuery, detail));
    }
    let first: ContentHash = format!("{prefix:0<64}")
        .parse()
        .expect("64 hex digits are a hash");
    let mut bytes = *first.as_bytes();
    for byte in bytes.iter_mut().rev() {
        let (less, borrows) = byte.overflowing_sub(1);
        *byte = less;
        if !borrows {
            return Ok(Some(ContentHash::from_bytes(bytes)));
        }
    }
    Ok(None)
}

pub(super) async fn have(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Namespaced>,
    Json(request): Json<HaveRequest>,
) -> Result<Json<HaveView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    // A yes spares the blob from a collection, so it is asked by those who are about to write.
    let shelf = storage.shelf(&headers, namespace, Action::Write).await?;
    if request.hashes.len() > HAVE_MAX {
        let detail = format!("at most {HAVE_MAX} hashes are asked for at once");
        return Err(Problem::new(Code::MalformedBody, detail).into());
    }
    let hashes: Result<Vec<ContentHash>, Problem> = request
        .hashes
        .iter()
        .map(|text| super::hash(text))
        .collect();
    let have = shelf.blobs.have(&hashes?).await;
    Ok(Json(HaveView {
        schema_version: SCHEMA_VERSION,
        have: have.map_err(|error| error.problem())?,
    }))
}

pub(super) async fn usage(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Namespaced>,
) -> Result<Json<UsageView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::List).await?;
    Ok(Json(usage_view(&storage, &shelf).await))
}

pub(super) async fn usage_view(storage: &Storage, shelf: &Shelf) -> UsageView {
    let usage = shelf.blobs.usage();
    let damaged = shelf.blobs.damaged();
    let store = match shelf.caller {
        Caller::Steward => Some(storage.tally().await),
        Caller::Member | Caller::Stranger | Caller::Anonymous => None,
    };
    UsageView {
        schema_version: SCHEMA_VERSION,
        namespace: shelf.namespace.to_string(),
        live_blobs: usage.live.blobs,
        live_bytes: usage.live.bytes,
        trash_blobs: usage.trash.blobs,
        trash_bytes: usage.trash.bytes,
        damaged_blobs: damaged.blobs,
        damaged_bytes: damaged.bytes,
        upload_bytes: storage.0.uploads.reserved(&shelf.namespace),
        quota_bytes: shelf.blobs.quota().bytes_max,
        store: store.as_ref().map(whole),
    }
}

fn whole(tally: &Tally) -> StoreUsageView {
    StoreUsageView {
        live_blobs: tally.live.blobs,
        live_bytes: tally.live.bytes,
        dead_bytes: tally.dead.bytes,
        trash_blobs: tally.trash.blobs,
        trash_bytes: tally.trash.bytes,
        damaged_blobs: tally.damaged.blobs,
        damaged_bytes: tally.damaged.bytes,
        log_bytes: tally.log_bytes,
        large_bytes: tally.large.bytes,
        queue_blobs: tally.queue_len,
        queue_oldest_us: tally.queue_oldest_at.map(|at| at.as_micros()),
    }
}

pub(super) async fn queue(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Json<QueueView>, ProblemResponse> {
    let permit = storage.0.permits.permit(&headers, None, Action::SeeQueue);
    permit.await?;
    let before =
        match parameters.after.as_deref() {
            None => None,
            Some(text) => Some(text.parse::<u64>().map_err(|_| {
                Problem::new(Code::MalformedCursor, "after is the `next` of a page")
            })?),
        };
    let limit = parameters.limit()?;
    let queued = storage.0.blobs.queue(before, limit + 1).await;
    let mut queued = queued.map_err(|error| error.problem())?;
    let next = cut(&mut queued, limit).map(|last| last.lsn.to_string());
    let tally = storage.tally().await;
    let items = queued
        .into_iter()
        .map(|queued| QueuedView {
            hash: queued.hash.to_string(),
            bytes: queued.bytes,
            tier: Tier::Accepted.as_str().to_owned(),
            accepted_at_us: queued.at.as_micros(),
        })
        .collect();
    Ok(Json(QueueView {
        schema_version: SCHEMA_VERSION,
        total: tally.queue_len,
        oldest_us: tally.queue_oldest_at.map(|at| at.as_micros()),
        items,
        next,
    }))
}

#[cfg(test)]
mod tests;
