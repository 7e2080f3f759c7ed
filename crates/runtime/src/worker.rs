//! Background work: a loop that is woken by a signal or a timer, takes no input and is safe to run twice.
//!
//! # Invariants
//!
//! * A worker that is woken while it works is run once more afterwards, however often it was woken.
//! * A round that fails is tried again, later and later, up to [`RETRY_MS_MAX`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::{task, time};

use crate::supervisor::Rounds;
use crate::{Shutdown, Supervisor, TaskKind};

/// How long the first failed round waits before it is tried again, in milliseconds.
const RETRY_MS_MIN: u64 = 250;

/// How long a round that keeps failing waits at most, in milliseconds.
const RETRY_MS_MAX: u64 = 60_000;

/// A loop's body.
pub trait Worker: Send + 'static {
    /// Why a round failed.
    type Error: std::error::Error + Send + 'static;

    /// Returns what the worker is called in the list of tasks.
    fn name(&self) -> String;

    /// Does one round, small enough that shutdown need not wait long for it.
    ///
    /// It finds what there is to do by itself, so that a lost wake-up loses nothing.
    fn round(&mut self) -> impl Future<Output = Result<Next, Self::Error>> + Send;
}

/// When a worker's next round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more to do.
    Now,
    /// After this time, or when it is woken.
    After(Duration),
    /// When it is woken.
    Woken,
    /// Never: its work is done.
    Never,
}

/// Wakes a worker. Cheap to clone; waking a worker that has ended does nothing.
#[derive(Clone, Debug, Default)]
pub struct Wake {
    notify: Arc<Notify>,
}

impl Wake {
    /// Makes a round happen soon.
    pub fn wake(&self) {
        self.notify.notify_one();
    }
}

impl Supervisor {
    /// Starts a worker; its first round is at once.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn_worker<W: Worker>(&self, kind: TaskKind, worker: W) -> Wake {
        let wake = Wake::default();
        let (notify, shutdown) = (Arc::clone(&wake.notify), self.shutdown());
        self.spawn_rounds(worker.name(), kind, |rounds| {
            work(worker, notify, shutdown, rounds)
        });
        wake
    }
}

async fn work<W: Worker>(mut worker: W, notify: Arc<Notify>, shutdown: Shutdown, rounds: Rounds) {
    let mut retry_ms = RETRY_MS_MIN;
    while !shutdown.is_requested() {
        let (next, reason) = match worker.round().await {
            Ok(next) => {
                retry_ms = RETRY_MS_MIN;
                (next, None)
            }
            Err(error) => {
                let next = Next::After(Duration::from_millis(retry_ms));
                retry_ms = (retry_ms * 2).min(RETRY_MS_MAX);
                (next, Some(base::told(&error)))
            }
        };
        if let Some(reason) = &reason {
            tracing::warn!(target: "runtime::event::round_failed", worker = worker.name(), reason, "a round of a worker failed");
        }
        rounds.note(reason);
        if next == Next::Never || shutdown.race(pause(next, &notify)).await.is_none() {
            return;
        }
    }
}

async fn pause(next: Next, notify: &Notify) {
    match next {
        Next::Now | Next::Never => task::yield_now().await,
        Next::Woken => notify.notified().await,
        Next::After(span) => {
            // Being woken and the end of the time are both a reason to go on.
            drop(time::timeout(span, notify.notified()).await);
        }
    }
}

#[cfg(test)]
mod tests;
