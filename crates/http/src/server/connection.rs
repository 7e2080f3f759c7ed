//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::EXPECT;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use runtime::{Shutdown, TaskGroup};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time;
use tower::ServiceExt as _;

use super::Limits;
use super::progress::Progress;
use super::stall::Stall;

/// How long a connection that is idle may take to say goodbye, in milliseconds.
const GOODBYE_MS: u64 = 1_000;

/// Between pings on an HTTP/2 connection, and for the answer to one.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// What an HTTP/2 peer may send ahead on one stream, and on all together, in bytes.
const STREAM_WINDOW_BYTES: u32 = 256 * 1_024;
const CONNECTION_WINDOW_BYTES: u32 = 1_024 * 1_024;

/// What is buffered for one HTTP/2 stream before the handler has to wait, in bytes.
const SEND_BUFFER_BYTES: usize = 256 * 1_024;

/// Starts the tasks of HTTP/2 streams where connections are started.
#[derive(Clone)]
struct StreamTasks(TaskGroup);

/// How many requests a connection has had, and how many of them are not answered yet.
#[derive(Clone, Copy, Debug, Default)]
struct Requests {
    started: u64,
    open: u64,
}

/// A request that is being answered.
struct Open {
    requests: watch::Sender<Requests>,
}

/// A response body that counts as open until its last byte was handed over.
struct OpenBody {
    body: Body,
    _open: Open,
}

/// Serves a connection until it ends, is idle for too long, or shutdown is over.
pub(super) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tasks: TaskGroup,
    shutdown: Shutdown,
    limits: Limits,
) {
    // Answers go out at once; a socket that refuses is still good.
    drop(stream.set_nodelay(true));
    let io = TokioIo::new(Stall::new(
        stream,
        Duration::from_millis(limits.write_stall_ms_max),
    ));
    let requests = watch::Sender::new(Requests::default());
    let seen = requests.subscribe();
    let builder = builder(tasks.clone(), limits);
    let service = service_fn(move |request: Request<Incoming>| {
        let open = Open::start(requests.clone());
        let request = prepare(request, peer, &tasks, limits);
        answer(request, router.clone(), open)
    });
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    tokio::select! {
        served = connection.as_mut() => return log(served),
        () = shutdown.requested() => {}
        () = idle(seen.clone(), limits.head_ms_max, limits.idle_ms_max) => {
            connection.as_mut().graceful_shutdown();
            // A request may have been on its way; it is served, however long it takes.
            tokio::select! {
                served = connection.as_mut() => return log(served),
                () = shutdown.requested() => {}
                () = idle(seen, GOODBYE_MS, GOODBYE_MS) => return,
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    match time::timeout(Duration::from_millis(limits.drain_ms_max), connection).await {
        Ok(served) => log(served),
        Err(_) => {
            tracing::debug!(target: "http::event::connection_cut", "a connection did not end in time");
        }
    }
}

fn builder(tasks: TaskGroup, limits: Limits) -> Builder<StreamTasks> {
    let mut builder = Builder::new(StreamTasks(tasks));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.head_ms_max))
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

/// Puts deadlines around the body, and says who asks.
fn prepare(
    request: Request<Incoming>,
    peer: SocketAddr,
    tasks: &TaskGroup,
    limits: Limits,
) -> Request<Body> {
    // HTTP/2 can refuse one body alone, and who expects a 100 has not sent it yet.
    let may_linger = request.version() < Version::HTTP_2 && !request.headers().contains_key(EXPECT);
    let linger = may_linger.then(|| tasks.clone());
    let mut request = request.map(|body| Body::new(Progress::new(body, limits, linger)));
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

async fn answer(
    request: Request<Body>,
    router: Router,
    open: Open,
) -> Result<Response<OpenBody>, Infallible> {
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| OpenBody { body, _open: open }))
}

/// Waits until the connection has had no open request for too long, or has not sent its first one in time.
async fn idle(mut requests: watch::Receiver<Requests>, first_ms_max: u64, idle_ms_max: u64) {
    loop {
        let now = *requests.borrow_and_update();
        let limit_ms = match now {
            Requests { open: 1.., .. } => u64::MAX,
            Requests { started: 0, .. } => first_ms_max,
            Requests { .. } => idle_ms_max,
        };
        let changed = time::timeout(Duration::from_millis(limit_ms), requests.changed());
        if changed.await.is_err() {
            return;
        }
    }
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

impl Open {
    fn start(requests: watch::Sender<Requests>) -> Self {
        requests.send_modify(|requests| {
            requests.started += 1;
            requests.open += 1;
        });
        Self { requests }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.requests.send_modify(|requests| requests.open -= 1);
    }
}

impl HttpBody for OpenBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
