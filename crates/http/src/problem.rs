//! Faults as documents: `application/problem+json` (RFC 9457) made of a [`Problem`].

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base::{Code, Problem};

use crate::{RequestId, cache};

/// The media type of a problem document.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// After how many seconds to try again what is not possible at the moment, where nothing better is known.
const RETRY_LATER: HeaderValue = HeaderValue::from_static("2");

/// An answer that tells a fault. Its response carries the [`Problem`] as an extension, so that a layer can show it
/// in another way; [`crate::standard`] does so for browsers.
#[derive(Clone, Debug)]
pub struct ProblemResponse {
    /// The fault.
    pub problem: Problem,
    headers: HeaderMap,
}

impl ProblemResponse {
    /// Makes an answer that tells `problem`, with the status of its code.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        let mut headers = HeaderMap::new();
        if problem.code.status() == StatusCode::UNAUTHORIZED.as_u16() {
            // RFC 9110 §15.5.2 asks for it.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Self { problem, headers }
    }

    /// Makes an answer from a code and what happened this time.
    #[must_use]
    pub fn of(code: Code, detail: impl Into<String>) -> Self {
        Self::new(Problem::new(code, detail))
    }

    /// Adds a header to the answer, replacing one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(self, secs: u64) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(secs))
    }

    /// Says which methods the address takes, separated by commas.
    #[must_use]
    pub fn allow(self, methods: &'static str) -> Self {
        self.with_header(ALLOW, HeaderValue::from_static(methods))
    }
}

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self::new(problem)
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let document = document(&self.problem, None, None);
        let mut response = Response::new(Body::from(document));
        *response.status_mut() = status(self.problem.code);
        let headers = response.headers_mut();
        *headers = self.headers;
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        headers.entry(CACHE_CONTROL).or_insert(cache::NO_STORE);
        headers.append(VARY, HeaderValue::from_static("accept"));
        if self.problem.code.status() == StatusCode::SERVICE_UNAVAILABLE.as_u16() {
            headers.entry(RETRY_AFTER).or_insert(RETRY_LATER);
        }
        response.extensions_mut().insert(self.problem);
        response
    }
}

/// Returns the status of a code.
pub(crate) fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes the document. `type` and `page` are the address of the code's page, relative to the doorway.
pub(crate) fn document(
    problem: &Problem,
    instance: Option<&str>,
    id: Option<RequestId>,
) -> Vec<u8> {
    let code = problem.code;
    let page = format!("/errors/{code}");
    let mut document = serde_json::json!({
        "schema_version": 1,
        "type": page,
        "title": code.title(),
        "status": code.status(),
        "detail": problem.to_string(),
        "code": code.to_string(),
        "kind": code.kind().as_str(),
        "hint": code.hint(),
        "page": page,
    });
    if let Some(instance) = instance {
        document["instance"] = instance.into();
    }
    if let Some(id) = id {
        document["request_id"] = id.to_string().into();
    }
    document.to_string().into_bytes()
}

#[cfg(test)]
mod tests;
