//! The store: a handle on a namespace of it, and the threads behind all handles.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::ContentHash;
use disk::log::group::{Answer, Promise, Queue, answer};
use disk::log::{Appender, OnCorruption};
use disk::{Disk, Lock, RealDisk};
use runtime::{Blocking, Clock};
use storage_core::namespace::Namespace;

use crate::core::Core;
use crate::writer::{Command, Task, Writer};
use crate::{Blob, OpenError, ReadError, WriteError};

/// What the store allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How large a blob may be, in bytes.
    pub blob_bytes_max: u64,
    /// How many threads may wait for the disk at once; more work waits for its turn.
    pub file_tasks_max: usize,
    /// How many blobs may come in at once that are more than 64 KiB; whoever brings more waits for a place. Each takes at
    /// most 1 MiB of memory, and the last chunk that came; all together take 8 MiB more on their way to the disk.
    pub uploads_max: usize,
    /// How many bytes of blobs are kept in memory, with what it takes to find them. What is being sent is shared with
    /// it, and counts as long as it is kept.
    pub cache_bytes_max: u64,
    /// How many changes may wait for the writer; who has more waits for room.
    pub queue_len_max: usize,
    /// After how many bytes of the log the index is brought up to date.
    pub checkpoint_bytes: u64,
    /// How long nothing must have been written until the index is brought up to date with less, in milliseconds.
    pub checkpoint_after_ms: u64,
    /// The first segment of the log, in bytes.
    pub first_segment_bytes: u64,
    /// The segments of the log behind the first, in bytes.
    pub segment_bytes: u64,
    /// What is done when records in the middle of the log are damaged.
    pub on_corruption: OnCorruption,
}

/// How a store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Records that were replayed, because the index did not know of them.
    pub replayed: u64,
    /// Why the index was made again from the log; `None` when it was not.
    pub index_rebuilt: Option<String>,
    /// Bytes at the end of the log that no record had finished; they were never acknowledged.
    pub torn_bytes: u64,
    /// Damaged places in the middle of the log. What had been there is lost.
    pub damaged_records: u64,
    /// Heads of segments that were damaged and could be mended. Nothing is lost by that.
    pub mended_heads: u64,
    /// Files that belonged to no blob. They were removed, unless records of the log were ever lost: then they stay, and
    /// the file `log.damaged` says so.
    pub orphans: u64,
}

/// The blobs of a namespace. Cheap to clone; all clones, and all namespaces of a folder, are the same store.
#[derive(Clone, Debug)]
pub struct Blobs {
    pub(crate) store: Arc<Store>,
    pub(crate) namespace: u16,
}

/// The threads of a store. They end when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) core: Arc<Core>,
    pub(crate) queue: Option<Arc<Queue<Command>>>,
    pub(crate) threads: Vec<JoinHandle<()>>,
    pub(crate) lock: Option<Lock>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            blob_bytes_max: 1_024 * 1_024 * 1_024,
            file_tasks_max: 16,
            uploads_max: 256,
            cache_bytes_max: 64 * 1_024 * 1_024,
            queue_len_max: 4_096,
            checkpoint_bytes: 256 * 1_024 * 1_024,
            checkpoint_after_ms: 5_000,
            first_segment_bytes: 4 * 1_024 * 1_024,
            segment_bytes: 64 * 1_024 * 1_024,
            on_corruption: OnCorruption::Quarantine,
        }
    }
}

impl Blobs {
    /// Opens the store in `folder`, making it when it is missing. The handle is that of the namespace `community`.
    /// What the index does not know of is replayed from the log. Blocks.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the folder cannot be used, another process has it, or a newer version wrote it.
    pub fn open(folder: &Path, limits: Limits) -> Result<Self, OpenError> {
        let disk = RealDisk::open(folder)?;
        let lock = disk.lock()?;
        crate::open::open(Arc::new(disk), limits, Clock::system(), Some(lock))
    }

    /// Opens the store on a disk that nobody else has. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Blobs::open`].
    pub fn open_on(disk: Arc<dyn Disk>, limits: Limits, clock: Clock) -> Result<Self, OpenError> {
        crate::open::open(disk, limits, clock, None)
    }

    /// Returns how the store was opened.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.core().opening
    }

    /// Returns a handle on another namespace of the same store, which is made when it is new.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it is new and cannot be written down.
    ///
    /// # Cancel safety
    ///
    /// May be dropped; then the namespace is there or it is not.
    pub async fn within(&self, name: &Namespace) -> Result<Self, WriteError> {
        let number = self.core().space().number_of(name);
        let namespace = match number {
            Some(number) => number,
            None => {
                let name = name.clone();
                self.ask(128, move |writer, appender| {
                    writer.namespace(&name, appender)
                })
                .await?
            }
        };
        Ok(Self {
            store: Arc::clone(&self.store),
            namespace,
        })
    }

    /// Returns the name of the handle's namespace.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        let space = self.core().space();
        let room = space.room(self.namespace);
        room.map_or_else(Namespace::community, |room| room.name.clone())
    }

    /// Returns the names of all namespaces of the store.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        let space = self.core().space();
        space
            .namespaces
            .iter()
            .map(|room| room.name.clone())
            .collect()
    }

    /// Opens a blob for reading; `None` when it is not in the namespace. Of blobs that were asked for lately nothing is
    /// waited for.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it should be there and was found damaged, others when the disk fails.
    pub async fn get(&self, hash: &ContentHash) -> Result<Option<Blob>, ReadError> {
        let found = match self.core().known.get(self.namespace, hash.as_bytes()) {
            Some(found) => Some(found),
            None => {
                let (core, namespace, hash) = (Arc::clone(self.core()), self.namespace, *hash);
                self.core()
                    .files
                    .run(move || core.find_sound(namespace, &hash))
                    .await?
            }
        };
        Ok(found.map(|found| Blob::new(self.clone(), *hash, found)))
    }

    /// Tells whether a blob can be read in the namespace; one that was found damaged cannot.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails.
    pub async fn contains(&self, hash: &ContentHash) -> Result<bool, ReadError> {
        match self.get(hash).await {
            Ok(found) => Ok(found.is_some()),
            Err(ReadError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns how many bytes the blobs of the namespace have together, without the trash.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        self.usage().live.bytes
    }

    /// Returns how many blobs there are in the namespace, without the trash.
    #[must_use]
    pub fn blobs_total(&self) -> u64 {
        self.usage().live.blobs
    }

    /// Returns what the store allows.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.core().limits
    }

    /// Returns how many bytes of blobs are in memory, with what it takes to find them.
    #[must_use]
    pub fn cached_bytes(&self) -> u64 {
        self.core().cache.bytes()
    }

    /// Returns how many chunks were read from the disk since the store was opened.
    #[must_use]
    pub fn chunks_read_total(&self) -> u64 {
        self.core().cache.chunks_read_total()
    }

    /// Returns how many blobs were hashed as a whole since the store was opened, to take their groups.
    #[must_use]
    pub fn blobs_hashed_total(&self) -> u64 {
        self.core().cache.blobs_hashed_total()
    }

    /// Returns the disk of the store, for what becomes blobs later ([`Blobs::adopt`]). Names that the store knows nothing of
    /// are left alone.
    #[must_use]
    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.core().disk)
    }

    /// Returns the threads on which blobs are read, for those who send them on.
    #[must_use]
    pub fn files(&self) -> &Blocking {
        &self.core().files
    }

    /// Waits until a sync has failed, or the index is seen to be damaged. Nothing can be written, or found, any more then;
    /// stop the process, and say so by its code: the next start mends what can be mended.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn poisoned(&self) {
        let mut poisoned = self.core().poisoned();
        let mut damaged = self.core().view.index.damage();
        // The store cannot go while this handle is there.
        tokio::select! {
            _ = poisoned.wait_for(|poisoned| *poisoned) => {}
            _ = damaged.wait_for(|damaged| *damaged) => {}
        }
    }

    /// Tells whether a sync has failed.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.core().log.is_poisoned()
    }

    /// Gives the handle up. When it is the last one, everything is brought into the index first, off the threads that
    /// must not wait.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the closing goes on.
    pub async fn close(self) {
        let files = self.core().files.clone();
        files.run(move || drop(self)).await;
    }

    /// Waits until the index knows of everything that was acknowledged before the call.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it cannot be written, or the store is closing.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn checkpoint(&self) -> Result<(), WriteError> {
        let core = self.core();
        let mut flushed = core.flushed.watch();
        let wanted = core.log.committed();
        loop {
            if *flushed.borrow_and_update() >= wanted {
                return Ok(());
            }
            let begun = self.ask(0, |writer, _| Ok(writer.checkpoint())).await?;
            if begun.is_none() && core.flushed.has_failed() {
                return Err(WriteError::IndexBehind);
            }
            if flushed.changed().await.is_err() {
                return Err(WriteError::Closed);
            }
            if core.flushed.has_failed() && core.flushed.lsn() < wanted {
                return Err(WriteError::IndexBehind);
            }
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.store.core
    }

    /// Has the writer make a change, and waits until it is on stable storage.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        weight: usize,
        change: impl FnOnce(&mut Writer, &mut Appender) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        let (task, answer) = task(weight, change);
        self.store.send(Command::Do(task)).await?;
        answer.await.unwrap_or(Err(WriteError::Closed))
    }

    /// As [`Blobs::ask`], on a thread that may wait.
    pub(crate) fn ask_blocking<T: Send + 'static>(
        &self,
        weight: usize,
        change: impl FnOnce(&mut Writer, &mut Appender) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        let (task, answer) = task(weight, change);
        self.store.send_blocking(Command::Do(task))?;
        answer.wait().unwrap_or(Err(WriteError::Closed))
    }
}

impl Store {
    pub(crate) async fn send(&self, command: Command) -> Result<(), WriteError> {
        let queue = self.queue.as_ref().ok_or(WriteError::Closed)?;
        queue.send(command).await.map_err(|_| WriteError::Closed)
    }

    pub(crate) fn send_blocking(&self, command: Command) -> Result<(), WriteError> {
        let queue = self.queue.as_ref().ok_or(WriteError::Closed)?;
        queue.send_blocking(command).map_err(|_| WriteError::Closed)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Without a queue the writer ends, writes the last checkpoint, and closes the log.
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(target: "blobs::event::thread_failed", "a thread of the store has failed");
            }
        }
        drop(self.lock.take());
    }
}

/// Makes a task, and the answer to wait for.
fn task<T: Send + 'static>(
    weight: usize,
    change: impl FnOnce(&mut Writer, &mut Appender) -> Result<T, WriteError> + Send + 'static,
) -> (Task, Answer<Result<T, WriteError>>) {
    let (promise, answer): (Promise<Result<T, WriteError>>, _) = answer();
    let run = Box::new(move |writer: &mut Writer, appender: &mut Appender| {
        match change(writer, appender) {
            Ok(value) => Some(Box::new(move |ended: Result<(), &WriteError>| match ended {
                Ok(()) => promise.keep(Ok(value)),
                Err(error) => promise.keep(Err(error.clone())),
            }) as crate::writer::Ending),
            Err(error) => {
                promise.keep(Err(error));
                None
            }
        }
    });
    (Task { weight, run }, answer)
}

#[cfg(test)]
mod tests;
