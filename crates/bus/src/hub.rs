//! Who in this process listens to what.
//!
//! Invariant: a subscription is told [`crate::Message::Lagged`] when its topic begins to stand at the server, and only
//! then believes that it hears everything.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{Notify, broadcast};

use crate::Topic;

/// A subscription was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubscribeError {
    /// There are as many as there may be.
    #[error("there are {subscriptions_max} subscriptions already")]
    TooMany {
        /// How many there may be.
        subscriptions_max: usize,
    },
}

/// What comes to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Hint(Bytes),
    /// Something may have been missed.
    Gap,
}

/// All topics that somebody listens to.
#[derive(Debug)]
pub(crate) struct Hub {
    subscriptions_max: usize,
    queue_len_max: usize,
    /// Whether a topic stands as soon as somebody listens, because no server is in between.
    is_local: bool,
    topics: Mutex<BTreeMap<Topic, Channel>>,
    changed: Notify,
}

#[derive(Debug)]
struct Channel {
    items: broadcast::Sender<Item>,
    subscriptions: usize,
    is_standing: bool,
}

/// A topic that somebody listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) topic: Topic,
    pub(crate) is_standing: bool,
}

impl Hub {
    pub(crate) fn new(subscriptions_max: usize, queue_len_max: usize, is_local: bool) -> Self {
        Self {
            subscriptions_max,
            queue_len_max: queue_len_max.max(1),
            is_local,
            topics: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<Topic, Channel>> {
        // Each line of the map is whole at every moment, also when somebody panicked who held it.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a subscription; also tells whether its topic stands already.
    pub(crate) fn join(
        &self,
        topic: &Topic,
    ) -> Result<(broadcast::Receiver<Item>, bool), SubscribeError> {
        let mut topics = self.topics();
        let total: usize = topics.values().map(|channel| channel.subscriptions).sum();
        if total >= self.subscriptions_max {
            return Err(SubscribeError::TooMany {
                subscriptions_max: self.subscriptions_max,
            });
        }
        let channel = topics.entry(topic.clone()).or_insert_with(|| Channel {
            items: broadcast::Sender::new(self.queue_len_max),
            subscriptions: 0,
            is_standing: self.is_local,
        });
        channel.subscriptions += 1;
        let joined = (channel.items.subscribe(), channel.is_standing);
        drop(topics);
        self.changed.notify_one();
        Ok(joined)
    }

    /// Takes a subscription away.
    pub(crate) fn leave(&self, topic: &Topic) {
        let mut topics = self.topics();
        if let Some(channel) = topics.get_mut(topic) {
            channel.subscriptions -= 1;
            if channel.subscriptions == 0 {
                topics.remove(topic);
            }
        }
        drop(topics);
        self.changed.notify_one();
    }

    /// Gives `item` to everybody who listens to `topic`, once that stands; before, a gap will be told anyway.
    pub(crate) fn deliver(&self, topic: &Topic, item: Item) {
        let topics = self.topics();
        if let Some(channel) = topics.get(topic).filter(|channel| channel.is_standing) {
            // An error says that nobody listens just now.
            drop(channel.items.send(item));
        }
    }

    /// Tells everybody whose topic stands that something may have been missed.
    pub(crate) fn deliver_gap(&self) {
        for channel in self.topics().values().filter(|channel| channel.is_standing) {
            drop(channel.items.send(Item::Gap));
        }
    }

    /// Returns what is listened to.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let topics = self.topics();
        let lines = topics.iter().map(|(topic, channel)| Wanted {
            topic: topic.clone(),
            is_standing: channel.is_standing,
        });
        lines.collect()
    }

    /// Notes that topics stand at the server now.
    pub(crate) fn stand(&self, standing: &[Topic]) {
        let mut topics = self.topics();
        for topic in standing {
            if let Some(channel) = topics.get_mut(topic) {
                channel.is_standing = true;
                drop(channel.items.send(Item::Gap));
            }
        }
    }

    /// Notes that nothing stands any more.
    pub(crate) fn fall(&self) {
        for channel in self.topics().values_mut() {
            channel.is_standing = false;
        }
    }

    /// Waits until what is listened to may have changed. One task may wait.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests;
