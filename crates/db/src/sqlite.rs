//! The handle: opening, writing, reading, closing.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::lock::FileLock;
use crate::reader::{self, Reader};
use crate::writer::{self, Answer, Writer};
use crate::{Fault, Migration, OpenError, ReadError, WriteError, connection, migrate};

/// The bounds of one database.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Writes that wait; a caller beyond them waits for a place.
    pub queue_len_max: usize,
    /// Writes in one transaction.
    pub batch_len_max: usize,
    /// Reads that wait; a caller beyond them waits for a place.
    pub read_queue_len_max: usize,
    /// Reader threads, from 1 to 4; other numbers are brought into that range.
    pub readers: u32,
    /// Prepared statements that each connection keeps.
    pub statements_len_max: usize,
    /// How long a statement waits for a lock, in milliseconds.
    pub busy_timeout_ms_max: u32,
    /// Pages of 4 KiB in the write-ahead log before it is copied into the file.
    pub wal_pages_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_len_max: 4_096,
            batch_len_max: 1_024,
            read_queue_len_max: 1_024,
            readers: 2,
            statements_len_max: 64,
            busy_timeout_ms_max: 5_000,
            wal_pages_max: 4_096,
        }
    }
}

/// A handle to an open database, cheap to clone.
///
/// Dropping the last handle finishes what was queued, ends the threads and waits for them; call [`Sqlite::close`]
/// where waiting would hold up an async runtime or where the result matters.
#[derive(Clone)]
pub struct Sqlite {
    shared: Arc<Shared>,
}

/// The order of the fields matters: the queues go before the threads that serve them are waited for.
struct Shared {
    writes: mpsc::Sender<writer::Message>,
    reads: mpsc::Sender<reader::Message>,
    readers: usize,
    readers_ended: watch::Receiver<()>,
    writer_ended: watch::Receiver<()>,
    schema_version: u32,
    path: PathBuf,
    _threads: Threads,
}

/// Joins the threads when the last handle goes.
struct Threads(Mutex<Vec<JoinHandle<()>>>);

impl Sqlite {
    /// Opens the database at `path`, making it and its folder when they are missing, and brings its schema up to date.
    ///
    /// Files are made readable by their owner alone.
    ///
    /// # Errors
    /// [`OpenError`], among others when another process has the database open ([`OpenError::FolderInUse`]), when a
    /// newer version wrote it ([`OpenError::Newer`]), or when a released migration was edited ([`OpenError::Edited`]).
    pub fn open(
        path: impl AsRef<Path>,
        migrations: &[Migration],
        limits: Limits,
    ) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let lock = Arc::new(FileLock::take(path)?);
        let connection = connection::open_writer(path, &limits)?;
        let schema_version = migrate::migrate(&connection, path, migrations)?;
        let readers = limits.readers.clamp(1, 4) as usize;

        let mut threads = Vec::with_capacity(readers + 1);
        let (writes, queue) = mpsc::channel(limits.queue_len_max.max(1));
        let (writer_end, writer_ended) = watch::channel(());
        let (readers_end, readers_ended) = watch::channel(());
        let writer = Writer {
            connection,
            queue,
            batch_len_max: limits.batch_len_max.max(1),
            path: path.to_owned(),
            is_poisoned: false,
        };
        threads.push(start("db-writer".to_owned(), {
            let lock = Arc::clone(&lock);
            move || {
                writer.run();
                drop(lock);
                drop(writer_end);
            }
        })?);
        let (reads, queue) = mpsc::channel(limits.read_queue_len_max.max(1));
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..readers {
            let reader = Reader {
                connection: connection::open_reader(path, &limits)?,
                queue: Arc::clone(&queue),
                path: path.to_owned(),
            };
            let (lock, end) = (Arc::clone(&lock), readers_end.clone());
            threads.push(start(format!("db-reader-{index}"), move || {
                reader.run();
                drop(lock);
                drop(end);
            })?);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                writes,
                reads,
                readers,
                readers_ended,
                writer_ended,
                schema_version,
                path: path.to_owned(),
                _threads: Threads(Mutex::new(threads)),
            }),
        })
    }

    /// Returns the version of the newest migration, which is the schema's.
    #[must_use]
    pub fn schema_version(&self) -> u32 {
        self.shared.schema_version
    }

    /// Returns where the database is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Runs `closure` in a transaction and returns what it returned once that is on stable storage.
    ///
    /// Closures that wait at the same time share one transaction and one wait for the disk; each sees what those
    /// before it did. They run one after the other, in the order in which their callers got a place in the queue.
    /// The closure may not begin or end transactions; savepoints of its own are fine.
    ///
    /// # Errors
    /// [`WriteError::Refused`] with the closure's error, whose changes are undone, or [`WriteError::Fault`].
    /// After [`Fault::Io`] the write is not there; after a crash of the machine it may be.
    ///
    /// # Panics
    /// When the closure panics: its changes are undone and the panic goes on in the caller.
    ///
    /// # Cancel safety
    /// A future that is dropped before it got a place in the queue has done nothing.
    /// One that is dropped later is done all the same, and only the answer is lost.
    pub async fn write<F, T, E>(&self, closure: F) -> Result<T, WriteError<E>>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Error + Send + 'static,
    {
        let (job, answer) = writer::Job::new(closure);
        let message = writer::Message::Write(Box::new(job));
        if self.shared.writes.send(message).await.is_err() {
            return Err(WriteError::Fault(Fault::Closed));
        }
        open_answer(answer.await).unwrap_or(Err(WriteError::Fault(Fault::Closed)))
    }

    /// Does what [`Sqlite::write`] does and blocks the thread meanwhile.
    ///
    /// # Errors
    /// As [`Sqlite::write`].
    ///
    /// # Panics
    /// When the closure panics, and when it is called on a thread that drives an async runtime.
    pub fn write_blocking<F, T, E>(&self, closure: F) -> Result<T, WriteError<E>>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Error + Send + 'static,
    {
        let (job, answer) = writer::Job::new(closure);
        let message = writer::Message::Write(Box::new(job));
        if self.shared.writes.blocking_send(message).is_err() {
            return Err(WriteError::Fault(Fault::Closed));
        }
        open_answer(answer.blocking_recv()).unwrap_or(Err(WriteError::Fault(Fault::Closed)))
    }

    /// Runs `closure` on a reader thread with a snapshot: it sees one state of the database from start to end.
    ///
    /// What was acknowledged before the call is in that state. The connection cannot write.
    ///
    /// # Errors
    /// [`ReadError::Refused`] with the closure's error, or [`ReadError::Fault`].
    ///
    /// # Panics
    /// When the closure panics.
    ///
    /// # Cancel safety
    /// May be dropped at any time; a read that has not begun is not done.
    pub async fn read<F, T, E>(&self, closure: F) -> Result<T, ReadError<E>>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Error + Send + 'static,
    {
        let (job, answer) = reader::Job::new(closure);
        let message = reader::Message::Read(Box::new(job));
        if self.shared.reads.send(message).await.is_err() {
            return Err(ReadError::Fault(Fault::Closed));
        }
        open_answer(answer.await).unwrap_or(Err(ReadError::Fault(Fault::Closed)))
    }

    /// Does what [`Sqlite::read`] does and blocks the thread meanwhile.
    ///
    /// # Errors
    /// As [`Sqlite::read`].
    ///
    /// # Panics
    /// When the closure panics, and when it is called on a thread that drives an async runtime.
    pub fn read_blocking<F, T, E>(&self, closure: F) -> Result<T, ReadError<E>>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Error + Send + 'static,
    {
        let (job, answer) = reader::Job::new(closure);
        let message = reader::Message::Read(Box::new(job));
        if self.shared.reads.blocking_send(message).is_err() {
            return Err(ReadError::Fault(Fault::Closed));
        }
        open_answer(answer.blocking_recv()).unwrap_or(Err(ReadError::Fault(Fault::Closed)))
    }

    /// Copies the write-ahead log into the file and empties it, as after erasing something.
    ///
    /// Returns whether nothing was left in the log; a reader that is still at work keeps a part of it.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn checkpoint(&self) -> Result<bool, Fault> {
        let (reply, answer) = oneshot::channel();
        let message = writer::Message::Checkpoint(reply);
        if self.shared.writes.send(message).await.is_err() {
            return Err(Fault::Closed);
        }
        answer.await.unwrap_or(Err(Fault::Closed))
    }

    /// Finishes what was queued, copies the write-ahead log into the file, ends the threads and frees the lock.
    ///
    /// Other handles get [`Fault::Closed`] from then on. Closing twice is fine.
    ///
    /// # Errors
    /// [`Fault`] when the log could not be copied; it is copied when the database is opened again.
    ///
    /// # Cancel safety
    /// A future that is dropped may leave the database open or closed.
    pub async fn close(&self) -> Result<(), Fault> {
        for _ in 0..self.shared.readers {
            // A thread that has ended already took its message from an earlier close.
            drop(self.shared.reads.send(reader::Message::Close).await);
        }
        wait_for_end(&self.shared.readers_ended).await;
        let (reply, answer) = oneshot::channel();
        let message = writer::Message::Close(reply);
        let result = match self.shared.writes.send(message).await {
            Ok(()) => answer.await.unwrap_or(Ok(())),
            Err(_) => Ok(()),
        };
        wait_for_end(&self.shared.writer_ended).await;
        result
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sqlite")
            .field("path", &self.shared.path)
            .finish_non_exhaustive()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let threads = self.0.get_mut().map(std::mem::take).unwrap_or_default();
        for handle in threads {
            // The last handle may have been inside of a closure: a thread cannot wait for itself.
            if handle.thread().id() != thread::current().id() && handle.join().is_err() {
                tracing::error!("a database thread panicked");
            }
        }
    }
}

/// Starts a named thread.
fn start(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    thread::Builder::new()
        .name(name)
        .spawn(body)
        .map_err(OpenError::Thread)
}

/// Waits until every thread that held the other side has ended.
async fn wait_for_end(side: &watch::Receiver<()>) {
    let mut side = side.clone();
    while side.changed().await.is_ok() {}
}

/// Passes a panic of the closure on; `None` when the thread ended without an answer.
fn open_answer<T, E>(
    answer: Result<Answer<T, E>, oneshot::error::RecvError>,
) -> Option<Result<T, E>> {
    match answer.ok()? {
        Ok(result) => Some(result),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
