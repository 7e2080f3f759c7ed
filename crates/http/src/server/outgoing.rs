//! The body of an answer on its way out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::Version;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::activity::Open;
use crate::Pass;

/// The largest piece handed over at once: what a slow reader holds of an answer that it has been given.
/// HTTP/2 takes a piece as soon as there is room for its first byte, so there they are as large as its frames.
const PIECE_BYTES_MAX: usize = 256 * 1_024;
const PIECE_BYTES_MAX_HTTP2: usize = 16 * 1_024;

/// A body: none, bytes that lie ready, or what a handler makes.
pub(super) enum Outgoing {
    Empty,
    Whole(Bytes),
    Made(Box<Made>),
}

/// A body that counts as open until its last byte was handed over.
pub(super) struct Made {
    body: Body,
    /// What is left of the last piece.
    rest: Bytes,
    piece_bytes_max: usize,
    open: Open,
    _pass: Option<Pass>,
}

impl Outgoing {
    /// Makes a body of bytes that belong to no open request.
    pub(super) fn whole(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::Empty
        } else {
            Self::Whole(bytes)
        }
    }

    /// Makes a body that holds on to what its request holds.
    pub(super) fn made(body: Body, version: Version, open: Open, pass: Option<Pass>) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        let piece_bytes_max = if version < Version::HTTP_2 {
            PIECE_BYTES_MAX
        } else {
            PIECE_BYTES_MAX_HTTP2
        };
        Self::Made(Box::new(Made {
            body,
            rest: Bytes::new(),
            piece_bytes_max,
            open,
            _pass: pass,
        }))
    }
}

impl Made {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            self.open.due();
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let count = self.rest.len().min(self.piece_bytes_max);
        self.open.owed();
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(count)))))
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let count = bytes.len().min(PIECE_BYTES_MAX);
                let piece = bytes.split_to(count);
                if bytes.is_empty() {
                    *self = Self::Empty;
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Self::Made(made) => made.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(_) => false,
            Self::Made(made) => made.rest.is_empty() && made.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Made(made) => {
                let rest = made.rest.len() as u64;
                let body = made.body.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(body.lower() + rest);
                if let Some(upper) = body.upper() {
                    hint.set_upper(upper + rest);
                }
                hint
            }
        }
    }
}
