//! Ports, origins and the first moments of a connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;

use crate::protocol::admin::{AdminAnswer, AdminRequest, InterfaceView};
use crate::protocol::app::{AppAnswer, AppRequest, Authenticate};
use crate::protocol::frame::Frame;
use crate::protocol::own::{OwnAnswer, OwnRequest};
use crate::protocol::{self, ErrorView};
use crate::server::line::Line;
use crate::server::{Desk, ServeError};
use crate::socket::{self, Reader, lock};

/// How long a port waits after it could take nobody, because the system has no files left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Which pages' scripts may connect.
#[derive(Clone, Debug)]
pub(super) struct Origins(Option<Vec<String>>);

impl Origins {
    /// Reads `*`, or names with commas between them.
    pub(super) fn read(text: &str) -> Self {
        if text.trim() == "*" {
            return Self(None);
        }
        let names = text.split(',').map(|name| name.trim().to_owned());
        Self(Some(names.filter(|name| !name.is_empty()).collect()))
    }

    fn allow(&self, origin: &[u8]) -> bool {
        match &self.0 {
            None => true,
            Some(names) => names.iter().any(|name| name.as_bytes() == origin),
        }
    }
}

/// Opens the admin port.
pub(super) async fn admin(
    desk: &Arc<Desk>,
    address: SocketAddr,
    origins: Origins,
) -> Result<SocketAddr, ServeError> {
    let (listener, address) = bind(address).await?;
    let shared = Arc::clone(desk);
    let places = Arc::clone(&desk.admin_places);
    desk.group.spawn(accept(
        Arc::clone(desk),
        listener,
        places,
        move |stream, place| {
            let (desk, origins) = (Arc::clone(&shared), origins.clone());
            async move {
                let bytes_max = desk.limits.admin_message_bytes_max;
                if let Some(socket) = open(&desk, stream, &origins, bytes_max).await {
                    serve_admin(desk, socket).await;
                }
                drop(place);
            }
        },
    ));
    Ok(address)
}

impl Desk {
    /// Opens an app interface; returns its port.
    pub(super) async fn attach(
        self: &Arc<Self>,
        mut interface: InterfaceView,
        address: Option<IpAddr>,
    ) -> Result<u16, ServeError> {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let (listener, bound) = bind(SocketAddr::new(address, interface.port)).await?;
        interface.port = bound.port();
        self.interfaces.fetch_add(1, Ordering::Relaxed);
        let origins = Origins::read(&interface.allowed_origins);
        let only_app = interface.installed_app_id.clone();
        let shared = Arc::clone(self);
        let places = Arc::clone(&self.app_places);
        let serving = accept(Arc::clone(self), listener, places, move |stream, place| {
            let (desk, origins) = (Arc::clone(&shared), origins.clone());
            let only_app = only_app.clone();
            async move {
                let bytes_max = desk.limits.app_message_bytes_max;
                if let Some(socket) = open(&desk, stream, &origins, bytes_max).await {
                    serve_app(desk, socket, only_app).await;
                }
                drop(place);
            }
        });
        self.group.spawn(serving);
        self.book.note_interface(interface).await?;
        Ok(bound.port())
    }

    /// Opens the app interfaces that were attached before; one whose port is taken is left out and said.
    pub(super) async fn attach_again(self: &Arc<Self>) -> Result<(), ServeError> {
        for interface in self.book.interfaces().await? {
            let port = interface.port;
            match self.attach(interface, None).await {
                Err(ServeError::Listen { source, .. }) => {
                    tracing::warn!(%port, error = %source, "an app interface could not be opened");
                }
                attached => drop(attached?),
            }
        }
        Ok(())
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Takes connections, as many as there are places; others are closed at once.
async fn accept<F, W>(desk: Arc<Desk>, listener: TcpListener, places: Arc<Semaphore>, welcome: W)
where
    F: Future<Output = ()> + Send + 'static,
    W: Fn(TcpStream, OwnedSemaphorePermit) -> F + Send,
{
    while let Some(accepted) = desk.shutdown.race(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    desk.group.spawn(welcome(stream, place));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Opens the WebSocket, unless its origin is missing or another one.
async fn open(
    desk: &Desk,
    stream: TcpStream,
    origins: &Origins,
    bytes_max: usize,
) -> Option<WebSocketStream<TcpStream>> {
    // Without it, a signal before an answer costs 40 ms.
    stream.set_nodelay(true).ok()?;
    let config = socket::bounds(bytes_max);
    #[allow(
        clippy::result_large_err,
        reason = "the type of the refusal is the library's"
    )]
    let check = |request: &Request, response: Response| match request.headers().get("origin") {
        Some(origin) if origins.allow(origin.as_bytes()) => Ok(response),
        Some(_) => Err(refusal(None)),
        None => Err(refusal(Some("Missing `Origin` header".to_owned()))),
    };
    let opening = tokio_tungstenite::accept_hdr_async_with_config(stream, check, Some(config));
    let opened = desk
        .shutdown
        .race(timeout(desk.limits.opening_max, opening));
    opened.await?.ok()?.ok()
}

fn refusal(words: Option<String>) -> ErrorResponse {
    let mut response = ErrorResponse::new(words);
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// Starts the writing half of a connection.
fn split(desk: &Arc<Desk>, socket: WebSocketStream<TcpStream>) -> (Arc<Line>, Reader) {
    let (sink, stream) = socket.split();
    let (queue, waiting) = mpsc::channel(desk.limits.outgoing_len_max.max(1));
    desk.group
        .spawn(socket::write_out(sink, waiting, desk.limits.writing_max));
    let id = desk.connections.fetch_add(1, Ordering::Relaxed);
    let reader = Reader {
        stream,
        queue: queue.clone(),
        silence_max: desk.limits.silence_max,
        shutdown: desk.shutdown.clone(),
    };
    let line = Line::new(id, queue, desk.limits.signing_max);
    (Arc::new(line), reader)
}

/// Begins to work on a request at once, so that changes of one cell keep the order in which they came, and goes on
/// beside the connection.
fn begin(desk: &Desk, mut work: Pin<Box<dyn Future<Output = ()> + Send>>) {
    if work.as_mut().now_or_never().is_none() {
        desk.group.spawn(work);
    }
}

async fn serve_admin(desk: Arc<Desk>, socket: WebSocketStream<TcpStream>) {
    let (line, mut reader) = split(&desk, socket);
    let places = Arc::new(Semaphore::new(desk.limits.requests_max));
    while let Some(bytes) = reader.next().await {
        let Some(Frame::Request { id, data }) = Frame::decode(&bytes) else {
            continue;
        };
        let answer = match protocol::decode::<AdminRequest>(&data) {
            None => AdminAnswer::Error(ErrorView::unreadable()),
            Some(AdminRequest::Commonhold(own)) if matches!(*own, OwnRequest::Signed { .. }) => {
                // Requests under way may wait for this one, so it needs no place.
                if let OwnRequest::Signed {
                    id,
                    signatures,
                    end,
                } = *own
                {
                    line.take_signed(id, signatures, end);
                }
                AdminAnswer::Commonhold(Box::new(OwnAnswer::Taken))
            }
            Some(request) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let (desk_there, line) = (Arc::clone(&desk), Arc::clone(&line));
                    begin(
                        &desk,
                        Box::pin(async move {
                            let answer = desk_there.answer_admin(&line, request).await;
                            line.respond(id, protocol::encode(&answer)).await;
                            drop(place);
                        }),
                    );
                    continue;
                }
                Err(_) => AdminAnswer::Error(too_many(&desk)),
            },
        };
        line.respond(id, protocol::encode(&answer)).await;
    }
    drop(reader);
    desk.hang_up(&line).await;
}

async fn serve_app(desk: Arc<Desk>, socket: WebSocketStream<TcpStream>, only_app: Option<String>) {
    let (line, mut reader) = split(&desk, socket);
    let opening = timeout(desk.limits.opening_max, reader.next()).await;
    let Some(app) = opening.ok().flatten().and_then(|bytes| {
        let Some(Frame::Authenticate { data }) = Frame::decode(&bytes) else {
            return None;
        };
        let Authenticate { token } = protocol::decode(&data)?;
        lock(&desk.tokens).redeem(desk.clock.now(), &token)
    }) else {
        return;
    };
    if only_app.is_some_and(|only| only != app) {
        return;
    }
    let cell = desk.listen(&line, &app).await;
    let places = Arc::new(Semaphore::new(desk.limits.requests_max));
    while let Some(bytes) = reader.next().await {
        let Some(Frame::Request { id, data }) = Frame::decode(&bytes) else {
            continue;
        };
        let answer = match protocol::decode::<AppRequest>(&data) {
            None => AppAnswer::Error(ErrorView::unreadable()),
            Some(request) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let (desk_there, line) = (Arc::clone(&desk), Arc::clone(&line));
                    let app = app.clone();
                    begin(
                        &desk,
                        Box::pin(async move {
                            let answer = desk_there.answer_app(&app, request).await;
                            line.respond(id, protocol::encode(&answer)).await;
                            drop(place);
                        }),
                    );
                    continue;
                }
                Err(_) => AppAnswer::Error(too_many(&desk)),
            },
        };
        line.respond(id, protocol::encode(&answer)).await;
    }
    lock(&desk.ears).forget(cell.as_ref(), line.id);
}

fn too_many(desk: &Desk) -> ErrorView {
    let limit = desk.limits.requests_max;
    ErrorView::internal(format!("more than {limit} requests of one connection"))
}
