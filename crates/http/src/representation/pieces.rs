//! A body that is put together from bytes in hand and bytes that lie somewhere.
//!
//! # Invariants
//!
//! * Nothing is read before the peer is ready for it, and at most one read is on its way.
//! * A piece in hand is at most [`PIECE_BYTES`] long, except what was ready from the start.
//! * Exactly the announced bytes are sent, or the body ends with an error.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use runtime::{Blocking, ReadAt};

use crate::range::ByteRange;

/// How many bytes are asked for at once.
pub(super) const PIECE_BYTES: usize = 256 * 1_024;

/// A piece of a body.
pub(super) enum Piece {
    /// Bytes in hand.
    Ready(Bytes),
    /// Bytes to be had from the source.
    Stored(ByteRange),
}

/// A read that is on its way.
type Fetching = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

/// What is still to be sent.
pub(super) struct Pieces {
    source: Arc<dyn ReadAt>,
    pieces: VecDeque<Piece>,
    files: Blocking,
    fetching: Option<Fetching>,
    left: u64,
}

impl Piece {
    pub(super) const fn len(&self) -> u64 {
        match self {
            Self::Ready(bytes) => bytes.len() as u64,
            Self::Stored(range) => range.len(),
        }
    }
}

impl Pieces {
    pub(super) fn new(source: Arc<dyn ReadAt>, pieces: VecDeque<Piece>, files: &Blocking) -> Self {
        let left = pieces
            .iter()
            .fold(0, |sum: u64, piece| sum.saturating_add(piece.len()));
        Self {
            source,
            pieces,
            files: files.clone(),
            fetching: None,
            left,
        }
    }

    /// Makes a body; one without a task of its own when all of it is in memory in one piece.
    pub(super) fn into_body(self) -> Body {
        if let [Piece::Stored(range)] = self.pieces.as_slices().0
            && let Ok(count) = usize::try_from(range.len())
            && let Some(bytes) = self.source.cached(range.first, count)
            && bytes.len() == count
        {
            return Body::from(bytes);
        }
        if self.pieces.is_empty() {
            return Body::empty();
        }
        Body::new(self)
    }

    /// Takes the next piece when it is in memory, otherwise begins to read it.
    fn next(&mut self) -> Option<io::Result<Bytes>> {
        let range = match self.pieces.pop_front()? {
            Piece::Ready(bytes) => return Some(Ok(bytes)),
            Piece::Stored(range) => range,
        };
        let count = usize::try_from(range.len()).map_or(PIECE_BYTES, |len| len.min(PIECE_BYTES));
        let cached = self.source.cached(range.first, count);
        self.pieces.push_front(Piece::Stored(range));
        if let Some(bytes) = cached {
            return Some(self.advance(bytes));
        }
        let source = Arc::clone(&self.source);
        self.fetching = Some(source.fetch(range.first, count, self.files.clone()));
        None
    }

    /// Crosses bytes of the first piece off.
    fn advance(&mut self, bytes: Bytes) -> io::Result<Bytes> {
        let Some(Piece::Stored(range)) = self.pieces.pop_front() else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let count = bytes.len() as u64;
        if count == 0 || count > range.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if count < range.len() {
            self.pieces.push_front(Piece::Stored(ByteRange {
                first: range.first + count,
                last: range.last,
            }));
        }
        Ok(bytes)
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.fetching.is_none() {
            if self.pieces.is_empty() {
                return Poll::Ready(None);
            }
            if let Some(next) = self.next() {
                return Poll::Ready(Some(next));
            }
        }
        let Some(fetching) = self.fetching.as_mut() else {
            return Poll::Ready(None);
        };
        let fetched = ready!(fetching.as_mut().poll(context));
        self.fetching = None;
        Poll::Ready(Some(fetched.and_then(|bytes| self.advance(bytes))))
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let polled = match ready!(self.poll_bytes(context)) {
            None => None,
            Some(Ok(bytes)) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(error)) => {
                tracing::error!(target: "http::event::body_broken", %error, "bytes could not be read while they were sent");
                self.pieces.clear();
                Some(Err(error))
            }
        };
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
