//! What stands before the routes: answers that lie ready, who gets in, and the counting of both.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, Response, Uri};
use axum::middleware::Next;
use base::Problem;
use bytes::Bytes;
use doorway_core::admission::{Admission, Class, Place, Reason, Verdict, Visitor};
use http_kit::{Ask, Gate, HotPath, Pass, Refused, Served};
use runtime::Clock;

use crate::service::Doorway;
use crate::status::{DoorwayMetrics, RefusalReason, RequestClass};

/// One in so many answers that lie ready is timed; all are counted.
const TIMED_EACH: u64 = 64;

/// What a blob that is being stored holds in memory, in bytes.
const STREAMED_BYTES: u64 = 1_024 * 1_024;

/// Lets requests in, or says why not.
struct Door {
    admission: Arc<Mutex<Admission>>,
    clock: Clock,
    metrics: DoorwayMetrics,
}

/// A place that goes back when the answer has ended.
struct Held {
    admission: Arc<Mutex<Admission>>,
    place: Option<Place>,
}

/// Answers that lie ready, counted.
struct Counted {
    hot: Arc<dyn HotPath>,
    metrics: DoorwayMetrics,
    answers: AtomicU64,
}

impl Doorway {
    /// Returns everything that a listener serves.
    #[must_use]
    pub fn served(&self) -> Served {
        let metrics = self.metrics().clone();
        // From now on it is observed, whether anybody looks or not.
        drop(self.status());
        Served {
            router: crate::routes::router(self),
            hot: Some(Arc::new(Counted {
                hot: self.hot_path(),
                metrics: metrics.clone(),
                answers: AtomicU64::new(0),
            })),
            gate: Some(Arc::new(Door {
                admission: Arc::new(Mutex::new(Admission::new(self.limits().admission.clone()))),
                clock: self.0.clock.clone(),
                metrics,
            })),
            direct: None,
        }
    }
}

impl HotPath for Counted {
    fn answer(&self, ask: &Ask<'_>) -> Option<Response<Bytes>> {
        let turn = self.answers.load(Ordering::Relaxed);
        let started = turn.is_multiple_of(TIMED_EACH).then(Instant::now);
        let response = self.hot.answer(ask)?;
        self.answers.store(turn.wrapping_add(1), Ordering::Relaxed);
        let class = hot_class_of(ask.uri.path());
        self.metrics.answered(class, response.status().as_u16());
        if class == RequestClass::Blob {
            self.sent(ask.method, &response);
        }
        if let Some(started) = started {
            self.metrics.took(class, started.elapsed());
        }
        Some(response)
    }
}

impl Counted {
    /// Counts the bytes of a blob.
    fn sent(&self, method: &Method, response: &Response<Bytes>) {
        if *method == Method::GET && response.status().is_success() {
            self.metrics.blob_bytes_sent(response.body().len() as u64);
        }
    }
}

fn locked(admission: &Mutex<Admission>) -> MutexGuard<'_, Admission> {
    admission.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate for Door {
    fn admit(&self, ask: &Ask<'_>) -> Result<Pass, Refused> {
        let target = ask
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let class = Class::of(ask.method.as_str(), target);
        let visitor = Visitor {
            address: ask.client,
            class,
            announced_bytes: buffered(ask),
        };
        let mut admission = locked(&self.admission);
        let verdict = admission.admit(self.clock.now(), visitor);
        match verdict {
            // Blobs hold no place; the core says so.
            Verdict::Admitted(place) if !place.is_held() => Ok(Pass::free()),
            Verdict::Admitted(place) => Ok(Pass::new(Held {
                admission: Arc::clone(&self.admission),
                place: Some(place),
            })),
            Verdict::Refused {
                reason,
                retry_after_secs,
            } => {
                self.metrics.refused(match reason {
                    Reason::Address => RefusalReason::Rate,
                    Reason::Load => RefusalReason::Load,
                });
                let code = reason.code();
                Err(Refused {
                    problem: Problem::new(code, code.title()),
                    retry_after_secs,
                })
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            locked(&self.admission).leave(place);
        }
    }
}

/// Returns how much of a body is held in memory, as far as its head says; blobs go to disk piece by piece.
fn buffered(ask: &Ask<'_>) -> Option<u64> {
    let path = ask.uri.path();
    if path == "/store" || path == "/blobs" || path.starts_with("/blobs/") {
        return Some(STREAMED_BYTES);
    }
    ask.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Counts and times a request that reached the routes.
pub(crate) async fn measure(
    State(metrics): State<DoorwayMetrics>,
    request: Request,
    next: Next,
) -> axum::response::Response {
    let class = class_of(request.method(), request.uri());
    let started = Instant::now();
    let response = next.run(request).await;
    metrics.request(class, response.status().as_u16(), started.elapsed());
    response
}

/// Returns under which name a request is counted.
fn class_of(method: &Method, uri: &Uri) -> RequestClass {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let path = uri.path();
    match Class::of(method.as_str(), target) {
        Class::Page if path.starts_with("/assets/") || path == "/favicon.ico" => {
            RequestClass::Asset
        }
        Class::Page => RequestClass::Page,
        Class::Search => RequestClass::List,
        Class::Blob => RequestClass::Blob,
        Class::Events => RequestClass::Events,
        Class::Write | Class::Auth | Class::Admin => RequestClass::Write,
        Class::Proof | Class::Read if path.starts_with("/api/v1/chains/") => RequestClass::Chain,
        Class::Proof => RequestClass::Item,
        Class::Read => match path.strip_prefix("/api/v1/cache/") {
            Some(rest) if rest.contains('/') => RequestClass::Item,
            Some(_) => RequestClass::List,
            None => RequestClass::Other,
        },
        Class::Service => RequestClass::Other,
    }
}

/// Returns the same for a request whose answer lay ready, of whose path so much is known that its first letters tell.
fn hot_class_of(path: &str) -> RequestClass {
    if let Some(rest) = path.strip_prefix("/api/v1/") {
        return match rest.strip_prefix("cache/") {
            Some(rest) if rest.contains('/') => RequestClass::Item,
            Some(_) | None => RequestClass::List,
        };
    }
    if path.starts_with("/store/") {
        RequestClass::Blob
    } else if path.starts_with("/proofs/") || path.starts_with("/history/") {
        RequestClass::Item
    } else if path == "/search" {
        RequestClass::List
    } else {
        RequestClass::Page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_ready_is_counted_as_what_the_routes_answer() {
        for path in [
            "/",
            "/courses/a/b",
            "/pages/a",
            "/authors/a",
            "/items/a",
            "/proofs/a",
            "/history/a/3",
            "/errors/CH-0105",
            "/search?q=a",
            "/api/v1/cache/content",
            "/api/v1/cache/content?limit=3",
            "/api/v1/cache/content/a/b",
            "/api/v1/cache/content/a?proof=1",
            "/api/v1/search?q=a",
            "/store/00",
        ] {
            let uri: Uri = path.parse().unwrap();
            let class = class_of(&Method::GET, &uri);
            assert_eq!(hot_class_of(uri.path()), class, "{path}");
        }
    }
}
