//! Server-sent events (WHATWG HTML, "Server-sent events") made of views.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use http_kit::{cache, negotiate};
use serde::Serialize;

/// Media type of a stream of events.
const EVENT_STREAM: &str = "text/event-stream";

/// Tells whether a request asks for a stream of events rather than for a document.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    negotiate(headers, &["application/json", EVENT_STREAM]) == Some(1)
}

/// Writes one event; JSON on one line needs no more than one `data` field.
pub(crate) fn event(name: &str, view: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(view).expect("a view can be said in JSON");
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// Answers with a stream of events.
pub(crate) fn response(
    events: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
) -> Response {
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, cache::NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx would collect events before it passes them on.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}
