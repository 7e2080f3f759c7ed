//! Hints that wait for the server: a bounded queue that lets the oldest go.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::Topic;

/// A hint on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outbound {
    pub(crate) topic: Topic,
    pub(crate) hint: Bytes,
}

/// The queue. One task takes from it, anybody puts into it.
#[derive(Debug)]
pub(crate) struct Outbox {
    len_max: usize,
    queue: Mutex<VecDeque<Outbound>>,
    filled: Notify,
}

impl Outbox {
    pub(crate) fn new(len_max: usize) -> Self {
        Self {
            len_max,
            queue: Mutex::default(),
            filled: Notify::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Outbound>> {
        // The queue is whole at every moment, also when somebody panicked who held it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a hint at the end; returns how many had to go for it.
    pub(crate) fn put(&self, outbound: Outbound) -> u64 {
        let mut queue = self.queue();
        queue.push_back(outbound);
        let is_over = queue.len() > self.len_max;
        if is_over {
            queue.pop_front();
        }
        drop(queue);
        self.filled.notify_one();
        u64::from(is_over)
    }

    /// Puts hints back that could not be sent; returns how many had to go.
    pub(crate) fn give_back(&self, batch: Vec<Outbound>) -> u64 {
        let mut queue = self.queue();
        let mut gone = 0;
        for outbound in batch.into_iter().rev() {
            if queue.len() < self.len_max {
                queue.push_front(outbound);
            } else {
                gone += 1;
            }
        }
        drop(queue);
        self.filled.notify_one();
        gone
    }

    /// Waits for hints and takes up to `len_max` of them, the oldest first.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time; nothing is taken then.
    pub(crate) async fn take(&self, len_max: usize) -> Vec<Outbound> {
        loop {
            let batch: Vec<Outbound> = {
                let mut queue = self.queue();
                let len = queue.len().min(len_max);
                queue.drain(..len).collect()
            };
            if !batch.is_empty() {
                return batch;
            }
            self.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests;
