//! A future beside a busy one, polled only when it was woken itself.
//!
//! A task that joins a socket with deadlines and signals is woken by the socket thousands of times for each time
//! that a deadline or a signal has news.
//! Polling those each time takes locks that all tasks share; here it costs one load.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Runs a future without polling it when only its neighbours were woken.
///
/// # Cancel safety
///
/// As the future inside.
pub struct Rarely<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// What the future is given to wake: rings the bell.
    rope: Waker,
    /// Whom the bell wakes, as last told to it.
    listener: Option<Waker>,
}

struct Bell {
    has_rung: AtomicBool,
    listener: Mutex<Option<Waker>>,
}

impl<F: Future> Rarely<F> {
    /// Puts a future beside others.
    #[must_use]
    pub fn new(future: F) -> Self {
        let bell = Arc::new(Bell {
            has_rung: AtomicBool::new(true),
            listener: Mutex::default(),
        });
        Self {
            future: Box::pin(future),
            rope: Waker::from(Arc::clone(&bell)),
            bell,
            listener: None,
        }
    }
}

impl<F: Future> Future for Rarely<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let is_known = self
            .listener
            .as_ref()
            .is_some_and(|listener| listener.will_wake(context.waker()));
        if !is_known {
            // Told before the bell is looked at, so that no ring falls between.
            self.bell.tell(context.waker().clone());
            self.listener = Some(context.waker().clone());
        }
        if !self.bell.has_rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.poll_rung()
    }
}

impl<F: Future> Rarely<F> {
    #[cold]
    fn poll_rung(&mut self) -> Poll<F::Output> {
        self.bell.has_rung.store(false, Ordering::SeqCst);
        let mut context = Context::from_waker(&self.rope);
        self.future.as_mut().poll(&mut context)
    }
}

impl Bell {
    fn tell(&self, listener: Waker) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::SeqCst);
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}

#[cfg(test)]
mod tests;
