//! The log, the way to it, and what happens to both.

use std::collections::BTreeMap;

use base::{Duration, Machine as _, Timestamp};
use sim::{Dice, Link, Log, Network, Queue, Seed};

use super::super::super::{
    EventCursor, Input, Limits, LogId, Outbox, Output, Page, Phase, Position,
};
use super::consumer::{Consumer, Event, Pace};

const CHAOS: Duration = Duration::from_secs(60);

/// The longest time of a hanging read, a slow consumer's end, and the backlog, several times over.
const CALM: Duration = Duration::from_secs(240);

pub(super) type Marks = BTreeMap<&'static str, u64>;

enum Happening {
    Append,
    Trim,
    ReplaceLog,
    /// An answer reaches a consumer's stream; void when its connection is an older one.
    Answer(usize, u64, Input<Event>),
    Wake {
        consumer: usize,
        token: u64,
    },
    Drain {
        consumer: usize,
    },
    Break {
        consumer: usize,
    },
    Connect {
        consumer: usize,
    },
    JumpClock,
    Calm,
}

pub(super) struct World<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Happening>,
    /// Announcements go from 0 to consumers at 1 and up.
    network: Network<usize>,
    consumers: Vec<Consumer>,
    limits: Limits,
    id: LogId,
    /// The log: events from `oldest` to `newest` are kept.
    oldest: u64,
    newest: u64,
    offset_micros: i64,
    is_calm: bool,
    marks: Marks,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let link = Link {
            loss_permille: dice.below(500) as u32,
            duplication_permille: dice.below(300) as u32,
            reordering_permille: dice.below(500) as u32,
            ..Link::sound(Duration::from_millis(1), Duration::from_millis(300))
        };
        let pending_items_max = dice.between(1, 30) as u32;
        let limits = Limits {
            pending_items_max,
            page_events_max: dice.between(1, 10) as u32,
            ..Limits::default()
        };
        let mut world = Self {
            log,
            queue: Queue::new(Timestamp::from_secs(1_000_000)),
            network: Network::new(seed.named("network"), link),
            consumers: Vec::new(),
            limits,
            id: LogId(1),
            oldest: 1,
            newest: 0,
            offset_micros: 0,
            is_calm: false,
            marks: Marks::new(),
            dice,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for _ in 0..self.dice.below(40) {
            self.newest += 1;
        }
        for consumer in 0..3 {
            let pace = *self
                .dice
                .pick(&[Pace::Quick, Pace::Quick, Pace::Slow, Pace::Stalled]);
            let first = *self.dice.pick(&[Position::Now, Position::Beginning]);
            self.consumers.push(Consumer::new(pace, first));
            self.queue
                .push_in(Duration::ZERO, Happening::Connect { consumer });
            self.queue
                .push_in(Duration::ZERO, Happening::Drain { consumer });
        }
        self.queue.push_in(Duration::ZERO, Happening::Append);
        for _ in 0..self.dice.below(10) {
            let consumer = self.dice.index(self.consumers.len());
            let event = match self.dice.below(8) {
                0..=2 => Happening::Break { consumer },
                3..=5 => Happening::Trim,
                6 => Happening::ReplaceLog,
                _ => Happening::JumpClock,
            };
            let at = self.dice.span(Duration::ZERO, CHAOS);
            self.queue.push_in(at, event);
        }
        self.queue.push_in(CHAOS, Happening::Calm);
    }

    pub(super) fn run(&mut self) {
        let end = self.queue.now() + CHAOS + CALM;
        self.drive(CHAOS);
        while !self.is_settled() {
            assert!(self.queue.now() < end, "each has everything by now");
            self.drive(Duration::from_secs(5));
        }
    }

    fn drive(&mut self, span: Duration) {
        let end = self.queue.now() + span;
        while let Some(happening) = self.queue.pop_until(Some(end)) {
            self.happen(happening);
        }
    }

    /// Whether the log is at rest and every consumer is connected and has all of it.
    fn is_settled(&self) -> bool {
        let has_all = |consumer: &Consumer| {
            let Some(outbox) = &consumer.outbox else {
                return false;
            };
            let end = EventCursor {
                log: self.id,
                number: self.newest,
            };
            let is_open = matches!(outbox.phase(), Phase::Live | Phase::Backfill);
            is_open && outbox.pending() == 0 && consumer.has == Some(end)
        };
        self.is_calm && self.consumers.iter().all(has_all)
    }

    pub(super) fn finish(mut self) -> Marks {
        let tally = self.network.tally();
        self.note_if(tally.lost > 0, "announcement lost");
        self.note_if(tally.duplicated > 0, "announcement twice");
        let continued: u64 = self.consumers.iter().map(|one| one.continued).sum();
        self.note_if(continued > 0, "continued after a break");
        self.marks
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Append => self.append(),
            Happening::Trim => {
                self.mark("trimmed");
                self.oldest = self.dice.between(self.oldest, self.newest + 1);
            }
            Happening::ReplaceLog => self.replace_log(),
            Happening::Answer(consumer, connection, input) => {
                if self.consumers[consumer].connection == connection {
                    self.tell(consumer, input);
                }
            }
            Happening::Wake { consumer, token } => {
                if self.consumers[consumer].token == token {
                    self.tell(consumer, Input::Timeout);
                }
            }
            Happening::Drain { consumer } => self.drain(consumer),
            Happening::Break { consumer } => {
                self.mark("connection broke");
                self.disconnect(consumer);
            }
            Happening::Connect { consumer } => self.connect(consumer),
            Happening::JumpClock => {
                self.mark("clock jumped");
                self.offset_micros += self.dice.between(0, 200_000_000).cast_signed() - 100_000_000;
            }
            Happening::Calm => {
                self.is_calm = true;
                self.network.calm();
                // The last event is announced to nobody.
                self.newest += 1;
            }
        }
    }

    fn append(&mut self) {
        if self.is_calm {
            return;
        }
        let count = if self.dice.chance(50) {
            self.dice.below(60)
        } else {
            1
        };
        for _ in 0..count {
            self.newest += 1;
            self.announce();
        }
        let pause = self.dice.span(Duration::ZERO, Duration::from_secs(2));
        self.queue.push_in(pause, Happening::Append);
    }

    fn announce(&mut self) {
        for consumer in 0..self.consumers.len() {
            let number = self.newest;
            let event = self.dice.chance(700).then_some((self.id, number));
            let mut input = Input::Live { number, event };
            if !self.is_calm && self.dice.chance(20) {
                self.mark("announcement wrong");
                let number = number + self.dice.below(5);
                input = Input::Live {
                    number,
                    event: None,
                };
            }
            let connection = self.consumers[consumer].connection;
            for at in self.network.send(self.queue.now(), &0, &(consumer + 1)) {
                self.queue
                    .push(at, Happening::Answer(consumer, connection, input.clone()));
            }
        }
    }

    /// The log is lost; one that is shorter takes its place, or the same one from a backup.
    fn replace_log(&mut self) {
        self.mark("log replaced");
        if self.dice.chance(500) {
            self.id = LogId(self.id.0 + 1);
        }
        self.newest /= 2;
        self.oldest = self.oldest.min(self.newest + 1);
        // What hangs on the old log is over.
        for consumer in 0..self.consumers.len() {
            self.disconnect(consumer);
        }
    }

    fn connect(&mut self, consumer: usize) {
        if self.consumers[consumer].outbox.is_some() {
            return;
        }
        let place = &mut self.consumers[consumer];
        place.connection += 1;
        place.outbox = Some(Outbox::new(self.limits.clone()));
        place.way.clear();
        place.is_reset = false;
        let position = place.position();
        self.tell(
            consumer,
            Input::Start {
                position,
                log: self.id,
                oldest: self.oldest,
                newest: self.newest,
            },
        );
        let (id, newest) = (self.id, self.newest);
        let place = &mut self.consumers[consumer];
        place.has = match position {
            Position::Now => Some(EventCursor {
                log: id,
                number: newest,
            }),
            Position::Beginning => Some(EventCursor { log: id, number: 0 }),
            Position::After(cursor) => Some(cursor),
        };
        let is_back = matches!(position, Position::After(_));
        let is_continued = place
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.phase() != Phase::Snapshot);
        place.continued += u64::from(is_back && is_continued);
    }

    fn disconnect(&mut self, consumer: usize) {
        let place = &mut self.consumers[consumer];
        place.outbox = None;
        place.connection += 1;
        place.token += 1;
        place.way.clear();
        let pause = self.dice.span(Duration::ZERO, Duration::from_secs(5));
        self.queue.push_in(pause, Happening::Connect { consumer });
    }

    fn drain(&mut self, consumer: usize) {
        let millis = match self.consumers[consumer].pace {
            Pace::Quick => self.dice.between(1, 200),
            Pace::Slow | Pace::Stalled if self.is_calm => self.dice.between(10, 300),
            Pace::Slow => self.dice.between(10, 6_000),
            Pace::Stalled => self.dice.between(5_000, 45_000),
        };
        self.queue
            .push_in(Duration::from_millis(millis), Happening::Drain { consumer });
        let count_max = self.dice.between(1, 8);
        let mut items = 0;
        for _ in 0..count_max {
            match self.consumers[consumer].take() {
                None => break,
                Some(Output::Close { .. }) => {
                    self.mark("closed");
                    self.disconnect(consumer);
                    return;
                }
                Some(Output::Comment) => {
                    self.mark("comment");
                    items += 1;
                }
                Some(_) => items += 1,
            }
        }
        if 0 < items {
            self.tell(consumer, Input::Drained { items });
        }
    }

    fn tell(&mut self, consumer: usize, input: Input<Event>) {
        let now = Timestamp(self.queue.now().as_micros() + self.offset_micros);
        let is_page = matches!(input, Input::Page(_));
        let place = &mut self.consumers[consumer];
        let Some(outbox) = place.outbox.as_mut() else {
            return;
        };
        outbox.handle(now, input);
        let outputs: Vec<Output<Event>> = std::iter::from_fn(|| outbox.poll_output()).collect();
        assert!(outbox.pending() <= self.limits.pending_items_max + 1);
        place.token += 1;
        if let Some((at, _)) = outbox.poll_timeout() {
            let token = place.token;
            self.queue
                .push_in(at.since(now), Happening::Wake { consumer, token });
        }
        for output in outputs {
            self.log
                .note(now, "outbox", format_args!("{consumer} {output:?}"));
            self.perform(consumer, output, is_page);
        }
    }

    fn perform(&mut self, consumer: usize, output: Output<Event>, is_page: bool) {
        match output {
            Output::ReadLog { after, limit } => self.read(consumer, after, limit),
            Output::TakeSnapshot { request } => {
                let number = self.newest;
                let input = if self.fails("snapshot failed", 100) {
                    Input::Failed
                } else {
                    Input::SnapshotReady { request, number }
                };
                // Late ones are old when they come, and events behind them may be gone.
                let is_late = self.fails("snapshot late", 200);
                let millis_max = if is_late { 15_000 } else { 500 };
                self.answer(consumer, input, millis_max);
            }
            Output::Reset { reason } => {
                self.mark(match reason.as_str() {
                    "ahead" => "reset: ahead",
                    "outdated" => "reset: outdated",
                    _ => "reset: other-log",
                });
                self.consumers[consumer].way.push_back(output);
            }
            Output::Send { .. } => {
                self.mark(if is_page {
                    "event from a page"
                } else {
                    "event from an announcement"
                });
                self.consumers[consumer].way.push_back(output);
            }
            Output::Comment | Output::SendSnapshot { .. } | Output::Close { .. } => {
                self.consumers[consumer].way.push_back(output);
            }
        }
    }

    fn read(&mut self, consumer: usize, after: u64, limit: u32) {
        if self.fails("read hung", 50) {
            return;
        }
        if self.fails("read failed", 100) {
            self.answer(consumer, Input::Failed, 500);
            return;
        }
        let first = self.oldest.max(after + 1);
        let end = self.newest.min(after + u64::from(limit));
        let page = Page {
            after,
            events: (first..=end)
                .map(|number| (number, (self.id, number)))
                .collect(),
            oldest: self.oldest,
            is_end: end == self.newest || self.newest <= after,
        };
        if self.fails("read answered twice", 100) {
            self.answer(consumer, Input::Page(page.clone()), 20_000);
        }
        self.answer(consumer, Input::Page(page), 500);
    }

    fn answer(&mut self, consumer: usize, input: Input<Event>, millis_max: u64) {
        let connection = self.consumers[consumer].connection;
        let millis_max = if self.is_calm { 100 } else { millis_max };
        let delay = Duration::from_millis(self.dice.between(1, millis_max));
        self.queue
            .push_in(delay, Happening::Answer(consumer, connection, input));
    }

    fn fails(&mut self, mark: &'static str, permille: u32) -> bool {
        let fails = !self.is_calm && self.dice.chance(permille);
        self.note_if(fails, mark);
        fails
    }

    fn note_if(&mut self, is_so: bool, mark: &'static str) {
        if is_so {
            self.mark(mark);
        }
    }

    fn mark(&mut self, mark: &'static str) {
        *self.marks.entry(mark).or_default() += 1;
    }
}
