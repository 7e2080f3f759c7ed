//! Answers as responses: which of the ready forms a request gets, and what is packed on the way.

use axum::body::Body;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::response::Response;
use base::Reach;
use tower_http::compression::predicate::{DefaultPredicate, Predicate};

use crate::hot::{CONTENT_DIGEST, Made, Prepared, Ready, Sent};
use crate::store::Sight;

/// Sends an answer that does not go through the cache: whole, or 304 when the reader has it.
pub(super) fn send(request: &HeaderMap, made: &Made, sight: &Sight) -> Response {
    let is_shared = *sight == Sight::ANONYMOUS && made.reach == Reach::Commons;
    send_ready(request, &Ready::new(made, is_shared))
}

/// Sends an answer that lies ready: whole, or 304 when the reader has it.
pub(super) fn send_ready(request: &HeaderMap, ready: &Ready) -> Response {
    let response = ready.respond(request, Sent::read(request));
    let mut response = response.map(Body::from);
    if ready.is_prepared() {
        response.extensions_mut().insert(Prepared);
    }
    response
}

/// Says what is packed on the way: what is large enough and does not come packed already.
pub(super) fn packs() -> impl Predicate {
    let is_unprepared = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<Prepared>().is_none()
    };
    DefaultPredicate::new().and(is_unprepared)
}

/// A digest is of the bytes as they are sent; a body that was packed on the way has another one.
pub(super) async fn drop_stale_digest(mut response: Response) -> Response {
    let is_prepared = response.extensions().get::<Prepared>().is_some();
    if !is_prepared && response.headers().contains_key(CONTENT_ENCODING) {
        response.headers_mut().remove(CONTENT_DIGEST);
    }
    response
}
