//! What every router of ours does around its routes: request ids, caught panics, faults shown to who asks.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base::{Code, Problem};
use futures::FutureExt as _;
use tracing::Instrument as _;

use crate::request_id::X_REQUEST_ID;
use crate::{PROBLEM_JSON, ProblemResponse, RequestId, prefers_html, problem};

/// A fault, as a page for people needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// What happened.
    pub problem: &'a Problem,
    /// In which request.
    pub request_id: RequestId,
    /// At which path.
    pub path: &'a str,
    /// In which languages the reader wants to be told (RFC 9110 §12.5.4), as they were sent.
    pub accept_language: Option<&'a str>,
}

/// Writes the HTML page of a fault.
pub type ProblemPage = Arc<dyn Fn(&Fault<'_>) -> String + Send + Sync>;

/// Dresses a router that is complete.
///
/// * An unknown address answers [`Code::NotFound`], an unknown method [`Code::MethodNotAllowed`] with `Allow`.
/// * A panic answers [`Code::Bug`] and is logged with the request id.
/// * Each request has a [`RequestId`] in its extensions, each answer the same in `X-Request-Id`.
/// * A fault that a browser gets (HTML preferred in `Accept`) is written by `page`; others get the document.
pub fn standard(router: Router, page: Option<ProblemPage>) -> Router {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(page, dress))
}

async fn not_found(OriginalUri(uri): OriginalUri) -> ProblemResponse {
    ProblemResponse::of(Code::NotFound, format!("nothing is at {}", uri.path()))
}

async fn method_not_allowed(method: Method, OriginalUri(uri): OriginalUri) -> ProblemResponse {
    ProblemResponse::of(
        Code::MethodNotAllowed,
        format!("{} does not take {method}", uri.path()),
    )
}

async fn dress(
    State(page): State<Option<ProblemPage>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::next();
    request.extensions_mut().insert(id);
    let page = page.filter(|_| prefers_html(request.headers()));
    let path = request.uri().path().to_owned();
    let accept_language = request.headers().get(ACCEPT_LANGUAGE).cloned();
    let span = tracing::info_span!("request", %id, method = %request.method(), path);
    runtime::telemetry::continue_trace(request.headers(), &span);
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let mut response = answered.unwrap_or_else(|_| {
        let _entered = span.enter();
        tracing::error!(target: "http::event::handler_panicked", "a handler panicked");
        ProblemResponse::of(Code::Bug, "the answer could not be made").into_response()
    });
    if response.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON)
        && let Some(problem) = response.extensions().get::<Problem>().cloned()
    {
        let fault = Fault {
            problem: &problem,
            request_id: id,
            path: &path,
            accept_language: accept_language
                .as_ref()
                .and_then(|value| value.to_str().ok()),
        };
        show(&mut response, &fault, page.as_ref());
    }
    response.headers_mut().insert(X_REQUEST_ID, id.header());
    response
}

/// Writes the fault's body anew, now that the request is known.
fn show(response: &mut Response, fault: &Fault<'_>, page: Option<&ProblemPage>) {
    let (kind, body) = match page {
        Some(page) => (
            HeaderValue::from_static("text/html; charset=utf-8"),
            page(fault).into_bytes(),
        ),
        None => (
            PROBLEM_JSON,
            problem::document(fault.problem, Some(fault.path), Some(fault.request_id)),
        ),
    };
    if page.is_some() {
        let language = HeaderValue::from_static("accept-language");
        response.headers_mut().append(VARY, language);
    }
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
}

#[cfg(test)]
mod tests;
