//! The outbox itself: what to read, what to hand out, whom to cut off.

use std::collections::VecDeque;

use base::{Machine, Timestamp};

use super::{Close, EventCursor, Input, Limits, LogId, Output, Page, Phase, Position, Reset};
use crate::steady::Steady;

/// One consumer's stream of events; see the module's documentation.
#[derive(Clone, Debug)]
pub struct Outbox<E> {
    limits: Limits,
    clock: Steady,
    log: LogId,
    /// The last event that was handed out.
    number: u64,
    step: Step,
    /// Items that are handed out and not drained.
    pending: u32,
    /// When something was drained last, or handed out to an empty buffer.
    drained_at: Timestamp,
    /// When something was handed out last.
    sent_at: Timestamp,
    /// Since when there has been more than there is room for.
    full_since: Option<Timestamp>,
    requests: u32,
    outputs: VecDeque<Output<E>>,
}

/// What is waited for, on steady time.
#[derive(Clone, Copy, Debug)]
enum Step {
    Idle,
    /// A snapshot was asked for.
    Snapshot {
        since: Timestamp,
    },
    /// A snapshot could not be made; it is asked for again.
    SnapshotPause {
        until: Timestamp,
    },
    /// There may be more in the log; it is read when there is room.
    Behind,
    /// The log was asked.
    Reading {
        since: Timestamp,
        announced_since: bool,
    },
    /// The log could not be read, or gave nothing of use; it is asked again.
    Pause {
        until: Timestamp,
    },
    /// Everything was handed out.
    Live {
        poll_at: Timestamp,
    },
    Closed,
}

impl<E> Outbox<E> {
    /// Starts without a consumer.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            clock: Steady::new(),
            log: LogId(0),
            number: 0,
            step: Step::Idle,
            pending: 0,
            drained_at: Timestamp::EPOCH,
            sent_at: Timestamp::EPOCH,
            full_since: None,
            requests: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Returns how far the stream is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.step {
            Step::Idle => Phase::Idle,
            Step::Snapshot { .. } | Step::SnapshotPause { .. } => Phase::Snapshot,
            Step::Behind | Step::Reading { .. } | Step::Pause { .. } => Phase::Backfill,
            Step::Live { .. } => Phase::Live,
            Step::Closed => Phase::Closed,
        }
    }

    /// Returns where the consumer is when it has drained everything that was handed out.
    #[must_use]
    pub const fn cursor(&self) -> EventCursor {
        EventCursor {
            log: self.log,
            number: self.number,
        }
    }

    /// Returns how many items are handed out and not drained.
    #[must_use]
    pub const fn pending(&self) -> u32 {
        self.pending
    }

    fn start(&mut self, now: Timestamp, position: Position, log: LogId, oldest: u64, newest: u64) {
        if !matches!(self.step, Step::Idle) {
            return;
        }
        self.log = log;
        (self.sent_at, self.drained_at) = (now, now);
        let after = match position {
            Position::Now => Ok(newest),
            Position::Beginning => Ok(0),
            Position::After(cursor) if cursor.log != log => Err(Reset::OtherLog),
            Position::After(cursor) if newest < cursor.number => Err(Reset::Ahead),
            Position::After(cursor) => Ok(cursor.number),
        };
        match after {
            Ok(after) if oldest <= after.saturating_add(1) => {
                self.number = after;
                self.step = Step::Behind;
            }
            Ok(_) => self.reset(now, Reset::Outdated),
            Err(reason) => self.reset(now, reason),
        }
    }

    fn reset(&mut self, now: Timestamp, reason: Reset) {
        self.hand_out(now, Output::Reset { reason });
        self.take_snapshot(now);
    }

    fn take_snapshot(&mut self, now: Timestamp) {
        self.requests = self.requests.wrapping_add(1);
        self.step = Step::Snapshot { since: now };
        self.outputs.push_back(Output::TakeSnapshot {
            request: self.requests,
        });
    }

    fn take_snapshot_ready(&mut self, now: Timestamp, request: u32, number: u64) {
        if !matches!(self.step, Step::Snapshot { .. }) || request != self.requests {
            return;
        }
        self.number = number;
        let cursor = self.cursor();
        self.hand_out(now, Output::SendSnapshot { request, cursor });
        self.step = Step::Behind;
    }

    fn take_page(&mut self, now: Timestamp, page: Page<E>) {
        let Step::Reading {
            announced_since, ..
        } = self.step
        else {
            return;
        };
        if page.after != self.number {
            return;
        }
        if self.number.saturating_add(1) < page.oldest {
            self.reset(now, Reset::Outdated);
            return;
        }
        let asked = self.number;
        let count_max = self.room().min(self.page_max()) as usize;
        let count = page.events.len() as u64;
        for (number, event) in page.events.into_iter().take(count_max) {
            if number.checked_sub(1) != Some(self.number) {
                break;
            }
            self.send(now, number, event);
        }
        let taken = self.number - asked;
        self.step = if taken == 0 && (0 < count || !page.is_end) {
            // It holds what was not asked for, or nothing although there is more.
            Step::Pause {
                until: now + self.limits.poll_interval,
            }
        } else if taken < count || !page.is_end || announced_since {
            Step::Behind
        } else {
            self.live(now)
        };
    }

    fn take_failed(&mut self, now: Timestamp) {
        let until = now + self.limits.poll_interval;
        match self.step {
            Step::Snapshot { .. } => self.step = Step::SnapshotPause { until },
            Step::Reading { .. } => self.step = Step::Pause { until },
            Step::Idle
            | Step::SnapshotPause { .. }
            | Step::Behind
            | Step::Pause { .. }
            | Step::Live { .. }
            | Step::Closed => {}
        }
    }

    fn take_live(&mut self, now: Timestamp, number: u64, event: Option<E>) {
        if number <= self.number {
            return;
        }
        match &mut self.step {
            Step::Live { .. } => {
                let is_next = number.checked_sub(1) == Some(self.number);
                match event {
                    Some(event) if is_next && 0 < self.room() => {
                        self.send(now, number, event);
                        self.step = self.live(now);
                    }
                    Some(_) | None => self.step = Step::Behind,
                }
            }
            Step::Reading {
                announced_since, ..
            } => *announced_since = true,
            // The log is read anyway.
            Step::Behind
            | Step::Pause { .. }
            | Step::Snapshot { .. }
            | Step::SnapshotPause { .. }
            | Step::Idle
            | Step::Closed => {}
        }
    }

    fn take_drained(&mut self, now: Timestamp, items: u32) {
        if items == 0 {
            return;
        }
        self.pending = self.pending.saturating_sub(items);
        self.drained_at = now;
        self.full_since = None;
    }

    /// Does what time alone makes due.
    fn wake(&mut self, now: Timestamp) {
        let read_end = |since: Timestamp| since + self.limits.read_time_max;
        match self.step {
            Step::Snapshot { since } if read_end(since) <= now => self.take_snapshot(now),
            Step::SnapshotPause { until } if until <= now => self.take_snapshot(now),
            Step::Reading { since, .. } if read_end(since) <= now => self.step = Step::Behind,
            Step::Pause { until } if until <= now => self.step = Step::Behind,
            Step::Live { poll_at } if poll_at <= now => self.step = Step::Behind,
            Step::Idle
            | Step::Snapshot { .. }
            | Step::SnapshotPause { .. }
            | Step::Behind
            | Step::Reading { .. }
            | Step::Pause { .. }
            | Step::Live { .. }
            | Step::Closed => {}
        }
    }

    /// Reads the log when it is time to and there is room; notes since when there is none.
    fn go_on(&mut self, now: Timestamp) {
        if !matches!(self.step, Step::Behind) {
            return;
        }
        if self.page_max() <= self.room() {
            self.step = Step::Reading {
                since: now,
                announced_since: false,
            };
            self.outputs.push_back(Output::ReadLog {
                after: self.number,
                limit: self.page_max(),
            });
        } else if self.full_since.is_none() {
            self.full_since = Some(now);
        }
    }

    /// Cuts off who drains nothing, and keeps the way open for who has nothing to drain.
    fn attend(&mut self, now: Timestamp) {
        if self.slow_at().is_some_and(|at| at <= now) {
            self.step = Step::Closed;
            self.outputs.push_back(Output::Close {
                reason: Close::TooSlow,
                cursor: self.cursor(),
            });
        } else if self.heartbeat_at().is_some_and(|at| at <= now) {
            self.hand_out(now, Output::Comment);
        }
    }

    fn slow_at(&self) -> Option<Timestamp> {
        if self.pending == 0 || matches!(self.step, Step::Idle | Step::Closed) {
            return None;
        }
        let slow = self.drained_at + self.limits.slow_time_max;
        let full = self
            .full_since
            .map(|since| since.max(self.drained_at) + self.limits.full_time_max);
        Some(full.map_or(slow, |full| full.min(slow)))
    }

    fn heartbeat_at(&self) -> Option<Timestamp> {
        let is_quiet = self.pending == 0 && !matches!(self.step, Step::Idle | Step::Closed);
        is_quiet.then(|| self.sent_at.max(self.drained_at) + self.limits.heartbeat_interval)
    }

    fn step_at(&self) -> Option<(Timestamp, &'static str)> {
        match self.step {
            Step::Snapshot { since } => {
                Some((since + self.limits.read_time_max, "no snapshot in time"))
            }
            Step::SnapshotPause { until } => Some((until, "ask for a snapshot again")),
            Step::Reading { since, .. } => {
                Some((since + self.limits.read_time_max, "the log does not answer"))
            }
            Step::Pause { until } => Some((until, "read the log again")),
            Step::Live { poll_at } => Some((poll_at, "look at the log")),
            Step::Idle | Step::Behind | Step::Closed => None,
        }
    }

    fn live(&self, now: Timestamp) -> Step {
        Step::Live {
            poll_at: now + self.limits.poll_interval,
        }
    }

    fn send(&mut self, now: Timestamp, number: u64, event: E) {
        self.number = number;
        let cursor = self.cursor();
        self.hand_out(now, Output::Send { cursor, event });
    }

    fn hand_out(&mut self, now: Timestamp, item: Output<E>) {
        if self.pending == 0 {
            self.drained_at = now;
        }
        self.pending += 1;
        self.sent_at = now;
        self.outputs.push_back(item);
    }

    fn room(&self) -> u32 {
        self.limits
            .pending_items_max
            .max(1)
            .saturating_sub(self.pending)
    }

    fn page_max(&self) -> u32 {
        let pending_max = self.limits.pending_items_max.max(1);
        self.limits.page_events_max.clamp(1, pending_max)
    }
}

impl<E> Machine for Outbox<E> {
    type Input = Input<E>;
    type Output = Output<E>;

    fn handle(&mut self, now: Timestamp, input: Input<E>) {
        let now = self.clock.advance(now);
        if matches!(self.step, Step::Closed) {
            return;
        }
        match input {
            Input::Start {
                position,
                log,
                oldest,
                newest,
            } => self.start(now, position, log, oldest, newest),
            Input::Page(page) => self.take_page(now, page),
            Input::Failed => self.take_failed(now),
            Input::Live { number, event } => self.take_live(now, number, event),
            Input::SnapshotReady { request, number } => {
                self.take_snapshot_ready(now, request, number);
            }
            Input::Drained { items } => self.take_drained(now, items),
            Input::Timeout => {}
        }
        self.wake(now);
        self.go_on(now);
        self.attend(now);
    }

    fn poll_output(&mut self) -> Option<Output<E>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let slow = self.slow_at().map(|at| (at, "the consumer is too slow"));
        let heartbeat = self.heartbeat_at().map(|at| (at, "keep the way open"));
        let (at, why) = [slow, heartbeat, self.step_at()]
            .into_iter()
            .flatten()
            .min()?;
        Some((self.clock.reading_at(at), why))
    }
}
