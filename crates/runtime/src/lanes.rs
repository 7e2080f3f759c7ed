//! Threads with a runtime each, for tasks that are many, short of work and better not moved between cores.
//!
//! # Invariants
//!
//! * A task stays on the thread it was started on.
//! * A thread ends when its [`Lanes`] are gone and nobody holds its lane any more.
//! * Tasks belong to a [`TaskGroup`]; its supervisor watches, counts and cuts them off as if they ran with the others.
//!
//! A lane must never wait: work that takes long belongs to the runtime that started the lanes.

use std::convert::Infallible;
use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};

use crate::{Outcome, TaskGroup};

/// How many threads for blocking work one lane may start.
const BLOCKING_THREADS_MAX: usize = 32;

/// A number of threads, each with a runtime of its own.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<Lane>,
    tasks: TaskGroup,
}

/// Keeps the thread of a lane alive, for a socket that outlives the task that opened it.
#[derive(Clone, Debug)]
pub struct LaneHold {
    _alive: mpsc::Sender<Infallible>,
}

#[derive(Debug)]
struct Lane {
    runtime: Handle,
    hold: LaneHold,
    ended: oneshot::Receiver<Infallible>,
}

impl Lanes {
    /// Starts `count` threads, named `name-0` and so on; at least one.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or no event queue.
    pub fn start(name: &str, count: usize, tasks: TaskGroup) -> io::Result<Self> {
        let lanes = (0..count.max(1)).map(|index| Lane::start(format!("{name}-{index}")));
        Ok(Self {
            lanes: lanes.collect::<io::Result<_>>()?,
            tasks,
        })
    }

    /// Returns how many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lanes.len()
    }

    /// Starts a task of the group on a lane; indexes go round.
    pub fn spawn<F>(&self, index: usize, task: F)
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        self.tasks.spawn_on(&self.lane(index).runtime, task);
    }

    /// Returns what keeps the thread of a lane alive; indexes go round.
    #[must_use]
    pub fn hold(&self, index: usize) -> LaneHold {
        self.lane(index).hold.clone()
    }

    /// Waits until all threads have ended. Tasks that still run are dropped, those of held lanes when they are let go.
    ///
    /// # Cancel safety
    ///
    /// May be dropped; the threads end all the same.
    pub async fn ended(self) {
        let (ended, holds): (Vec<_>, Vec<_>) = self
            .lanes
            .into_iter()
            .map(|lane| (lane.ended, lane.hold))
            .unzip();
        drop(holds);
        for lane in ended {
            // Nothing is ever sent; the other end is dropped with the thread.
            let Err(_) = lane.await;
        }
    }

    fn lane(&self, index: usize) -> &Lane {
        &self.lanes[index % self.lanes.len()]
    }
}

impl Lane {
    fn start(name: String) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name(format!("{name}-blocking"))
            .build()?;
        let handle = runtime.handle().clone();
        let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
        let (end, ended) = oneshot::channel::<Infallible>();
        // Not joined: `ended` tells its end, and a process that exits does not wait for it.
        drop(thread::Builder::new().name(name).spawn(move || {
            // Nothing is ever sent; it ends when the last sender is gone.
            let None = runtime.block_on(all_gone.recv());
            runtime.shutdown_background();
            // Dropped, it tells the same.
            drop(end);
        })?);
        Ok(Self {
            runtime: handle,
            hold: LaneHold { _alive: alive },
            ended,
        })
    }
}

#[cfg(test)]
mod tests;
