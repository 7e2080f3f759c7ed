//! Somebody between a copy and its writer, at one address for good: passes requests on, counts them, and lies.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use http_kit::Served;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::harness::{House, Port};

/// Changes the body of an answer, given the path and query that were asked for.
type Edit = Box<dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync>;

pub(crate) struct Between {
    /// Nothing while the writer is away.
    writer: Mutex<Option<Router>>,
    edit: Mutex<Edit>,
    heard: Mutex<Vec<Heard>>,
    /// Blobs wait while it is closed.
    gate: watch::Sender<bool>,
}

/// One request, and what of it was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) last_event_id: String,
    /// The names of the events that it got.
    pub(crate) events: Vec<String>,
}

impl Between {
    /// Listens for a writer that is not there yet.
    pub(crate) async fn new() -> (Arc<Self>, Port) {
        let between = Arc::new(Self {
            writer: Mutex::new(None),
            edit: Mutex::new(Box::new(|_, body| body)),
            heard: Mutex::default(),
            gate: watch::Sender::new(true),
        });
        let router = {
            let between = Arc::clone(&between);
            Router::new().fallback(move |request: Request<Body>| {
                let between = Arc::clone(&between);
                async move { between.pass(request).await }
            })
        };
        let port = Port::of(Served::new(router)).await;
        (between, port)
    }

    pub(crate) async fn before(house: &House) -> (Arc<Self>, Port) {
        let (between, port) = Self::new().await;
        between.set_writer(Some(house));
        (between, port)
    }

    pub(crate) fn set_writer(&self, house: Option<&House>) {
        *self.writer.lock().unwrap() = house.map(|house| house.router.clone());
    }

    /// Lies from now on.
    pub(crate) fn lie(&self, edit: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
        *self.edit.lock().unwrap() = Box::new(edit);
    }

    /// Says the truth again.
    pub(crate) fn be_honest(&self) {
        self.lie(|_, body| body);
    }

    /// Keeps blobs back, or lets them through.
    pub(crate) fn hold_blobs(&self, is_held: bool) {
        self.gate.send_replace(!is_held);
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Returns the newest request for the log of events.
    pub(crate) fn newest_stream(&self) -> Heard {
        let heard = self.heard();
        let mut streams = heard.into_iter().rev();
        let newest = streams.find(|heard| heard.path.starts_with("/api/v1/events"));
        newest.unwrap_or_default()
    }

    async fn pass(self: Arc<Self>, request: Request<Body>) -> Response {
        let path = request.uri().path_and_query().unwrap().to_string();
        let id = request.headers().get("last-event-id");
        let place = {
            let mut heard = self.heard.lock().unwrap();
            heard.push(Heard {
                path: path.clone(),
                last_event_id: id.map_or(String::new(), |id| id.to_str().unwrap().to_owned()),
                events: Vec::new(),
            });
            heard.len() - 1
        };
        if path.starts_with("/store/") {
            let mut gate = self.gate.subscribe();
            gate.wait_for(|is_open| *is_open).await.unwrap();
        }
        let writer = self.writer.lock().unwrap().clone();
        let Some(writer) = writer else {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            return response;
        };
        let (mut parts, body) = writer.oneshot(request).await.unwrap().into_parts();
        for name in ["content-length", "content-digest", "etag"] {
            parts.headers.remove(name);
        }
        if path.starts_with("/api/v1/events") {
            let events = body.into_data_stream().map(move |piece| {
                let piece = self.edited(&path, piece.unwrap().to_vec());
                let text = String::from_utf8_lossy(&piece).into_owned();
                let names = text.lines().filter_map(|line| line.strip_prefix("event: "));
                let mut heard = self.heard.lock().unwrap();
                heard[place].events.extend(names.map(str::to_owned));
                Ok::<_, std::convert::Infallible>(Bytes::from(piece))
            });
            return Response::from_parts(parts, Body::from_stream(events));
        }
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let body = if parts.status == StatusCode::OK {
            self.edited(&path, body)
        } else {
            body
        };
        Response::from_parts(parts, Body::from(body))
    }

    fn edited(&self, path: &str, body: Vec<u8>) -> Vec<u8> {
        (self.edit.lock().unwrap())(path, body)
    }
}

/// Changes a document.
pub(crate) fn edit_json(body: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(body).unwrap();
    edit(&mut document);
    serde_json::to_vec(&document).unwrap()
}
