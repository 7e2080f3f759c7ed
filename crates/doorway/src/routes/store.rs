//! Blobs: brought by members, read by those whom a manifest's reach admits.

use std::sync::Arc;

use api::{SCHEMA_VERSION, StoredBlobView};
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, IF_NONE_MATCH, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base::{Code, ContentHash, Problem, Reach};
use blobs::CHUNK_BYTES;
use doorway_core::cache::{Key, Tag};
use doorway_core::projector::Input;
use doorway_core::session::Action;
use futures::FutureExt as _;
use http_kit::{
    BodyReader, ETag, Json, Path, ProblemResponse, Representation, blob_response, cache,
};
use runtime::ReadAt;

use super::respond;
use crate::hot::{Form, Heads, Made, READY_BLOB_BYTES_MAX, Ready, path};
use crate::reads::nothing;
use crate::service::Doorway;
use crate::store::{Named, Sight};

/// Nothing in a blob runs or loads anything, whatever it claims to be.
const BLOB_POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'",
);

/// Media type of a blob that no manifest describes.
const UNKNOWN: &str = "application/octet-stream";

pub(super) async fn write(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let agent = doorway.permit(&headers, Action::PutBlob).await?;
    let expected = http_kit::content_digest(&headers)?;
    let limit = doorway.limits().blob_bytes_max;
    let mut reader = BodyReader::new(&headers, body, limit)?;
    let refused = |error: blobs::PutError| error.problem();
    let mut upload = doorway
        .blobs()
        .upload(reader.announced())
        .await
        .map_err(refused)?;
    while let Some(chunk) = reader.chunk().await? {
        upload.write(chunk).await.map_err(refused)?;
    }
    let stored = upload.finish(expected).await.map_err(refused)?;
    let now = doorway.now();
    let home = doorway.home()?;
    home.community.uploaded(&stored.hash, &agent, now).await?;
    let hash = stored.hash;
    if let Some(projection) = doorway.projection() {
        projection.tell(Input::BlobStored { hash }).await;
    }
    let view = StoredBlobView {
        schema_version: SCHEMA_VERSION,
        hash: hash.to_string(),
        bytes: stored.bytes,
        is_new: stored.is_new,
    };
    let location = HeaderValue::from_str(&format!("/store/{hash}")).expect("hex is ASCII");
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view)).into_response())
}

pub(super) async fn read(
    State(doorway): State<Doorway>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Path(hash): Path<String>,
) -> Result<Response, ProblemResponse> {
    let hash: ContentHash = hash
        .parse()
        .map_err(|error| Problem::new(Code::MalformedHash, format!("{error}")))?;
    let key = path::blob_key_of(&method, &uri, &headers, &hash);
    let response = match doorway.ready_blob(key, &hash).await? {
        Some(ready) => respond::send_ready(&headers, &ready),
        None => {
            let sight = doorway.sight(&headers).await?;
            let described = doorway.describe_blob(&hash, &sight).await?;
            let blob = doorway.blob(&hash).await?.ok_or_else(nothing)?;
            let shown = described.represent(&hash, Arc::new(blob.clone()));
            let response = blob_response(&method, &headers, shown, doorway.blobs().files());
            if method == Method::GET && response.status().is_success() {
                // Damage is told before the answer begins, as far as its first bytes show it.
                let chunk = http_kit::first_byte(&response) / CHUNK_BYTES as u64;
                blob.chunk(chunk).await.map_err(|error| error.problem())?;
            }
            response
        }
    };
    if method == Method::GET && response.status().is_success() {
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        doorway
            .metrics()
            .blob_bytes_sent(length.unwrap_or_default());
    }
    Ok(response)
}

/// What is known of a blob.
struct Described {
    media_type: String,
    reach: Reach,
}

impl Described {
    /// Joins what is known of a blob with its bytes.
    fn represent(&self, hash: &ContentHash, source: Arc<dyn ReadAt>) -> Representation {
        Representation {
            source,
            etag: Some(ETag::of_hash(hash)),
            last_modified: None,
            headers: self.headers(),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: HeaderValue| {
            headers.insert(name, value);
        };
        let media_type = HeaderValue::from_str(&self.media_type);
        set(
            CONTENT_TYPE,
            media_type.unwrap_or(HeaderValue::from_static(UNKNOWN)),
        );
        set(
            CACHE_CONTROL,
            if self.reach == Reach::Commons {
                cache::PUBLIC_IMMUTABLE
            } else {
                cache::PRIVATE_NO_STORE
            },
        );
        set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        set(CONTENT_SECURITY_POLICY, BLOB_POLICY);
        set(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
        headers
    }
}

impl Doorway {
    /// Answers an anonymous reader from what lies ready, or lays the answer ready. Nothing when it is not kept there: it
    /// has another question than for the whole, is large, or has to be copied first.
    async fn ready_blob(
        &self,
        key: Option<Key>,
        hash: &ContentHash,
    ) -> Result<Option<Arc<Ready>>, Problem> {
        let Some(key) = key else {
            return Ok(None);
        };
        // Who may not see the blob is not told that it is damaged; the other way finds out who asks.
        let Ok(Some(blob)) = self.blobs().get(hash).await else {
            return Ok(None);
        };
        if blob.len() > READY_BLOB_BYTES_MAX {
            return Ok(None);
        }
        // Damage shows before anything is kept, so that nobody hears of it any more once the blob was stored again.
        if blob.chunk(0).await.is_err() {
            return Ok(None);
        }
        let (doorway, hash) = (self.clone(), *hash);
        let make = move || async move { doorway.make_blob(&hash).await }.boxed();
        let ready = self.hot().answer(Some(key), &Sight::ANONYMOUS, make).await;
        ready.map(Some)
    }

    /// Makes the answer that everybody gets who asks for the whole of a small blob. Its bytes are those that the store
    /// has in memory.
    async fn make_blob(&self, hash: &ContentHash) -> Result<Made, Problem> {
        let described = self.describe_blob(hash, &Sight::ANONYMOUS).await?;
        let blob = self.blobs().get(hash).await;
        let blob = blob.map_err(|error| error.problem())?.ok_or_else(nothing)?;
        let body = blob.chunk(0).await.map_err(|error| error.problem())?;
        if body.len() as u64 != blob.len() {
            let detail = format!("blob {hash} is not in one piece");
            return Err(Problem::new(Code::Bug, detail));
        }
        let source = described.represent(hash, Arc::new(body.clone()));
        let answer = |request: &HeaderMap| {
            let files = self.blobs().files();
            let response = blob_response(&Method::GET, request, source.clone(), files);
            response.into_parts().0.headers
        };
        let everything = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("*"))]);
        let heads = Heads {
            etag: ETag::of_hash(hash),
            whole: answer(&HeaderMap::new()),
            unchanged: answer(&everything),
        };
        Ok(Made {
            form: Form::Blob(Box::new(heads)),
            body,
            reach: described.reach,
            tags: vec![Tag::Blob(hash.to_string())],
        })
    }

    /// Finds a manifest that lets this reader see the blob; who brought it may see it without one.
    async fn describe_blob(&self, hash: &ContentHash, sight: &Sight) -> Result<Described, Problem> {
        let names = self.store().names_of(&hash.to_string()).await?;
        let admits = |named: &Named| named.reach.admits(&sight.reader(), &named.author);
        if let Some(named) = names.into_iter().find(admits) {
            let media_type = match named.media_type.as_str() {
                "" => UNKNOWN.to_owned(),
                _ => named.media_type,
            };
            return Ok(Described {
                media_type,
                reach: named.reach,
            });
        }
        let Some(key) = &sight.key else {
            return Err(nothing());
        };
        if self.home()?.community.has_uploaded(hash, key).await? {
            return Ok(Described {
                media_type: UNKNOWN.to_owned(),
                reach: Reach::Private,
            });
        }
        Err(nothing())
    }
}
