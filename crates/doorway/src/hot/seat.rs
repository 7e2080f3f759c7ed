//! A reader's place in the cache: holds the number of those who wait within its bound, and is given back when the
//! reader goes away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::{Machine as _, Problem};
use doorway_core::cache::{Answer, Input, Key, ReaderId};
use tokio::sync::oneshot;
use tokio::time;

use super::ready::Ready;
use super::{Inner, Make};

/// Shortest sleep of a reader, so that a clock that stands still costs nothing.
const SLEEP_MIN: Duration = Duration::from_millis(10);

/// Longest sleep of a reader.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// What is told to a reader.
pub(super) type Told = Answer<Arc<Ready>, Problem>;

/// A reader who waits, as the cache's side sees them.
pub(super) struct Waiting {
    pub(super) told: oneshot::Sender<Told>,
    /// How to make the answer, until it is asked for.
    pub(super) make: Option<Make>,
}

/// A reader's own side.
pub(super) struct Seat {
    inner: Arc<Inner>,
    reader: ReaderId,
    /// In which shard the reader waits.
    shard: Option<usize>,
}

impl Seat {
    /// Takes a seat, when there is one left.
    pub(super) fn take(inner: &Arc<Inner>) -> Option<Self> {
        let before = inner.seats.fetch_add(1, Ordering::Relaxed);
        let seat = Self {
            inner: Arc::clone(inner),
            reader: ReaderId(inner.readers.fetch_add(1, Ordering::Relaxed)),
            shard: None,
        };
        (before < inner.seats_max).then_some(seat)
    }

    /// Asks and waits until there is an answer.
    pub(super) async fn ask(mut self, key: Key, make: Make) -> Told {
        let sought = self.inner.seeds.hashed(key.borrowed());
        let shard = self.inner.shard_of(key.class, &sought);
        let (told, mut answer) = oneshot::channel();
        let waiting = Waiting {
            told,
            make: Some(make),
        };
        let reader = self.reader;
        self.shard = Some(shard);
        let input = Input::Ask { reader, key };
        Inner::tell(&self.inner, shard, input, Some((reader, waiting)));
        loop {
            let sleep = self.sleep(shard);
            tokio::select! {
                biased;
                told = &mut answer => {
                    self.shard = None;
                    return told.unwrap_or(Answer::Lost);
                }
                () = time::sleep(sleep) => Inner::tell(&self.inner, shard, Input::Timeout, None),
            }
        }
    }

    /// Says how long it is until the cache wants to be woken.
    fn sleep(&self, shard: usize) -> Duration {
        let now = self.inner.clock.now();
        let deadline = self.inner.shard(shard).cache.poll_timeout();
        let wait = deadline.map_or(SLEEP_MAX, |(at, _)| at.since(now).into());
        wait.clamp(SLEEP_MIN, SLEEP_MAX)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.inner.seats.fetch_sub(1, Ordering::Relaxed);
        if let Some(shard) = self.shard {
            let reader = self.reader;
            self.inner.shard(shard).waiting.remove(&reader);
            Inner::tell(&self.inner, shard, Input::Leave { reader }, None);
        }
    }
}
