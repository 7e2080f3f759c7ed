//! Connections that send the head of a request a byte now and then, and never end it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::accept::http::{self, Client};

/// How long they are let go on at most; a doorway that has not closed them by then never does.
const LET_GO_ON_MAX: Duration = Duration::from_secs(60);

/// How long each waits between two bytes.
const PAUSE: Duration = Duration::from_millis(500);

/// What they send, again and again.
const HEAD: &[u8] = b"GET / HTTP/1.1\r\nx-slow: ";

/// Connections that drip.
#[derive(Debug)]
pub(super) struct Drips {
    count: usize,
    closed: Arc<AtomicU64>,
    thread: JoinHandle<anyhow::Result<()>>,
}

struct Drip {
    stream: TcpStream,
    sent: usize,
}

impl Drips {
    /// Opens them and lets them drip in a thread of their own.
    pub(super) fn start(doorway: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            let stream = http::connect(doorway)?.into_inner();
            stream.set_nonblocking(true)?;
            open.push(Drip { stream, sent: 0 });
        }
        let closed = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&closed);
        let named = std::thread::Builder::new().name("drips".to_owned());
        let thread = named.spawn(move || go_on(open, &shared))?;
        Ok(Self {
            count,
            closed,
            thread,
        })
    }

    /// Waits until all are closed; readers are served all the while.
    pub(super) fn wait(self, doorway: SocketAddr) -> anyhow::Result<String> {
        let mut client = Client::strict(doorway);
        while !self.thread.is_finished() {
            let status = client.get("/")?.status();
            anyhow::ensure!(
                status == 200,
                "GET / answered {status} among connections that drip"
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let ended = self.thread.join();
        ended.map_err(|_| anyhow::anyhow!("the drips panicked"))??;
        let closed = self.closed.load(Ordering::SeqCst);
        let count = self.count;
        anyhow::ensure!(
            closed == count as u64,
            "{closed} of {count} connections that drip were closed"
        );
        Ok(format!(
            "{count} connections that sent their heads byte by byte were all closed"
        ))
    }
}

fn go_on(mut open: Vec<Drip>, closed: &AtomicU64) -> anyhow::Result<()> {
    let started = Instant::now();
    while !open.is_empty() {
        anyhow::ensure!(
            started.elapsed() < LET_GO_ON_MAX,
            "{} connections that drip were not closed after {LET_GO_ON_MAX:?}",
            open.len()
        );
        let before = open.len();
        open.retain_mut(Drip::is_open);
        closed.fetch_add((before - open.len()) as u64, Ordering::SeqCst);
        std::thread::park_timeout(PAUSE);
    }
    Ok(())
}

impl Drip {
    /// Sends one byte; tells whether the other side still listens.
    fn is_open(&mut self) -> bool {
        let mut bytes = [0; 1_024];
        match self.stream.read(&mut bytes) {
            Ok(0) => return false,
            // It says why it will close.
            Ok(_) => return true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        let byte = HEAD.get(self.sent).copied().unwrap_or(b'x');
        self.sent += 1;
        self.stream.write_all(&[byte]).is_ok()
    }
}
