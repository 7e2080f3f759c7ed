//! Serves one hot answer with everything of ours around it, to be measured beside [`raw`](./raw.rs).
//!
//! `cargo run --profile bench -p http-kit --example hot` prints the address and serves until it is killed.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use axum::routing::get;
use bytes::Bytes;
use http_kit::{Ask, HotPath, Limits, Listener, Served, serve, standard};
use runtime::{Supervisor, TaskKind};

/// An answer that lies ready.
struct Prepared {
    headers: HeaderMap,
    body: Bytes,
}

impl HotPath for Prepared {
    fn answer(&self, ask: &Ask<'_>) -> Option<Response<Bytes>> {
        if ask.uri.path() != "/hot" {
            return None;
        }
        let mut response = Response::new(self.body.clone());
        *response.headers_mut() = self.headers.clone();
        Some(response)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.address());
    let supervisor = Supervisor::default();
    let served = Served {
        router: standard(Router::new().route("/", get(async || "hello")), None),
        hot: Some(Arc::new(prepare())),
        gate: None,
        direct: None,
    };
    let limits = Limits {
        lanes: 1,
        ..Limits::default()
    };
    let connections = supervisor.group("connections");
    let serving = serve(served, listener, connections, supervisor.shutdown(), limits);
    drop(supervisor.spawn("http", TaskKind::Essential, serving));
    supervisor.run().await?;
    Ok(())
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
    Prepared {
        headers,
        body: Bytes::from(body),
    }
}
