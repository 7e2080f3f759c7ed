//! The log of events as a stream.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use base::{Code, Problem};
use doorway_core::outbox::Position;
use http_kit::{ProblemResponse, Query, cache};
use serde::Deserialize;
use tokio_stream::wrappers::ReceiverStream;

use crate::events::Stream;
use crate::service::Doorway;

/// What a reader that comes again says it has (WHATWG HTML, "Server-sent events").
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize)]
pub(super) struct Parameters {
    after: Option<String>,
}

pub(super) async fn read(
    State(doorway): State<Doorway>,
    method: Method,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Response, ProblemResponse> {
    let header = headers.get(LAST_EVENT_ID).map(HeaderValue::to_str);
    let header = header
        .transpose()
        .map_err(|_| malformed("Last-Event-ID is not ASCII"))?;
    let header = header.filter(|cursor| !cursor.is_empty());
    let position = position(header.or(parameters.after.as_deref()))?;
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let limits = doorway.limits().events.clone();
        let stream = Stream::open(doorway.clone(), position, limits).await;
        let stream = stream.map_err(Problem::from)?;
        let (sender, receiver) = Stream::channel();
        doorway.serve_events(stream, sender);
        Body::from_stream(ReceiverStream::new(receiver))
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, cache::NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx would collect events before it passes them on.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    Ok(response)
}

/// Reads where a consumer wants to start: nothing for the beginning, `now`, or a cursor.
fn position(text: Option<&str>) -> Result<Position, Problem> {
    match text {
        None | Some("") => Ok(Position::Beginning),
        Some("now") => Ok(Position::Now),
        Some(cursor) => cursor
            .parse()
            .map(Position::After)
            .map_err(|error| malformed(&format!("{error}"))),
    }
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Code::MalformedCursor, detail)
}
