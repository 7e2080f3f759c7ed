//! Blobs that are read.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use base::{ContentHash, Problem};
use blobs::{Blobs, CHUNK_BYTES, ReadError};
use http_kit::{ETag, Path, ProblemResponse, Query, Representation, blob_response, cache};
use runtime::ReadAt;
use serde::Deserialize;
use storage_core::access::Action;
use storage_core::tier::Tier;

use super::nothing;
use crate::service::Storage;

/// Nothing in a blob runs or loads anything, whatever it claims to be.
const BLOB_POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const X_BLAKE3: HeaderName = HeaderName::from_static("x-blake3");
const X_TIER: HeaderName = HeaderName::from_static("x-tier");

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    pub(super) namespace: Option<String>,
}

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
    let blobs = &shelf.blobs;
    let response = match blobs.ready(&hash) {
        // Neither the index nor the disk is asked.
        Some(ready) => {
            let described = describe(&hash, Some(ready.blake3), ready.tier);
            let source = Arc::new(ready.bytes);
            blob_response(
                &method,
                &headers,
                shown(&hash, source, described),
                blobs.files(),
            )
        }
        None => look_up(blobs, &hash, &method, &headers).await?,
    };
    if method == Method::GET && response.status().is_success() {
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        storage.0.metrics.sent(length.unwrap_or_default());
    }
    Ok(response)
}

/// Answers with what has to be looked up: damage is told before the answer begins, as far as its first bytes show it.
async fn look_up(
    blobs: &Blobs,
    hash: &ContentHash,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let refused = |error: ReadError| error.problem();
    // What is damaged is an error already here, and what lies in the trash is nothing.
    let blob = blobs.get(hash).await.map_err(refused)?;
    let blob = blob.ok_or_else(nothing)?;
    let status = blobs.status(hash).await.map_err(refused)?;
    let status = status.ok_or_else(nothing)?;
    let described = describe(hash, status.blake3, status.tier);
    let source = Arc::new(blob.clone());
    let response = blob_response(
        method,
        headers,
        shown(hash, source, described),
        blobs.files(),
    );
    if method == Method::GET && response.status().is_success() {
        let first = http_kit::first_byte(&response);
        blob.chunk(first / CHUNK_BYTES as u64)
            .await
            .map_err(refused)?;
    }
    Ok(response)
}

fn describe(hash: &ContentHash, blake3: Option<[u8; 32]>, tier: Tier) -> HeaderMap {
    let mut described = HeaderMap::new();
    let mut set = |name: HeaderName, value: HeaderValue| {
        described.insert(name, value);
    };
    let kind = HeaderValue::from_static("application/octet-stream");
    set(CONTENT_TYPE, kind);
    set(CACHE_CONTROL, cache::PRIVATE_NO_STORE);
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(CONTENT_SECURITY_POLICY, BLOB_POLICY);
    set(REPR_DIGEST, http_kit::repr_digest(hash));
    if let Some(root) = blake3 {
        let root = HeaderValue::from_str(&hex::encode(root));
        set(X_BLAKE3, root.expect("hex is ASCII"));
    }
    set(X_TIER, HeaderValue::from_static(tier.as_str()));
    described
}

fn shown(hash: &ContentHash, source: Arc<dyn ReadAt>, headers: HeaderMap) -> Representation {
    Representation {
        source,
        etag: Some(ETag::of_hash(hash)),
        last_modified: None,
        headers,
    }
}
