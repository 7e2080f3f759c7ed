//! What becomes of a request that a doorway puts off: it is asked again, for a while.
//!
//! # Invariants
//! Only what certainly did nothing is asked again: 429 and 503 with `Retry-After` (RFC 9110, section 10.2.3), and
//! what another process writes at the moment ([`Code::NotTheWriter`]).
//! A request is asked at most ten times and waits at most a minute in total, whatever the doorway says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base::Code;
use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use tokio::time;

/// How often a request is asked, the first time included.
const TRIES_MAX: u32 = 10;

/// How long a request waits in all pauses together.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The shortest and the longest pause, whatever the doorway says.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// The pause where the doorway does not say how long.
const PAUSE_UNSAID: Duration = Duration::from_secs(1);

/// Who is told that a request waits.
#[derive(Clone, Default)]
pub(crate) struct Patience {
    tell: Option<Arc<dyn Fn(Waiting) + Send + Sync>>,
}

/// Where a request is that the doorway put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It waits until it may be asked again.
    Began,
    /// It is asked again.
    Ended,
}

/// What the head of an answer says about asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PutOff {
    status: u16,
    pause: Option<Duration>,
}

/// The tries of one request.
pub(crate) struct Tries<'a> {
    patience: &'a Patience,
    count: u32,
    waited: Duration,
}

/// Says that a wait is over, also when it was given up.
struct Told<'a>(&'a Patience);

impl Patience {
    pub(crate) fn telling(tell: impl Fn(Waiting) + Send + Sync + 'static) -> Self {
        Self {
            tell: Some(Arc::new(tell)),
        }
    }

    /// Begins to count the tries of a request.
    pub(crate) const fn tries(&self) -> Tries<'_> {
        Tries {
            patience: self,
            count: 1,
            waited: Duration::ZERO,
        }
    }

    fn say(&self, waiting: Waiting) {
        if let Some(tell) = &self.tell {
            tell(waiting);
        }
    }
}

impl PutOff {
    /// Reads the head of an answer. A date in `Retry-After` counts as if nothing were said.
    pub(crate) fn of(response: &Response) -> Self {
        let value = response.headers().get(RETRY_AFTER);
        let secs = value.map(|value| value.to_str().ok()?.trim().parse().ok());
        Self {
            status: response.status().as_u16(),
            pause: secs.map(|secs| secs.map_or(PAUSE_UNSAID, Duration::from_secs)),
        }
    }

    /// Returns how long to wait, when asking again may help.
    fn pause(self, code: Option<Code>) -> Option<Duration> {
        match (self.status, code) {
            (429 | 503, _) if self.pause.is_some() => self.pause,
            (_, Some(Code::NotTheWriter)) => Some(PAUSE_UNSAID),
            _ => None,
        }
    }
}

impl Tries<'_> {
    /// Waits as long as the answer asks for; returns whether the request is to be asked again.
    ///
    /// `code` is the problem that the answer describes.
    ///
    /// # Cancel safety
    /// May be dropped.
    pub(crate) async fn wait(&mut self, answer: PutOff, code: Option<Code>) -> bool {
        let asked = answer.pause(code);
        let Some(pause) = asked.and_then(|asked| next(asked, self.count, self.waited)) else {
            return false;
        };
        self.count += 1;
        self.waited += pause;
        self.patience.say(Waiting::Began);
        let _told = Told(self.patience);
        time::sleep(pause).await;
        true
    }
}

/// Returns the next pause after `count` tries that waited for `waited` so far; nothing when it is enough.
fn next(asked: Duration, count: u32, waited: Duration) -> Option<Duration> {
    let pause = asked.clamp(PAUSE_MIN, PAUSE_MAX);
    let is_allowed = count < TRIES_MAX && waited + pause <= WAIT_MAX;
    is_allowed.then_some(pause)
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.say(Waiting::Ended);
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Patience")
            .field("is_told", &self.tell.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests;
