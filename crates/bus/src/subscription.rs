//! One listener of one topic.

use std::future;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::Topic;
use crate::bus::Core;
use crate::hub::Item;

/// What a subscription is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Somebody published this.
    Hint(Bytes),
    /// Hints may have been missed: read the store.
    ///
    /// The number says how many are known to be gone because this subscription was too slow. It is 0 when the
    /// subscription begins to stand at the server, at first or after the connection was away, because nobody can tell.
    Lagged(u64),
}

/// Listens to one topic until it is dropped.
#[derive(Debug)]
pub struct Subscription {
    core: Arc<Core>,
    topic: Topic,
    items: Receiver<Item>,
    /// Whether the first message is still owed.
    owes_first: bool,
}

impl Subscription {
    /// Takes a receiver that has joined the hub of `core`.
    pub(crate) fn new(
        core: Arc<Core>,
        topic: Topic,
        items: Receiver<Item>,
        is_standing: bool,
    ) -> Self {
        Self {
            core,
            topic,
            items,
            owes_first: is_standing,
        }
    }

    /// Returns what is listened to.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Waits for the next message.
    ///
    /// The first one is [`Message::Lagged`], as soon as the subscription stands at the server. While the server is away
    /// nothing comes.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time; no message is lost by that.
    pub async fn next(&mut self) -> Message {
        if mem::take(&mut self.owes_first) {
            return Message::Lagged(0);
        }
        match self.items.recv().await {
            Ok(Item::Hint(hint)) => Message::Hint(hint),
            Ok(Item::Gap) => Message::Lagged(0),
            Err(RecvError::Lagged(missed)) => {
                self.core.note_dropped(missed);
                Message::Lagged(missed)
            }
            // The sender stays in the hub for as long as this subscription counts.
            Err(RecvError::Closed) => future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.core.hub.leave(&self.topic);
    }
}
