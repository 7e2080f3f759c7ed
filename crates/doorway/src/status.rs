//! How the doorway is doing, for its steward: what is counted, what it was like lately, and the page that shows it.
//!
//! Invariants: the page needs no JavaScript and is kept by nobody; making it reads numbers and asks nobody else.
//! It does not know where the numbers come from: a [`StatusSource`] fills the model.

mod metrics;
mod model;
mod record;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use base::{Code, Problem};
use http_kit::{ProblemResponse, Query, cache};
use serde::Deserialize;

use crate::pages::model::Site;
use crate::pages::strings::Language;
use crate::pages::{self, assets};
use crate::service::Doorway;

pub use metrics::{
    DoorwayMetrics, HotAnswer, OriginAnswer, RefusalReason, RequestClass, RequestOutcome,
};
pub use model::{
    Bus, Charts, ClassLine, Database, Following, FollowingState, LatencyLine, Span, Sparkline,
    States, StatusModel, Writer,
};
pub use record::{Board, Recording};

/// Where the page's numbers come from.
pub trait StatusSource: Send + Sync + 'static {
    /// Returns how things are now and were during `span`. Quick: it is called for each visit of the page.
    fn snapshot(&self, span: Span) -> StatusModel;
}

/// At which port the page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The admin port, which has no other pages: style and fonts come with it, and `/` leads to it.
    Admin,
    /// The port that readers use.
    Readers,
}

#[derive(Clone)]
struct Page {
    site: Arc<dyn Fn(Language) -> Site + Send + Sync>,
    source: Arc<dyn StatusSource>,
}

#[derive(Deserialize)]
struct Parameters {
    span: Option<String>,
}

/// Makes the routes of the page: `/status`, with `?span=day` for the last day instead of the last hour.
pub fn router(doorway: &Doorway, source: Arc<dyn StatusSource>, port: Port) -> Router {
    let doorway = doorway.clone();
    routes(
        Arc::new(move |language| doorway.site(language)),
        source,
        port,
    )
}

fn routes(
    site: Arc<dyn Fn(Language) -> Site + Send + Sync>,
    source: Arc<dyn StatusSource>,
    port: Port,
) -> Router {
    let origin = site(Language::default()).origin;
    let page = Router::new()
        .route("/status", get(show))
        .with_state(Page { site, source });
    match port {
        Port::Readers => page,
        Port::Admin => page
            .route("/", get(async || redirect("/status")))
            .route(
                "/openapi.json",
                get(async move || redirect(&format!("{origin}/openapi.json"))),
            )
            .route("/assets/{*path}", get(asset)),
    }
}

async fn show(
    State(page): State<Page>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Response, ProblemResponse> {
    let span = match parameters.span.as_deref() {
        None | Some("hour") => Span::Hour,
        Some("day") => Span::Day,
        Some(other) => {
            let detail = format!("span is hour or day, not {other:?}");
            return Err(Problem::new(Code::MalformedQuery, detail).into());
        }
    };
    let wish = headers.get(ACCEPT_LANGUAGE);
    let wish = wish.and_then(|value| value.to_str().ok());
    let site = (page.site)(Language::choose(wish));
    let html = pages::status(&site, &page.source.snapshot(span)).into_string();
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, cache::NO_STORE);
    headers.insert(VARY, HeaderValue::from_static("accept-language"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

async fn asset(OriginalUri(uri): OriginalUri) -> Result<Response, ProblemResponse> {
    let asset = assets::find(uri.path());
    let asset = asset.ok_or_else(|| Problem::new(Code::NotFound, "no such file is embedded"))?;
    let mut response = Response::new(Body::from(asset.bytes));
    let kind = HeaderValue::from_static(asset.media_type);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

#[cfg(test)]
pub(crate) mod tests;
