//! Blobs that are brought in one request.

use api::{AckView, BlobPutView, SCHEMA_VERSION};
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base::{Code, ContentHash, Duration, Problem};
use blobs::{Blobs, Put, Stored};
use bytes::BytesMut;
use http_kit::{BodyReader, Path, ProblemResponse, Query};
use serde::Deserialize;
use storage_core::access::Action;

use crate::service::Storage;

/// A body of at most so many bytes is stored in one step, from memory.
const WHOLE_BYTES_MAX: usize = 64 * 1_024;

/// Longest lease, in seconds: a hundred years.
pub(super) const LEASE_SECS_MAX: u64 = 100 * 365 * 86_400;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    namespace: Option<String>,
    tag: Option<String>,
    lease_secs: Option<u64>,
}

pub(super) async fn write(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
    body: Body,
) -> Result<Response, ProblemResponse> {
    store(&storage, &headers, parameters, None, body).await
}

/// Does the same as [`write`] without a router around it.
pub(super) async fn answer(storage: &Storage, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let parameters = match head.uri.query() {
        None => Ok(Query::default()),
        Some(_) => Query::from_request_parts(&mut head, &()).await,
    };
    let stored = match parameters {
        Ok(Query(parameters)) => store(storage, &head.headers, parameters, None, body).await,
        Err(refused) => Err(refused),
    };
    stored.unwrap_or_else(IntoResponse::into_response)
}

pub(super) async fn write_as(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Path(hash): Path<String>,
    Query(parameters): Query<Parameters>,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let hash = super::hash(&hash)?;
    store(&storage, &headers, parameters, Some(hash), body).await
}

async fn store(
    storage: &Storage,
    headers: &HeaderMap,
    parameters: Parameters,
    named: Option<ContentHash>,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(headers, namespace, Action::Write).await?;
    let put = Put {
        expected: expected(headers, named)?,
        tag: parameters
            .tag
            .as_deref()
            .map(super::tags::name)
            .transpose()?,
        holds: None,
        lease: parameters.lease_secs.map(lease).transpose()?,
    };
    let limit = shelf.blobs.limits().blob_bytes_max;
    let reader = BodyReader::new(headers, body, limit)?;
    let stored = receive(&shelf.blobs, reader, put).await?;
    storage.0.metrics.received(stored.bytes);
    let response = tell(&stored);
    let mut response = response.map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    if let Some(applied) = headers.get(PREFER).and_then(applied) {
        let answer = response.headers_mut();
        answer.insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// Tells what was stored. The hash is written once, because a small blob costs hardly more than its answer.
fn tell(stored: &Stored) -> Result<Response, serde_json::Error> {
    const PREFIX: &str = "/blobs/";
    let hash = hex_of(&stored.hash);
    let text = |start: &str, end: &str| {
        let mut text = String::with_capacity(start.len() + hash.len() + end.len());
        text.push_str(start);
        text.push_str(&hash);
        text.push_str(end);
        HeaderValue::try_from(text).expect("hex is ASCII")
    };
    let (location, etag) = (text(PREFIX, ""), text("\"", "\""));
    let body = serde_json::to_vec(&BlobPutView {
        schema_version: SCHEMA_VERSION,
        hash,
        bytes: stored.bytes,
        is_new: stored.is_new,
        ack: AckView {
            tier: stored.ack.tier.as_str().to_owned(),
            at_us: stored.ack.at.as_micros(),
            lsn: stored.ack.lsn,
        },
    })?;
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(LOCATION, location);
    headers.insert(ETAG, etag);
    let mut response = Response::new(Body::from(body));
    *response.headers_mut() = headers;
    *response.status_mut() = if stored.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(response)
}

/// Writes a hash as 64 hex digits.
fn hex_of(hash: &ContentHash) -> String {
    let mut digits = [0; 64];
    hex::encode_to_slice(hash.as_bytes(), &mut digits).expect("32 bytes take 64 digits");
    str::from_utf8(&digits).expect("hex is ASCII").to_owned()
}

/// Takes a body: small ones whole, the others piece by piece.
async fn receive(blobs: &Blobs, mut reader: BodyReader, mut put: Put) -> Result<Stored, Problem> {
    let refused = |error: blobs::PutError| error.problem();
    let announced = reader.announced();
    let first = reader.chunk().await?.unwrap_or_default();
    let Some(second) = reader.chunk().await? else {
        // Most small bodies are one chunk, which is not copied.
        put.holds = Some(super::holds(&first));
        return blobs.put_with(first, put).await.map_err(refused);
    };
    let mut begun = BytesMut::with_capacity(first.len() + second.len());
    begun.extend_from_slice(&first);
    begun.extend_from_slice(&second);
    while begun.len() <= WHOLE_BYTES_MAX {
        let Some(chunk) = reader.chunk().await? else {
            put.holds = Some(super::holds(&begun));
            return blobs.put_with(begun.freeze(), put).await.map_err(refused);
        };
        begun.extend_from_slice(&chunk);
    }
    let mut upload = blobs.upload(announced).await.map_err(refused)?;
    put.holds = Some(super::holds(&begun));
    upload.write(begun.freeze()).await.map_err(refused)?;
    while let Some(chunk) = reader.chunk().await? {
        upload.write(chunk).await.map_err(refused)?;
    }
    upload.finish_with(put).await.map_err(refused)
}

/// Returns the hash that the blob must have, if any was told; two that differ cannot both be right.
fn expected(
    headers: &HeaderMap,
    named: Option<ContentHash>,
) -> Result<Option<ContentHash>, Problem> {
    let content = http_kit::content_digest(headers)?;
    let representation = http_kit::announced_repr_digest(headers)?;
    let mut told = [named, content, representation].into_iter().flatten();
    let first = told.next();
    if let (Some(first), Some(other)) = (first, told.find(|other| Some(*other) != first)) {
        let detail = format!("two digests were announced: {first} and {other}");
        return Err(Problem::new(Code::DigestMismatch, detail));
    }
    Ok(first)
}

/// Reads the length of a lease.
pub(super) fn lease(secs: u64) -> Result<Duration, Problem> {
    if secs > LEASE_SECS_MAX {
        let detail = format!("a lease lasts at most {LEASE_SECS_MAX} seconds");
        return Err(Problem::new(Code::MalformedQuery, detail));
    }
    Ok(Duration::from_secs(secs))
}

/// Tells which wish was granted (RFC 7240 §3): to wait for the best tier that this node can reach. That is the tier of
/// every answer, so that nothing is left to wait for.
fn applied(prefer: &HeaderValue) -> Option<HeaderValue> {
    let text = prefer.to_str().ok()?;
    let wait = text
        .split([',', ';'])
        .filter_map(|wish| wish.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    let secs: u32 = wait.1.trim().trim_matches('"').parse().ok()?;
    HeaderValue::from_str(&format!("wait={secs}")).ok()
}
