//! Blobs that are brought in one request.

use api::SCHEMA_VERSION;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use base::{Code, ContentHash, Duration, Problem};
use blobs::{Blobs, Put, PutError, Stored};
use bytes::{Bytes, BytesMut};
use http_kit::{Arriving, BodyReader, Path, ProblemResponse, Query, RequestBody};
use serde::Deserialize;
use storage_core::access::Action;

use crate::service::Storage;

/// A body of at most so many bytes is stored in one step, from memory.
const WHOLE_BYTES_MAX: usize = 64 * 1_024;

/// Longest lease, in seconds: a hundred years.
pub(super) const LEASE_SECS_MAX: u64 = 100 * 365 * 86_400;

/// How much an answer takes, its location and tag with it, in bytes; numbers are rarely longer.
const ANSWER_BYTES: usize = 384;

/// What helps who brings something without saying what, when there is no room.
pub(crate) const NAME_IT: &str =
    "; a blob that is here already needs none: name its hash before its bytes";

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    namespace: Option<String>,
    tag: Option<String>,
    lease_secs: Option<u64>,
}

/// A blob that was brought.
struct Brought {
    stored: Stored,
    /// Which wish was granted.
    applied: Option<HeaderValue>,
}

pub(super) async fn write(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let brought = store(&storage, &headers, parameters, None, body.into()).await?;
    Ok(tell(&brought, headers).map(Body::from))
}

pub(super) async fn write_as(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Path(hash): Path<String>,
    Query(parameters): Query<Parameters>,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let hash = super::hash(&hash)?;
    let brought = store(&storage, &headers, parameters, Some(hash), body.into()).await?;
    Ok(tell(&brought, headers).map(Body::from))
}

/// Does the same as [`write`] without a query, and without a router around it.
pub(super) async fn answer(
    storage: &Storage,
    headers: HeaderMap,
    body: Arriving,
) -> Result<axum::http::Response<Bytes>, ProblemResponse> {
    let parameters = Parameters::default();
    let brought = store(storage, &headers, parameters, None, body.into()).await?;
    Ok(tell(&brought, headers))
}

async fn store(
    storage: &Storage,
    headers: &HeaderMap,
    parameters: Parameters,
    named: Option<ContentHash>,
    body: RequestBody,
) -> Result<Brought, Problem> {
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
    let applied = headers.get(PREFER).and_then(applied);
    Ok(Brought { stored, applied })
}

/// Tells what was stored, in the map of the request's headers. A small blob costs hardly more than its answer, so that
/// all of it is written into one piece of memory.
fn tell(brought: &Brought, mut headers: HeaderMap) -> axum::http::Response<Bytes> {
    let Brought { stored, applied } = brought;
    let mut text = Vec::with_capacity(ANSWER_BYTES);
    let mut hash = [0; 64];
    hex::encode_to_slice(stored.hash.as_bytes(), &mut hash).expect("32 bytes take 64 digits");
    text.extend_from_slice(b"/blobs/");
    text.extend_from_slice(&hash);
    let location = text.len();
    text.push(b'"');
    text.extend_from_slice(&hash);
    text.push(b'"');
    let etag = text.len();
    write_view(&mut text, &hash, stored);
    let text = Bytes::from(text);
    let value = |range| HeaderValue::from_maybe_shared(text.slice(range)).expect("hex is ASCII");
    headers.clear();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(LOCATION, value(0..location));
    headers.insert(ETAG, value(location..etag));
    if let Some(applied) = applied {
        headers.insert(PREFERENCE_APPLIED, applied.clone());
    }
    let mut response = axum::http::Response::new(text.slice(etag..));
    *response.headers_mut() = headers;
    *response.status_mut() = match stored.is_new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    response
}

/// Writes [`api::BlobPutView`] in JSON.
fn write_view(text: &mut Vec<u8>, hash: &[u8; 64], stored: &Stored) {
    let Stored {
        bytes, is_new, ack, ..
    } = stored;
    text.extend_from_slice(b"{\"schema_version\":");
    write_number(text, SCHEMA_VERSION.into());
    text.extend_from_slice(b",\"hash\":\"");
    text.extend_from_slice(hash);
    text.extend_from_slice(b"\",\"bytes\":");
    write_number(text, *bytes);
    text.extend_from_slice(b",\"is_new\":");
    text.extend_from_slice(if *is_new { b"true" } else { b"false" });
    text.extend_from_slice(b",\"ack\":{\"tier\":\"");
    text.extend_from_slice(ack.tier.as_str().as_bytes());
    text.extend_from_slice(b"\",\"at_us\":");
    let at = ack.at.as_micros();
    if at < 0 {
        text.push(b'-');
    }
    write_number(text, at.unsigned_abs());
    text.extend_from_slice(b",\"lsn\":");
    write_number(text, ack.lsn);
    text.extend_from_slice(b"}}");
}

fn write_number(text: &mut Vec<u8>, number: u64) {
    // 2^64 has twenty digits.
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("it is a digit");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

/// Takes a body: small ones whole, the others piece by piece.
async fn receive(blobs: &Blobs, mut reader: BodyReader, mut put: Put) -> Result<Stored, Problem> {
    let first = reader.chunk().await?.unwrap_or_default();
    let second = match reader.is_over() {
        true => None,
        false => reader.chunk().await?,
    };
    let Some(second) = second else {
        // Most small bodies are one chunk, which is not copied.
        put.holds = Some(super::holds(&first));
        let expected = put.expected;
        let stored = blobs.put_with(first, put).await;
        return stored.map_err(|error| refusal(&error, expected));
    };
    // Apart, so that what a small blob needs is small.
    Box::pin(receive_rest(blobs, reader, put, [first, second])).await
}

async fn receive_rest(
    blobs: &Blobs,
    mut reader: BodyReader,
    mut put: Put,
    [first, second]: [Bytes; 2],
) -> Result<Stored, Problem> {
    let expected = put.expected;
    let refused = |error: PutError| refusal(&error, expected);
    let announced = reader.announced();
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
    let upload = blobs.upload_of(announced, expected).await;
    let mut upload = upload.map_err(refused)?;
    put.holds = Some(super::holds(&begun));
    upload.write(begun.freeze()).await.map_err(refused)?;
    while let Some(chunk) = reader.chunk().await? {
        upload.write(chunk).await.map_err(refused)?;
    }
    upload.finish_with(put).await.map_err(refused)
}

/// Tells why a blob was not stored; without room, also how a blob that is here already is stored all the same.
pub(crate) fn refusal(error: &PutError, expected: Option<ContentHash>) -> Problem {
    let mut problem = error.problem();
    if problem.code == Code::QuotaReached && expected.is_none() {
        problem.detail.push_str(NAME_IT);
    }
    problem
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

#[cfg(test)]
mod tests;
