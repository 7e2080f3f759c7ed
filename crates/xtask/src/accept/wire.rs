//! The wire between publisher and doorway, counted in both directions and stopped at a chosen byte.
//!
//! Whoever is to die at that byte is killed by the scenario; until then the bytes after it wait, and they are never
//! passed on. So a death falls into the same place of the conversation on every machine, however fast it is.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::listener::Listener;

/// How much is passed on at once, in bytes.
const CHUNK_BYTES: usize = 4 * 1_024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the publisher to the doorway.
    Up,
    /// Back.
    Down,
}

/// A place in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which bytes are counted.
    pub(super) way: Way,
    /// How many of them pass.
    pub(super) bytes: u64,
}

/// What has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Bytes to the doorway.
    pub(super) up: u64,
    /// Bytes back.
    pub(super) down: u64,
    /// Files that the publisher began to send.
    pub(super) files: u32,
    /// Pieces of the chain that it began to send.
    pub(super) pieces: u32,
    /// Bytes there and back when the publisher, after its files, asked about the chain first: it had signed then.
    pub(super) when_signed: Option<(u64, u64)>,
}

impl Passed {
    fn of(&mut self, way: Way) -> &mut u64 {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    /// Notes what begins with a chunk: a request is sent after the answer to the one before it, so in a chunk of its own.
    fn note(&mut self, chunk: &[u8]) {
        if chunk.starts_with(b"PUT /store") {
            self.files += 1;
        } else if chunk.starts_with(b"PUT /api/v1/chains/") {
            self.pieces += 1;
        } else if chunk.starts_with(b"GET /api/v1/chains/") && self.files > 0 {
            self.when_signed.get_or_insert((self.up, self.down));
        }
    }
}

#[derive(Debug)]
struct Middle {
    doorway: SocketAddr,
    passed: Mutex<Passed>,
    /// Where everything stops.
    end: Option<Place>,
    reached: SyncSender<()>,
}

/// One wire; dropping it cuts it.
#[derive(Debug)]
pub(super) struct Wire {
    listener: Listener,
    middle: Arc<Middle>,
    reached: Receiver<()>,
}

impl Wire {
    /// Lays a wire to a doorway that stops at `end`, or nowhere.
    pub(super) fn lay(doorway: SocketAddr, end: Option<Place>) -> anyhow::Result<Self> {
        let (sender, reached) = sync_channel(1);
        let middle = Arc::new(Middle {
            doorway,
            passed: Mutex::default(),
            end,
            reached: sender,
        });
        let shared = Arc::clone(&middle);
        let listener = Listener::open("wire", move |near| drop(join(near, &shared)))?;
        Ok(Self {
            listener,
            middle,
            reached,
        })
    }

    /// Returns its near end as commands take it.
    pub(super) fn url(&self) -> String {
        self.listener.url()
    }

    /// Returns whether the chosen byte has been reached.
    pub(super) fn is_stopped(&self) -> bool {
        self.reached.try_recv().is_ok()
    }

    /// Returns how many bytes have passed.
    pub(super) fn passed(&self) -> Passed {
        *self.middle.passed()
    }
}

impl Middle {
    fn passed(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts bytes before they are passed on; returns how many may.
    fn count(&self, way: Way, chunk: &[u8]) -> usize {
        let len = chunk.len();
        let mut passed = self.passed();
        if way == Way::Up {
            passed.note(chunk);
        }
        let Some(end) = self.end else {
            *passed.of(way) += len as u64;
            return len;
        };
        let is_stopped = *passed.of(end.way) >= end.bytes;
        let left = if way == end.way {
            end.bytes.saturating_sub(*passed.of(way))
        } else {
            u64::MAX
        };
        let may = if is_stopped { 0 } else { left.min(len as u64) };
        *passed.of(way) += may;
        if *passed.of(end.way) >= end.bytes {
            // Nobody listening any more is as good as having told.
            self.reached.try_send(()).ok();
        }
        usize::try_from(may).expect("it is at most a chunk")
    }
}

/// Carries both ways until either end closes.
fn join(near: TcpStream, middle: &Arc<Middle>) -> std::io::Result<()> {
    let far = TcpStream::connect(middle.doorway)?;
    let (near_again, far_again) = (near.try_clone()?, far.try_clone()?);
    let up = Arc::clone(middle);
    std::thread::spawn(move || carry(near, far, Way::Up, &up));
    carry(far_again, near_again, Way::Down, middle);
    Ok(())
}

/// Carries bytes until either end closes; after the chosen byte it carries none.
fn carry(mut from: TcpStream, mut to: TcpStream, way: Way, middle: &Middle) {
    let mut chunk = [0; CHUNK_BYTES];
    while let Ok(len) = from.read(&mut chunk) {
        let may = middle.count(way, &chunk[..len]);
        if len == 0 || to.write_all(&chunk[..may]).is_err() {
            break;
        }
        if may < len {
            // The rest is never passed on, and the line stays open: only a death ends this conversation.
            while from.read(&mut chunk).is_ok_and(|len| len > 0) {}
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

#[cfg(test)]
mod tests;
