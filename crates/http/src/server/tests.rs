//! Real sockets: both protocols, peers that stall, and the end.
//!
//! Deadlines here are short and waited for by reading until the other side closes; none decides by a stopwatch.

mod gate;
mod host;
mod hot;
mod slow;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::routing::{get, post};
use base::Code;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use runtime::{Supervisor, TaskKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time;

use super::*;
use crate::{Json, ProblemResponse, read_body, standard};

/// Deadlines that tests can wait for; each test that waits for one shortens it.
pub(super) const LIMITS: Limits = Limits {
    connections_max: 100,
    connections_per_address_max: 100,
    lanes: 2,
    handshakes_max: 10,
    head_ms_max: 30_000,
    head_bytes_max: 8_192,
    headers_max: 20,
    body_window_ms: 30_000,
    body_bytes_min: 1_000,
    write_window_ms: 30_000,
    write_bytes_min: 1_000,
    idle_ms_max: 30_000,
    streams_max: 10,
    drain_ms_max: 30_000,
};

/// The same without lanes.
const ON_MAIN: Limits = Limits { lanes: 0, ..LIMITS };

/// A server of a test. Asked to end when dropped.
struct Server {
    address: SocketAddr,
    supervisor: Supervisor,
    /// A message for each call of `/held`; the handler waits until it can send.
    held: mpsc::Receiver<()>,
    /// Goes off when a call of `/held` has begun.
    begun: Arc<Notify>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let (hold, held) = mpsc::channel(1);
        let begun = Arc::new(Notify::new());
        hold.send(()).await.unwrap();
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route(
                "/peer",
                get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()),
            )
            .route("/echo", post(echo))
            .route(
                "/json",
                post(async |Json(value): Json<serde_json::Value>| Json(value)),
            )
            .route(
                "/held",
                get(
                    async |Extension(hold): Extension<mpsc::Sender<()>>,
                           Extension(begun): Extension<Arc<Notify>>| {
                        begun.notify_one();
                        hold.send(()).await.unwrap();
                        "held"
                    },
                ),
            )
            .route(
                "/large",
                get(async || Body::from(vec![0_u8; 64 * 1_024 * 1_024])),
            )
            .layer(Extension(hold))
            .layer(Extension(Arc::clone(&begun)));
        let served = Served::new(standard(router, None));
        let mut server = Self::with(listener().await, served, limits);
        server.held = held;
        server.begun = begun;
        server
    }

    /// Serves something else.
    fn with(listener: Listener, served: Served, limits: Limits) -> Self {
        let address = listener.address();
        let supervisor = Supervisor::default();
        let serve = serve(
            served,
            listener,
            supervisor.group("connections"),
            supervisor.shutdown(),
            limits,
        );
        drop(supervisor.spawn("http", TaskKind::Essential, serve));
        let (_, held) = mpsc::channel(1);
        Self {
            address,
            supervisor,
            held,
            begun: Arc::default(),
        }
    }

    /// Waits until so many connections are open, after at least one was.
    async fn members(&self, wanted: u64) {
        let has_come = async {
            let mut clock = time::interval(Duration::from_millis(5));
            loop {
                let tasks = self.supervisor.tasks();
                let line = tasks.iter().find(|task| task.name == "connections");
                let line = line.expect("it is listed");
                if line.rounds_total > 0 && line.members == Some(wanted) {
                    return;
                }
                clock.tick().await;
            }
        };
        time::timeout(Duration::from_secs(60), has_come)
            .await
            .expect("there were never so many connections");
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and returns everything that comes back until the server closes.
    async fn exchange(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.supervisor.shutdown().request();
    }
}

async fn listener() -> Listener {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Listener::bind(address).await.unwrap()
}

async fn echo(request: Request) -> Result<String, ProblemResponse> {
    let (parts, body) = request.into_parts();
    let bytes = read_body(&parts.headers, body, 10_000).await?;
    Ok(format!("{} bytes", bytes.len()))
}

/// Reads until the other side closes or resets.
async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        let mut chunk = [0; 4_096];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..count]);
        }
    };
    time::timeout(Duration::from_secs(60), reading)
        .await
        .expect("the server never closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until this text has come.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), wanted: &str) -> String {
    let mut text = String::new();
    let mut chunk = [0; 4_096];
    while !text.contains(wanted) {
        let count = stream.read(&mut chunk).await.unwrap();
        assert_ne!(count, 0, "the server closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&chunk[..count]));
    }
    text
}

const CLOSE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn http1_is_served_several_requests_to_a_connection() {
    for limits in [LIMITS, ON_MAIN] {
        several_requests(&Server::start(limits).await).await;
    }
}

async fn several_requests(server: &Server) {
    let mut stream = server.connect().await;
    let own = stream.local_addr().unwrap().to_string();
    stream
        .write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let first = read_until(&mut stream, &own).await;
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{first}");
    stream.write_all(CLOSE.as_bytes()).await.unwrap();
    let second = read_to_end(&mut stream).await;
    assert!(second.ends_with("\r\n\r\nhello"), "{second}");
    assert!(second.contains("\r\nx-request-id: "), "{second}");
}

#[tokio::test]
async fn http2_is_served_with_prior_knowledge() {
    let server = Server::start(LIMITS).await;
    let io = TokioIo::new(server.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    let group = server.supervisor.group("client");
    group.spawn(async move { drop(connection.await) });
    for path in ["/", "/nothing"] {
        let request = hyper::Request::get(format!("http://x{path}"))
            .body(Empty::<bytes::Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.version(), hyper::Version::HTTP_2);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body == "hello", path == "/");
    }
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let first = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let error = Listener::bind(first.address()).await.unwrap_err();
    assert!(matches!(error, BindError::PortTaken { address } if address == first.address()));
    assert_eq!(error.problem().code, Code::PortTaken);
    // An address of documentation (RFC 5737) is no address of this machine.
    let error = Listener::bind(SocketAddr::from(([192, 0, 2, 1], 0)))
        .await
        .unwrap_err();
    assert!(matches!(error, BindError::Listen { .. }), "{error:?}");
}

#[tokio::test]
async fn a_peer_that_sends_no_whole_head_is_cut() {
    let limits = Limits {
        head_ms_max: 50,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    for start in [
        "",
        "G",
        "P",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX-Slow:",
    ] {
        let answer = server.exchange(start).await;
        assert!(!answer.contains("200 OK"), "{start:?} got {answer:?}");
    }
    // Slowly but in time is fine.
    assert!(server.exchange(CLOSE).await.contains("200 OK"));
}

#[tokio::test]
async fn drops_of_a_head_do_not_keep_a_connection_open() {
    let limits = Limits {
        head_ms_max: 200,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let stream = server.connect().await;
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let dripping = async {
        let mut clock = time::interval(Duration::from_millis(20));
        while writer.write_all(b"X-Drop: 1\r\n").await.is_ok() {
            clock.tick().await;
        }
    };
    let closed = async {
        let mut sink = Vec::new();
        drop(reader.read_to_end(&mut sink).await);
    };
    let both = async {
        tokio::select! {
            () = dripping => {}
            () = closed => {}
        }
    };
    time::timeout(Duration::from_secs(60), both)
        .await
        .expect("the server never closed");
}

#[tokio::test]
async fn a_head_too_large_is_refused() {
    let server = Server::start(LIMITS).await;
    let many: String = (0..30).map(|index| format!("X-{index}: 1\r\n")).collect();
    let answer = server
        .exchange(&format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = "a".repeat(10_000);
    let answer = server
        .exchange(&format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"))
        .await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    for limits in [
        Limits {
            idle_ms_max: 50,
            ..LIMITS
        },
        Limits {
            head_ms_max: 50,
            ..LIMITS
        },
    ] {
        let server = Server::start(limits).await;
        let answer = server.exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.ends_with("hello"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let limits = Limits {
        body_window_ms: 50,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let answer = server
        .exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nabc")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("CH-0113"), "{answer}");
}

#[tokio::test]
async fn drops_of_a_body_are_not_enough() {
    let limits = Limits {
        body_window_ms: 200,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let (mut reader, mut writer) = server.connect().await.into_split();
    writer
        .write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
        .await
        .unwrap();
    let dripping = async {
        let mut clock = time::interval(Duration::from_millis(20));
        while writer.write_all(b"d").await.is_ok() {
            clock.tick().await;
        }
        std::future::pending::<()>().await;
    };
    let answered = async {
        let mut text = Vec::new();
        let mut chunk = [0; 1_000];
        while let Ok(count @ 1..) = reader.read(&mut chunk).await {
            text.extend_from_slice(&chunk[..count]);
            if text.windows(7).any(|window| window == b"CH-0113") {
                return true;
            }
        }
        false
    };
    let both = async {
        tokio::select! {
            () = dripping => false,
            is_told = answered => is_told,
        }
    };
    assert!(
        time::timeout(Duration::from_secs(60), both)
            .await
            .expect("the server never answered")
    );
}

#[tokio::test]
async fn bodies_of_the_wrong_length_are_told() {
    let server = Server::start(LIMITS).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(
        answer.contains("CH-0108") && answer.contains("3 of 10 announced bytes arrived"),
        "{answer}"
    );
    let large = "x".repeat(10_001);
    let answer = server.exchange(&format!("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10001\r\n\r\n{large}")).await;
    assert!(
        answer.contains("CH-0107") && answer.contains("the limit is 10000 bytes"),
        "{answer}"
    );
    let chunked =
        "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = server
        .exchange(&format!("{chunked}3\r\nabc\r\n0\r\n\r\n"))
        .await;
    assert!(answer.ends_with("3 bytes"), "{answer}");
    let answer = server.exchange(&format!("{chunked}zz\r\nabc")).await;
    assert!(answer.contains("CH-0112"), "{answer}");
    let mut stream = server.connect().await;
    stream
        .write_all(format!("{chunked}5\r\nab").as_bytes())
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.contains("CH-0108"), "{answer}");
    let answer = server.exchange("POST /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{\n\"a\"").await;
    assert!(
        answer.contains("CH-0112") && answer.contains("line 2, column 3: "),
        "{answer}"
    );
}

#[tokio::test]
async fn who_is_refused_while_sending_learns_why() {
    let server = Server::start(LIMITS).await;
    let body = vec![b'x'; 4_000_000];
    for path in ["/echo", "/nothing"] {
        let mut stream = server.connect().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Sends everything before it reads anything, as simple clients do.
        stream.write_all(&body).await.unwrap();
        let answer = read_until(&mut stream, "\"code\":\"CH-01").await;
        assert!(
            answer.contains("CH-0107") || answer.contains("CH-0105"),
            "{answer}"
        );
        // The connection is still good.
        stream.write_all(CLOSE.as_bytes()).await.unwrap();
        assert!(read_to_end(&mut stream).await.ends_with("hello"));
    }
}

#[tokio::test]
async fn who_asks_before_sending_is_told_before_sending() {
    let server = Server::start(LIMITS).await;
    let expect = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length:";
    let answer = server.exchange(&format!("{expect} 4000000\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut stream = server.connect().await;
    stream
        .write_all(format!("{expect} 3\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    read_until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(b"abc").await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("3 bytes"));
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_cut() {
    let limits = Limits {
        write_window_ms: 50,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    // Reads nothing; the server is rid of the connection when its list says so.
    server.members(0).await;
    assert!(read_to_end(&mut stream).await.len() < 64 * 1_024 * 1_024);
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let limits = Limits {
        connections_max: 1,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let mut first = server.connect().await;
    first
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut first, "hello").await;
    let mut second = server.connect().await;
    second.write_all(CLOSE.as_bytes()).await.unwrap();
    let mut byte = [0; 1];
    let early = time::timeout(Duration::from_millis(100), second.read(&mut byte)).await;
    assert!(early.is_err(), "a second connection was served");
    drop(first);
    assert!(read_to_end(&mut second).await.ends_with("hello"));
}

#[tokio::test]
async fn what_runs_is_finished_after_shutdown_and_nothing_new_begins() {
    let mut server = Server::start(LIMITS).await;
    let mut stream = server.connect().await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut idle, "hello").await;
    stream
        .write_all(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    // The idle connection and the held one are both in the group, and one is at work, before shutdown.
    server.members(2).await;
    server.begun.notified().await;
    server.supervisor.shutdown().request();
    assert_eq!(read_to_end(&mut idle).await, "");
    server.held.recv().await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.ends_with("held"), "{answer}");
    let report = server.supervisor.run().await.unwrap();
    assert!(report.stragglers.is_empty(), "{report:?}");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_cut() {
    let limits = Limits {
        drain_ms_max: 50,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut other = server.connect().await;
    other.write_all(CLOSE.as_bytes()).await.unwrap();
    read_to_end(&mut other).await;
    server.supervisor.shutdown().request();
    assert!(!read_to_end(&mut stream).await.contains("held"));
    assert!(server.supervisor.run().await.unwrap().is_clean());
}
