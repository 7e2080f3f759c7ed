//! Calls of what stands behind the cache, bounded and broken off when they keep failing: runs [`doorway_core::guard`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Code, Problem};
use doorway_core::guard::{Enter, Guard, Limits, Outcome, Refusal, Ticket, Turn, Waiting};
use runtime::Clock;
use tokio::sync::oneshot;

/// A guard that callers can wait at. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guarded(Arc<Inner>);

struct Inner {
    what: &'static str,
    state: Mutex<State>,
    clock: Clock,
}

struct State {
    guard: Guard,
    queue: HashMap<Waiting, oneshot::Sender<Turn>>,
}

/// A call under way; dropped before its end, it says nothing about the other side.
struct Running {
    guarded: Guarded,
    ticket: Option<Ticket>,
}

/// A place in the queue; dropped before its turn, it is given up.
struct Queued {
    guarded: Guarded,
    waiting: Waiting,
    turn: oneshot::Receiver<Turn>,
}

impl Guarded {
    /// Guards calls of `what`, as messages name it.
    pub(crate) fn new(what: &'static str, limits: Limits, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            what,
            state: Mutex::new(State {
                guard: Guard::new(limits),
                queue: HashMap::new(),
            }),
            clock,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call when it may be made.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when it may not; otherwise what the call fails with.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let mut running = self.enter().await?;
        let answered = call.await;
        let is_failure = answered
            .as_ref()
            .is_err_and(|problem| problem.code.kind() == base::Kind::Failure);
        running.end(if is_failure {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        });
        answered
    }

    async fn enter(&self) -> Result<Running, Problem> {
        let mut queued = {
            let now = self.0.clock.now();
            let mut state = self.state();
            match state.guard.try_enter(now) {
                Enter::Go(ticket) => return Ok(self.running(ticket)),
                Enter::Refused(refusal) => return Err(self.refuse(refusal)),
                Enter::Wait(waiting) => {
                    let (tell, turn) = oneshot::channel();
                    state.queue.insert(waiting, tell);
                    Queued {
                        guarded: self.clone(),
                        waiting,
                        turn,
                    }
                }
            }
        };
        match (&mut queued.turn).await {
            Ok(Turn::Go(ticket)) => Ok(self.running(ticket)),
            Ok(Turn::Refused(refusal)) => Err(self.refuse(refusal)),
            Err(_) => Err(Problem::new(Code::Unavailable, "the doorway is ending")),
        }
    }

    fn running(&self, ticket: Ticket) -> Running {
        Running {
            guarded: self.clone(),
            ticket: Some(ticket),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Problem {
        let wait = refusal.retry_after.as_secs().max(1);
        let detail = format!("{} cannot be asked; try again in {wait} s", self.0.what);
        Problem::new(Code::Unavailable, detail)
    }

    /// Tells those who waited that it is their turn.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let mut orphans = Vec::new();
        while let Some((waiting, turn)) = state.guard.poll_turn() {
            let told = match state.queue.remove(&waiting) {
                Some(tell) => tell.send(turn),
                None => Err(turn),
            };
            if let Err(Turn::Go(ticket)) = told {
                orphans.push(ticket);
            }
        }
        drop(state);
        for ticket in orphans {
            drop(self.running(ticket));
        }
    }
}

impl Running {
    fn end(&mut self, outcome: Outcome) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        // Without randomness, breakers of several doorways try at the same moment; nothing else depends on it.
        let chance = getrandom::u64().unwrap_or_default();
        let now = self.guarded.0.clock.now();
        let mut state = self.guarded.state();
        state.guard.done(now, ticket, outcome, chance);
        self.guarded.wake(state);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut state = self.guarded.state();
        if state.queue.remove(&self.waiting).is_some() {
            state.guard.give_up(self.waiting);
            self.guarded.wake(state);
            return;
        }
        drop(state);
        // Its turn came and nobody took it.
        if let Ok(Turn::Go(ticket)) = self.turn.try_recv() {
            drop(self.guarded.running(ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn guarded() -> Guarded {
        let limits = Limits {
            in_flight_max: 2,
            waiting_max: 3,
            failures_max: 2,
            ..Limits::default()
        };
        let (clock, _hand) = Clock::by_hand(base::Timestamp::from_secs(1_800_000_000));
        Guarded::new("it", limits, clock)
    }

    fn failure() -> Problem {
        Problem::new(Code::StoreFailed, "it failed")
    }

    #[tokio::test]
    async fn calls_wait_for_a_place_and_no_more_wait_than_may() {
        let guarded = guarded();
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let call = || {
            guarded.call(async {
                let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                tokio::task::yield_now().await;
                under_way.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        };
        let ended = futures::future::join_all((0..8).map(|_| call())).await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
        let refused = ended.iter().filter(|ended| ended.is_err()).count();
        assert_eq!(refused, 3, "two run, three wait, three are refused");
        assert!(call().await.is_ok(), "everything is free again");
    }

    #[tokio::test]
    async fn what_keeps_failing_is_not_called() {
        let guarded = guarded();
        for _ in 0..2 {
            let ended = guarded.call(async { Err::<(), _>(failure()) }).await;
            assert_eq!(ended.unwrap_err().code, Code::StoreFailed);
        }
        let called = guarded.call(async { Ok(()) }).await;
        assert_eq!(called.unwrap_err().code, Code::Unavailable);
    }

    #[tokio::test]
    async fn callers_who_go_away_keep_no_place() {
        let guarded = guarded();
        for _ in 0..5 {
            let waits = guarded.call(std::future::pending::<Result<(), Problem>>());
            let gone = tokio::select! {
                biased;
                _ = waits => false,
                () = tokio::task::yield_now() => true,
            };
            assert!(gone);
        }
        assert!(guarded.call(async { Ok(()) }).await.is_ok());
    }
}
