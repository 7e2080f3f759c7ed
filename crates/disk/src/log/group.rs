//! Group commit: many senders, one writer, one sync for all that waited.
//!
//! There is no fixed delay: while one batch is synced the next one forms by itself.
//! Senders that are answered and send again at once would then fall into two halves that take turns, each with a sync of
//! its own. So the writer stages what is there, and lets those it has just answered come back before it commits: never
//! longer than the last commit took, and only as long as they do come back (`pace`).
//! The writer is a loop that the caller gives a thread to ([`Waiting::run`]); what a command means, and who is told
//! afterwards, is the [`Owner`]'s affair.
//!
//! # Invariants
//!
//! * Commands are staged in the order in which they were sent.
//! * [`Owner::committed`] is called once after each batch, and nobody is told of success before it.
//! * After a sync failed the loop goes on, so that nobody waits for ever; every batch fails from then on.

mod answer;
mod pace;
mod queue;

pub use answer::{Answer, Promise, answer, ask};
pub use queue::{Closed, Queue, TrySendError, Waiting, queue};

use std::time::Instant;

use wire::segment::Lsn;

use self::pace::Pace;
use self::queue::Room;
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
        let whole = Room::new(config.batch_records_max, config.batch_bytes_max);
        let mut taken = Vec::new();
        let mut pace = Pace::new(config.batch_records_max);
        loop {
            if self.len() == 0 {
                owner.idle();
                if !self.wait() {
                    return;
                }
            }
            let mut room = whole;
            let mut wait = pace.begin();
            loop {
                let is_full = self.take(&mut taken, &mut room, O::weight);
                for command in taken.drain(..) {
                    owner.stage(command, appender);
                }
                if is_full || !wait.goes_on(room.taken(), |more, left| self.wait_for(more, left)) {
                    break;
                }
            }
            pace.end(&wait, room.taken());
            let begun = Instant::now();
            let result = appender.commit();
            pace.committed(room.taken(), begun.elapsed(), self.len());
            owner.committed(result.as_ref().copied());
        }
    }
}

#[cfg(test)]
mod tests;
