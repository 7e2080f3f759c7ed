//! What every router of ours does around its routes: request ids, caught panics, faults shown to who asks.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{self, HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base::{Code, Problem};
use futures::FutureExt as _;
use tracing::{Instrument as _, Span};

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
    dressed(router.fallback(not_found), page)
}

/// Dresses a router that is to be merged into a complete one: as [`standard`], and what it does not know is left to the
/// other.
pub fn dressed(router: Router, page: Option<ProblemPage>) -> Router {
    router
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
    let dress = Dress::new(&request, page);
    request.extensions_mut().insert(dress.id);
    dress.around(next.run(request)).await
}

/// What stands around one answer: its id, its trace, and how a fault is shown.
///
/// For services that answer some requests before the router; a [`standard`] router does it by itself.
pub struct Dress {
    id: RequestId,
    span: Span,
    uri: Uri,
    /// The page for a fault, where the reader wants one.
    page: Option<ProblemPage>,
    accept_language: Option<HeaderValue>,
}

impl Dress {
    /// Takes what is needed from a request.
    #[must_use]
    pub fn new<B>(request: &http::Request<B>, page: Option<ProblemPage>) -> Self {
        let id = RequestId::next();
        let path = request.uri().path();
        let span = tracing::info_span!("request", %id, method = %request.method(), path);
        runtime::telemetry::continue_trace(request.headers(), &span);
        Self {
            id,
            span,
            uri: request.uri().clone(),
            page: page.filter(|_| prefers_html(request.headers())),
            accept_language: request.headers().get(ACCEPT_LANGUAGE).cloned(),
        }
    }

    /// Makes an answer: a panic becomes a fault, a fault is shown to who asks, and the answer carries the request's id.
    ///
    /// # Cancel safety
    ///
    /// As `answer`.
    pub async fn around(self, answer: impl Future<Output = Response>) -> Response {
        let answered = self.caught(answer.map(Ok)).await;
        let response = answered.unwrap_or_else(IntoResponse::into_response);
        self.over(response)
    }

    /// Does the first part of [`Dress::around`]: answers within the request's trace, and makes a fault of a panic.
    ///
    /// # Errors
    ///
    /// As `answer`; [`Code::Bug`] when it panicked.
    ///
    /// # Cancel safety
    ///
    /// As `answer`.
    pub async fn caught<T>(
        &self,
        answer: impl Future<Output = Result<T, ProblemResponse>>,
    ) -> Result<T, ProblemResponse> {
        let answered = AssertUnwindSafe(answer)
            .catch_unwind()
            .instrument(self.span.clone())
            .await;
        match answered {
            Ok(answer) => answer,
            Err(_panic) => {
                let _entered = self.span.enter();
                tracing::error!(target: "http::event::handler_panicked", "a handler panicked");
                let detail = "the answer could not be made";
                Err(ProblemResponse::of(Code::Bug, detail))
            }
        }
    }

    /// Does the second part: names the request in an answer that is no fault.
    pub fn named(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.id.header());
    }

    /// Does the second part: shows a fault to who asks, and names the request.
    #[must_use]
    pub fn over(self, mut response: Response) -> Response {
        if response.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON)
            && let Some(problem) = response.extensions().get::<Problem>().cloned()
        {
            let language = self.accept_language.as_ref();
            let fault = Fault {
                problem: &problem,
                request_id: self.id,
                path: self.uri.path(),
                accept_language: language.and_then(|value| value.to_str().ok()),
            };
            show(&mut response, &fault, self.page.as_ref());
        }
        self.named(response.headers_mut());
        response
    }
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
