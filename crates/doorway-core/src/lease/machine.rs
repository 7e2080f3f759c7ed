//! The lease itself: asks, renews, stops in time, asks again.

use std::collections::VecDeque;

use base::{Duration, Machine, Timestamp};

use super::{Call, Epoch, HolderId, Input, Limits, Output, State, Stop};
use crate::steady::Steady;

/// One process's side of the grant; see the module's documentation.
#[derive(Clone, Debug)]
pub struct Lease {
    holder: HolderId,
    limits: Limits,
    clock: Steady,
    standing: Standing,
    /// The request under way.
    asked: Option<Asked>,
    /// When to ask next, if nothing is under way.
    ask_at: Option<Timestamp>,
    next_call: u64,
    outputs: VecDeque<Output>,
}

/// How it stands, on steady time.
#[derive(Clone, Debug)]
enum Standing {
    Candidate { holder: Option<(HolderId, Epoch)> },
    Holding { epoch: Epoch, until: Timestamp },
    Lost { to: Option<HolderId>, epoch: Epoch },
    Left,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    call: Call,
    sent: Timestamp,
}

impl Lease {
    /// Starts as a candidate; the first [`Input::Timeout`] makes it ask.
    #[must_use]
    pub const fn new(holder: HolderId, limits: Limits) -> Self {
        Self {
            holder,
            limits,
            clock: Steady::new(),
            standing: Standing::Candidate { holder: None },
            asked: None,
            ask_at: Some(Timestamp(i64::MIN)),
            next_call: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Returns under which epoch the process may write at this time; to be asked before every write.
    #[must_use]
    pub fn may_write(&self, now: Timestamp) -> Option<Epoch> {
        match self.standing {
            Standing::Holding { epoch, until } if self.clock.peek(now) < until => Some(epoch),
            Standing::Holding { .. }
            | Standing::Candidate { .. }
            | Standing::Lost { .. }
            | Standing::Left => None,
        }
    }

    /// Returns how it stands.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.standing {
            Standing::Candidate { holder } => State::Candidate {
                holder: holder.clone(),
            },
            Standing::Holding { epoch, until } => State::Holding {
                epoch: *epoch,
                until: self.clock.reading_at(*until),
            },
            Standing::Lost { to, epoch } => State::Lost {
                to: to.clone(),
                epoch: *epoch,
            },
            Standing::Left => State::Left,
        }
    }

    /// Returns who this is.
    #[must_use]
    pub const fn holder(&self) -> &HolderId {
        &self.holder
    }

    fn take_granted(&mut self, now: Timestamp, call: Call, epoch: Epoch, ttl: Duration) {
        let Some(sent) = self.take_answer(call) else {
            return;
        };
        let until = sent + ttl - self.limits.margin;
        let held = match self.standing {
            Standing::Holding { epoch, .. } => Some(epoch),
            Standing::Candidate { .. } | Standing::Lost { .. } => None,
            Standing::Left => return,
        };
        if until <= now {
            // It came too late to be worth anything.
            self.ask_after(now, self.limits.ask_interval);
            return;
        }
        if held.is_some_and(|held| held != epoch) {
            self.say(Output::Stop {
                reason: Stop::Denied {
                    to: Some(self.holder.clone()),
                    epoch,
                },
            });
        }
        if held != Some(epoch) {
            self.say(Output::Start { epoch });
        }
        self.standing = Standing::Holding { epoch, until };
        self.ask_at = Some((sent + third(ttl)).max(now).min(until));
    }

    fn take_denied(
        &mut self,
        now: Timestamp,
        to: Option<HolderId>,
        epoch: Epoch,
        remaining: Duration,
    ) {
        // Not before the grant may be free, and neither too often nor too seldom.
        let interval = self.limits.ask_interval.as_micros();
        let patience = remaining.as_micros().clamp(interval / 4, interval);
        let patience = Duration::from_micros(patience);
        match &mut self.standing {
            Standing::Candidate { holder } => *holder = to.map(|to| (to, epoch)),
            Standing::Lost {
                to: lost,
                epoch: newest,
            } => {
                *lost = to;
                *newest = epoch;
            }
            Standing::Holding { .. } => {
                let reason = Stop::Denied {
                    to: to.clone(),
                    epoch,
                };
                self.lose(to, epoch, reason);
            }
            Standing::Left => return,
        }
        self.ask_after(now, patience);
    }

    fn take_failed(&mut self, now: Timestamp) {
        self.asked = None;
        let delay = match self.standing {
            Standing::Holding { .. } => self.limits.retry_interval,
            Standing::Candidate { .. } | Standing::Lost { .. } => self.limits.ask_interval,
            Standing::Left => return,
        };
        self.ask_after(now, delay);
    }

    fn take_fenced(&mut self, now: Timestamp, current: Epoch) {
        let Standing::Holding { epoch, .. } = self.standing else {
            return;
        };
        // A write of an earlier grant of this process may be refused late; that says nothing about the present one.
        if current <= epoch {
            return;
        }
        self.asked = None;
        self.lose(None, current, Stop::Fenced { epoch: current });
        self.ask_after(now, self.limits.ask_interval);
    }

    fn leave(&mut self) {
        if let Standing::Holding { epoch, .. } = self.standing {
            self.say(Output::Stop {
                reason: Stop::Leaving,
            });
            let holder = self.holder.clone();
            self.say(Output::Release { holder, epoch });
        }
        self.standing = Standing::Left;
        self.asked = None;
        self.ask_at = None;
    }

    fn lose(&mut self, to: Option<HolderId>, epoch: Epoch, reason: Stop) {
        self.say(Output::Stop { reason });
        self.standing = Standing::Lost { to, epoch };
    }

    /// Does what time alone makes due.
    fn wake(&mut self, now: Timestamp) {
        let is_late = |asked: &Asked| asked.sent + self.limits.request_time_max <= now;
        if self.asked.as_ref().is_some_and(is_late) {
            self.take_failed(now);
        }
        let is_due = self.ask_at.is_some_and(|at| at <= now);
        if self.asked.is_none() && is_due {
            self.ask(now);
        }
    }

    fn ask(&mut self, now: Timestamp) {
        let call = Call(self.next_call);
        let holder = self.holder.clone();
        let ttl = self.limits.lease_ttl;
        let request = match self.standing {
            Standing::Holding { epoch, .. } => Output::Renew {
                call,
                holder,
                epoch,
                ttl,
            },
            Standing::Candidate { .. } | Standing::Lost { .. } => {
                Output::TryAcquire { call, holder, ttl }
            }
            Standing::Left => return,
        };
        self.next_call += 1;
        self.asked = Some(Asked { call, sent: now });
        self.ask_at = None;
        self.say(request);
    }

    /// Returns when the request was sent, if this answers the one under way.
    fn take_answer(&mut self, call: Call) -> Option<Timestamp> {
        let asked = self.asked.filter(|asked| asked.call == call)?;
        self.asked = None;
        Some(asked.sent)
    }

    fn ask_after(&mut self, now: Timestamp, delay: Duration) {
        self.ask_at = Some(now + delay);
    }

    fn say(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

const fn third(span: Duration) -> Duration {
    Duration::from_micros(span.as_micros() / 3)
}

impl Machine for Lease {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Timestamp, input: Input) {
        let now = self.clock.advance(now);
        // What ran out while nobody looked has run out, whatever the input says.
        if let Standing::Holding { epoch, until } = self.standing
            && until <= now
        {
            self.lose(None, epoch, Stop::Expired);
            self.ask_at = Some(now);
        }
        match input {
            Input::Timeout => {}
            Input::Granted { call, epoch, ttl } => self.take_granted(now, call, epoch, ttl),
            Input::Denied {
                call,
                holder,
                epoch,
                remaining,
            } => {
                if self.take_answer(call).is_some() {
                    self.take_denied(now, holder, epoch, remaining);
                }
            }
            Input::Failed { call } => {
                if self.take_answer(call).is_some() {
                    self.take_failed(now);
                }
            }
            Input::Fenced { epoch } => self.take_fenced(now, epoch),
            Input::Leave => self.leave(),
        }
        self.wake(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let held = match self.standing {
            Standing::Holding { until, .. } => Some((until, "the grant may be over")),
            Standing::Candidate { .. } | Standing::Lost { .. } | Standing::Left => None,
        };
        let next = match self.asked {
            Some(asked) => Some((
                asked.sent + self.limits.request_time_max,
                "the store does not answer",
            )),
            None => self.ask_at.map(|at| (at, "ask the store")),
        };
        let (at, why) = held.into_iter().chain(next).min()?;
        Some((self.clock.reading_at(at), why))
    }
}
