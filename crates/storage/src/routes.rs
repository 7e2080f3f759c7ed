//! The routes: addresses and headers to questions, answers to responses. Nothing is decided here.

mod alone;
mod lists;
mod put;
mod read;
mod status;
mod tags;
mod tend;
mod tus;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use base::{Code, ContentHash, Problem};
use futures::future::BoxFuture;
use http_kit::{Arriving, Ask, DirectAnswer, DirectPath, Dress, Served};
use storage_core::folder::is_manifest;
use storage_core::gc::Holds;

use crate::metrics::RequestKind;
use crate::service::Storage;

pub(crate) use put::{NAME_IT, refusal};

/// Returns the routes of blobs, for a router that has its own answer for what is not known.
pub(crate) fn joined(storage: &Storage) -> Router {
    http_kit::dressed(blobs(storage), None)
}

/// Returns everything that a service serves which runs alone.
pub(crate) fn alone(storage: &Storage) -> Served {
    let router = blobs(storage).merge(alone::router(storage));
    Served {
        direct: Some(Arc::new(Direct(storage.clone()))),
        ..Served::new(http_kit::standard(router, None))
    }
}

/// Answers `PUT /blobs` before the router, which would cost a small blob as much as storing it; everything else is the
/// router's. There the same route does the same.
struct Direct(Storage);

impl DirectPath for Direct {
    fn takes(&self, ask: &Ask<'_>) -> bool {
        *ask.method == Method::PUT && ask.uri.path() == "/blobs" && ask.uri.query().is_none()
    }

    fn answer(&self, request: axum::http::Request<Arriving>) -> BoxFuture<'static, DirectAnswer> {
        Box::pin(direct(self.0.clone(), request))
    }
}

async fn direct(storage: Storage, request: axum::http::Request<Arriving>) -> DirectAnswer {
    let started = Instant::now();
    let dress = Dress::new(&request, None);
    let (head, body) = request.into_parts();
    let answered = dress
        .caught(put::answer(&storage, head.headers, body))
        .await;
    let (status, answer) = match answered {
        Ok(mut response) => {
            dress.named(response.headers_mut());
            (response.status(), DirectAnswer::Whole(response))
        }
        Err(refused) => {
            let response = dress.over(refused.into_response());
            (response.status(), DirectAnswer::Made(response))
        }
    };
    let metrics = &storage.0.metrics;
    metrics.request(RequestKind::Put, status.as_u16(), started.elapsed());
    answer
}

fn blobs(storage: &Storage) -> Router {
    let uploads = Router::new()
        .route("/blobs/uploads", post(tus::create).options(tus::options))
        .route(
            "/blobs/uploads/{id}",
            get(tus::method_missing)
                .head(tus::head)
                .patch(tus::append)
                .delete(tus::end)
                .post(tus::overridden)
                .options(tus::options),
        )
        .layer(map_response(tus::speaks));
    Router::new()
        .route("/blobs", get(lists::list).put(put::write))
        .route("/blobs/have", post(lists::have))
        .route("/blobs/tags", get(tags::list))
        .route(
            "/blobs/tags/{*name}",
            get(tags::read).put(tags::write).delete(tags::remove),
        )
        .route("/blobs/usage", get(lists::usage))
        .route("/blobs/quota", put(tend::set_quota))
        .route("/blobs/queue", get(lists::queue))
        .route("/blobs/gc", post(tend::collect))
        .route(
            "/blobs/scrub",
            get(tend::scrub)
                .post(tend::start_scrub)
                .delete(tend::stop_scrub),
        )
        .route(
            "/blobs/{hash}",
            get(read::read).put(put::write_as).delete(tags::trash),
        )
        .route("/blobs/{hash}/status", get(status::read))
        .route("/blobs/{hash}/lease", put(tags::lease))
        .merge(uploads)
        .layer(from_fn_with_state(storage.clone(), measure))
        .with_state(storage.clone())
}

/// Counts and times a request.
async fn measure(State(storage): State<Storage>, request: Request, next: Next) -> Response {
    let kind = kind_of(request.method(), request.uri().path());
    let started = Instant::now();
    let response = next.run(request).await;
    let metrics = &storage.0.metrics;
    metrics.request(kind, response.status().as_u16(), started.elapsed());
    response
}

/// Returns under which name a request is counted.
fn kind_of(method: &Method, path: &str) -> RequestKind {
    let rest = path.strip_prefix("/blobs").unwrap_or_default();
    let mut segments = rest.trim_start_matches('/').split('/');
    let first = segments.next().unwrap_or_default();
    let second = segments.next();
    match (first, second) {
        ("uploads", _) => RequestKind::Upload,
        ("gc" | "scrub" | "quota" | "queue", None) => RequestKind::Tend,
        ("tags", _) if method != Method::GET => RequestKind::Hold,
        ("have" | "usage" | "tags", _) | (_, Some("status")) => RequestKind::Look,
        ("", None) | (_, None) if method == Method::PUT => RequestKind::Put,
        ("", None) => RequestKind::Look,
        (_, Some("lease")) => RequestKind::Hold,
        (_, None) if method == Method::DELETE => RequestKind::Hold,
        (_, None) => RequestKind::Get,
        (_, Some(_)) => RequestKind::Other,
    }
}

/// Reads a hash in an address or a body.
fn hash(text: &str) -> Result<ContentHash, Problem> {
    text.parse()
        .map_err(|error| Problem::new(Code::MalformedHash, format!("{error}")))
}

/// Tells by its first bytes what a blob leads to: the manifest of a folder keeps the folder's files.
pub(crate) fn holds(bytes: &[u8]) -> Holds {
    if is_manifest(bytes) {
        Holds::Folder
    } else {
        Holds::Blob
    }
}

/// What is told of what is not there, or not to be seen.
fn nothing() -> Problem {
    Problem::new(Code::NotFound, Code::NotFound.title())
}
