//! Tasks that come and go in numbers and share a line in the list.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::state::Ending;
use super::{Inner, Outcome, TaskStatus};

/// A named group of ordinary tasks. Cheap to clone; all clones are the same group.
#[derive(Clone, Debug)]
pub struct TaskGroup {
    line: Arc<Line>,
}

/// How many tasks a group has, and has had; the list reads it when somebody asks.
#[derive(Debug, Default)]
pub(super) struct Counts {
    members: AtomicU64,
    started: AtomicU64,
    emptied: Notify,
}

/// The group's line in the list; it goes when nobody can add to the group any more and its last task has ended.
#[derive(Debug)]
struct Line {
    inner: Arc<Inner>,
    id: u64,
    counts: Arc<Counts>,
}

/// Counts one task, however it ends.
struct Member {
    line: Arc<Line>,
}

impl TaskGroup {
    pub(super) fn new(inner: Arc<Inner>, id: u64) -> Self {
        let counts = Arc::new(Counts::default());
        inner.count(id, Arc::clone(&counts));
        Self {
            line: Arc::new(Line { inner, id, counts }),
        }
    }

    /// Starts a task in the group. When it fails or panics, that is logged, and the list keeps the last reason.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        self.spawn_on(&Handle::current(), task);
    }

    /// Starts a task in the group on another runtime; otherwise as [`TaskGroup::spawn`].
    pub fn spawn_on<F>(&self, runtime: &Handle, task: F)
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let member = Member::new(Arc::clone(&self.line));
        // What is looked at each time that the task is woken stays small.
        let task = Box::pin(task);
        let watched = async move {
            let ending = member.line.inner.watch(task).await;
            member.line.note(ending);
            drop(member);
        };
        drop(self.line.inner.tracker.spawn_on(watched, runtime));
    }

    /// Starts a part of one of the group's tasks on another runtime: watched, logged and cut off with the group, and
    /// not counted, because the task that waits for it is.
    pub fn spawn_part_on<F>(&self, runtime: &Handle, part: F)
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let line = Arc::clone(&self.line);
        let part = Box::pin(part);
        let watched = async move {
            let ending = line.inner.watch(part).await;
            line.note(ending);
        };
        drop(self.line.inner.tracker.spawn_on(watched, runtime));
    }

    /// Returns how many of its tasks run now.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.line.counts.members()
    }

    /// Tells whether none of its tasks runs now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until none of its tasks runs.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn empty(&self) {
        loop {
            // Made before the count is read, so that no end falls between.
            let emptied = self.line.counts.emptied.notified();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Counts {
    pub(super) fn members(&self) -> u64 {
        self.members.load(Ordering::SeqCst)
    }

    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }
}

impl Member {
    fn new(line: Arc<Line>) -> Self {
        line.counts.members.fetch_add(1, Ordering::SeqCst);
        line.counts.started.fetch_add(1, Ordering::Relaxed);
        Self { line }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let counts = &self.line.counts;
        if counts.members.fetch_sub(1, Ordering::SeqCst) == 1 {
            counts.emptied.notify_waiters();
        }
    }
}

impl Line {
    fn note(&self, ending: Ending) {
        let status = ending.status();
        let Some(reason) = ending.reason() else {
            return;
        };
        self.inner.update(self.id, |state| {
            let (task, reason) = (state.name.as_str(), reason.as_str());
            if status == TaskStatus::Panicked {
                tracing::error!(target: "runtime::event::task_ended", task, reason, "a task panicked");
            } else {
                tracing::debug!(target: "runtime::event::task_ended", task, reason, "a task failed");
            }
            state.reason = Some(reason.to_owned());
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.inner.end(self.id, Ending::Done);
    }
}
