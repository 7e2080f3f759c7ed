//! The wish that everything ends, heard by everybody who holds it.

use std::future;
use std::pin::pin;
use std::task::Poll;

use tokio_util::sync::CancellationToken;

use crate::Rarely;

/// A signal that goes off once and stays off. Cheap to clone; all clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// Makes a signal that has not gone off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes it go off. Again is the same as once.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Tells whether it has gone off.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until it goes off.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Runs `work` until it is done or the signal goes off; `None` when the signal came first.
    ///
    /// # Cancel safety
    ///
    /// `work` must be one that may be dropped.
    pub async fn race<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut signal = pin!(Rarely::new(self.token.cancelled()));
        let mut work = pin!(work);
        future::poll_fn(|context| {
            if signal.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }
}
