//! The writer thread: whatever waits in the queue becomes one transaction, each write in a savepoint of its own.
//!
//! # Invariants
//! * A write is acknowledged only after the commit that holds it.
//! * A write that fails is rolled back alone; a commit that fails fails every write in it.
//! * After a commit failed with an I/O error nothing more is written: what the disk holds is not known.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{Fault, WriteError};

/// What the writer thread is asked to do.
pub(crate) enum Message {
    /// Run this in the next transaction.
    Write(Box<dyn Work>),
    /// Copy the log into the file, and tell whether nothing was left in it.
    Checkpoint(oneshot::Sender<Result<bool, Fault>>),
    /// Finish what is in the queue, copy the log into the file, and end.
    Close(oneshot::Sender<Result<(), Fault>>),
}

/// One write on its way through the thread: run once, finished once.
pub(crate) trait Work: Send {
    /// Runs the closure inside of a savepoint.
    fn run(&mut self, tx: &Connection) -> Verdict;
    /// Tells the caller; `commit` says what became of the transaction.
    fn finish(self: Box<Self>, commit: Result<(), Fault>);
}

/// What becomes of the changes of one write.
pub(crate) enum Verdict {
    /// They are to be committed.
    Keep,
    /// They are to be rolled back; the fault is there when a disk or file caused it.
    Undo(Option<Fault>),
}

/// What the caller of a write is told: a result, or the panic of its closure.
pub(crate) type Answer<T, E> = thread::Result<Result<T, E>>;

/// A closure with the place where its answer goes.
pub(crate) struct Job<F, T, E> {
    state: JobState<F, T, E>,
    reply: oneshot::Sender<Answer<T, WriteError<E>>>,
}

enum JobState<F, T, E> {
    Waiting(F),
    Ran(Answer<T, E>),
    Taken,
}

impl<F, T, E> Job<F, T, E> {
    pub(crate) fn new(closure: F) -> (Self, oneshot::Receiver<Answer<T, WriteError<E>>>) {
        let (reply, answer) = oneshot::channel();
        let state = JobState::Waiting(closure);
        (Self { state, reply }, answer)
    }
}

impl<F, T, E> Work for Job<F, T, E>
where
    F: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: Error + Send + 'static,
{
    fn run(&mut self, tx: &Connection) -> Verdict {
        let JobState::Waiting(closure) = std::mem::replace(&mut self.state, JobState::Taken) else {
            return Verdict::Undo(None);
        };
        // The connection is rolled back to the savepoint after a panic, so nothing half-done is seen.
        let answer = std::panic::catch_unwind(AssertUnwindSafe(|| closure(tx)));
        let verdict = match &answer {
            Ok(Ok(_)) => Verdict::Keep,
            Ok(Err(error)) => Verdict::Undo(Fault::find(error)),
            Err(_) => Verdict::Undo(None),
        };
        self.state = JobState::Ran(answer);
        verdict
    }

    fn finish(self: Box<Self>, commit: Result<(), Fault>) {
        let answer = match (self.state, commit) {
            (JobState::Ran(Err(panic)), _) => Err(panic),
            (JobState::Ran(Ok(Ok(value))), Ok(())) => Ok(Ok(value)),
            (JobState::Ran(Ok(Err(error))), Ok(())) => Ok(Err(WriteError::Refused(error))),
            (JobState::Ran(Ok(_)) | JobState::Waiting(_) | JobState::Taken, Err(fault)) => {
                Ok(Err(WriteError::Fault(fault)))
            }
            (JobState::Waiting(_) | JobState::Taken, Ok(())) => {
                Ok(Err(WriteError::Fault(Fault::TransactionEnded)))
            }
        };
        // A caller that went away does not want to know.
        drop(self.reply.send(answer));
    }
}

/// The thread's own state.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) queue: mpsc::Receiver<Message>,
    pub(crate) batch_len_max: usize,
    pub(crate) path: PathBuf,
    pub(crate) is_poisoned: bool,
}

/// The writes of one transaction.
struct Batch {
    done: Vec<(Box<dyn Work>, Outcome)>,
}

/// What became of one write before the commit.
enum Outcome {
    /// Waits for the commit.
    Kept,
    /// Was rolled back alone, for the closure's own reason.
    Refused,
    /// Was rolled back alone, for the disk's reason.
    Failed(Fault),
}

impl Writer {
    /// Serves the queue until it is closed.
    pub(crate) fn run(mut self) {
        let mut next = self.queue.blocking_recv();
        while let Some(message) = next.take() {
            match message {
                Message::Write(work) => next = self.transact(work),
                Message::Checkpoint(reply) => drop(reply.send(self.checkpoint())),
                Message::Close(reply) => {
                    self.close(reply);
                    return;
                }
            }
            if next.is_none() {
                next = self.queue.blocking_recv();
            }
        }
    }

    /// Runs one transaction with `first` and everything that waits; returns a message that is no write.
    fn transact(&mut self, first: Box<dyn Work>) -> Option<Message> {
        if self.is_poisoned {
            first.finish(Err(Fault::Poisoned));
            return None;
        }
        if let Err(error) = self.connection.execute_batch("BEGIN IMMEDIATE") {
            first.finish(Err(self.fault_of(error)));
            return None;
        }
        let mut batch = Batch { done: Vec::new() };
        let mut next = Some(Message::Write(first));
        let mut lost = None;
        while let Some(Message::Write(work)) = next.take() {
            lost = self.step(work, &mut batch);
            if lost.is_some() || batch.done.len() >= self.batch_len_max {
                break;
            }
            next = self.queue.try_recv().ok();
        }
        let commit = match lost {
            None => self.commit(),
            Some(fault) => {
                self.roll_back();
                Err(fault)
            }
        };
        batch.finish(&commit);
        next
    }

    /// Runs one write in its savepoint; returns why the whole transaction is lost, when it is.
    fn step(&self, mut work: Box<dyn Work>, batch: &mut Batch) -> Option<Fault> {
        let verdict = match self.execute("SAVEPOINT one_write") {
            Ok(()) => work.run(&self.connection),
            Err(fault) => Verdict::Undo(Some(fault)),
        };
        // SQLite rolls a whole transaction back by itself when the disk is full or fails.
        if self.connection.is_autocommit() {
            let fault = match verdict {
                Verdict::Undo(Some(fault)) => fault.refine(&self.path),
                Verdict::Keep | Verdict::Undo(None) => Fault::TransactionEnded,
            };
            batch.done.push((work, Outcome::Failed(fault.clone())));
            return Some(fault);
        }
        let (outcome, end) = match verdict {
            Verdict::Keep => (Outcome::Kept, self.execute("RELEASE one_write")),
            Verdict::Undo(fault) => {
                let outcome = match fault {
                    Some(fault) => Outcome::Failed(fault.refine(&self.path)),
                    None => Outcome::Refused,
                };
                let end = self
                    .execute("ROLLBACK TO one_write")
                    .and_then(|()| self.execute("RELEASE one_write"));
                (outcome, end)
            }
        };
        batch.done.push((work, outcome));
        end.err()
    }

    fn commit(&mut self) -> Result<(), Fault> {
        let Err(fault) = self.execute("COMMIT") else {
            return Ok(());
        };
        self.roll_back();
        if matches!(fault, Fault::Io(_) | Fault::Corrupt(_)) {
            self.is_poisoned = true;
            tracing::error!(error = ?fault, "commit failed; the database takes no more writes");
        }
        Err(fault)
    }

    /// Ends a transaction that cannot be committed, when SQLite has not done so.
    fn roll_back(&self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.connection.execute_batch("ROLLBACK") {
            tracing::warn!(error = %error, "rollback failed");
        }
    }

    fn execute(&self, sql: &str) -> Result<(), Fault> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(|_| ())
            .map_err(|error| self.fault_of(error))
    }

    /// Copies the log into the file and cuts it off; false when a reader kept a part of it.
    fn checkpoint(&self) -> Result<bool, Fault> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
            .map(|is_busy| is_busy == 0)
            .map_err(|error| self.fault_of(error))
    }

    fn close(mut self, reply: oneshot::Sender<Result<(), Fault>>) {
        self.queue.close();
        while let Some(message) = self.queue.blocking_recv() {
            match message {
                Message::Write(work) => work.finish(Err(Fault::Closed)),
                Message::Checkpoint(reply) => drop(reply.send(Err(Fault::Closed))),
                Message::Close(reply) => drop(reply.send(Ok(()))),
            }
        }
        let result = self.checkpoint().map(|_| ());
        drop(self.connection);
        drop(reply.send(result));
    }

    fn fault_of(&self, error: rusqlite::Error) -> Fault {
        Fault::from(error).refine(&self.path)
    }
}

impl Batch {
    fn finish(self, commit: &Result<(), Fault>) {
        for (work, outcome) in self.done {
            match outcome {
                Outcome::Kept => work.finish(commit.clone()),
                Outcome::Refused => work.finish(Ok(())),
                Outcome::Failed(fault) => work.finish(Err(fault)),
            }
        }
    }
}
