//! The place where tasks are born, watched and ended.
//!
//! # Invariants
//!
//! * An essential task that ends before shutdown was asked for ends the process, in order and with a reason.
//! * A panic is logged once and never unwinds into another task.
//! * [`Supervisor::run`] returns at the latest when the drain deadline has passed.

mod group;
mod state;

use std::collections::{BTreeMap, VecDeque};
use std::future;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::task::TaskTracker;

use crate::{Clock, Shutdown};

pub use group::TaskGroup;
pub use state::{Cause, Outcome, Report, TaskKind, TaskState, TaskStatus};

use group::Counts;
use state::Ending;

/// How long a task that is dropped may take to notice.
const CUT_WAIT_MAX: Duration = Duration::from_secs(1);

/// What a supervisor allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long tasks may take to end after shutdown was asked for, in milliseconds.
    pub drain_ms_max: u64,
    /// How many tasks that have ended are remembered for the list.
    pub ended_tasks_max: usize,
}

/// Signals could not be listened to.
#[derive(Debug, Error)]
#[error("listen to signals")]
pub struct SignalError(#[from] io::Error);

/// Owns all tasks of a process. Cheap to clone; all clones own the same tasks.
#[derive(Clone, Debug)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: Limits,
    clock: Clock,
    shutdown: Shutdown,
    /// Goes off when the drain is over and what is left is dropped.
    cut: Shutdown,
    tracker: TaskTracker,
    tasks: Mutex<Tasks>,
}

/// A task that was started.
#[derive(Debug)]
pub struct Task {
    handle: JoinHandle<()>,
}

/// A worker's line in the list.
pub(crate) struct Rounds {
    inner: Arc<Inner>,
    id: u64,
}

#[derive(Debug, Default)]
struct Tasks {
    next: u64,
    running: BTreeMap<u64, TaskState>,
    ended: VecDeque<TaskState>,
    /// What is counted by groups that are in `running`.
    groups: BTreeMap<u64, Arc<Counts>>,
    cause: Option<Cause>,
}

impl Default for Limits {
    /// Drains for 25 s, shorter than the 30 s after which the usual service managers kill.
    fn default() -> Self {
        Self {
            drain_ms_max: 25_000,
            ended_tasks_max: 64,
        }
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Supervisor {
    /// Makes a supervisor without tasks.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                clock: Clock::system(),
                shutdown: Shutdown::new(),
                cut: Shutdown::new(),
                tracker: TaskTracker::new(),
                tasks: Mutex::default(),
            }),
        }
    }

    /// Returns the signal that ends all tasks. Asking for it ends [`Supervisor::run`] as well.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.inner.shutdown.clone()
    }

    /// Starts a task. It ends when its future ends, and should do so soon after [`Supervisor::shutdown`] goes off.
    ///
    /// Dropping the handle changes nothing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn<F>(&self, name: impl Into<String>, kind: TaskKind, task: F) -> Task
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let id = self.inner.register(name.into(), kind);
        Task {
            handle: self.inner.start(id, task),
        }
    }

    /// Starts a task that notes its rounds in the list.
    pub(crate) fn spawn_rounds<F>(
        &self,
        name: String,
        kind: TaskKind,
        task: impl FnOnce(Rounds) -> F,
    ) where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let id = self.inner.register(name, kind);
        let rounds = Rounds {
            inner: Arc::clone(&self.inner),
            id,
        };
        drop(self.inner.start(id, task(rounds)));
    }

    /// Makes a group for tasks that come and go in numbers, such as connections; the list shows it as one line.
    #[must_use]
    pub fn group(&self, name: impl Into<String>) -> TaskGroup {
        let id = self.inner.register(name.into(), TaskKind::Ordinary);
        TaskGroup::new(Arc::clone(&self.inner), id)
    }

    /// Returns the tasks that run, in the order in which they were started, then those that ended last.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskState> {
        let tasks = self.inner.tasks();
        let running = tasks.running();
        running.chain(tasks.ended.iter().cloned()).collect()
    }

    /// Waits for SIGTERM, SIGINT, a call of [`Shutdown::request`] or the end of an essential task; then drains.
    ///
    /// A second signal, or the drain deadline, ends what is left at once.
    ///
    /// # Errors
    ///
    /// [`SignalError`] when the process cannot listen to signals.
    ///
    /// # Cancel safety
    ///
    /// Not to be dropped: tasks would go on without anybody to end them.
    pub async fn run(&self) -> Result<Report, SignalError> {
        let mut signals = Signals::new()?;
        tokio::select! {
            name = signals.next() => {
                tracing::info!(target: "runtime::event::signal_received", signal = name, "shutting down");
                self.inner.blame(Cause::Signal(name));
            }
            () = self.inner.shutdown.requested() => self.inner.blame(Cause::Requested),
        }
        self.inner.shutdown.request();
        self.inner.tracker.close();
        let drain = Duration::from_millis(self.inner.limits.drain_ms_max);
        let is_drained = tokio::select! {
            () = self.inner.tracker.wait() => true,
            () = time::sleep(drain) => false,
            name = signals.next() => {
                tracing::warn!(target: "runtime::event::signal_received", signal = name, "ending at once");
                false
            }
        };
        let stragglers = if is_drained {
            Vec::new()
        } else {
            self.inner.cut_off().await
        };
        if !stragglers.is_empty() {
            tracing::warn!(target: "runtime::event::tasks_aborted", tasks = ?stragglers, "tasks did not end in time");
        }
        let cause = self.inner.tasks().cause.clone().unwrap_or(Cause::Requested);
        Ok(Report { cause, stragglers })
    }
}

impl Task {
    /// Waits until the task has ended, however it did.
    ///
    /// # Cancel safety
    ///
    /// May be dropped; the task goes on.
    pub async fn ended(self) {
        // Panics were caught inside, and nobody aborts.
        drop(self.handle.await);
    }
}

impl Inner {
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        // A panic while the list is held leaves a list that is still right line by line.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, name: String, kind: TaskKind) -> u64 {
        let mut tasks = self.tasks();
        let id = tasks.next;
        tasks.next += 1;
        let state = TaskState::new(name, kind, self.clock.now());
        tasks.running.insert(id, state);
        id
    }

    fn start<F>(self: &Arc<Self>, id: u64, task: F) -> JoinHandle<()>
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let inner = Arc::clone(self);
        // Boxed once, here: each future around it would keep room for it.
        let task = Box::pin(task);
        self.tracker.spawn(async move {
            let ending = inner.watch(task).await;
            inner.end(id, ending);
        })
    }

    /// Runs a task to its end, whichever it is.
    async fn watch<F>(&self, task: F) -> Ending
    where
        F: Future,
        F::Output: Outcome,
    {
        match self.cut.race(catch(task)).await {
            Some(Ok(output)) => output.failure().map_or(Ending::Done, Ending::Failed),
            Some(Err(reason)) => Ending::Panicked(reason),
            None => Ending::Failed("cut off".to_owned()),
        }
    }

    /// Lets the list read what a group counts.
    fn count(&self, id: u64, counts: Arc<Counts>) {
        self.tasks().groups.insert(id, counts);
    }

    /// Changes what the list says about a task that runs.
    fn update(&self, id: u64, change: impl FnOnce(&mut TaskState)) {
        if let Some(state) = self.tasks().running.get_mut(&id) {
            change(state);
        }
    }

    fn end(&self, id: u64, ending: Ending) {
        let is_early = !self.shutdown.is_requested();
        let mut tasks = self.tasks();
        let Some(mut state) = tasks.running.remove(&id) else {
            return;
        };
        tasks.count(id, &mut state);
        tasks.groups.remove(&id);
        state.status = ending.status();
        state.reason = ending.reason();
        state.ended = Some(self.clock.now());
        log_ending(&state, is_early);
        let is_fatal = is_early && state.kind == TaskKind::Essential;
        if is_fatal && tasks.cause.is_none() {
            tasks.cause = Some(Cause::TaskEnded {
                name: state.name.clone(),
                reason: state.reason.clone(),
            });
        }
        tasks.ended.push_front(state);
        tasks.ended.truncate(self.limits.ended_tasks_max);
        drop(tasks);
        if is_fatal {
            self.shutdown.request();
        }
    }

    /// Notes why the process ends, unless a reason is known already.
    fn blame(&self, cause: Cause) {
        self.tasks().cause.get_or_insert(cause);
    }

    /// Drops all tasks that are left, and returns their names.
    async fn cut_off(&self) -> Vec<String> {
        let names = {
            let tasks = self.tasks();
            let left = tasks.running().filter(TaskState::is_busy);
            left.map(|state| state.name).collect()
        };
        self.cut.request();
        // A task that never yields cannot be dropped; the process ends without it.
        drop(time::timeout(CUT_WAIT_MAX, self.tracker.wait()).await);
        names
    }
}

impl Tasks {
    /// Returns the tasks that run, with what groups count.
    fn running(&self) -> impl Iterator<Item = TaskState> {
        self.running.iter().map(|(id, state)| {
            let mut state = state.clone();
            self.count(*id, &mut state);
            state
        })
    }

    fn count(&self, id: u64, state: &mut TaskState) {
        if let Some(counts) = self.groups.get(&id) {
            state.members = Some(counts.members());
            state.rounds_total = counts.started();
        }
    }
}

impl Rounds {
    /// Notes that a round is over and, if it failed, why.
    pub(crate) fn note(&self, reason: Option<String>) {
        self.inner.update(self.id, |state| {
            state.rounds_total += 1;
            state.reason = reason;
        });
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Turns a panic of a future into its message.
async fn catch<F: Future>(task: F) -> Result<F::Output, String> {
    let mut task = pin!(task);
    future::poll_fn(move |context| {
        let polled = panic::catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(state::panic_text(payload.as_ref()))),
        }
    })
    .await
}

fn log_ending(state: &TaskState, is_early: bool) {
    let (task, reason) = (state.name.as_str(), state.reason.as_deref());
    match (state.status, state.kind) {
        (TaskStatus::Panicked | TaskStatus::Failed, TaskKind::Essential) => {
            tracing::error!(target: "runtime::event::task_ended", task, reason, "an essential task failed");
        }
        (TaskStatus::Panicked | TaskStatus::Failed, TaskKind::Ordinary) => {
            tracing::warn!(target: "runtime::event::task_ended", task, reason, "a task failed");
        }
        (TaskStatus::Done | TaskStatus::Running, TaskKind::Essential) if is_early => {
            tracing::error!(target: "runtime::event::task_ended", task, "an essential task ended early");
        }
        (TaskStatus::Done | TaskStatus::Running, _) => {
            tracing::debug!(target: "runtime::event::task_ended", task, "a task ended");
        }
    }
}

#[cfg(test)]
mod tests;
