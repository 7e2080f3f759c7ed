//! Who is whom: asked of whoever gives the tokens.

use base::{Problem, Timestamp};
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
