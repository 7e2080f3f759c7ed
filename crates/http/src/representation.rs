//! Answers with bytes that lie somewhere: whole, in parts, or not at all because the reader has them.
//!
//! What is in memory is sent from there. The rest is read when the reader is ready for it, off the async threads.

mod pieces;

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, EXPIRES, LAST_MODIFIED, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base::{Code, Timestamp};
use runtime::{Blocking, ReadAt};

use crate::conditional::{self, Condition, Validators};
use crate::range::{self, ByteRange, MalformedRange, Selection};
use crate::{ETag, ProblemResponse, date};

use pieces::{Piece, Pieces};

/// What a 304 may carry (RFC 9110 §15.4.5).
const NOT_MODIFIED_HEADERS: &[HeaderName] = &[
    CACHE_CONTROL,
    CONTENT_LOCATION,
    ETAG,
    EXPIRES,
    LAST_MODIFIED,
    VARY,
];

/// Bytes to answer with, and what is said about them.
#[derive(Clone)]
pub struct Representation {
    /// The bytes; they do not change while they are sent.
    pub source: Arc<dyn ReadAt>,
    /// What tells these bytes from others.
    pub etag: Option<ETag>,
    /// When they last changed.
    pub last_modified: Option<Timestamp>,
    /// Headers of a whole answer, such as `Content-Type` and `Cache-Control`.
    pub headers: HeaderMap,
}

/// Answers a GET or HEAD for a representation: 200, 206 with one or several ranges, 304, 400 for
/// ranges that cannot be read, 412 or 416 (RFC 9110).
#[must_use]
pub fn blob_response(
    method: &Method,
    request: &HeaderMap,
    representation: Representation,
    files: &Blocking,
) -> Response {
    let validators = Validators {
        exists: true,
        etag: representation.etag.clone(),
        last_modified: representation.last_modified,
    };
    let mut headers = representation.headers;
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(etag) = &validators.etag {
        headers.insert(ETAG, etag.header());
    }
    if let Some(modified) = validators.last_modified {
        headers.insert(LAST_MODIFIED, date::header(modified));
    }
    match conditional::evaluate(method, request, &validators) {
        Condition::Holds => {}
        Condition::NotModified => return not_modified(&headers),
        Condition::Failed => return StatusCode::PRECONDITION_FAILED.into_response(),
    }
    let len = representation.source.len();
    let selection = if method == Method::GET && conditional::range_applies(request, &validators) {
        range::select(request, len)
    } else {
        Selection::Whole
    };
    let (status, pieces) = match selection {
        Selection::Whole => (StatusCode::OK, whole(&mut headers, len)),
        Selection::Unsatisfiable => return unsatisfiable(len),
        Selection::Malformed(malformed) => return refused(&malformed),
        Selection::Parts(ranges) => (
            StatusCode::PARTIAL_CONTENT,
            parts(&mut headers, &ranges, len),
        ),
    };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        Pieces::new(representation.source, pieces, files).into_body()
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Returns at which byte of the representation an answer of [`blob_response`] begins: 0, unless it is a single range.
#[must_use]
pub fn first_byte(response: &Response) -> u64 {
    let range = response.headers().get(CONTENT_RANGE);
    let range = range.and_then(|range| range.to_str().ok()?.strip_prefix("bytes "));
    let first = range.and_then(|range| range.split('-').next()?.parse().ok());
    first.unwrap_or(0)
}

fn not_modified(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    for name in NOT_MODIFIED_HEADERS {
        for value in headers.get_all(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

fn unsatisfiable(len: u64) -> Response {
    let content_range = HeaderValue::from_str(&format!("bytes */{len}")).expect("digits are ASCII");
    ProblemResponse::of(Code::UnsatisfiableRange, format!("there are {len} bytes"))
        .with_header(CONTENT_RANGE, content_range)
        .with_header(ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        .into_response()
}

fn refused(malformed: &MalformedRange) -> Response {
    ProblemResponse::of(Code::MalformedRange, malformed.to_string())
        .with_header(ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        .into_response()
}

fn whole(headers: &mut HeaderMap, len: u64) -> VecDeque<Piece> {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    let last = len.checked_sub(1);
    last.map(|last| Piece::Stored(ByteRange { first: 0, last }))
        .into_iter()
        .collect()
}

/// Prepares a partial answer: one range as it is, several as `multipart/byteranges` (RFC 9110 §14.6).
fn parts(headers: &mut HeaderMap, ranges: &[ByteRange], total: u64) -> VecDeque<Piece> {
    if let [range] = ranges {
        let content_range =
            HeaderValue::from_str(&range.content_range(total)).expect("digits are ASCII");
        headers.insert(CONTENT_RANGE, content_range);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(range.len()));
        return VecDeque::from([Piece::Stored(*range)]);
    }
    let boundary = boundary();
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let mut pieces = VecDeque::with_capacity(ranges.len() * 2 + 1);
    let mut len: u64 = 0;
    let mut push = |piece: Piece| {
        len = len.saturating_add(piece.len());
        pieces.push_back(piece);
    };
    for (index, range) in ranges.iter().enumerate() {
        let start = if index == 0 { "" } else { "\r\n" };
        let kind = kind.map_or_else(String::new, |kind| format!("Content-Type: {kind}\r\n"));
        let place = range.content_range(total);
        let head = format!("{start}--{boundary}\r\n{kind}Content-Range: {place}\r\n\r\n");
        push(Piece::Ready(head.into()));
        push(Piece::Stored(*range));
    }
    push(Piece::Ready(format!("\r\n--{boundary}--\r\n").into()));
    let kind = format!("multipart/byteranges; boundary={boundary}");
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_str(&kind).expect("the boundary is hex"),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    pieces
}

/// Draws a line that does not occur in the bytes, because nobody could have known it.
fn boundary() -> String {
    // Without randomness the lengths in the parts' heads still tell the parts apart.
    let high = getrandom::u64().unwrap_or_default();
    let low = getrandom::u64().unwrap_or_default();
    format!("{high:016x}{low:016x}")
}

#[cfg(test)]
mod tests;
