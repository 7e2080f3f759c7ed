//! What a server serves: a router, and what may answer or refuse before it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, Uri};
use base::Problem;
use bytes::Bytes;
use futures::future::BoxFuture;

use crate::Arriving;

/// What a server serves.
#[derive(Clone)]
pub struct Served {
    /// Answers what nobody answered or refused before.
    pub router: Router,
    /// Asked first.
    pub hot: Option<Arc<dyn HotPath>>,
    /// Asked when the hot path had nothing.
    pub gate: Option<Arc<dyn Gate>>,
    /// Answers what it takes in place of the router, when the gate let it in.
    pub direct: Option<Arc<dyn DirectPath>>,
}

/// A request as it is known before its body.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is asked for.
    pub method: &'a Method,
    /// Of what.
    pub uri: &'a Uri,
    /// And how.
    pub headers: &'a HeaderMap,
    /// Who asks, as far as trusted proxies say so.
    pub client: IpAddr,
}

/// Answers that lie ready.
///
/// It is asked on the thread that reads the request, before anything is allocated for it, and must not wait.
pub trait HotPath: Send + Sync {
    /// Returns the answer if it lies ready. It goes out as it is, with `Date` and, where missing, `Content-Length`;
    /// without its body to who asked with HEAD.
    fn answer(&self, ask: &Ask<'_>) -> Option<Response<Bytes>>;
}

/// Answers some requests in place of the router, for which the router would be a good part of what they cost.
///
/// The router must answer the same requests in the same way: where connections run on lanes, it is asked instead.
pub trait DirectPath: Send + Sync {
    /// Tells whether it answers a request. It is asked on the thread that reads the request and must not wait.
    fn takes(&self, ask: &Ask<'_>) -> bool;

    /// Answers a request that it takes. Nothing is added to the answer but `Date` and, where missing, `Content-Length`.
    fn answer(&self, request: Request<Arriving>) -> BoxFuture<'static, DirectAnswer>;
}

/// What a [`DirectPath`] answers with.
#[derive(Debug)]
pub enum DirectAnswer {
    /// An answer that is there as a whole.
    Whole(Response<Bytes>),
    /// Any other.
    Made(Response<Body>),
}

/// Decides which requests are taken on.
///
/// It is asked on the thread that reads the request and must not wait.
pub trait Gate: Send + Sync {
    /// Takes a request on.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not; the router never sees the request, and the connection stays good.
    fn admit(&self, ask: &Ask<'_>) -> Result<Pass, Refused>;
}

/// What a request holds while it is being answered: until the last piece of its answer was handed to the socket, or
/// the request was given up. Pieces are at most 256 KiB.
#[derive(Default)]
pub struct Pass {
    _guard: Option<Box<dyn Send>>,
}

/// A request that was not taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why; the status is its code's.
    pub problem: Problem,
    /// After how many seconds to try again.
    pub retry_after_secs: u32,
}

impl Served {
    /// Serves a router alone.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self {
            router,
            hot: None,
            gate: None,
            direct: None,
        }
    }
}

impl Pass {
    /// Makes a pass that drops `guard` when the request is over.
    #[must_use]
    pub fn new(guard: impl Send + 'static) -> Self {
        Self {
            _guard: Some(Box::new(guard)),
        }
    }

    /// Makes a pass that holds nothing.
    #[must_use]
    pub const fn free() -> Self {
        Self { _guard: None }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pass").finish_non_exhaustive()
    }
}
