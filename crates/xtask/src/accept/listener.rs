//! A port on loopback where somebody in the middle of a scenario listens, each connection in a thread of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;

use super::http::PATIENCE;

/// Whoever listens there; dropping it takes no more connections, and those that are open end with their ends.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens on a free port; `serve` gets each connection.
    pub(super) fn open(
        name: &str,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen")?;
        let address = listener.local_addr()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let named = std::thread::Builder::new().name(name.to_owned());
        let listening = named.spawn({
            let is_over = Arc::clone(&is_over);
            move || listen(&listener, &is_over, &Arc::new(serve))
        })?;
        Ok(Self {
            address,
            is_over,
            listening: Some(listening),
        })
    }

    /// Returns where it is.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its address as commands take it.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for somebody.
        drop(TcpStream::connect_timeout(&self.address, PATIENCE));
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

fn listen(
    listener: &TcpListener,
    is_over: &AtomicBool,
    serve: &Arc<impl Fn(TcpStream) + Send + Sync + 'static>,
) {
    for stream in listener.incoming() {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        // Whoever was gone before they were accepted needs nothing.
        let Ok(stream) = stream else {
            continue;
        };
        let serve = Arc::clone(serve);
        std::thread::spawn(move || serve(stream));
    }
}
