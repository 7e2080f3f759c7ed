//! Answers as responses: validators, caching, digests.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use base::Reach;
use http_kit::conditional::{self, Condition, Validators};
use http_kit::{ETag, cache, repr_digest};

use crate::hot::Made;
use crate::store::Sight;

/// The digest of a body (RFC 9530).
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// What a page may load: its own host's styles, fonts, images and media; nothing runs.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' https: data:; media-src 'self' https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Sends an answer: whole, or 304 when the reader has it.
pub(super) fn send(request: &HeaderMap, made: &Made, sight: &Sight) -> Response {
    let is_shared = *sight == Sight::ANONYMOUS && made.reach == Reach::Commons;
    let etag = ETag::weak(&made.hash.to_string()[..32]).expect("hex digits make a tag");
    let mut headers = HeaderMap::new();
    headers.insert(ETAG, etag.header());
    headers.insert(
        CACHE_CONTROL,
        if is_shared {
            cache::PUBLIC_REVALIDATE
        } else {
            cache::PRIVATE_NO_STORE
        },
    );
    headers.insert(
        VARY,
        HeaderValue::from_static("accept-encoding, accept-language, authorization"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let current = Validators {
        exists: true,
        etag: Some(etag),
        last_modified: None,
    };
    let mut response = match conditional::evaluate(&Method::GET, request, &current) {
        Condition::NotModified => status(StatusCode::NOT_MODIFIED),
        Condition::Failed => status(StatusCode::PRECONDITION_FAILED),
        Condition::Holds => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(made.media_type));
            headers.insert(CONTENT_LENGTH, HeaderValue::from(made.body.len()));
            headers.insert(CONTENT_DIGEST, repr_digest(&made.hash));
            if made.media_type.starts_with("text/html") {
                headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
                headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
            }
            Response::new(Body::from(made.body.clone()))
        }
    };
    *response.headers_mut() = headers;
    response
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A digest is of the bytes as they are sent; a body that was compressed afterwards has another one.
pub(super) async fn drop_stale_digest(mut response: Response) -> Response {
    if response.headers().contains_key(CONTENT_ENCODING) {
        response.headers_mut().remove(CONTENT_DIGEST);
    }
    response
}
