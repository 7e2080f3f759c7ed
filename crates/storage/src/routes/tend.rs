//! What stewards do: bounds, collections, scrubs.

use std::time::Duration;

use api::{
    GcNamespaceView, GcRequest, GcView, QuotaPut, SCHEMA_VERSION, ScrubRequest, ScrubView,
    UsageView,
};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base::{Code, Problem};
use bytes::Bytes;
use futures::stream;
use http_kit::{Json, ProblemResponse, Query};
use storage_core::access::{Action, Scope};
use storage_core::gc;
use storage_core::quota::Quota;
use tokio::time::{Instant, MissedTickBehavior};

use super::lists::usage_view;
use super::read::Parameters;
use crate::collecting::Collected;
use crate::service::Storage;
use crate::sse;

/// How often a stream tells how far a scrub is.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn set_quota(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
    Json(request): Json<QuotaPut>,
) -> Result<Json<UsageView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::SetQuota).await?;
    let quota = Quota {
        bytes_max: request.bytes_max,
        blobs_max: None,
    };
    let set = shelf.blobs.set_quota(quota).await;
    set.map_err(|error| error.problem())?;
    Ok(Json(usage_view(&storage, &shelf).await))
}

pub(super) async fn collect(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
    Json(request): Json<GcRequest>,
) -> Result<Json<GcView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let permits = &storage.0.permits;
    let permit = permits.permit(&headers, namespace, Action::Collect).await?;
    let usual = storage.0.config.gc_terms();
    let span = |secs: Option<u64>, usual| secs.map_or(usual, base::Duration::from_secs);
    let terms = gc::Terms {
        trash_for: span(request.trash_secs, usual.trash_for),
        grace: span(request.grace_secs, usual.grace),
    };
    let started = Instant::now();
    let collected = if namespace.is_none() {
        storage.collect_all(terms, request.dry_run).await
    } else {
        // Everybody has a namespace of their own, also one that nothing is in.
        let is_own = permit.scope == Scope::Own;
        let blobs = storage.open(&permit.namespace, is_own).await?;
        let report = storage.collect_one(&blobs, terms, request.dry_run).await?;
        vec![Collected {
            namespace: permit.namespace.as_ref().clone(),
            outcome: Ok(report),
        }]
    };
    let took = started.elapsed().as_millis();
    let namespaces: Vec<GcNamespaceView> = collected.iter().map(line).collect();
    let sum = |count: fn(&GcNamespaceView) -> u64| namespaces.iter().map(count).sum();
    Ok(Json(GcView {
        schema_version: SCHEMA_VERSION,
        is_dry_run: request.dry_run,
        kept_blobs: sum(|line| line.kept_blobs),
        trashed_blobs: sum(|line| line.trashed_blobs),
        trashed_bytes: sum(|line| line.trashed_bytes),
        removed_blobs: sum(|line| line.removed_blobs),
        removed_bytes: sum(|line| line.removed_bytes),
        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
        namespaces,
    }))
}

/// Says what became of one namespace.
fn line(collected: &Collected) -> GcNamespaceView {
    let namespace = collected.namespace.to_string();
    match &collected.outcome {
        Ok(report) => GcNamespaceView {
            namespace,
            kept_blobs: report.scanned.blobs
                - report.trashed.blobs
                - report.purged.blobs
                - report.in_trash.blobs,
            trashed_blobs: report.trashed.blobs,
            trashed_bytes: report.trashed.bytes,
            removed_blobs: report.purged.blobs,
            removed_bytes: report.purged.bytes,
            left_out: String::new(),
        },
        Err(problem) => GcNamespaceView {
            namespace,
            left_out: format!("{} {problem}", problem.code),
            ..GcNamespaceView::default()
        },
    }
}

pub(super) async fn scrub(
    State(storage): State<Storage>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let permit = storage.0.permits.permit(&headers, None, Action::Scrub);
    permit.await?;
    if method == Method::HEAD || !sse::is_wanted(&headers) {
        return Ok(Json(storage.0.tending.view()).into_response());
    }
    let place = storage.stream_place();
    let place = place.ok_or_else(|| Problem::new(Code::Overloaded, "too many streams are open"))?;
    let mut ticks = tokio::time::interval(TELL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let shutdown = storage.0.shutdown.clone();
    let told = stream::unfold(
        (storage, ticks, shutdown, false, place),
        |(storage, mut ticks, shutdown, is_over, place)| async move {
            if is_over {
                return None;
            }
            shutdown.race(ticks.tick()).await?;
            let view = storage.0.tending.view();
            let is_over = !view.is_running;
            let bytes: Bytes = sse::event("scrub", &view);
            Some((Ok(bytes), (storage, ticks, shutdown, is_over, place)))
        },
    );
    Ok(sse::response(told))
}

pub(super) async fn start_scrub(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Json(request): Json<ScrubRequest>,
) -> Result<(StatusCode, Json<ScrubView>), ProblemResponse> {
    let permit = storage.0.permits.permit(&headers, None, Action::Scrub);
    permit.await?;
    let usual = storage.0.config.scrub_bytes_per_sec;
    let pace = request.bytes_per_sec.unwrap_or(usual);
    storage.start_scrub(pace, request.restart);
    Ok((StatusCode::ACCEPTED, Json(storage.0.tending.view())))
}

pub(super) async fn stop_scrub(
    State(storage): State<Storage>,
    headers: HeaderMap,
) -> Result<StatusCode, ProblemResponse> {
    let permit = storage.0.permits.permit(&headers, None, Action::Scrub);
    permit.await?;
    storage.0.tending.stop();
    Ok(StatusCode::NO_CONTENT)
}
