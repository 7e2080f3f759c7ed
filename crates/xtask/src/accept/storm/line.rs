//! A line to a server that holds back whatever is sent there, for as long as it is told.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How much is passed on at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1_024;

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    held_back_ms: AtomicU64,
    is_over: AtomicBool,
}

/// The line; dropping it takes no more connections, and those that are open end with their ends.
#[derive(Debug)]
pub(super) struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Line {
    /// Lays a line to a server that holds nothing back yet.
    pub(super) fn lay(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            held_back_ms: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let named = std::thread::Builder::new().name("line".to_owned());
        let listening = named.spawn({
            let shared = Arc::clone(&shared);
            move || listen(&listener, &shared)
        })?;
        Ok(Self {
            address,
            shared,
            listening: Some(listening),
        })
    }

    /// Returns the port of its near end.
    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Holds back each burst for a time from now on.
    pub(super) fn hold_back(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.shared.held_back_ms.store(millis, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for somebody.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for near in listener.incoming() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(near), Ok(far)) = (near, TcpStream::connect(shared.server)) else {
            continue;
        };
        drop((near.set_nodelay(true), far.set_nodelay(true)));
        let (Ok(near_again), Ok(far_again)) = (near.try_clone(), far.try_clone()) else {
            continue;
        };
        let there = Arc::clone(shared);
        // They end with the connection, which belongs to the doorway.
        std::thread::spawn(move || carry(near, far, Some(&there)));
        std::thread::spawn(move || carry(far_again, near_again, None));
    }
}

/// Carries bytes until either end closes; `held_back` says for how long each burst waits.
fn carry(mut from: TcpStream, mut to: TcpStream, held_back: Option<&Shared>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(len) = from.read(&mut chunk) {
        if let Some(shared) = held_back {
            wait(Duration::from_millis(
                shared.held_back_ms.load(Ordering::SeqCst),
            ));
        }
        if len == 0 || to.write_all(&chunk[..len]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

fn wait(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left.max(Duration::from_millis(1)));
    }
}
