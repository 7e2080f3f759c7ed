//! Request bodies that keep arriving, or are given up.
//!
//! Only time in which somebody waits for the body counts; a handler that is slow itself costs the peer nothing.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

/// The body stopped arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body stopped arriving")]
pub(crate) struct BodyStalled;

/// A body with a deadline for progress.
pub(super) struct Progress {
    body: Incoming,
    window: Duration,
    bytes_min: u64,
    /// How long has been waited since the last progress.
    waited: Duration,
    /// How much has arrived since then.
    arrived: u64,
    waiting: Option<Waiting>,
}

/// Somebody waits for the body.
struct Waiting {
    since: Instant,
    deadline: Pin<Box<Sleep>>,
}

impl Progress {
    pub(super) fn new(body: Incoming, window: Duration, bytes_min: u64) -> Self {
        Self {
            body,
            window,
            bytes_min,
            waited: Duration::ZERO,
            arrived: 0,
            waiting: None,
        }
    }

    fn note(&mut self, bytes: u64) {
        if let Some(waiting) = self.waiting.take() {
            self.waited += waiting.since.elapsed();
        }
        self.arrived += bytes;
        if self.arrived >= self.bytes_min {
            self.arrived = 0;
            self.waited = Duration::ZERO;
        }
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.window.saturating_sub(self.waited);
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            since: Instant::now(),
            deadline: Box::pin(sleep(left)),
        });
        waiting.deadline.as_mut().poll(context)
    }
}

impl Body for Progress {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                let bytes = data.map_or(0, |data| data.len() as u64);
                self.note(bytes);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                ready!(self.poll_deadline(context));
                Poll::Ready(Some(Err(BodyStalled.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
