//! One answer for one sender, awaited or waited for.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// To be kept by whoever performs the command. Dropped, it answers with nothing.
pub struct Promise<T> {
    slot: Arc<Slot<T>>,
}

/// The sender's side: a future, or [`Answer::wait`] for threads. `None` when the promise was dropped.
pub struct Answer<T> {
    slot: Arc<Slot<T>>,
}

struct Slot<T> {
    state: Mutex<State<T>>,
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
    let slot = Arc::new(Slot {
        state: Mutex::new(State::Open(None)),
    });
    let promise = Promise {
        slot: Arc::clone(&slot),
    };
    (promise, Answer { slot })
}

impl<T> Slot<T> {
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

impl<T> Promise<T> {
    /// Answers.
    pub fn keep(self, value: T) {
        self.slot.keep(Some(value));
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.slot.keep(None);
    }
}

impl<T> Answer<T> {
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

impl<T> Future for Answer<T> {
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

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Promise").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").finish_non_exhaustive()
    }
}
