//! One connection to a conductor: requests with their numbers, and what comes without being asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use runtime::{Shutdown, TaskGroup};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::protocol;
use crate::protocol::frame::Frame;
use crate::remote::RemoteLimits;
use crate::socket::{self, Queue, Reader, lock};

/// The origin that Commonhold's own programs name.
pub(super) const ORIGIN: &str = "commonhold";

/// Messages that wait to be written to one connection.
const OUTGOING_LEN_MAX: usize = 1_024;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It was not sent.
    Unsent(String),
    /// It was sent.
    Lost,
}

/// A connection that is open, or was.
pub(super) struct Session {
    queue: Queue,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    next: AtomicU64,
    ended: Shutdown,
}

/// Takes a request out of those that wait, however its wait ends.
struct Place<'a> {
    session: &'a Session,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.session.waiting).remove(&self.id);
    }
}

impl Session {
    /// Opens a connection. `hear` is given what comes without being asked for, in order.
    pub(super) async fn open(
        address: &str,
        limits: &RemoteLimits,
        group: &TaskGroup,
        hear: impl Fn(&Arc<Self>, Bytes) + Send + 'static,
    ) -> Result<Arc<Self>, String> {
        let opening = timeout(limits.opening_max, connect(address, limits));
        let socket = opening
            .await
            .map_err(|_| "it does not answer".to_owned())??;
        let (sink, stream) = socket.split();
        let (queue, outgoing) = mpsc::channel(OUTGOING_LEN_MAX);
        let ended = Shutdown::new();
        let mut reader = Reader {
            stream,
            queue: queue.clone(),
            silence_max: limits.silence_max,
            shutdown: ended.clone(),
        };
        let session = Arc::new(Self {
            queue,
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
            ended: ended.clone(),
        });
        let (writing, writing_max) = (ended.clone(), limits.writing_max);
        group.spawn(async move {
            writing
                .race(socket::write_out(sink, outgoing, writing_max))
                .await;
            writing.request();
        });
        let shared = Arc::clone(&session);
        group.spawn(async move {
            while let Some(bytes) = reader.next().await {
                match Frame::decode(&bytes) {
                    Some(Frame::Response { id, data }) => {
                        if let Some(waiting) = lock(&shared.waiting).remove(&id) {
                            drop(waiting.send(data));
                        }
                    }
                    Some(Frame::Signal { data }) => hear(&shared, data),
                    Some(Frame::Request { .. } | Frame::Authenticate { .. }) | None => {}
                }
            }
            shared.end();
        });
        Ok(session)
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Cancel safety
    /// One that is dropped may have been sent.
    pub(super) async fn request<T: Serialize>(
        &self,
        request: &T,
        answer_max: Duration,
    ) -> Result<Bytes, Unanswered> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        lock(&self.waiting).insert(id, sender);
        let _place = Place { session: self, id };
        let data = protocol::encode(request);
        self.send(Frame::Request { id, data }).await?;
        // The list was emptied when the connection ended, or is looked at now.
        if self.is_ended() {
            return Err(Unanswered::Lost);
        }
        match timeout(answer_max, answer).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(_)) | Err(_) => Err(Unanswered::Lost),
        }
    }

    /// Sends a message that has no answer.
    pub(super) async fn send(&self, frame: Frame) -> Result<(), Unanswered> {
        let message = Message::Binary(frame.encode());
        let sent = self.ended.race(self.queue.send(message)).await;
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(Unanswered::Unsent("its connection is gone".to_owned())),
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.is_requested()
    }

    /// Waits until the connection has ended.
    pub(super) async fn ended(&self) {
        self.ended.requested().await;
    }

    /// Ends the connection; whoever waits for an answer hears that none comes.
    pub(super) fn end(&self) {
        self.ended.request();
        lock(&self.waiting).clear();
    }
}

async fn connect(
    address: &str,
    limits: &RemoteLimits,
) -> Result<tokio_tungstenite::WebSocketStream<TcpStream>, String> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| error.to_string())?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    let mut request = format!("ws://{address}/")
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let origin = HeaderValue::from_static(ORIGIN);
    request.headers_mut().insert("origin", origin);
    let config = socket::bounds(limits.message_bytes_max);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
    opened
        .map(|(socket, _)| socket)
        .map_err(|error| error.to_string())
}
