//! A small server in this process, on the generator's core, that ends with the value that stands for it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A thread with a runtime of its own; dropping it ends the thread and all connections.
#[derive(Debug)]
pub(super) struct Background {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Listens on a free port and lets `serve` accept what comes.
    pub(super) fn start<Serve, Serving>(name: &str, serve: Serve) -> anyhow::Result<Self>
    where
        Serve: FnOnce(TcpListener) -> Serving + Send + 'static,
        Serving: Future<Output = io::Result<()>>,
    {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let runtime = runtime()?;
        let (stop, stopped) = oneshot::channel();
        let said = name.to_owned();
        let run = move || {
            runtime.block_on(async {
                let ended = async { serve(TcpListener::from_std(socket)?).await };
                tokio::select! {
                    ended = ended => if let Err(error) = ended {
                        eprintln!("bench: {said}: {error}");
                    },
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name(name.to_owned());
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread.spawn(run).context("start a thread")?),
        })
    }

    /// Returns where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Makes a runtime with one thread.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("make a runtime")
}
