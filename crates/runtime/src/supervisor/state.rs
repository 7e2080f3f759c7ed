//! What is known about a task, and how it may end.

use std::any::Any;
use std::fmt;

use base::Timestamp;

/// What the end of a task means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// The process is of no use without it: its end is the process's end.
    Essential,
    /// The process goes on without it.
    Ordinary,
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// It has not ended.
    Running,
    /// It ended well.
    Done,
    /// It ended with an error.
    Failed,
    /// It panicked, which is a bug.
    Panicked,
}

/// A line of the list of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskState {
    /// What it is called.
    pub name: String,
    /// What its end means.
    pub kind: TaskKind,
    /// Where it is in its life.
    pub status: TaskStatus,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed, or how its last round did.
    pub reason: Option<String>,
    /// For a worker: how many rounds it has done. For a group: how many tasks were started in it.
    pub rounds_total: u64,
    /// For a group: how many of its tasks run now.
    pub members: Option<u64>,
}

/// Why the process ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The signal of this name came.
    Signal(&'static str),
    /// Somebody called [`crate::Shutdown::request`].
    Requested,
    /// An essential task ended.
    TaskEnded {
        /// Which.
        name: String,
        /// Why; `None` when it simply returned.
        reason: Option<String>,
    },
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Why it ended.
    pub cause: Cause,
    /// The names of the tasks that had to be cut off.
    pub stragglers: Vec<String>,
}

/// What the future of a task may return.
pub trait Outcome: Send + 'static {
    /// Returns why the task failed, if it did.
    fn failure(self) -> Option<String>;
}

/// How a task ended.
pub(super) enum Ending {
    Done,
    Failed(String),
    Panicked(String),
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: std::error::Error + Send + 'static> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| base::told(&error))
    }
}

impl Report {
    /// Tells whether the process ended because it was asked to, with nothing cut off.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let was_asked = matches!(self.cause, Cause::Signal(_) | Cause::Requested);
        was_asked && self.stragglers.is_empty()
    }
}

impl TaskState {
    pub(super) fn new(name: String, kind: TaskKind, started: Timestamp) -> Self {
        Self {
            name,
            kind,
            status: TaskStatus::Running,
            started,
            ended: None,
            reason: None,
            rounds_total: 0,
            members: None,
        }
    }

    /// Tells whether something would be cut off if the process ended now.
    pub(super) fn is_busy(&self) -> bool {
        self.members != Some(0)
    }
}

impl Ending {
    pub(super) const fn status(&self) -> TaskStatus {
        match self {
            Self::Done => TaskStatus::Done,
            Self::Failed(_) => TaskStatus::Failed,
            Self::Panicked(_) => TaskStatus::Panicked,
        }
    }

    pub(super) fn reason(self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Failed(reason) | Self::Panicked(reason) => Some(reason),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => formatter.write_str(name),
            Self::Requested => formatter.write_str("asked to end"),
            Self::TaskEnded { name, reason } => {
                let reason = reason.as_deref().unwrap_or("it returned");
                write!(formatter, "the task {name} ended: {reason}")
            }
        }
    }
}

/// Returns what a panic said.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}
