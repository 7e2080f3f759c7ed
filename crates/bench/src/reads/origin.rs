//! An origin that takes its time: one answer, after a delay, and a count of the calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::Answer;
use super::background::Background;

/// How much of a request is read at once, in bytes.
const HEAD_BYTES: usize = 4_096;

/// A slow HTTP server that knows one answer.
#[derive(Debug)]
pub(super) struct Origin {
    server: Background,
    calls: Arc<AtomicU64>,
}

impl Origin {
    /// Starts one that gives `answer` to every request, `delay` after it has arrived.
    pub(super) fn start(answer: &Answer, delay: Duration) -> anyhow::Result<Self> {
        let mut message = "HTTP/1.1 200 OK\r\n".to_owned();
        for (name, value) in answer.own_headers() {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()));
        let mut message = message.into_bytes();
        message.extend_from_slice(&answer.body);
        let message = Bytes::from(message);
        let calls = Arc::new(AtomicU64::new(0));
        let counted = calls.clone();
        let server = Background::start("slow-origin", move |listener| async move {
            loop {
                let (stream, _) = listener.accept().await?;
                let serving = serve(stream, message.clone(), delay, counted.clone());
                drop(tokio::spawn(serving));
            }
        })?;
        Ok(Self { server, calls })
    }

    /// Returns where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns how many requests have arrived.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Answers all requests of a connection, one after the other; their bodies are empty.
///
/// Ends it after a request that says so in our own words (lower case).
async fn serve(mut stream: TcpStream, message: Bytes, delay: Duration, calls: Arc<AtomicU64>) {
    let mut received = Vec::with_capacity(HEAD_BYTES);
    while let Ok(len) = stream.read_buf(&mut received).await
        && len > 0
    {
        while let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = received.drain(..end + 4).collect::<Vec<u8>>();
            let is_last = String::from_utf8_lossy(&head).contains("\r\nconnection: close\r\n");
            calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(delay).await;
            if stream.write_all(&message).await.is_err() || is_last {
                return;
            }
        }
    }
}
