//! Who is whom, and what a community's pages need: asked of whoever gives the tokens.

use base::{Code, ContentHash, Problem, Timestamp};
use doorway_core::session::Holder;
use futures::future::BoxFuture;
use std::sync::Arc;
use storage_core::access::Caller;

use crate::Writers;

/// Knows whose token it is and what they may do.
pub trait Authority: Send + Sync + 'static {
    /// Returns whose token this is. Neither blocks nor waits.
    ///
    /// # Errors
    /// [`base::Code::TokenExpired`] or [`base::Code::TokenInvalid`].
    fn holder(&self, token: &str, now: Timestamp) -> Result<Holder, Problem>;

    /// Returns what an agent is here.
    ///
    /// # Errors
    /// When that cannot be found out; nobody is let in then.
    ///
    /// # Cancel safety
    /// The future may be dropped.
    fn caller<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Caller, Problem>>;

    /// Returns the blobs of the namespace `community` that must be kept though nothing there names them: those that
    /// published things need. It may name more, and blobs that are not there; it must not leave one out.
    ///
    /// # Errors
    /// When that cannot be found out; nothing is collected in that namespace then. Without an implementation it never
    /// can.
    ///
    /// # Cancel safety
    /// The future may be dropped.
    fn keeps(&self) -> BoxFuture<'_, Result<Vec<ContentHash>, Problem>> {
        let detail = "what keeps the community's blobs is known to its doorway alone, which does not run here";
        let refused = Problem::new(Code::BlobInUse, detail);
        Box::pin(std::future::ready(Err(refused)))
    }

    /// Returns a number that is another one whenever what agents are may have changed. Quick: each request asks.
    fn version(&self) -> u64;
}

/// Where tokens come from.
#[derive(Clone)]
pub enum Admittance {
    /// The service gives them itself, to a list of writers: it runs alone.
    Own(Arc<Writers>),
    /// Another service of the process gives them, at routes of its own.
    Joined(Arc<dyn Authority>),
}

impl Admittance {
    pub(crate) fn authority(&self) -> Arc<dyn Authority> {
        match self {
            Self::Own(writers) => Arc::<Writers>::clone(writers),
            Self::Joined(authority) => Arc::clone(authority),
        }
    }
}
