//! The measure for [`hot`](./hot.rs): hyper alone, one thread, the same bytes and headers.
//!
//! `cargo run --profile bench -p http-kit --example raw` prints the address and serves until it is killed.
#![allow(
    clippy::disallowed_methods,
    reason = "it measures hyper without anything of ours"
)]

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// An answer that lies ready.
struct Prepared {
    headers: HeaderMap,
    body: Bytes,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let prepared = Arc::new(prepare());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let prepared = Arc::clone(&prepared);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = answer(&prepared, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service);
            // A connection that breaks is the generator's business.
            drop(connection.await);
        });
    }
}

fn answer(prepared: &Prepared, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    assert_eq!(request.uri().path(), "/hot");
    let mut response = Response::new(Full::new(prepared.body.clone()));
    *response.headers_mut() = prepared.headers.clone();
    response
}

/// A document of 1,024 bytes with the headers of a cached answer; hyper adds the date.
fn prepare() -> Prepared {
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(1_013));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        (
            "etag",
            "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        ),
        (
            "cache-control",
            "public, max-age=60, stale-while-revalidate=300",
        ),
        ("vary", "accept-encoding"),
        ("x-content-type-options", "nosniff"),
        (
            "content-digest",
            "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:",
        ),
        ("content-length", "1024"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    assert_eq!(body.len(), 1_024);
    Prepared {
        headers,
        body: Bytes::from(body),
    }
}
