//! A line to a server that holds back whatever is sent there, for as long as it is told.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::accept::listener::Listener;

/// How much is passed on at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1_024;

/// The line; dropping it takes no more connections, and those that are open end with their ends.
#[derive(Debug)]
pub(super) struct Line {
    listener: Listener,
    held_back_ms: Arc<AtomicU64>,
}

impl Line {
    /// Lays a line to a server that holds nothing back yet.
    pub(super) fn lay(server: SocketAddr) -> anyhow::Result<Self> {
        let held_back_ms = Arc::new(AtomicU64::new(0));
        let there = Arc::clone(&held_back_ms);
        let listener = Listener::open("line", move |near| drop(join(near, server, &there)))?;
        Ok(Self {
            listener,
            held_back_ms,
        })
    }

    /// Returns the port of its near end.
    pub(super) const fn port(&self) -> u16 {
        self.listener.address().port()
    }

    /// Holds back each burst for a time from now on.
    pub(super) fn hold_back(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.held_back_ms.store(millis, Ordering::SeqCst);
    }
}

/// Carries both ways until either end closes; the open connections end with the doorway, to which they belong.
fn join(near: TcpStream, server: SocketAddr, held_back_ms: &Arc<AtomicU64>) -> std::io::Result<()> {
    let far = TcpStream::connect(server)?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_again, far_again) = (near.try_clone()?, far.try_clone()?);
    let there = Arc::clone(held_back_ms);
    std::thread::spawn(move || carry(near, far, Some(&there)));
    carry(far_again, near_again, None);
    Ok(())
}

/// Carries bytes until either end closes; `held_back_ms` says for how long each burst waits.
fn carry(mut from: TcpStream, mut to: TcpStream, held_back_ms: Option<&AtomicU64>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(len) = from.read(&mut chunk) {
        if let Some(millis) = held_back_ms {
            wait(Duration::from_millis(millis.load(Ordering::SeqCst)));
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
