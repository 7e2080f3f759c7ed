//! Packs answers after they are visible: one at a time, on a thread of its own, at most [`JOBS_MAX`] waiting.
//!
//! Invariant: an answer is complete without it; what is not packed is sent as it is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorway_core::cache::{EntryId, Input};
use runtime::{Blocking, Shutdown, TaskGroup};
use tokio::sync::watch;

use super::Inner;
use super::ready::Ready;

/// Answers that wait to be packed; of more, the newest are sent as they are.
const JOBS_MAX: usize = 256;

/// An answer to pack.
pub(super) struct Job {
    pub(super) shard: usize,
    pub(super) entry: EntryId,
    pub(super) value: Arc<Ready>,
}

/// The queue of answers to pack.
pub(super) struct Packer {
    jobs: Mutex<VecDeque<Job>>,
    /// How many answers wait or are being packed; the task runs as long as there are any.
    left: watch::Sender<usize>,
    thread: Blocking,
    shutdown: Shutdown,
}

/// Empties the queue when its task is cut off, so that the next answer starts another one.
struct Round {
    inner: Arc<Inner>,
    is_over: bool,
}

impl Packer {
    pub(super) fn new(shutdown: Shutdown) -> Self {
        Self {
            jobs: Mutex::default(),
            left: watch::Sender::new(0),
            thread: Blocking::new(1),
            shutdown,
        }
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next answer; when there is none, the task is over.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs();
        if self.shutdown.is_requested() {
            jobs.clear();
        }
        let job = jobs.pop_front();
        self.left
            .send_replace(jobs.len() + usize::from(job.is_some()));
        job
    }

    /// Waits until nothing is left to pack.
    pub(super) async fn done(&self) {
        let mut left = self.left.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        drop(left.wait_for(|left| *left == 0).await);
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // What is left is sent as it is.
        let packer = &self.inner.packer;
        let mut jobs = packer.jobs();
        jobs.clear();
        packer.left.send_replace(0);
    }
}

/// Has an answer packed.
pub(super) fn pack(inner: &Arc<Inner>, tasks: &TaskGroup, job: Job) {
    if !job.value.is_packable() {
        return;
    }
    let packer = &inner.packer;
    let mut jobs = packer.jobs();
    if jobs.len() >= JOBS_MAX {
        return;
    }
    jobs.push_back(job);
    let is_running = *packer.left.borrow() > 0;
    packer.left.send_modify(|left| *left += 1);
    drop(jobs);
    if !is_running {
        tasks.spawn(run(Arc::clone(inner)));
    }
}

async fn run(inner: Arc<Inner>) {
    let mut round = Round {
        inner: Arc::clone(&inner),
        is_over: false,
    };
    while let Some(job) = inner.packer.next() {
        let value = job.value;
        let packed = inner.packer.thread.run(move || value.packed()).await;
        if let Some(packed) = packed {
            let input = Input::Encoded {
                entry: job.entry,
                bytes: packed.weight(),
                value: Arc::new(packed),
            };
            Inner::tell(&inner, job.shard, input, None);
        }
    }
    round.is_over = true;
}
