//! The routes: addresses and headers to questions, answers to responses. Nothing is decided here.

mod alone;
mod lists;
mod put;
mod read;
mod status;
mod tags;
mod tend;
mod tus;

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post, put};
use base::{Code, ContentHash, Problem};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_kit::Dress;
use storage_core::folder::is_manifest;
use storage_core::gc::Holds;
use tower::{Service, ServiceExt as _};

use crate::metrics::RequestKind;
use crate::service::Storage;

/// Returns the routes of blobs, for a router that has its own answer for what is not known.
pub(crate) fn joined(storage: &Storage) -> Router {
    http_kit::dressed(blobs(storage), None)
}

/// Returns everything that a service serves which runs alone.
pub(crate) fn alone(storage: &Storage) -> Router {
    let router = blobs(storage).merge(alone::router(storage));
    Router::new().fallback_service(Direct {
        storage: storage.clone(),
        router: http_kit::standard(router, None),
    })
}

/// Answers `PUT /blobs` before the router, which would cost a small blob as much as storing it; everything else is the
/// router's. There the same route does the same.
#[derive(Clone)]
struct Direct {
    storage: Storage,
    router: Router,
}

impl Service<Request> for Direct {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == Method::PUT && request.uri().path() == "/blobs" {
            return Box::pin(direct(self.storage.clone(), request).map(Ok));
        }
        Box::pin(self.router.clone().oneshot(request))
    }
}

async fn direct(storage: Storage, request: Request) -> Response {
    let started = Instant::now();
    let dress = Dress::new(&request, None);
    let response = dress.around(put::answer(&storage, request)).await;
    let status = response.status().as_u16();
    let metrics = &storage.0.metrics;
    metrics.request(RequestKind::Put, status, started.elapsed());
    response
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
