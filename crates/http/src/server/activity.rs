//! What a connection is doing, noted by atomics and looked at now and then.
//!
//! # Invariants
//!
//! * A request that is answered at once costs one counter.
//! * A connection is idle when nobody works for it: neither a handler, nor the peer by taking bytes fast enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{self, Instant};

use super::Limits;

/// How long an idle connection may take to say goodbye: HTTP/2 peers are told, HTTP/1 ones just closed.
const GOODBYE_HTTP2: Duration = Duration::from_secs(1);
const GOODBYE_HTTP1: Duration = Duration::from_millis(50);

/// How often a busy connection is looked at in the time that it may be idle. A quiet one is looked at once in the
/// shortest time that any may be idle.
const LOOKS_PER_DEADLINE: u32 = 5;

/// What a connection is doing.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Goes up with each request, and each piece of an answer.
    turns: AtomicU64,
    /// Requests that are not answered to the end.
    open: AtomicU32,
    /// Those of them whose peer has yet to take the last piece.
    owed: AtomicU32,
    is_writing: AtomicBool,
    is_http2: AtomicBool,
}

/// An [`Activity`] at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    turns: u64,
    open: u32,
    owed: u32,
    is_writing: bool,
    is_http2: bool,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Open {
    activity: Arc<Activity>,
    is_owed: bool,
}

/// How long a connection may be idle in which state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    first: Duration,
    http1: Duration,
    http2: Duration,
    owed: Duration,
}

impl Activity {
    /// Notes a request that was answered at once.
    pub(super) fn turn(&self) {
        // Two at once may count as one: it has to change, not to be right.
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Relaxed);
    }

    /// Notes a request that is not answered yet.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.turn();
        self.open.fetch_add(1, Ordering::Relaxed);
        Open {
            activity: Arc::clone(self),
            is_owed: false,
        }
    }

    /// Notes whether the socket waits for the peer to take bytes; its own deadline watches that.
    pub(super) fn writes(&self, is_writing: bool) {
        self.turn();
        self.is_writing.store(is_writing, Ordering::Relaxed);
    }

    pub(super) fn is_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    pub(super) fn glance(&self) -> Glance {
        Glance {
            turns: self.turns.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
            owed: self.owed.load(Ordering::Relaxed),
            is_writing: self.is_writing.load(Ordering::Relaxed),
            is_http2: self.is_http2.load(Ordering::Relaxed),
        }
    }

    /// Waits until the connection has been idle for too long. It is looked at rarely, so that this may be noticed
    /// late, by the shortest deadline at most.
    pub(super) async fn idle(self: Arc<Self>, patience: Patience) {
        let mut seen = self.glance();
        let mut since = Instant::now();
        let mut is_quiet = true;
        loop {
            let limit = patience.of(seen);
            if is_quiet {
                let look = Instant::now() + patience.shortest();
                time::sleep_until(look.min(since + limit)).await;
            } else {
                let look = limit / LOOKS_PER_DEADLINE;
                time::sleep(look.min(patience.shortest())).await;
            }
            let now = self.glance();
            is_quiet = !now.is_busy() && now == seen;
            if !is_quiet {
                since = Instant::now();
            } else if since.elapsed() >= patience.of(now) {
                return;
            }
            seen = now;
        }
    }
}

impl Glance {
    pub(super) const fn is_busy(&self) -> bool {
        self.open > self.owed || self.is_writing
    }
}

impl Open {
    /// Notes that a piece was handed over, and the peer has to take it before the next is asked for.
    pub(super) fn owed(&mut self) {
        self.activity.turn();
        if !self.is_owed {
            self.is_owed = true;
            self.activity.owed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that the next piece was asked for and is not there yet.
    pub(super) fn due(&mut self) {
        if self.is_owed {
            self.is_owed = false;
            self.activity.owed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.due();
        self.activity.turn();
        self.activity.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Patience {
    pub(super) fn new(limits: &Limits) -> Self {
        let idle = Duration::from_millis(limits.idle_ms_max);
        Self {
            first: limits.head(),
            http1: limits.head().min(idle),
            http2: idle,
            owed: Duration::from_millis(limits.write_window_ms),
        }
    }

    /// For a connection that was asked to end.
    pub(super) const fn goodbye(limits: &Limits) -> Self {
        Self {
            first: GOODBYE_HTTP1,
            http1: GOODBYE_HTTP1,
            http2: GOODBYE_HTTP2,
            owed: Duration::from_millis(limits.write_window_ms),
        }
    }

    fn shortest(&self) -> Duration {
        self.first.min(self.http1).min(self.http2).min(self.owed)
    }

    fn of(&self, glance: Glance) -> Duration {
        match glance {
            Glance { open: 1.., .. } => self.owed,
            Glance { turns: 0, .. } => self.first,
            Glance { is_http2: true, .. } => self.http2,
            Glance { .. } => self.http1,
        }
    }
}

#[cfg(test)]
mod tests;
