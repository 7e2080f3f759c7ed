//! A bounded queue with many senders, async or blocking, and one receiver, which takes many at once.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use thiserror::Error;

/// A command was not sent because nobody takes commands any more.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("nobody takes commands any more")]
pub struct Closed<C>(pub C);

/// A command was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
pub enum TrySendError<C> {
    /// As many wait as may.
    #[error("too many commands wait")]
    Full(C),
    /// Nobody takes commands any more.
    #[error("nobody takes commands any more")]
    Closed(C),
}

/// For senders. A clone sends to the same receiver.
pub struct Queue<C> {
    shared: Arc<Shared<C>>,
}

/// For the receiver. Dropped, it closes the queue, and what waits is dropped with it.
pub struct Waiting<C> {
    shared: Arc<Shared<C>>,
}

/// What is left of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    taken: usize,
    records: usize,
    bytes: usize,
}

struct Shared<C> {
    state: Mutex<State<C>>,
    capacity: usize,
    senders: AtomicUsize,
    /// Something arrived, or no sender is left.
    arrived: Condvar,
    /// There is room again, or no receiver is left.
    room: Condvar,
}

struct State<C> {
    waiting: VecDeque<C>,
    /// The receiver sleeps until so many wait; 0 when it does not sleep.
    asleep_until: usize,
    /// There is no receiver any more.
    is_closed: bool,
    /// Senders that sleep on `room`.
    blocked: usize,
    /// Senders that are to be woken when there is room.
    wakers: Vec<Waker>,
}

/// Makes a queue for at most `capacity` commands, at least one.
#[must_use]
pub fn queue<C: Send>(capacity: usize) -> (Queue<C>, Waiting<C>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            waiting: VecDeque::new(),
            asleep_until: 0,
            is_closed: false,
            blocked: 0,
            wakers: Vec::new(),
        }),
        capacity: capacity.max(1),
        senders: AtomicUsize::new(1),
        arrived: Condvar::new(),
        room: Condvar::new(),
    });
    let queue = Queue {
        shared: Arc::clone(&shared),
    };
    (queue, Waiting { shared })
}

impl Room {
    pub(super) const fn new(records: usize, bytes: usize) -> Self {
        Self {
            taken: 0,
            records,
            bytes,
        }
    }

    /// Returns how many commands were taken.
    pub(super) const fn taken(&self) -> usize {
        self.taken
    }

    /// Takes room for a command of so many bytes, when there is some or it is the first one.
    const fn take(&mut self, bytes: usize) -> bool {
        if self.taken > 0 && (self.taken >= self.records || bytes > self.bytes) {
            return false;
        }
        self.taken += 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

impl<C> Shared<C> {
    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a command, or gives it back.
    fn push(&self, mut state: MutexGuard<'_, State<C>>, command: C) -> Result<(), TrySendError<C>> {
        if state.is_closed {
            return Err(TrySendError::Closed(command));
        }
        if state.waiting.len() >= self.capacity {
            return Err(TrySendError::Full(command));
        }
        state.waiting.push_back(command);
        let is_enough = state.asleep_until > 0 && state.waiting.len() >= state.asleep_until;
        if is_enough {
            state.asleep_until = 0;
        }
        drop(state);
        if is_enough {
            self.arrived.notify_one();
        }
        Ok(())
    }
}

impl<C: Send> Queue<C> {
    /// Sends a command when there is room for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the command.
    pub fn try_send(&self, command: C) -> Result<(), TrySendError<C>> {
        self.shared.push(self.shared.state(), command)
    }

    /// Sends a command, waiting for room.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the command.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn send(&self, command: C) -> Result<(), Closed<C>> {
        let mut command = Some(command);
        poll_fn(|context| {
            let mut state = self.shared.state();
            if state.waiting.len() >= self.shared.capacity && !state.is_closed {
                state.wakers.push(context.waker().clone());
                return Poll::Pending;
            }
            let command = command
                .take()
                .expect("a future is not polled after its end");
            Poll::Ready(match self.shared.push(state, command) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(command) | TrySendError::Closed(command)) => {
                    Err(Closed(command))
                }
            })
        })
        .await
    }

    /// Sends a command from a thread that may wait, waiting for room.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the command.
    pub fn send_blocking(&self, command: C) -> Result<(), Closed<C>> {
        let mut state = self.shared.state();
        while state.waiting.len() >= self.shared.capacity && !state.is_closed {
            state.blocked += 1;
            state = self
                .shared
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
        }
        match self.shared.push(state, command) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(command) | TrySendError::Closed(command)) => {
                Err(Closed(command))
            }
        }
    }

    /// Returns how many commands wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.state().waiting.len()
    }

    /// Tells whether no command waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<C> Waiting<C> {
    /// Takes the oldest commands, as many as there is room for, and at least one of a batch; tells whether more wait
    /// than that.
    pub(super) fn take(
        &self,
        taken: &mut Vec<C>,
        room: &mut Room,
        weight: fn(&C) -> usize,
    ) -> bool {
        let mut state = self.shared.state();
        let mut is_full = false;
        while let Some(next) = state.waiting.front() {
            is_full = !room.take(weight(next));
            if is_full {
                break;
            }
            taken.extend(state.waiting.pop_front());
        }
        let wakers = std::mem::take(&mut state.wakers);
        let is_blocked = state.blocked > 0;
        drop(state);
        if is_blocked {
            self.shared.room.notify_all();
        }
        wakers.into_iter().for_each(Waker::wake);
        is_full
    }

    /// Waits until something arrives; `false` when nothing waits and nobody can send any more.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.shared.state();
        while state.waiting.is_empty() {
            if self.shared.senders.load(Ordering::Acquire) == 0 {
                return false;
            }
            state.asleep_until = 1;
            state = self
                .shared
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.asleep_until = 0;
        true
    }

    /// Waits until `wanted` commands wait, nobody can send any more, or the time is up.
    pub(super) fn wait_for(&self, wanted: usize, patience: Duration) {
        let wanted = wanted.min(self.shared.capacity);
        let begun = Instant::now();
        let mut state = self.shared.state();
        while state.waiting.len() < wanted && self.shared.senders.load(Ordering::Acquire) > 0 {
            let Some(left) = patience.checked_sub(begun.elapsed()) else {
                break;
            };
            state.asleep_until = wanted;
            state = self
                .shared
                .arrived
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.asleep_until = 0;
    }

    /// Returns how many commands wait.
    pub(super) fn len(&self) -> usize {
        self.shared.state().waiting.len()
    }
}

impl<C> Clone for Queue<C> {
    fn clone(&self) -> Self {
        self.shared.senders.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<C> Drop for Queue<C> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The receiver looks at the count with the lock held: after this it sleeps or has seen it.
            drop(self.shared.state());
            self.shared.arrived.notify_one();
        }
    }
}

impl<C> Drop for Waiting<C> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.shared.room.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        drop(waiting);
    }
}

impl<C> fmt::Debug for Queue<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for Waiting<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Waiting").finish_non_exhaustive()
    }
}

// Commands hold promises and bodies; nobody wants to see them in a message.
impl<C> fmt::Debug for Closed<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Closed").finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for TrySendError<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full(_) => "Full",
            Self::Closed(_) => "Closed",
        })
    }
}
