//! A socket on which writes that make too little progress fail after a while.
//!
//! hyper has deadlines for reading heads and none for writing: a reader that stops reading, or reads drop by drop,
//! would keep its buffers for ever.
//!
//! The kernel says that a socket can be written to only when a good part of its buffer is free. A slow reader can
//! take longer for that than a window lasts, so while waiting it is tried now and then whether there is any room.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::LaneHold;
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::Limits;
use super::activity::Activity;
use super::window::Window;

/// Pieces that are together no longer than this are written as one: a call with one piece is so much cheaper for the
/// kernel that it pays for the copy.
const GATHER_BYTES_MAX: usize = 4 * 1_024;

thread_local! {
    /// Where pieces are put together.
    static GATHERED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(GATHER_BYTES_MAX));
}

/// How often in a window it is tried whether there is room.
const PROBES_PER_WINDOW: u32 = 8;

/// A socket with a deadline for the progress of writes.
pub(super) struct Stall<S> {
    stream: S,
    window: Window,
    activity: Arc<Activity>,
    /// While somebody waits to write.
    waiting: Option<Waiting>,
    _hold: Option<LaneHold>,
}

struct Waiting {
    since: Instant,
    probe: Pin<Box<Sleep>>,
}

/// A stream that can be tried without waiting for the kernel's word.
pub(super) trait Probe {
    /// Writes what there is room for; `WouldBlock` when there is none.
    fn probe(&self, bytes: &[u8]) -> io::Result<usize>;
}

impl Probe for TcpStream {
    fn probe(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(
            self,
            bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        )?)
    }
}

impl<S: Probe> Stall<S> {
    pub(super) fn new(
        stream: S,
        limits: Limits,
        activity: Arc<Activity>,
        hold: Option<LaneHold>,
    ) -> Self {
        Self {
            stream,
            window: Window::new(limits.write_window_ms, limits.write_bytes_min),
            activity,
            waiting: None,
            _hold: hold,
        }
    }

    /// Passes a result of the socket on; while there is none, lets the deadline run.
    fn watch(
        &mut self,
        polled: Poll<io::Result<usize>>,
        bytes: &[u8],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(written) => {
                self.moved(&written);
                Poll::Ready(written)
            }
            Poll::Pending => self.wait(bytes, context),
        }
    }

    /// Tells whether a write that succeeds changes nothing.
    fn is_calm(&self) -> bool {
        self.waiting.is_none() && self.window.is_fresh()
    }

    fn moved(&mut self, written: &io::Result<usize>) {
        let mut waited = Duration::ZERO;
        if let Some(waiting) = self.waiting.take() {
            self.activity.writes(false);
            waited = waiting.since.elapsed();
        }
        let bytes = written.as_ref().map_or(0, |count| *count as u64);
        self.window.note(waited, bytes);
    }

    fn wait(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let interval = self.window.span() / PROBES_PER_WINDOW;
        let left = self.window.left();
        let activity = &self.activity;
        let waiting = self.waiting.get_or_insert_with(|| {
            activity.writes(true);
            Waiting {
                since: Instant::now(),
                probe: Box::pin(sleep(interval.min(left))),
            }
        });
        while waiting.probe.as_mut().poll(context).is_ready() {
            let tried = self.stream.probe(bytes);
            if !matches!(&tried, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                self.moved(&tried);
                return Poll::Ready(tried);
            }
            let left = left.saturating_sub(waiting.since.elapsed());
            if left.is_zero() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let next = Instant::now() + interval.min(left);
            waiting.probe.as_mut().reset(next);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stall<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Probe + Unpin> AsyncWrite for Stall<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if polled.is_ready() && self.is_calm() {
            return polled;
        }
        self.watch(polled, bytes, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let polled = if total <= GATHER_BYTES_MAX {
            GATHERED.with_borrow_mut(|gathered| {
                gathered.clear();
                slices
                    .iter()
                    .for_each(|slice| gathered.extend_from_slice(slice));
                stream.poll_write(context, gathered)
            })
        } else {
            stream.poll_write_vectored(context, slices)
        };
        if polled.is_ready() && self.is_calm() {
            return polled;
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.watch(polled, first.map_or(&[], |slice| slice), context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Sockets have nothing to flush.
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
