//! Reads the body of a request: not one byte more than allowed, and exactly as many as announced.

use std::error::Error;
use std::io;

use axum::body::{Body, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use base::{Code, Problem};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Frame;

use crate::Arriving;
use crate::server::BodyStalled;

/// How much of an announced body is reserved before it has arrived, in bytes.
const RESERVE_BYTES_MAX: u64 = 64 * 1_024;

/// How large a body our extractors take, in bytes; put it into a route's extensions
/// (`axum::Extension(RequestLimit(…))`) to change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit(pub u64);

/// The body of a request, on whichever way it came.
#[derive(Debug)]
pub enum RequestBody {
    /// By the router.
    Routed(Body),
    /// Before the router.
    Direct(Arriving),
}

/// A body that is read chunk by chunk and counted.
#[derive(Debug)]
pub struct BodyReader {
    body: RequestBody,
    announced: Option<u64>,
    limit: u64,
    received: u64,
}

impl Default for RequestLimit {
    /// 1 MiB.
    fn default() -> Self {
        Self(1_024 * 1_024)
    }
}

impl From<Body> for RequestBody {
    fn from(body: Body) -> Self {
        Self::Routed(body)
    }
}

impl From<Arriving> for RequestBody {
    fn from(body: Arriving) -> Self {
        Self::Direct(body)
    }
}

impl RequestBody {
    fn exact_len(&self) -> Option<u64> {
        match self {
            Self::Routed(body) => body.size_hint().exact(),
            Self::Direct(body) => body.size_hint().exact(),
        }
    }

    fn is_end(&self) -> bool {
        match self {
            Self::Routed(body) => body.is_end_stream(),
            Self::Direct(body) => body.is_end_stream(),
        }
    }

    async fn frame(&mut self) -> Option<Result<Frame<Bytes>, axum::BoxError>> {
        match self {
            Self::Routed(body) => {
                let frame = body.frame().await?;
                Some(frame.map_err(axum::Error::into_inner))
            }
            Self::Direct(body) => body.frame().await,
        }
    }
}

impl BodyReader {
    /// Starts to read a body of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Code::BodyTooLarge`] when it is announced to be larger; nothing of it is read then.
    pub fn new(
        headers: &HeaderMap,
        body: impl Into<RequestBody>,
        limit: u64,
    ) -> Result<Self, Problem> {
        let body = body.into();
        let announced = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .or_else(|| body.exact_len());
        if announced.is_some_and(|announced| announced > limit) {
            return Err(too_large(limit));
        }
        Ok(Self {
            body,
            announced,
            limit,
            received: 0,
        })
    }

    /// Returns the length that was announced, in bytes.
    #[must_use]
    pub const fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Returns how many bytes have been read.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Tells whether as many bytes as were announced have been read, and no more can follow.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let is_whole = self.announced == Some(self.received);
        is_whole && self.body.is_end()
    }

    /// Reads the next chunk, never empty; `None` at the end, and then exactly the announced bytes were read.
    ///
    /// # Errors
    ///
    /// [`Code::BodyTooLarge`] over the limit, [`Code::BodyLength`] when the body is shorter or longer than announced
    /// or the connection broke, [`Code::RequestTimeout`] when it stopped arriving, [`Code::MalformedBody`] when its
    /// framing is wrong.
    ///
    /// # Cancel safety
    ///
    /// May be dropped; no chunk is lost.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| self.broken(error.as_ref()))?;
            // Trailers carry nothing that we know.
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            if chunk.is_empty() {
                continue;
            }
            self.received += chunk.len() as u64;
            if self.received > self.limit {
                return Err(too_large(self.limit));
            }
            if self
                .announced
                .is_some_and(|announced| self.received > announced)
            {
                return Err(self.wrong_length());
            }
            return Ok(Some(chunk));
        }
        match self.announced {
            Some(announced) if announced != self.received => Err(self.wrong_length()),
            _ => Ok(None),
        }
    }

    /// Reads everything that is left.
    ///
    /// # Errors
    ///
    /// As [`BodyReader::chunk`].
    pub async fn read_all(mut self) -> Result<Bytes, Problem> {
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let reserve = self.announced.unwrap_or(0).min(RESERVE_BYTES_MAX);
        let mut bytes = BytesMut::with_capacity(usize::try_from(reserve).unwrap_or(0));
        bytes.extend_from_slice(&first);
        bytes.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    fn wrong_length(&self) -> Problem {
        let announced = self.announced.unwrap_or(0);
        let detail = if self.received > announced {
            format!("more than the {announced} bytes that were announced arrived")
        } else {
            format!("{} of {announced} announced bytes arrived", self.received)
        };
        Problem::new(Code::BodyLength, detail)
    }

    /// Tells what an error of the body means.
    fn broken(&self, error: &(dyn Error + 'static)) -> Problem {
        if is_caused_by(error, |cause| cause.is::<BodyStalled>()) {
            return Problem::new(
                Code::RequestTimeout,
                format!("the body stopped arriving after {} bytes", self.received),
            );
        }
        let is_misframed = is_caused_by(error, |cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
                )
            })
        });
        if is_misframed && self.announced.is_none() {
            return Problem::new(Code::MalformedBody, "the chunks of the body are malformed");
        }
        match self.announced {
            Some(_) => self.wrong_length(),
            None => Problem::new(
                Code::BodyLength,
                format!("the body broke off after {} bytes", self.received),
            ),
        }
    }
}

/// Reads a whole body of at most `limit` bytes into memory.
///
/// # Errors
///
/// As [`BodyReader::new`] and [`BodyReader::chunk`].
pub async fn read_body(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes, Problem> {
    BodyReader::new(headers, body, limit)?.read_all().await
}

fn too_large(limit: u64) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the limit is {limit} bytes"))
}

fn is_caused_by(
    error: &(dyn Error + 'static),
    test: impl Fn(&(dyn Error + 'static)) -> bool,
) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if test(error) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
