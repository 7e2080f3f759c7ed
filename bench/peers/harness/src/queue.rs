//! Group commit for databases that have none: one writer thread takes what waits and commits it at once.
//!
//! Bounds: 256 puts or 8 MiB in one commit, as the peers were first measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{Counters, Id};

const BATCH_PUTS_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// A database with durable transactions.
pub trait Database: Send + 'static {
    /// Stores all of them in one transaction and flushes it.
    ///
    /// # Errors
    /// When they are not stored.
    fn commit(&mut self, batch: &[(Id, Bytes)]) -> anyhow::Result<()>;
}

struct Waiting {
    id: Id,
    blob: Bytes,
    done: oneshot::Sender<bool>,
}

/// The way to the writer thread, which ends with it.
#[derive(Debug)]
pub struct Queue {
    sender: Sender<Waiting>,
    commits: Arc<AtomicU64>,
}

impl Queue {
    /// Starts the writer thread.
    pub fn start(database: impl Database) -> Self {
        let (sender, receiver) = channel();
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        std::thread::spawn(move || write(database, &receiver, &counted));
        Self { sender, commits }
    }

    /// Stores a blob; returns when the commit that it is in has been flushed.
    ///
    /// # Errors
    /// When that commit failed.
    pub async fn put(&self, id: Id, blob: Bytes) -> anyhow::Result<()> {
        let (done, told) = oneshot::channel();
        let waiting = Waiting { id, blob, done };
        self.sender.send(waiting).ok().context("the writer ended")?;
        anyhow::ensure!(told.await?, "the commit failed");
        Ok(())
    }

    /// Returns how many commits there were.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            commits: Some(self.commits.load(Ordering::Relaxed)),
            written_bytes: None,
        }
    }
}

fn write(mut database: impl Database, receiver: &Receiver<Waiting>, commits: &AtomicU64) {
    while let Ok(first) = receiver.recv() {
        let mut bytes = first.blob.len();
        let mut batch = vec![(first.id, first.blob)];
        let mut waiting = vec![first.done];
        while batch.len() < BATCH_PUTS_MAX && bytes < BATCH_BYTES_MAX {
            let Ok(next) = receiver.try_recv() else {
                break;
            };
            bytes += next.blob.len();
            batch.push((next.id, next.blob));
            waiting.push(next.done);
        }
        let committed = database.commit(&batch);
        if let Err(error) = &committed {
            eprintln!("peer: commit: {error:#}");
        }
        commits.fetch_add(1, Ordering::Relaxed);
        for done in waiting {
            // Nobody waits for the last answers when the clients have been stopped.
            done.send(committed.is_ok()).ok();
        }
    }
}
