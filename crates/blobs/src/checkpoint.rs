//! Checkpoints: a second thread writes what was committed into the index, while the writer goes on.
//!
//! # Invariants
//!
//! * At most one layer is frozen. Its rows can be read until the index says the same.
//! * When the index cannot be written, nothing is lost: the log has it, and the layer stays in memory.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use disk::log::group::Queue;
use storage_core::clock::SlowClock;

use crate::core::Core;
use crate::index::{Lasting, Meta};
use crate::layers::Layer;
use crate::writer::{Command, Task};

/// How long to wait before a checkpoint that failed is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How many times the usual bytes the log may be ahead of the index before the writer waits.
const AHEAD_MAX: u64 = 4;

/// What is to be written.
struct Job {
    layer: Arc<Layer>,
    meta: Meta,
}

/// The writer's side of the checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
    /// How many bytes of records there had been when the last one began.
    begun_bytes: u64,
}

impl Checkpoints {
    /// Starts the thread.
    pub(crate) fn start(core: &Arc<Core>, queue: Weak<Queue<Command>>) -> std::io::Result<Self> {
        let (jobs, work) = sync_channel(1);
        let shared = Arc::clone(core);
        let thread = thread::Builder::new()
            .name("blobs-index".to_owned())
            .spawn(move || run(&shared, &work, &queue))?;
        Ok(Self {
            jobs,
            thread,
            begun_bytes: 0,
        })
    }

    /// Begins a checkpoint when enough was written; waits when far too much was.
    pub(crate) fn look(&mut self, core: &Core, clock: &SlowClock) {
        let step = core.limits.checkpoint_bytes;
        let ahead = |begun: u64| core.counters.bytes_written().saturating_sub(begun);
        if ahead(self.begun_bytes) < step {
            return;
        }
        if self.begin(core, clock).is_none()
            && ahead(self.begun_bytes) >= step.saturating_mul(AHEAD_MAX)
        {
            core.flushed.wait_beyond(core.flushed.lsn());
            self.begin(core, clock);
        }
    }

    /// Begins a checkpoint of all that is committed; `None` while another one is being written.
    pub(crate) fn begin(&mut self, core: &Core, clock: &SlowClock) -> Option<u64> {
        let meta = meta_of(core, clock);
        let layer = core.view.layers.freeze()?;
        let lsn = meta.lsn;
        self.begun_bytes = core.counters.bytes_written();
        // The channel has room: there is one frozen layer at a time.
        drop(self.jobs.send(Job { layer, meta }));
        Some(lsn)
    }

    /// Writes the last one and ends the thread.
    pub(crate) fn end(self, core: &Core, clock: &SlowClock) {
        let Self { jobs, thread, .. } = self;
        drop(jobs);
        drop(thread.join());
        let meta = meta_of(core, clock);
        let is_known =
            meta.lsn == core.flushed.lsn() && core.view.layers.present().active.rows() == 0;
        if is_known || core.log.is_poisoned() {
            return;
        }
        // When the one before failed, the log is replayed at the next start.
        if let Some(layer) = core.view.layers.freeze() {
            write(core, &Job { layer, meta });
        }
    }
}

fn meta_of(core: &Core, clock: &SlowClock) -> Meta {
    let scrub = core
        .scrub
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Meta {
        lsn: core.log.committed(),
        space: core.space().clone(),
        clock: (
            clock.shown().0,
            clock.last().map(base::Timestamp::as_micros),
        ),
        scrub: *scrub,
    }
}

fn run(core: &Core, work: &Receiver<Job>, queue: &Weak<Queue<Command>>) {
    let pause = Duration::from_millis(core.limits.checkpoint_after_ms);
    let mut written = core.counters.bytes_written();
    loop {
        match work.recv_timeout(pause) {
            Ok(job) => {
                while !write(core, &job) {
                    match work.recv_timeout(RETRY_DELAY) {
                        Err(RecvTimeoutError::Timeout) => {}
                        Ok(_) | Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                let before = std::mem::replace(&mut written, core.counters.bytes_written());
                let is_idle = before == written;
                // The writer begins one; it also reads the clock then.
                if let Some(queue) = queue.upgrade() {
                    drop(queue.try_send(Command::Do(Task {
                        weight: 0,
                        run: Box::new(move |writer, _| {
                            if is_idle {
                                writer.checkpoint_if_changed();
                            }
                            None
                        }),
                    })));
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Writes a frozen layer; tells whether the index has it now.
fn write(core: &Core, job: &Job) -> bool {
    match core
        .view
        .index
        .write(&job.layer, &job.meta, Lasting::Stable)
    {
        Ok(()) => {
            core.view.layers.drop_frozen();
            core.counters.count_checkpoint();
            core.flushed.reached(job.meta.lsn);
            true
        }
        Err(error) => {
            core.counters.count_index_failure();
            tracing::error!(target: "blobs::event::index_unwritten", error = &error as &dyn std::error::Error, "the index could not be written");
            core.flushed.failed();
            false
        }
    }
}
