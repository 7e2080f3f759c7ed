//! Work that waits for a disk, kept off the threads that must not wait.

use std::future;
use std::panic;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// A bounded share of the runtime's threads for blocking work. Cheap to clone; clones share the bound.
///
/// When all are busy, the next caller waits for its turn, first come, first served.
#[derive(Clone, Debug)]
pub struct Blocking {
    permits: Arc<Semaphore>,
}

impl Blocking {
    /// Makes a share of at most `threads_max` threads at once; at least one.
    #[must_use]
    pub fn new(threads_max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(threads_max.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }

    /// Runs `work` on a thread that may wait and returns what it returns.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its turn, the work never starts; dropped later, it runs to its end and the result is dropped.
    ///
    /// # Panics
    ///
    /// Goes on with the panic of `work`.
    pub async fn run<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let ran = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await;
        match ran {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => panic::resume_unwind(payload),
                // Cancelled: the runtime is going down and does not poll this future again.
                Err(_) => future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests;
