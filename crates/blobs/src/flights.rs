//! Work that many ask for at once and that is done once.
//!
//! # Invariants
//!
//! * Of one key there is never more than one work at a time.
//! * Work that has begun runs to its end and is told to all who wait, even when the one who began it is gone.
//! * Work that was given up before it began is taken over by one of those who wait.
//!
//! It keeps no results: what is to be kept must be kept by the work itself, before it returns.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::Blocking;
use tokio::sync::watch;

/// What is being worked on.
#[derive(Debug)]
pub(crate) struct Flights<K, V> {
    running: Mutex<HashMap<K, watch::Receiver<Option<V>>>>,
}

/// The right to do the work of a key. Dropped, it lets somebody else do it.
struct Flight<K: Eq + Hash, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
    told: watch::Sender<Option<V>>,
}

enum Role<K: Eq + Hash, V> {
    Does(Flight<K, V>),
    Waits(watch::Receiver<Option<V>>),
}

impl<K, V> Flights<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Starts with no work.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            running: Mutex::new(HashMap::new()),
        })
    }

    /// Does the work of a key on `files`, or waits for who does it already, and returns what came out.
    ///
    /// # Cancel safety
    ///
    /// May be dropped: nobody else loses anything.
    pub(crate) async fn join<F>(self: &Arc<Self>, key: K, files: &Blocking, work: F) -> V
    where
        F: FnOnce() -> V + Send + 'static,
    {
        loop {
            match self.enter(key) {
                Role::Does(flight) => return files.run(move || flight.land(work())).await,
                Role::Waits(mut told) => {
                    // Who gives up before the work begins drops the sender; then somebody must begin again.
                    if let Ok(value) = told.wait_for(Option::is_some).await {
                        return value.clone().expect("it was waited for");
                    }
                }
            }
        }
    }

    fn enter(self: &Arc<Self>, key: K) -> Role<K, V> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = running.get(&key) {
            return Role::Waits(told.clone());
        }
        let told = watch::Sender::new(None);
        running.insert(key, told.subscribe());
        Role::Does(Flight {
            flights: Arc::clone(self),
            key,
            told,
        })
    }
}

impl<K: Eq + Hash, V: Clone> Flight<K, V> {
    fn land(self, value: V) -> V {
        self.told.send_replace(Some(value.clone()));
        value
    }
}

impl<K: Eq + Hash, V> Drop for Flight<K, V> {
    fn drop(&mut self) {
        let running = &self.flights.running;
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
