//! Group commit: many senders, one writer, one sync for all that waited.
//!
//! There is no timer: while one batch is synced the next one forms by itself.
//! The writer is a loop that the caller gives a thread to ([`Waiting::run`]); what a command means, and who is told
//! afterwards, is the [`Owner`]'s affair.
//!
//! # Invariants
//!
//! * Commands are staged in the order in which they were sent.
//! * [`Owner::committed`] is called once after each batch, and nobody is told of success before it.
//! * After a sync failed the loop goes on, so that nobody waits for ever; every batch fails from then on.

mod answer;
mod queue;

pub use answer::{Answer, Promise, answer};
pub use queue::{Closed, Queue, TrySendError, Waiting, queue};

use wire::segment::Lsn;

use super::{Appender, CommitError};

/// What performs commands: it stages what they write, and tells their senders how it went.
pub trait Owner {
    /// What senders ask for.
    type Command: Send;

    /// Returns about how many bytes a command writes.
    fn weight(command: &Self::Command) -> usize;

    /// Performs one command as far as it can before stable storage, and stages what it writes.
    fn stage(&mut self, command: Self::Command, appender: &mut Appender);

    /// Hears how the batch ended: with the last number that is on stable storage, or why nothing of it counts.
    ///
    /// It is called for batches, too, whose commands staged nothing.
    fn committed(&mut self, result: Result<Lsn, &CommitError>);

    /// Is called when nothing waits: the time for what is not urgent. Commands that arrive wait until it returns.
    fn idle(&mut self) {}
}

impl<C: Send> Waiting<C> {
    /// Performs commands until every [`Queue`] is dropped and nothing waits any more.
    pub fn run<O: Owner<Command = C>>(self, owner: &mut O, appender: &mut Appender) {
        let config = &appender.log().shared.config;
        let (records_max, bytes_max) = (config.batch_records_max, config.batch_bytes_max);
        let mut batch = Vec::new();
        loop {
            if !self.take(&mut batch, records_max, bytes_max, O::weight) {
                owner.idle();
                if !self.wait() {
                    return;
                }
                continue;
            }
            for command in batch.drain(..) {
                owner.stage(command, appender);
            }
            let result = appender.commit();
            owner.committed(result.as_ref().copied());
        }
    }
}

#[cfg(test)]
mod tests;
