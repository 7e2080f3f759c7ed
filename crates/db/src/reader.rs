//! The reader threads: each takes the next closure of one bounded queue and gives it a snapshot of its own.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::writer::Answer;
use crate::{Fault, ReadError};

/// What a reader thread is asked to do.
pub(crate) enum Message {
    /// Run this in a snapshot.
    Read(Box<dyn Work>),
    /// End; one message ends one thread.
    Close,
}

/// One read, run once.
pub(crate) trait Work: Send {
    /// Runs the closure and tells the caller; `begun` says whether there is a snapshot.
    fn run(self: Box<Self>, tx: &Connection, begun: Result<(), Fault>);
}

/// A closure with the place where its answer goes.
pub(crate) struct Job<F, T, E> {
    closure: F,
    reply: oneshot::Sender<Answer<T, ReadError<E>>>,
}

impl<F, T, E> Job<F, T, E> {
    pub(crate) fn new(closure: F) -> (Self, oneshot::Receiver<Answer<T, ReadError<E>>>) {
        let (reply, answer) = oneshot::channel();
        (Self { closure, reply }, answer)
    }
}

impl<F, T, E> Work for Job<F, T, E>
where
    F: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: Error + Send + 'static,
{
    fn run(self: Box<Self>, tx: &Connection, begun: Result<(), Fault>) {
        // Nobody waits for the answer any more.
        if self.reply.is_closed() {
            return;
        }
        let closure = self.closure;
        let answer = match begun {
            Err(fault) => Ok(Err(ReadError::Fault(fault))),
            Ok(()) => std::panic::catch_unwind(AssertUnwindSafe(|| closure(tx))).map(|result| {
                result.map_err(|error| match Fault::find(&error) {
                    Some(fault) => ReadError::Fault(fault),
                    None => ReadError::Refused(error),
                })
            }),
        };
        drop(self.reply.send(answer));
    }
}

/// One thread's own state; the queue is shared, and whoever holds it waits for the next message.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) queue: Arc<Mutex<mpsc::Receiver<Message>>>,
    pub(crate) path: PathBuf,
}

impl Reader {
    /// Serves the queue until it is closed.
    pub(crate) fn run(self) {
        while let Some(Message::Read(work)) = self.next() {
            let begun = self
                .execute("BEGIN")
                .map_err(|error| Fault::from(error).refine(&self.path));
            work.run(&self.connection, begun);
            if !self.connection.is_autocommit()
                && let Err(error) = self.execute("ROLLBACK")
            {
                tracing::warn!(error = %error, "a snapshot could not be given back");
            }
        }
    }

    fn next(&self) -> Option<Message> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.blocking_recv()
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}
