//! A few connections of one role, lent out one at a time.
//!
//! # Invariants
//! * Never more connections than permits, never more callers waiting than the limit, and none longer than the limit.
//! * A connection comes back without a transaction, or does not come back.
//! * After a failure nobody tries to connect until a pause is over; callers meanwhile get the failure at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::Shutdown;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{self, Instant};

use super::fault::Loss;
use super::session::{Opener, Session};
use crate::Fault;

/// The connections of one role.
pub(crate) struct Pool {
    opener: Opener,
    connections_max: usize,
    permits: Semaphore,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Arc<Session>>>,
    trouble: Mutex<Trouble>,
    /// Goes off when the process ends: connections are used, and no longer kept.
    shutdown: Shutdown,
    /// Goes off when the handle is closed: connections are no longer used.
    closed: Shutdown,
}

/// What went wrong since the last success.
#[derive(Default)]
struct Trouble {
    failures: u32,
    last: Option<(Loss, Instant)>,
}

/// A connection on loan. Dropping it gives it back: what was not committed is rolled back.
pub(crate) struct Lease<'a> {
    pub(crate) session: Arc<Session>,
    is_in_transaction: bool,
    pool: &'a Pool,
    /// Freed after the session was given back.
    _permit: SemaphorePermit<'a>,
}

/// What a pool knows of itself.
pub(crate) struct State {
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    pub(crate) waiting: usize,
    pub(crate) failures: u32,
    pub(crate) loss: Option<Loss>,
}

impl Pool {
    pub(crate) fn new(opener: Opener, len: u32, shutdown: Shutdown, closed: Shutdown) -> Self {
        let connections_max = usize::try_from(len.max(1)).unwrap_or(1);
        Self {
            opener,
            connections_max,
            permits: Semaphore::new(connections_max),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            trouble: Mutex::default(),
            shutdown,
            closed,
        }
    }

    /// Lends a connection, opening one when none is idle.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub(crate) async fn lend(&self) -> Result<Lease<'_>, Fault> {
        let permit = self.permit().await?;
        let session = match self.take_idle() {
            Some(session) => session,
            None => Arc::new(self.open().await?),
        };
        Ok(Lease {
            session,
            is_in_transaction: false,
            pool: self,
            _permit: permit,
        })
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, Fault> {
        if self.closed.is_requested() {
            return Err(Fault::Closed);
        }
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let limits = &self.opener.limits;
        let _place = Place::take(&self.waiting, limits.waiting_len_max).ok_or(Fault::Overloaded)?;
        let patience = Duration::from_millis(limits.acquire_ms_max);
        match time::timeout(patience, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Fault::Closed),
            Err(_) => Err(Fault::Overloaded),
        }
    }

    fn take_idle(&self) -> Option<Arc<Session>> {
        let mut idle = self.idle();
        while let Some(session) = idle.pop() {
            if !session.is_closed() {
                return Some(session);
            }
        }
        None
    }

    async fn open(&self) -> Result<Session, Fault> {
        if let Some(loss) = self.pause() {
            return Err(Fault::Unreachable(loss));
        }
        match self.opener.open().await {
            Ok(session) => {
                *self.trouble() = Trouble::default();
                Ok(session)
            }
            Err(reason) => {
                let loss = reason.loss();
                self.note(loss.clone());
                Err(Fault::Unreachable(loss))
            }
        }
    }

    /// Returns the last failure while nobody may try to connect.
    fn pause(&self) -> Option<Loss> {
        let trouble = self.trouble();
        let (loss, until) = trouble.last.as_ref()?;
        (Instant::now() < *until).then(|| loss.clone())
    }

    fn note(&self, loss: Loss) {
        let mut trouble = self.trouble();
        trouble.failures = trouble.failures.saturating_add(1);
        let delay = self.opener.limits.retry_delay(trouble.failures);
        if trouble.failures == 1 {
            tracing::warn!(place = %self.opener.address, reason = %loss, "the database cannot be reached");
        }
        trouble.last = Some((loss, Instant::now() + delay));
    }

    /// Waits until somebody may try to connect again.
    pub(crate) async fn pause_over(&self) {
        let until = self.trouble().last.as_ref().map(|(_, until)| *until);
        if let Some(until) = until {
            time::sleep_until(until).await;
        }
    }

    /// Closes what is idle; what is on loan follows when it comes back.
    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    /// Refuses those who wait and those who come.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.close_idle();
    }

    fn give_back(&self, session: &Arc<Session>) {
        let mut idle = self.idle();
        // Asked under the lock, so that nothing is kept behind `close_idle`.
        let is_kept =
            !session.is_closed() && !self.shutdown.is_requested() && !self.closed.is_requested();
        if is_kept {
            idle.push(Arc::clone(session));
        }
    }

    pub(crate) fn state(&self) -> State {
        let idle = self.idle();
        let idle = idle.iter().filter(|session| !session.is_closed()).count();
        let trouble = self.trouble();
        State {
            idle,
            busy: self.connections_max - self.permits.available_permits().min(self.connections_max),
            waiting: self.waiting.load(Ordering::Relaxed),
            failures: trouble.failures,
            loss: trouble.last.as_ref().map(|(loss, _)| loss.clone()),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// Notes that a transaction begins, which has to end before the connection comes back.
    pub(crate) fn begin(&mut self) {
        self.is_in_transaction = true;
    }

    /// Notes that it was committed.
    pub(crate) fn committed(&mut self) {
        self.is_in_transaction = false;
    }

    /// Ends the connection: it is not known what the server makes of it.
    pub(crate) fn cut(&self) {
        self.session.cut();
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.session.end_turn();
        if self.session.is_closed() {
            return;
        }
        if self.is_in_transaction {
            self.session.roll_back();
        }
        self.pool.give_back(&self.session);
    }
}

/// A place among those who wait, freed when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, len_max: usize) -> Option<Self> {
        let place = Self(waiting);
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        (before < len_max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
