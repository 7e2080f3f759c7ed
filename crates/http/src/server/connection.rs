//! One connection from its first byte to its last.

use std::future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use runtime::{LaneHold, Rarely, TaskGroup};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time;

use super::activity::{Activity, Patience};
use super::service::Answerer;
use super::stall::Stall;
use super::{Limits, Serving};
use crate::{HotPath, Tls};

/// Between pings on an HTTP/2 connection, and for the answer to one.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// What an HTTP/2 peer may send ahead on one stream, and on all together, in bytes.
const STREAM_WINDOW_BYTES: u32 = 256 * 1_024;
const CONNECTION_WINDOW_BYTES: u32 = 1_024 * 1_024;

/// What is buffered for one HTTP/2 stream before the handler has to wait, in bytes.
const SEND_BUFFER_BYTES: usize = 256 * 1_024;

/// The first byte of a TLS connection: a record that holds a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Starts the tasks of HTTP/2 streams where connections are started.
#[derive(Clone)]
pub(super) struct StreamTasks(TaskGroup);

/// Why a connection is no longer simply served.
enum Turn {
    Ended(Result<(), axum::BoxError>),
    Idle,
    Shutdown,
}

/// Serves a connection until it ends, is idle for too long, or shutdown is over.
pub(super) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    serving: Arc<Serving>,
    hold: Option<LaneHold>,
) {
    // Answers go out at once; a socket that refuses is still good.
    drop(stream.set_nodelay(true));
    let hot = serving.hot.clone();
    let Some(port) = serving.tls.clone() else {
        return converse(stream, peer, serving, hot, hold).await;
    };
    let opening = time::timeout(serving.limits.head(), speaks_tls(&stream));
    match serving.shutdown.race(opening).await {
        // Boxed, because it is larger than what plain connections need.
        Some(Ok(Some(true))) => Box::pin(secure(stream, peer, serving, &port.tls, hold)).await,
        Some(Ok(Some(false))) => {
            let hot: Arc<dyn HotPath> = port.redirect;
            converse(stream, peer, serving, Some(hot), hold).await;
        }
        Some(Ok(None) | Err(_)) | None => {}
    }
}

/// Tells whether a connection begins as TLS does; `None` when it ended.
async fn speaks_tls(stream: &TcpStream) -> Option<bool> {
    let mut first = [0; 1];
    match stream.peek(&mut first).await {
        Ok(1..) => Some(first[0] == TLS_HANDSHAKE),
        Ok(0) | Err(_) => None,
    }
}

/// Shakes hands, and serves what comes of it.
async fn secure(
    stream: TcpStream,
    peer: SocketAddr,
    serving: Arc<Serving>,
    tls: &Tls,
    hold: Option<LaneHold>,
) {
    let activity = Arc::new(Activity::default());
    let socket = Stall::new(stream, serving.limits, Arc::clone(&activity), hold);
    let shaking = time::timeout(serving.limits.head(), async {
        let permit = serving.handshakes.acquire().await;
        let _permit = permit.expect("the semaphore is never closed");
        tls.acceptor().accept(socket).await
    });
    match serving.shutdown.race(shaking).await {
        Some(Ok(Ok(stream))) => {
            let hot = serving.hot.clone();
            drive(stream, peer, serving, hot, activity).await;
        }
        Some(Ok(Err(error))) => {
            tracing::debug!(target: "http::event::handshake_failed", %error, "a TLS handshake failed");
        }
        Some(Err(_)) => {
            tracing::debug!(target: "http::event::handshake_failed", "a TLS handshake did not end in time");
        }
        None => {}
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    serving: Arc<Serving>,
    hot: Option<Arc<dyn HotPath>>,
    hold: Option<LaneHold>,
) {
    let activity = Arc::new(Activity::default());
    let socket = Stall::new(stream, serving.limits, Arc::clone(&activity), hold);
    drive(socket, peer, serving, hot, activity).await;
}

/// Speaks HTTP on a stream.
async fn drive<S>(
    stream: S,
    peer: SocketAddr,
    serving: Arc<Serving>,
    hot: Option<Arc<dyn HotPath>>,
    activity: Arc<Activity>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let client = (!serving.edge.trusts(peer.ip())).then(|| peer.ip().to_canonical());
    let answerer = Answerer {
        serving: Arc::clone(&serving),
        hot,
        peer,
        client,
        activity: Arc::clone(&activity),
    };
    let connection = serving
        .builder
        .serve_connection_with_upgrades(TokioIo::new(stream), answerer);
    // In one piece of memory of its own: what is looked at for each request lies close together, both there and here.
    let mut connection = Box::pin(connection);
    let patience = Patience::new(&serving.limits);
    let goodbye = Patience::goodbye(&serving.limits);
    // One future for both, so that a request that comes has one place to look at.
    let mut aside = pin!(Rarely::new(async {
        tokio::select! {
            biased;
            () = serving.shutdown.requested() => Turn::Shutdown,
            () = Arc::clone(&activity).idle(patience) => Turn::Idle,
        }
    }));
    let turn = future::poll_fn(|context| {
        if let Poll::Ready(served) = connection.as_mut().poll(context) {
            return Poll::Ready(Turn::Ended(served));
        }
        aside.as_mut().poll(context)
    });
    match turn.await {
        Turn::Ended(served) => return log(served),
        Turn::Shutdown => {}
        Turn::Idle => {
            connection.as_mut().graceful_shutdown();
            // A request may have been on its way; it is served, however long it takes.
            tokio::select! {
                biased;
                served = connection.as_mut() => return log(served),
                () = serving.shutdown.requested() => {}
                () = Arc::clone(&activity).idle(goodbye) => return,
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    let drain = Duration::from_millis(serving.limits.drain_ms_max);
    tokio::select! {
        biased;
        served = connection => log(served),
        // Half a head is no request.
        () = Arc::clone(&activity).idle(goodbye) => {}
        () = time::sleep(drain) => {
            tracing::debug!(target: "http::event::connection_cut", "a connection did not end in time");
        }
    }
}

/// Sets up both protocols. HTTP/1 has no timer here: hyper's deadline for heads costs an allocation and a timer for
/// each request, and [`Activity::idle`] watches the same span for the whole connection.
///
/// Nor does it gather the answers to pipelined requests: hyper then keeps an answer back while half of the next head
/// is in its buffer, which a peer may send whenever it likes.
pub(super) fn builder(tasks: TaskGroup, limits: Limits) -> Builder<StreamTasks> {
    let mut builder = Builder::new(StreamTasks(tasks));
    builder
        .http1()
        .header_read_timeout(None)
        .max_buf_size(usize::try_from(limits.head_bytes_max.max(8_192)).unwrap_or(usize::MAX))
        .max_headers(limits.headers_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.head_bytes_max)
        .max_concurrent_streams(limits.streams_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL);
    builder
}

fn log(served: Result<(), axum::BoxError>) {
    if let Err(error) = served {
        tracing::debug!(target: "http::event::connection_failed", error, "a connection ended with an error");
    }
}

impl<F> Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
