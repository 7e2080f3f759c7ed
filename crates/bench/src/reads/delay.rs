//! A way that takes its time: a TCP proxy that holds back what the client sends.
//!
//! A burst, from its first byte on, is held back for the delay and then passed on in one piece; what comes back is
//! passed on at once. So each question to a database costs the delay, and a pipeline of questions costs it once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout_at};

use super::background::Background;

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 16_384;

/// What all connections share.
#[derive(Debug, Default)]
struct Shared {
    delay_ms: AtomicU64,
    bursts: AtomicU64,
}

/// A proxy in front of a server.
#[derive(Debug)]
pub(super) struct Delay {
    server: Background,
    shared: Arc<Shared>,
}

impl Delay {
    /// Starts one that holds nothing back yet.
    pub(super) fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let server = Background::start("delay", move |listener| async move {
            loop {
                let (client, _) = listener.accept().await?;
                let shared = theirs.clone();
                drop(tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(target).await {
                        carry(client, server, &shared).await;
                    }
                }));
            }
        })?;
        Ok(Self { server, shared })
    }

    /// Returns where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sets the delay of bursts that begin from now on.
    pub(super) fn hold_back(&self, delay: Duration) {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(delay_ms, Ordering::Relaxed);
    }

    /// Returns how many bursts of clients were passed on so far.
    pub(super) fn bursts(&self) -> u64 {
        self.shared.bursts.load(Ordering::Relaxed)
    }
}

async fn carry(client: TcpStream, server: TcpStream, shared: &Shared) {
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let back = async {
        let copied = tokio::io::copy(&mut from_server, &mut to_client).await;
        to_client.shutdown().await.ok();
        copied
    };
    let ((), _copied) = tokio::join!(forward(from_client, to_server, shared), back);
}

async fn forward(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, shared: &Shared) {
    let mut held = Vec::with_capacity(PIECE_BYTES);
    while let Ok(len) = client.read_buf(&mut held).await
        && len > 0
    {
        let delay = Duration::from_millis(shared.delay_ms.load(Ordering::Relaxed));
        let due = Instant::now() + delay;
        // A client that ends in the middle of a burst ends the waiting too.
        while !delay.is_zero()
            && let Ok(Ok(1..)) = timeout_at(due, client.read_buf(&mut held)).await
        {}
        shared.bursts.fetch_add(1, Ordering::Relaxed);
        if server.write_all(&held).await.is_err() {
            return;
        }
        held.clear();
    }
    server.shutdown().await.ok();
}

#[cfg(test)]
mod tests;
