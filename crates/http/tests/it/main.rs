//! What idle connections cost. Alone in its process, because it looks at the process's memory.
#![allow(
    clippy::disallowed_methods,
    reason = "the kernel's account of this process is read from a file"
)]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use http_kit::{Limits, Listener, Served, serve};
use runtime::{Supervisor, TaskKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 512;

/// What a connection that has had a request may keep, in KiB; hyper's buffer for reading has 8.
const KIB_MAX: usize = 24;

/// Returns the memory of this process that lies in RAM, in KiB.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn ask(stream: &mut TcpStream) {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut text = Vec::new();
    let mut chunk = [0; 1_024];
    while !text.ends_with(b"hello") {
        let count = stream.read(&mut chunk).await.unwrap();
        assert_ne!(count, 0, "the server closed");
        text.extend_from_slice(&chunk[..count]);
    }
}

#[tokio::test]
async fn idle_connections_cost_little() {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(address).await.unwrap();
    let address = listener.address();
    let supervisor = Supervisor::default();
    let served = Served::new(Router::new().route("/", get(async || "hello")));
    let limits = Limits {
        lanes: 2,
        head_ms_max: 600_000,
        ..Limits::default()
    };
    let connections = supervisor.group("connections");
    let serving = serve(
        served,
        listener,
        connections.clone(),
        supervisor.shutdown(),
        limits,
    );
    drop(supervisor.spawn("http", TaskKind::Essential, serving));
    let mut first = TcpStream::connect(address).await.unwrap();
    ask(&mut first).await;
    let before = resident_kib();
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream).await;
        streams.push(stream);
    }
    let grown = resident_kib().saturating_sub(before);
    assert_eq!(connections.len(), CONNECTIONS as u64 + 1);
    println!("{CONNECTIONS} idle connections keep {grown} KiB");
    assert!(grown < CONNECTIONS * KIB_MAX, "{grown} KiB");
    for stream in &mut streams {
        ask(stream).await;
    }
    supervisor.shutdown().request();
    assert!(supervisor.run().await.unwrap().is_clean());
}
