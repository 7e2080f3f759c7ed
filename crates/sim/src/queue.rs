//! Time and what happens in it: one queue of events, ordered by (virtual time, sequence).

use std::collections::BTreeMap;

use base::{Duration, Timestamp};

/// The events of a run and its clock. The clock moves only by taking events.
///
/// # Invariants
/// Time never runs backwards; events of the same time come in the order in which they were pushed.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    now: Timestamp,
    sequence: u64,
    events: BTreeMap<(Timestamp, u64), E>,
}

impl<E> Queue<E> {
    /// Starts the clock at `now` with nothing to come.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self {
            now,
            sequence: 0,
            events: BTreeMap::new(),
        }
    }

    /// Returns the virtual time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns how many events are to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns whether nothing is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Lets something happen at a time; what is past happens now.
    pub fn push(&mut self, at: Timestamp, event: E) {
        self.events.insert((at.max(self.now), self.sequence), event);
        self.sequence += 1;
    }

    /// Lets something happen after a while.
    pub fn push_in(&mut self, delay: Duration, event: E) {
        self.push(self.now + delay, event);
    }

    /// Takes the next event and moves the clock to its time.
    pub fn pop(&mut self) -> Option<E> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = at;
        Some(event)
    }

    /// Takes the next event if it comes no later than `deadline`; otherwise moves the clock to the deadline.
    ///
    /// This is how a machine is driven: the deadline is what its `poll_timeout` says, and `None` means that the
    /// deadline has come. Without a deadline it is [`Queue::pop`].
    pub fn pop_until(&mut self, deadline: Option<Timestamp>) -> Option<E> {
        let Some(deadline) = deadline else {
            return self.pop();
        };
        match self.events.first_key_value() {
            Some(((at, _), _)) if *at <= deadline => self.pop(),
            _ => {
                self.now = self.now.max(deadline);
                None
            }
        }
    }

    /// Forgets the events for which `keep` is false, such as those of a process that died.
    pub fn retain(&mut self, mut keep: impl FnMut(&E) -> bool) {
        self.events.retain(|_, event| keep(event));
    }
}

#[cfg(test)]
mod tests;
