//! "The log of events has grown": hints to everything here that reads the log, and over the bus to other processes.
//!
//! A hint says a number and nothing else; who is told reads the store. Numbers in here are those of events that the
//! store has, or had: what others merely say is compared with the store before.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells how far the log goes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Feed {
    newest: Arc<watch::Sender<u64>>,
    /// What was stored by this process, for the bus.
    ours: Arc<watch::Sender<u64>>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            newest: Arc::new(watch::Sender::new(0)),
            ours: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Notes that this process stored an event.
    pub(crate) fn grew(&self, number: u64) {
        self.ours.send_replace(number);
        self.heard(number);
    }

    /// Tells whether no event of this number was heard of.
    pub(crate) fn is_news(&self, number: u64) -> bool {
        number > *self.newest.borrow()
    }

    /// Notes that there is an event of this number, as the store says.
    pub(crate) fn heard(&self, number: u64) {
        self.newest.send_if_modified(|newest| {
            let is_news = number > *newest;
            *newest = number.max(*newest);
            is_news
        });
    }

    /// Returns what to wait on for events that this process stores.
    pub(crate) fn stored_here(&self) -> watch::Receiver<u64> {
        self.ours.subscribe()
    }

    /// Returns the number of the newest event that was heard of, and what to wait on for newer ones.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}
