//! Request bodies that keep arriving, or are given up.
//!
//! Only time in which somebody waits for the body counts; a handler that is slow itself costs the peer nothing.
//!
//! What a handler leaves unread is read for a while and thrown away: a socket that is closed with bytes unread is
//! reset, and then the peer may never see why it was refused (RFC 9112 §9.6).

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use runtime::TaskGroup;
use thiserror::Error;
use tokio::time::{self, Instant, Sleep, sleep};

use super::Limits;
use super::window::Window;

/// How long a body that nobody wants is read, and how many bytes of it.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// The body stopped arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body stopped arriving")]
pub(crate) struct BodyStalled;

/// A body with a deadline for progress.
pub(super) struct Progress {
    /// `None` when it has ended or failed.
    body: Option<Incoming>,
    /// Where what is left unread is thrown away.
    linger: Option<TaskGroup>,
    window: Window,
    waiting: Option<Waiting>,
}

/// The body of a request as it arrives, with the server's deadlines; for [`crate::BodyReader`].
pub struct Arriving(Option<Progress>);

/// Somebody waits for the body.
struct Waiting {
    since: Instant,
    deadline: Pin<Box<Sleep>>,
}

impl Progress {
    pub(super) fn new(body: Incoming, limits: Limits, linger: Option<TaskGroup>) -> Self {
        Self {
            body: Some(body).filter(|body| !body.is_end_stream()),
            linger,
            window: Window::new(limits.body_window_ms, limits.body_bytes_min),
            waiting: None,
        }
    }

    fn note(&mut self, bytes: u64) {
        let waiting = self.waiting.take();
        let waited = waiting.map_or(Duration::ZERO, |waiting| waiting.since.elapsed());
        self.window.note(waited, bytes);
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.window.left();
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
        let Some(body) = self.body.as_mut() else {
            return Poll::Ready(None);
        };
        let frame = match Pin::new(&mut *body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                self.body = None;
                return Poll::Ready(Some(Err(error.into())));
            }
            Poll::Ready(None) => {
                self.body = None;
                return Poll::Ready(None);
            }
            Poll::Pending => {
                ready!(self.poll_deadline(context));
                self.body = None;
                return Poll::Ready(Some(Err(BodyStalled.into())));
            }
        };
        if body.is_end_stream() {
            self.body = None;
        }
        self.note(frame.data_ref().map_or(0, |data| data.len() as u64));
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Arriving {
    pub(super) fn new(body: Incoming, limits: Limits, linger: Option<TaskGroup>) -> Self {
        let is_there = !body.is_end_stream();
        Self(is_there.then(|| Progress::new(body, limits, linger)))
    }
}

impl fmt::Debug for Arriving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Arriving")
            .field("has_body", &self.0.is_some())
            .finish()
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let (Some(body), Some(tasks)) = (self.body.take(), &self.linger) {
            tasks.spawn(throw_away(body));
        }
    }
}

async fn throw_away(mut body: Incoming) {
    let reading = async {
        let mut left = LINGER_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(rest) = left.checked_sub(bytes) else {
                return;
            };
            left = rest;
        }
    };
    // When the time is over, the connection is closed with what is left.
    drop(time::timeout(LINGER, reading).await);
}
