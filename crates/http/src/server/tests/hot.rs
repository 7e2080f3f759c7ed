//! Answers that lie ready, and the router beside them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use axum::http::{HeaderMap, HeaderValue, Method, Response};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::*;
use crate::{Ask, ClientAddress, Edge, HotPath};

/// Answers below `/hot`: `/hot` itself with 1,024 bytes, `/hot/large` with 3,000,000, `/hot/thread` with the name of
/// the thread, `/hot/client` with who asks, `/hot/gone` with 304.
#[derive(Default)]
pub(super) struct Prepared {
    asked: AtomicU32,
}

impl HotPath for Prepared {
    fn answer(&self, ask: &Ask<'_>) -> Option<Response<Bytes>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let body = match ask.uri.path() {
            "/hot" => vec![b'h'; 1_024],
            "/hot/large" => vec![b'l'; 3_000_000],
            "/hot/thread" => thread_name().into_bytes(),
            "/hot/client" => ask.client.to_string().into_bytes(),
            "/hot/gone" => Vec::new(),
            _ => return None,
        };
        let mut headers = HeaderMap::new();
        headers.insert("etag", HeaderValue::from_static("\"e\""));
        let mut response = Response::new(Bytes::from(body));
        *response.headers_mut() = headers;
        if ask.uri.path() == "/hot/gone" {
            *response.status_mut() = axum::http::StatusCode::NOT_MODIFIED;
        }
        Some(response)
    }
}

fn thread_name() -> String {
    thread::current().name().unwrap_or("none").to_owned()
}

pub(super) fn routes() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/thread", get(async || thread_name()))
        .route(
            "/client",
            get(
                async |Extension(ClientAddress(client)): Extension<ClientAddress>| {
                    client.to_string()
                },
            ),
        )
        .route("/echo", post(echo))
}

async fn start(limits: Limits) -> Server {
    let served = Served {
        router: standard(routes(), None),
        hot: Some(Arc::new(Prepared::default())),
        gate: None,
        direct: None,
    };
    Server::with(listener().await, served, limits)
}

fn request(method: &str, path: &str, rest: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{rest}\r\n")
}

#[tokio::test]
async fn a_hot_answer_goes_out_as_it_is() {
    for limits in [LIMITS, ON_MAIN] {
        let server = start(limits).await;
        let mut stream = server.connect().await;
        for _ in 0..3 {
            stream
                .write_all(request("GET", "/hot", "").as_bytes())
                .await
                .unwrap();
            let answer = read_until(&mut stream, &"h".repeat(1_024)).await;
            assert!(
                answer.starts_with("HTTP/1.1 200 OK\r\netag: \"e\"\r\n"),
                "{answer}"
            );
            assert!(answer.contains("\r\ncontent-length: 1024\r\n"), "{answer}");
            assert!(answer.contains("\r\ndate: "), "{answer}");
            assert!(!answer.contains("x-request-id"), "{answer}");
            // What is not hot is the router's, on the same connection.
            stream
                .write_all(request("GET", "/", "").as_bytes())
                .await
                .unwrap();
            let answer = read_until(&mut stream, "hello").await;
            assert!(answer.contains("x-request-id"), "{answer}");
        }
    }
}

#[tokio::test]
async fn hot_answers_are_made_on_lanes_and_others_are_not() {
    let server = start(LIMITS).await;
    let close = "Connection: close\r\n";
    let hot = server.exchange(&request("GET", "/hot/thread", close)).await;
    assert!(hot.contains("\r\n\r\nhttp-"), "{hot}");
    let cold = server.exchange(&request("GET", "/thread", close)).await;
    assert!(
        cold.contains("200 OK") && !cold.contains("\r\n\r\nhttp-"),
        "{cold}"
    );
}

#[tokio::test]
async fn a_slow_handler_holds_up_no_lane() {
    let (hold, held) = oneshot::channel::<()>();
    let held = Arc::new(tokio::sync::Mutex::new(Some(held)));
    let router = Router::new().route(
        "/held",
        get(async move || {
            let held = held.lock().await.take().unwrap();
            // Blocks the thread that it runs on, as no handler should.
            tokio::task::spawn_blocking(|| held.blocking_recv())
                .await
                .unwrap()
                .unwrap();
            "held"
        }),
    );
    let served = Served {
        router,
        hot: Some(Arc::new(Prepared::default())),
        gate: None,
        direct: None,
    };
    let limits = Limits { lanes: 1, ..LIMITS };
    let server = Server::with(listener().await, served, limits);
    let mut slow = server.connect().await;
    slow.write_all(request("GET", "/held", "").as_bytes())
        .await
        .unwrap();
    let answer = server
        .exchange(&request("GET", "/hot", "Connection: close\r\n"))
        .await;
    assert!(answer.contains("200 OK"), "{answer}");
    hold.send(()).unwrap();
    read_until(&mut slow, "\r\n\r\nheld").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(LIMITS).await;
    let mut stream = server.connect().await;
    let mut sent = String::new();
    for _ in 0..20 {
        sent += &request("GET", "/hot", "");
        sent += &request("GET", "/", "");
        sent += &request("POST", "/echo", "Content-Length: 3\r\n");
        sent += "abc";
        sent += &request("HEAD", "/hot", "");
    }
    sent += &request("GET", "/hot/client", "Connection: close\r\n");
    stream.write_all(sent.as_bytes()).await.unwrap();
    let answers = read_to_end(&mut stream).await;
    let bodies: Vec<&str> = answers
        .split("HTTP/1.1 200 OK\r\n")
        .skip(1)
        .map(|answer| answer.split_once("\r\n\r\n").unwrap().1)
        .collect();
    let hot = "h".repeat(1_024);
    let mut expect = [hot.as_str(), "hello", "3 bytes", ""].repeat(20);
    expect.push("127.0.0.1");
    assert_eq!(bodies, expect);
}

#[tokio::test]
async fn half_a_head_holds_back_no_answer() {
    let server = start(LIMITS).await;
    let mut stream = server.connect().await;
    let both = request("GET", "/hot", "").repeat(2);
    let (first, rest) = both.split_at(both.len() - 5);
    stream.write_all(first.as_bytes()).await.unwrap();
    read_until(&mut stream, "hhh").await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    read_until(&mut stream, "HTTP/1.1 200 OK").await;
}

#[tokio::test]
async fn head_gets_the_length_and_no_body() {
    let server = start(LIMITS).await;
    let mut stream = server.connect().await;
    stream
        .write_all(request("HEAD", "/hot", "").as_bytes())
        .await
        .unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.contains("\r\ncontent-length: 1024\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    stream
        .write_all(request("GET", "/hot/gone", "").as_bytes())
        .await
        .unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 304 "), "{answer}");
    assert!(!answer.contains("content-length"), "{answer}");
    stream.write_all(CLOSE.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn large_hot_answers_come_whole() {
    let server = start(LIMITS).await;
    let answer = server
        .exchange(&request("GET", "/hot/large", "Connection: close\r\n"))
        .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 3000000"), "{head}");
    assert!(body == "l".repeat(3_000_000));
}

#[tokio::test]
async fn a_body_that_nobody_wants_does_not_spoil_the_connection() {
    let server = start(LIMITS).await;
    let mut stream = server.connect().await;
    let head = request("POST", "/hot", "Content-Length: 1000000\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
    read_until(&mut stream, "hhhh").await;
    stream.write_all(CLOSE.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn http2_gets_hot_answers() {
    for limits in [LIMITS, ON_MAIN] {
        let server = start(limits).await;
        let io = TokioIo::new(server.connect().await);
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
            .await
            .unwrap();
        let group = server.supervisor.group("client");
        group.spawn(async move { drop(connection.await) });
        let ask = async |method: Method, path: &str| {
            let request = hyper::Request::builder()
                .method(method)
                .uri(format!("http://x{path}"))
                .body(Empty::<Bytes>::new())
                .unwrap();
            let response = sender.clone().send_request(request).await.unwrap();
            let length = response.headers().get("content-length").cloned();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (length.unwrap().to_str().unwrap().to_owned(), body.len())
        };
        for _ in 0..3 {
            let asks = futures::future::join(
                ask(Method::GET, "/hot"),
                futures::future::join(ask(Method::HEAD, "/hot"), ask(Method::GET, "/hot/large")),
            );
            let (small, (head, large)) = asks.await;
            assert_eq!(small, ("1024".to_owned(), 1_024));
            assert_eq!(head, ("1024".to_owned(), 0));
            assert_eq!(large, ("3000000".to_owned(), 3_000_000));
        }
        assert_eq!(ask(Method::GET, "/").await.1, 5);
    }
}

#[tokio::test]
async fn hot_connections_are_drained() {
    let server = start(LIMITS).await;
    let group = server.supervisor.group("clients");
    let (tell, mut told) = mpsc::channel(8);
    for _ in 0..8 {
        let mut stream = server.connect().await;
        let tell = tell.clone();
        group.spawn(async move {
            let mut chunk = vec![0; 4_096];
            // Each answer comes whole or not at all.
            while stream
                .write_all(request("GET", "/hot", "").as_bytes())
                .await
                .is_ok()
            {
                let mut text = Vec::new();
                while !text.ends_with(&[b'h'; 1_024]) {
                    match stream.read(&mut chunk).await {
                        Ok(count @ 1..) => text.extend_from_slice(&chunk[..count]),
                        Ok(0) | Err(_) => return tell.send(text.len()).await.unwrap(),
                    }
                }
            }
            tell.send(0).await.unwrap();
        });
    }
    server.members(8).await;
    server.supervisor.shutdown().request();
    for _ in 0..8 {
        assert_eq!(told.recv().await, Some(0), "an answer was cut");
    }
    assert!(server.supervisor.run().await.unwrap().is_clean());
}

#[tokio::test]
async fn a_panic_of_the_router_is_one_bad_answer() {
    let router = Router::new().route("/", get(async || "hello")).route(
        "/panic",
        get(async || -> &'static str { panic!("in a bare router") }),
    );
    let server = Server::with(listener().await, Served::new(router), LIMITS);
    let mut stream = server.connect().await;
    stream
        .write_all(request("GET", "/panic", "").as_bytes())
        .await
        .unwrap();
    let answer = read_until(&mut stream, "CH-0901").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    stream.write_all(CLOSE.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn who_leaves_takes_the_work_along() {
    struct Left(mpsc::Sender<()>);
    impl Drop for Left {
        fn drop(&mut self) {
            self.0.try_send(()).expect("there is room");
        }
    }
    for limits in [LIMITS, ON_MAIN] {
        let (tell, mut told) = mpsc::channel(2);
        let began = tell.clone();
        let router = Router::new().route(
            "/",
            get(async move || {
                let _left = Left(tell.clone());
                began.send(()).await.unwrap();
                std::future::pending::<&'static str>().await
            }),
        );
        let server = Server::with(listener().await, Served::new(router), limits);
        let mut stream = server.connect().await;
        stream
            .write_all(request("GET", "/", "").as_bytes())
            .await
            .unwrap();
        told.recv().await.unwrap();
        drop(stream);
        let left = time::timeout(Duration::from_secs(60), told.recv()).await;
        left.expect("the handler went on").unwrap();
        server.members(0).await;
    }
}

#[tokio::test]
async fn clients_behind_trusted_proxies_are_known() {
    let served = || Served {
        router: standard(routes(), None),
        hot: Some(Arc::new(Prepared::default())),
        gate: None,
        direct: None,
    };
    let edge = Edge {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
    };
    let strict = Server::with(listener().await, served(), LIMITS);
    let trusting = Server::with(listener().await.behind(edge), served(), LIMITS);
    for path in ["/hot/client", "/client"] {
        for (server, expect) in [(&strict, "127.0.0.1"), (&trusting, "198.51.100.1")] {
            let rest = "X-Forwarded-For: 203.0.113.1, 198.51.100.1\r\nConnection: close\r\n";
            let answer = server.exchange(&request("GET", path, rest)).await;
            assert!(answer.ends_with(&format!("\r\n\r\n{expect}")), "{answer}");
        }
    }
}
