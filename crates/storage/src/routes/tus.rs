//! Uploads that can be resumed: the protocol tus 1.0 (<https://tus.io/protocols/resumable-upload>).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base::{Code, Problem};
use http_kit::{BodyReader, Path, ProblemResponse, Query, cache, date};
use storage_core::access::Action;
use storage_core::upload::{self, Algorithm, Append, Creation, Length, Metadata};
use tokio::sync::oneshot;

use super::nothing;
use super::read::Parameters;
use crate::service::{Shelf, Storage};
use crate::uploads::{Incoming, Slot, Standing, promised};

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination",
);
const OFFSET_STREAM: &str = "application/offset+octet-stream";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
const X_BLOB_HASH: HeaderName = HeaderName::from_static("x-blob-hash");
const X_TIER: HeaderName = HeaderName::from_static("x-tier");

/// After how many seconds an upload that is busy is worth another try.
const BUSY_RETRY_SECS: u64 = 5;

/// Says in every answer which version is spoken.
pub(super) async fn speaks(mut response: Response) -> Response {
    response.headers_mut().insert(TUS_RESUMABLE, VERSION);
    response
}

pub(super) async fn options(State(storage): State<Storage>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(TUS_VERSION, VERSION);
    headers.insert(TUS_EXTENSION, EXTENSIONS);
    let limit = storage.0.blobs.limits().blob_bytes_max;
    headers.insert(TUS_MAX_SIZE, HeaderValue::from(limit));
    let algorithms = HeaderValue::from_static(Algorithm::ALL_NAMES);
    headers.insert(TUS_CHECKSUM_ALGORITHM, algorithms);
    response
}

/// There is nothing to GET: an upload is asked for with HEAD.
pub(super) async fn method_missing() -> ProblemResponse {
    ProblemResponse::of(Code::MethodNotAllowed, "ask with HEAD how an upload is")
        .allow("HEAD, PATCH, DELETE, OPTIONS, POST")
}

pub(super) async fn create(
    State(storage): State<Storage>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemResponse> {
    check_version(&headers).map_err(|refused| *refused)?;
    let limits = storage.0.uploads.limits();
    let metadata = text(&headers, &UPLOAD_METADATA)?.unwrap_or_default();
    let metadata = Metadata::parse(metadata, limits);
    let metadata = metadata.map_err(|error| malformed(&error.to_string()))?;
    let named = metadata.text("namespace").map(str::to_owned);
    let named = named.or(parameters.namespace);
    let shelf = storage
        .shelf(&headers, named.as_deref(), Action::Write)
        .await?;
    promised(&metadata)?;
    let length = length(&headers)?;
    let creation = Creation { length, metadata };
    let carries = headers.contains_key(CONTENT_TYPE);
    if carries {
        check_media_type(&headers)?;
    }
    let append = Append {
        offset: 0,
        announced: announced(&headers)?,
        length: None,
        checksum: checksum(&headers)?,
    };
    let uploads = &storage.0.uploads;
    let slot = uploads
        .create(&shelf.blobs, &shelf.namespace, creation)
        .await?;
    let begun = match carries {
        true => receive(&storage, &slot, &shelf, append, &headers, body).await,
        false => finish(&storage, &slot, &shelf).await,
    };
    if let Err(problem) = begun {
        if !is_broken_off(problem.code) {
            // Who gets no address cannot go on with it, so that nothing of it stays.
            if let Err(error) = uploads.end(&slot).await {
                tracing::warn!(problem = %error, "an upload that was refused could not be removed");
            }
            return Err(problem.into());
        }
        // What came of it counts, and the answer tells how much.
        tracing::info!(%problem, "the first piece of an upload did not come to its end");
    }
    let standing = uploads.standing(&slot).await?;
    let mut response = StatusCode::CREATED.into_response();
    let answer = response.headers_mut();
    let location = HeaderValue::from_str(&format!("/blobs/uploads/{}", slot.id));
    answer.insert(LOCATION, location.expect("hex is ASCII"));
    if carries {
        answer.insert(UPLOAD_OFFSET, HeaderValue::from(standing.offset));
    }
    tell(answer, &standing);
    Ok(response)
}

/// Tells whether a piece was broken off by its sender, or by the end of this process.
const fn is_broken_off(code: Code) -> bool {
    matches!(
        code,
        Code::BodyLength | Code::RequestTimeout | Code::ShuttingDown
    )
}

pub(super) async fn head(
    State(storage): State<Storage>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    check_version(&headers).map_err(|refused| *refused)?;
    let (slot, shelf) = find(&storage, &headers, &id).await?;
    finish(&storage, &slot, &shelf).await?;
    let standing = storage.0.uploads.standing(&slot).await?;
    let mut response = StatusCode::OK.into_response();
    let answer = response.headers_mut();
    answer.insert(CACHE_CONTROL, cache::NO_STORE);
    answer.insert(UPLOAD_OFFSET, HeaderValue::from(standing.offset));
    match standing.length {
        Length::Known(bytes) => answer.insert(UPLOAD_LENGTH, HeaderValue::from(bytes)),
        Length::Deferred => answer.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if let Ok(metadata) = HeaderValue::from_str(&standing.metadata)
        && !metadata.is_empty()
    {
        answer.insert(UPLOAD_METADATA, metadata);
    }
    tell(answer, &standing);
    Ok(response)
}

pub(super) async fn append(
    State(storage): State<Storage>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemResponse> {
    check_version(&headers).map_err(|refused| *refused)?;
    let (slot, shelf) = find(&storage, &headers, &id).await?;
    check_media_type(&headers)?;
    let offset = number(&headers, "upload-offset")?;
    let append = Append {
        offset: offset.ok_or_else(|| malformed("Upload-Offset is missing"))?,
        announced: announced(&headers)?,
        length: number(&headers, "upload-length")?,
        checksum: checksum(&headers)?,
    };
    let received = receive(&storage, &slot, &shelf, append, &headers, body).await;
    received.map_err(|problem| {
        let is_busy = problem.code == Code::UploadBusy;
        let response = ProblemResponse::new(problem);
        if is_busy {
            response.retry_after(BUSY_RETRY_SECS)
        } else {
            response
        }
    })?;
    let standing = storage.0.uploads.standing(&slot).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    answer.insert(UPLOAD_OFFSET, HeaderValue::from(standing.offset));
    tell(answer, &standing);
    Ok(response)
}

pub(super) async fn end(
    State(storage): State<Storage>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ProblemResponse> {
    check_version(&headers).map_err(|refused| *refused)?;
    let (slot, _) = find(&storage, &headers, &id).await?;
    storage.0.uploads.end(&slot).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a request whose method is in a header, from where proxies let only GET and POST through.
pub(super) async fn overridden(
    storage: State<Storage>,
    id: Path<String>,
    request: Request,
) -> Result<Response, ProblemResponse> {
    let headers = request.headers().clone();
    let method = text(&headers, &METHOD_OVERRIDE)?.unwrap_or_default();
    match Method::from_bytes(method.as_bytes()) {
        Ok(Method::PATCH) => append(storage, id, headers, request.into_body()).await,
        Ok(Method::HEAD) => head(storage, id, headers).await,
        Ok(Method::DELETE) => Ok(end(storage, id, headers).await?.into_response()),
        _ => Err(method_missing().await),
    }
}

/// Finds an upload that the caller may send to.
async fn find(
    storage: &Storage,
    headers: &HeaderMap,
    id: &str,
) -> Result<(Arc<Slot>, Shelf), Problem> {
    let slot = storage.0.uploads.find(id);
    let named = slot.as_ref().map(|slot| slot.namespace.as_str());
    let shelf = storage.shelf(headers, named, Action::Write).await?;
    Ok((slot.ok_or_else(nothing)?, shelf))
}

/// Takes a chunk, and stores the blob when it was the last one. Goes on when the sender is gone, so that what has come
/// counts.
async fn receive(
    storage: &Storage,
    slot: &Arc<Slot>,
    shelf: &Shelf,
    append: Append,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Problem> {
    let limit = storage.0.uploads.limits().bytes_max;
    let reader = BodyReader::new(headers, body, limit)?;
    let incoming = Incoming { append, reader };
    let (storage, slot, blobs) = (storage.clone(), Arc::clone(slot), shelf.blobs.clone());
    let before = append.offset;
    go_on(&storage.clone(), async move {
        let uploads = &storage.0.uploads;
        let shutdown = &storage.0.shutdown;
        let appended = uploads.append(&slot, &blobs, incoming, shutdown).await;
        if let Ok(standing) = uploads.standing(&slot).await {
            let received = standing.offset.saturating_sub(before);
            storage.0.metrics.received(received);
        }
        appended?;
        uploads.finish(&slot, &blobs).await.map(drop)
    })
    .await
}

/// Stores the blob of an upload that is complete, if nobody did so yet.
async fn finish(storage: &Storage, slot: &Arc<Slot>, shelf: &Shelf) -> Result<(), Problem> {
    let (inner, slot, blobs) = (storage.clone(), Arc::clone(slot), shelf.blobs.clone());
    go_on(storage, async move {
        inner.0.uploads.finish(&slot, &blobs).await.map(drop)
    })
    .await
}

/// Runs work to its end, even when nobody waits for it any more.
async fn go_on(
    storage: &Storage,
    work: impl Future<Output = Result<(), Problem>> + Send + 'static,
) -> Result<(), Problem> {
    let (tell, told) = oneshot::channel();
    storage.0.tasks.spawn(async move {
        // Nobody waits when the sender is gone.
        drop(tell.send(work.await));
    });
    told.await
        .unwrap_or_else(|_| Err(Problem::new(Code::Bug, "the upload was broken off")))
}

/// Says when an upload is given up, and which blob it has become.
fn tell(headers: &mut HeaderMap, standing: &Standing) {
    headers.insert(UPLOAD_EXPIRES, date::header(standing.expires));
    if let Some(hash) = standing.stored {
        let hash = HeaderValue::from_str(&hash.to_string()).expect("hex is ASCII");
        headers.insert(X_BLOB_HASH, hash);
        headers.insert(X_TIER, HeaderValue::from_static("accepted"));
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), Box<ProblemResponse>> {
    match headers.get(TUS_RESUMABLE) {
        Some(version) if version == VERSION => Ok(()),
        told => {
            let detail = match told.map(|told| told.to_str().unwrap_or("?")) {
                None => "the header Tus-Resumable is missing".to_owned(),
                Some(told) => format!("Tus-Resumable names {told}"),
            };
            let refused = ProblemResponse::of(Code::UploadVersion, detail);
            Err(Box::new(refused.with_header(TUS_VERSION, VERSION)))
        }
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let told = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = told.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(OFFSET_STREAM) {
        return Ok(());
    }
    let detail = format!("send Content-Type: {OFFSET_STREAM}");
    Err(Problem::new(Code::UnsupportedMedia, detail))
}

/// Reads how long an upload will be.
fn length(headers: &HeaderMap) -> Result<Length, Problem> {
    let deferred = text(headers, &UPLOAD_DEFER_LENGTH)?;
    let length = Length::parse(text(headers, &UPLOAD_LENGTH)?, deferred);
    length.map_err(|error| malformed(&error.to_string()))
}

fn checksum(headers: &HeaderMap) -> Result<Option<upload::Checksum>, Problem> {
    let told = text(headers, &UPLOAD_CHECKSUM)?.map(str::parse);
    let told = told.transpose();
    told.map_err(|error| malformed(&format!("Upload-Checksum: {error}")))
}

fn announced(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    number(headers, "content-length")
}

/// Reads a whole number.
fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = text(headers, &HeaderName::from_static(name))? else {
        return Ok(None);
    };
    let number = upload::number(name, text);
    number
        .map(Some)
        .map_err(|error| malformed(&error.to_string()))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let value = headers.get(name).map(HeaderValue::to_str).transpose();
    value.map_err(|_| malformed(&format!("{name} is not ASCII")))
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Code::UploadHeader, detail)
}
