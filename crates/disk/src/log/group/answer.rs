//! One answer for one sender, awaited or waited for.
//!
//! What is asked for may travel with the promise: question and answer are then one piece of memory, which the sender,
//! as the last one to look at it, gives back.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// To be kept by whoever performs the command. Dropped, it answers with nothing.
pub struct Promise<T, Q = ()> {
    /// `None` once it is kept.
    slot: Option<Arc<Slot<T, Q>>>,
}

/// The sender's side: a future, or [`Answer::wait`] for threads. `None` when the promise was dropped.
pub struct Answer<T, Q = ()> {
    slot: Arc<Slot<T, Q>>,
}

struct Slot<T, Q> {
    state: Mutex<State<T>>,
    question: Q,
}

enum State<T> {
    Open(Option<Waker>),
    /// With the answer until it is taken.
    Kept(Option<T>),
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

/// Makes a promise and its answer.
#[must_use]
pub fn answer<T: Send>() -> (Promise<T>, Answer<T>) {
    ask(())
}

/// Makes a promise that carries what is asked for, and its answer.
#[must_use]
pub fn ask<T: Send, Q: Send + Sync>(question: Q) -> (Promise<T, Q>, Answer<T, Q>) {
    let slot = Arc::new(Slot {
        state: Mutex::new(State::Open(None)),
        question,
    });
    let promise = Promise {
        slot: Some(Arc::clone(&slot)),
    };
    (promise, Answer { slot })
}

impl<T, Q> Slot<T, Q> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers once; what comes later is ignored.
    fn keep(&self, value: Option<T>) {
        let mut state = self.state();
        if let State::Open(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Kept(value);
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<Option<T>> {
        match &mut *self.state() {
            State::Kept(value) => Poll::Ready(value.take()),
            State::Open(found) => {
                match found {
                    Some(found) => found.clone_from(waker),
                    None => *found = Some(waker.clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl<T, Q> Promise<T, Q> {
    /// Answers.
    pub fn keep(mut self, value: T) {
        if let Some(slot) = self.slot.take() {
            slot.keep(Some(value));
        }
    }

    /// Returns what is asked for.
    #[must_use]
    pub fn question(&self) -> &Q {
        let slot = self.slot.as_ref();
        &slot
            .expect("only keeping it takes the slot, and ends it")
            .question
    }
}

impl<T, Q> Drop for Promise<T, Q> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.keep(None);
        }
    }
}

impl<T, Q> Answer<T, Q> {
    /// Waits on this thread.
    #[must_use]
    pub fn wait(self) -> Option<T> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            match self.slot.poll(&waker) {
                Poll::Ready(value) => return value,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl<T, Q> Future for Answer<T, Q> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.poll(context.waker())
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

impl<T, Q> fmt::Debug for Promise<T, Q> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Promise").finish_non_exhaustive()
    }
}

impl<T, Q> fmt::Debug for Answer<T, Q> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").finish_non_exhaustive()
    }
}
