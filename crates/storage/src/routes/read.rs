//! Blobs that are read.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use http_kit::{ETag, Path, ProblemResponse, Query, Representation, blob_response, cache};
use serde::Deserialize;
use storage_core::access::Action;

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
    let status = blobs.status(&hash).await;
    let status = status
        .map_err(|error| error.problem())?
        .filter(|status| !status.is_trashed)
        .ok_or_else(nothing)?;
    let blob = blobs.get(&hash).await.map_err(|error| error.problem())?;
    let blob = blob.ok_or_else(nothing)?;
    let mut described = HeaderMap::new();
    let mut set = |name: HeaderName, value: HeaderValue| {
        described.insert(name, value);
    };
    let kind = HeaderValue::from_static("application/octet-stream");
    set(CONTENT_TYPE, kind);
    set(CACHE_CONTROL, cache::PRIVATE_NO_STORE);
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(CONTENT_SECURITY_POLICY, BLOB_POLICY);
    set(REPR_DIGEST, http_kit::repr_digest(&hash));
    if let Some(root) = status.blake3 {
        let root = HeaderValue::from_str(&hex::encode(root));
        set(X_BLAKE3, root.expect("hex is ASCII"));
    }
    set(X_TIER, HeaderValue::from_static(status.tier.as_str()));
    let representation = Representation {
        source: Arc::new(blob),
        etag: Some(ETag::of_hash(&hash)),
        last_modified: None,
        headers: described,
    };
    let response = blob_response(&method, &headers, representation, blobs.files());
    if method == Method::GET && response.status().is_success() {
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        storage.0.metrics.sent(length.unwrap_or_default());
    }
    Ok(response)
}
