//! The one thread that writes: it decides with what is true now, stages records, and tells who waits once they are on
//! stable storage.
//!
//! # Invariants
//!
//! * Nobody is told of success before the records are on stable storage, and nobody sees a change before.
//! * What a batch that failed had staged changes nothing.
//! * All decisions that depend on what is there are taken here, one after the other.

mod large;
mod members;
mod mend;
mod names;
mod put;
mod space;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::{ContentHash, Timestamp};
use disk::log::group::Owner;
use disk::log::{Appender, CommitError, Part, Position, PushError, Record};
use storage_core::clock::SlowClock;
use storage_core::namespace::Namespace;
use storage_core::quota::Reservation;
use wire::blobs::{Accepted, Body};

use crate::checkpoint::Checkpoints;
use crate::core::Core;
use crate::draft::{Draft, Entry};
use crate::groups::Root;
use crate::{PutError, Stored, WriteError};

pub(crate) use large::Link;
pub(crate) use members::item_of;
pub(crate) use names::Hold;
pub(crate) use put::{Keep, Put, StoredAnswer, StoredPromise};

/// What the writer is asked for.
pub(crate) enum Command {
    /// A blob for the log.
    Put(StoredPromise),
    /// A blob in a file.
    Link(Box<Link>),
    /// Anything else.
    Do(Task),
}

/// A change that is made by the writer.
pub(crate) struct Task {
    /// How many bytes of the log it takes, about.
    pub(crate) weight: usize,
    pub(crate) run: Run,
}

/// Makes a change, and says what is done when the batch has ended.
pub(crate) type Run = Box<dyn FnOnce(&mut Writer, &mut Appender) -> Option<Ending> + Send>;

/// What a record is about.
#[derive(Clone, Copy, Debug)]
struct Subject {
    namespace: u16,
    /// A hash: of a blob, or of a name.
    key: [u8; 32],
}

/// What is done when the batch has ended.
pub(crate) type Ending = Box<dyn FnOnce(Result<(), &WriteError>) + Send>;

/// Who waits for the batch.
enum Waiter {
    Stored(StoredPromise, Stored),
    Other(Ending),
}

/// The state of the writer.
pub(crate) struct Writer {
    pub(crate) core: Arc<Core>,
    draft: Draft,
    waiters: Vec<Waiter>,
    reservations: Vec<(u16, Reservation)>,
    /// Files that are to go when the batch fails.
    undo: Vec<ContentHash>,
    clock: SlowClock,
    /// Namespaces that the present batch makes.
    named: Vec<(Namespace, u16)>,
    /// The time of the present batch.
    now: Accepted,
    has_begun: bool,
    /// The number of the record that is staged next.
    next_lsn: u64,
    /// Why the present batch cannot be committed.
    broken: Option<WriteError>,
    checkpoints: Checkpoints,
}

impl Subject {
    const fn of(namespace: u16, hash: &ContentHash) -> Self {
        Self {
            namespace,
            key: *hash.as_bytes(),
        }
    }
}

impl Writer {
    pub(crate) fn new(core: Arc<Core>, clock: SlowClock, checkpoints: Checkpoints) -> Self {
        let namespaces = core.space().namespaces.len();
        let next_lsn = core.log.committed() + 1;
        Self {
            core,
            draft: Draft::new(namespaces),
            waiters: Vec::new(),
            reservations: Vec::new(),
            undo: Vec::new(),
            named: Vec::new(),
            clock,
            now: Accepted {
                at: Timestamp::EPOCH,
                slow: 0,
            },
            has_begun: false,
            next_lsn,
            broken: None,
            checkpoints,
        }
    }

    /// Writes the last checkpoint.
    pub(crate) fn end(self) {
        let Self {
            core,
            checkpoints,
            clock,
            ..
        } = self;
        checkpoints.end(&core, &clock);
    }

    /// Returns the time of the present batch.
    pub(crate) fn now(&self) -> Accepted {
        self.now
    }

    /// Returns the number that the next record will have.
    pub(crate) fn next_lsn(&self) -> u64 {
        self.next_lsn
    }

    /// Begins to write everything that is committed into the index; returns the number of the last record in it, or
    /// `None` while another checkpoint is being written.
    pub(crate) fn checkpoint(&mut self) -> Option<u64> {
        self.checkpoints.begin(&self.core, &self.clock)
    }

    /// Begins a checkpoint when there is something that the index does not know.
    pub(crate) fn checkpoint_if_changed(&mut self) {
        if self.core.view.layers.present().active.rows() > 0 {
            self.checkpoint();
        }
    }

    /// Stages a record and applies it to the draft.
    fn push(
        &mut self,
        appender: &mut Appender,
        subject: Subject,
        body: &Body<'_>,
    ) -> Result<(Position, u64), WriteError> {
        let bytes = body.encode();
        self.push_parts(appender, subject, body, &[Part::Slice(&bytes)], None)
    }

    fn push_parts(
        &mut self,
        appender: &mut Appender,
        subject: Subject,
        body: &Body<'_>,
        parts: &[Part<'_>],
        root: Option<Root>,
    ) -> Result<(Position, u64), WriteError> {
        let pushed = appender.push(Record {
            stream: subject.namespace,
            kind: body.kind() as u8,
            key: subject.key,
            body: parts,
        });
        let (record, lsn) = pushed.map_err(refused)?;
        self.applied(subject, body, root, (record, lsn), false)?;
        Ok((record, lsn))
    }

    /// Applies a record that was staged.
    fn applied(
        &mut self,
        subject: Subject,
        body: &Body<'_>,
        root: Option<Root>,
        (record, lsn): (Position, u64),
        is_moved: bool,
    ) -> Result<(), WriteError> {
        self.next_lsn = lsn + 1;
        let entry = Entry {
            record,
            namespace: subject.namespace,
            key: subject.key,
            lsn,
            is_moved,
        };
        self.core.counters.count_record(u64::from(record.body_len));
        let applied = self.draft.apply(&self.core.view, &entry, body, root);
        applied.map_err(|error| {
            // The record is staged, and what it means is not known: the batch cannot stay.
            let error = WriteError::from(error);
            self.broken = Some(error.clone());
            error
        })
    }

    fn begin(&mut self) {
        if !self.has_begun {
            self.has_begun = true;
            let at = self.core.clock.now();
            let slow = self.clock.advance(at).0;
            self.core.slow.store(slow, Ordering::Relaxed);
            self.now = Accepted { at, slow };
        }
    }

    /// Makes what was committed visible.
    fn publish(&mut self) {
        if self.draft.is_empty() && self.reservations.is_empty() {
            return;
        }
        let core = Arc::clone(&self.core);
        let outdated = self.draft.outdated();
        let counted = self.draft.take_counted();
        let removals = self.draft.take_removals();
        core.view.publish(&mut self.draft);
        for (hash, namespace) in &outdated {
            match namespace {
                Some(namespace) => core.known.forget(*namespace, hash),
                None => core.known.forget_all(hash),
            }
        }
        let mut space = core.space();
        for (namespace, reservation) in self.reservations.drain(..) {
            // What became of it is counted with its record.
            space.give_back(namespace, reservation);
        }
        for counted in counted {
            space.count(counted);
        }
        drop(space);
        self.undo.clear();
        self.named.clear();
        for hash in removals {
            core.remove_file(&ContentHash::from_bytes(hash));
        }
    }

    /// Takes back what was staged.
    fn withdraw(&mut self, error: &WriteError) {
        self.named.clear();
        for hash in std::mem::take(&mut self.undo) {
            self.core.remove_file(&hash);
        }
        let mut space = self.core.space();
        for (namespace, reservation) in self.reservations.drain(..) {
            space.give_back(namespace, reservation);
        }
        drop(space);
        self.draft = Draft::new(self.core.space().namespaces.len());
        self.next_lsn = self.core.log.committed() + 1;
        self.core.counters.count_failure();
        for waiter in self.waiters.drain(..) {
            match waiter {
                Waiter::Stored(promise, _) => promise.keep(Err(PutError::Write(error.clone()))),
                Waiter::Other(end) => end(Err(error)),
            }
        }
    }
}

impl Owner for Writer {
    type Command = Command;

    fn weight(command: &Command) -> usize {
        match command {
            Command::Put(promise) => promise.question().as_ref().map_or(0, Put::weight),
            Command::Link(_) => 256,
            Command::Do(task) => task.weight,
        }
    }

    fn stage(&mut self, command: Command, appender: &mut Appender) {
        self.begin();
        match command {
            Command::Put(promise) => self.stage_put(promise, appender),
            Command::Link(link) => self.stage_link(*link, appender),
            Command::Do(task) => {
                if let Some(end) = (task.run)(self, appender) {
                    self.waiters.push(Waiter::Other(end));
                }
            }
        }
        if let Some(error) = self.broken.take() {
            appender.discard();
            self.withdraw(&error);
        }
    }

    fn committed(&mut self, result: Result<u64, &CommitError>) {
        self.has_begun = false;
        match result {
            Ok(_) => {
                self.publish();
                for waiter in self.waiters.drain(..) {
                    match waiter {
                        Waiter::Stored(promise, stored) => promise.keep(Ok(stored)),
                        Waiter::Other(end) => end(Ok(())),
                    }
                }
                self.checkpoints.look(&self.core, &self.clock);
            }
            Err(error) => {
                let is_poison = error.is_poison();
                self.withdraw(&WriteError::Commit(error.clone()));
                if is_poison {
                    self.core.poison(error);
                }
            }
        }
    }
}

/// Says why the log took no record.
fn refused(error: PushError) -> WriteError {
    match error {
        PushError::Poisoned => WriteError::Stopped,
        PushError::TooLarge { .. } | PushError::Stream => WriteError::TooLarge,
    }
}
