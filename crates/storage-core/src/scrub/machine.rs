//! The scrub itself.

use std::collections::VecDeque;

use base::{ContentHash, Duration, Machine, Timestamp};

use super::{Call, Checked, Fault, Input, Item, Output, Position, Report, Terms};
use crate::clock;
use crate::sum::Sum;

/// One pass; see the module's documentation.
#[derive(Clone, Debug)]
pub struct Scrub {
    terms: Terms,
    step: Step,
    is_going: bool,
    asked: Option<Asked>,
    /// When it may go on: the budget, or the delay after a failure.
    not_before: Option<Timestamp>,
    next_call: u64,
    /// How often in a row the step has failed.
    failures: u32,
    page: VecDeque<Item>,
    after: Option<ContentHash>,
    began: Option<Timestamp>,
    last: Option<Timestamp>,
    seen: Sum,
    /// How many bytes were seen when the position was told last.
    told_bytes: u64,
    report: Report,
    outputs: VecDeque<Output>,
}

/// What is to be asked for next, or is being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    List,
    Check(Item),
    Quarantine(Item),
    Walk,
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    call: Call,
    at: Timestamp,
}

impl Scrub {
    /// Makes a pass that begins after the blob `from`, where an earlier one was; it waits for [`Input::Go`].
    #[must_use]
    pub const fn new(terms: Terms, from: Option<ContentHash>) -> Self {
        Self {
            terms,
            step: Step::List,
            is_going: false,
            asked: None,
            not_before: None,
            next_call: 0,
            failures: 0,
            page: VecDeque::new(),
            after: from,
            began: None,
            last: None,
            seen: Sum::ZERO,
            told_bytes: 0,
            report: Report {
                from,
                upto: from,
                is_whole: false,
                sound: Sum::ZERO,
                mended: Sum::ZERO,
                mended_named: Vec::new(),
                damaged: Sum::ZERO,
                damaged_named: Vec::new(),
                at_large: Sum::ZERO,
                unread: Sum::ZERO,
                gone: Sum::ZERO,
                walked_bytes: 0,
                faults: 0,
                faults_named: Vec::new(),
                retries: 0,
                took: Duration::ZERO,
            },
            outputs: VecDeque::new(),
        }
    }

    /// Returns how far it is.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            after: self.after,
            seen: self.seen,
        }
    }

    /// Returns what it has found so far.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Returns whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// Asks for the next thing, if it is time.
    fn go_on(&mut self, now: Timestamp) {
        let is_due = self.not_before.is_none_or(|at| at <= now);
        if !self.is_going || self.asked.is_some() || !is_due {
            return;
        }
        let call = Call(self.next_call);
        let output = match self.step {
            Step::List => Output::List {
                call,
                after: self.after,
                limit: self.terms.page_items_max.max(1),
            },
            Step::Check(item) => Output::Check { call, item },
            Step::Quarantine(item) => Output::Quarantine { call, item },
            Step::Walk => Output::Walk {
                call,
                bytes_max: self.terms.walk_bytes_max.max(1),
            },
            Step::Over => return,
        };
        self.not_before = None;
        self.next_call += 1;
        self.asked = Some(Asked { call, at: now });
        self.outputs.push_back(output);
    }

    /// Returns when it was asked, if this answers what is asked for.
    fn take_answer(&mut self, call: Call) -> Option<Timestamp> {
        let asked = self.asked.filter(|asked| asked.call == call)?;
        self.asked = None;
        Some(asked.at)
    }

    fn take_page(&mut self, now: Timestamp, items: Vec<Item>) {
        self.failures = 0;
        if items.is_empty() {
            self.step = Step::Walk;
            return;
        }
        // What is out of order would be checked twice or never; the list goes on from the last one either way.
        let mut last = self.after;
        for item in items {
            if last.is_none_or(|last| last < item.hash) {
                last = Some(item.hash);
                self.page.push_back(item);
            }
        }
        if self.page.is_empty() {
            self.finish(now);
            return;
        }
        self.step = self
            .page
            .front()
            .map_or(Step::List, |item| Step::Check(*item));
    }

    /// Goes to the next blob of the page, or to the next page.
    fn turn(&mut self) {
        self.failures = 0;
        self.step = match self.page.front() {
            Some(item) => Step::Check(*item),
            None => Step::List,
        };
        let untold = self.seen.bytes - self.told_bytes;
        if self.step == Step::List || self.terms.progress_bytes_max <= untold {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.told_bytes = self.seen.bytes;
        self.outputs.push_back(Output::Progress(self.position()));
    }

    /// Counts the blob of the step and goes on.
    fn leave(&mut self, item: Item) {
        self.page.pop_front();
        self.after = Some(item.hash);
        self.report.upto = self.after;
        self.seen.add(item.bytes);
        self.turn();
    }

    fn take_checked(&mut self, now: Timestamp, asked: Timestamp, item: Item, outcome: Checked) {
        if outcome != Checked::Gone {
            self.pace(now, asked, item.bytes);
        }
        match outcome {
            Checked::Sound => {
                self.report.sound.add(item.bytes);
                self.leave(item);
            }
            Checked::Mended => {
                self.report.mended.add(item.bytes);
                if self.report.mended_named.len() < self.terms.damaged_named_max {
                    self.report.mended_named.push(item);
                }
                self.leave(item);
            }
            Checked::Gone => {
                self.report.gone.add(item.bytes);
                self.leave(item);
            }
            Checked::Damaged => {
                self.report.damaged.add(item.bytes);
                if self.report.damaged_named.len() < self.terms.damaged_named_max {
                    self.report.damaged_named.push(item);
                }
                self.failures = 0;
                self.step = Step::Quarantine(item);
                // What is damaged is put aside at once; the budget is for reading.
                let due = self.not_before.take();
                self.go_on(now);
                self.not_before = due;
            }
            Checked::Failed => {
                if !self.try_again(now) {
                    self.report.unread.add(item.bytes);
                    self.leave(item);
                }
            }
        }
    }

    fn take_walked(
        &mut self,
        now: Timestamp,
        (asked, bytes): (Timestamp, u64),
        faults: Vec<Fault>,
        is_end: bool,
    ) {
        self.failures = 0;
        self.report.walked_bytes += bytes;
        self.report.faults += faults.len() as u64;
        let room = self.terms.damaged_named_max;
        let room = room.saturating_sub(self.report.faults_named.len());
        self.report
            .faults_named
            .extend(faults.into_iter().take(room));
        if is_end {
            self.report.is_whole = true;
            self.finish(now);
        } else {
            self.pace(now, asked, bytes);
        }
    }

    fn take_quarantined(&mut self, now: Timestamp, item: Item, is_done: bool) {
        if is_done {
            self.leave(item);
        } else if !self.try_again(now) {
            self.report.at_large.add(item.bytes);
            self.leave(item);
        }
    }

    /// Notes a failure of the step; returns whether it is tried again.
    fn try_again(&mut self, now: Timestamp) -> bool {
        if self.failures >= self.terms.retries_max {
            return false;
        }
        self.failures += 1;
        self.report.retries += 1;
        let at = now + self.terms.retry_delay;
        self.not_before = Some(self.not_before.map_or(at, |other| other.max(at)));
        true
    }

    /// Puts the next step off until the bytes that were read are within the budget.
    fn pace(&mut self, now: Timestamp, asked: Timestamp, bytes: u64) {
        let rate = u128::from(self.terms.bytes_per_sec);
        if rate == 0 {
            return;
        }
        let micros = (u128::from(bytes) * 1_000_000).div_ceil(rate);
        let span = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        let due = asked + span;
        if now < due {
            self.not_before = Some(due);
        }
    }

    fn fail(&mut self, now: Timestamp, asked: Timestamp) {
        match self.step {
            Step::List | Step::Walk => {
                if !self.try_again(now) {
                    self.finish(now);
                }
            }
            Step::Check(item) => self.take_checked(now, asked, item, Checked::Failed),
            Step::Quarantine(item) => self.take_quarantined(now, item, false),
            Step::Over => {}
        }
    }

    fn finish(&mut self, now: Timestamp) {
        if self.step == Step::Over {
            return;
        }
        self.step = Step::Over;
        self.asked = None;
        self.not_before = None;
        self.page.clear();
        self.report.took = self.began.map_or(Duration::ZERO, |began| now.since(began));
        self.tell();
        self.outputs
            .push_back(Output::Finished(Box::new(self.report.clone())));
    }

    /// Moves what it waits for with a clock that was set back.
    fn follow(&mut self, now: Timestamp) {
        let back = clock::step_back(&mut self.last, now);
        if let Some(at) = &mut self.not_before {
            *at = *at - back;
        }
        if let Some(asked) = &mut self.asked {
            asked.at = asked.at - back;
        }
        if let Some(began) = &mut self.began {
            *began = *began - back;
        }
    }
}

impl Machine for Scrub {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Timestamp, input: Input) {
        self.follow(now);
        if self.step == Step::Over {
            return;
        }
        match input {
            Input::Go => {
                self.is_going = true;
                self.began.get_or_insert(now);
            }
            Input::Pause => self.is_going = false,
            Input::Stop => self.finish(now),
            Input::SetPace(bytes_per_sec) => {
                self.terms.bytes_per_sec = bytes_per_sec;
                // A failure's delay is short; a budget that was too small may have put the next step off for hours.
                self.not_before = None;
            }
            Input::Page { call, items } => {
                if self.step == Step::List && self.take_answer(call).is_some() {
                    self.take_page(now, items);
                }
            }
            Input::ListFailed { call } => {
                if let (Step::List, Some(asked)) = (self.step, self.take_answer(call)) {
                    self.fail(now, asked);
                }
            }
            Input::Checked { call, outcome } => {
                if let Step::Check(item) = self.step
                    && let Some(asked) = self.take_answer(call)
                {
                    self.take_checked(now, asked, item, outcome);
                }
            }
            Input::Quarantined { call, is_done } => {
                if let Step::Quarantine(item) = self.step
                    && self.take_answer(call).is_some()
                {
                    self.take_quarantined(now, item, is_done);
                }
            }
            Input::Walked {
                call,
                bytes,
                faults,
                is_end,
            } => {
                if let (Step::Walk, Some(asked)) = (self.step, self.take_answer(call)) {
                    self.take_walked(now, (asked, bytes), faults, is_end);
                }
            }
            Input::WalkFailed { call } => {
                if let (Step::Walk, Some(asked)) = (self.step, self.take_answer(call)) {
                    self.fail(now, asked);
                }
            }
            Input::Timeout => {
                let late = self
                    .asked
                    .filter(|asked| asked.at + self.terms.answer_time_max <= now);
                if let Some(asked) = late {
                    self.asked = None;
                    self.fail(now, asked.at);
                }
            }
        }
        self.go_on(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Timestamp, &'static str)> {
        if self.step == Step::Over {
            return None;
        }
        if let Some(asked) = self.asked {
            return Some((
                asked.at + self.terms.answer_time_max,
                "the engine does not answer",
            ));
        }
        let at = self.not_before.filter(|_| self.is_going)?;
        Some((at, "the budget allows the next blob"))
    }
}
