//! Tasks that come and go in numbers and share a line in the list.

use std::sync::Arc;

use tokio::sync::watch;

use super::state::Ending;
use super::{Inner, Outcome, TaskStatus};

/// A named group of ordinary tasks. Cheap to clone; all clones are the same group.
#[derive(Clone, Debug)]
pub struct TaskGroup {
    line: Arc<Line>,
}

/// The group's line in the list; it goes when nobody can add to the group any more and its last task has ended.
#[derive(Debug)]
struct Line {
    inner: Arc<Inner>,
    id: u64,
    members: watch::Sender<u64>,
}

/// Counts one task, however it ends.
struct Member {
    line: Arc<Line>,
}

impl TaskGroup {
    pub(super) fn new(inner: Arc<Inner>, id: u64) -> Self {
        inner.update(id, |state| state.members = Some(0));
        Self {
            line: Arc::new(Line {
                inner,
                id,
                members: watch::Sender::new(0),
            }),
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
        let member = Member::new(Arc::clone(&self.line));
        let handle = self.line.inner.tracker.spawn(async move {
            let ending = member.line.inner.watch(task).await;
            member.line.note(ending);
            drop(member);
        });
        drop(handle);
    }

    /// Returns how many of its tasks run now.
    #[must_use]
    pub fn len(&self) -> u64 {
        *self.line.members.borrow()
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
        let mut members = self.line.members.subscribe();
        // The sender lives in `self`, so this cannot fail.
        drop(members.wait_for(|count| *count == 0).await);
    }
}

impl Member {
    fn new(line: Arc<Line>) -> Self {
        line.members.send_modify(|count| *count += 1);
        let count = *line.members.borrow();
        line.inner.update(line.id, |state| {
            state.rounds_total += 1;
            state.members = Some(count);
        });
        Self { line }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let line = &self.line;
        line.members.send_modify(|count| *count -= 1);
        let count = *line.members.borrow();
        line.inner
            .update(line.id, |state| state.members = Some(count));
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
