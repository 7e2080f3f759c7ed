//! The world of the simulation: clients, a writer with a log, a collector, a clock, and what happens to them.

mod collector;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Duration, Timestamp};
use sim::{Dice, Log, Queue, Seed};

use super::super::super::{Holds, Terms};
use super::super::hash;
use collector::Collector;
use store::Store;

pub(super) type Marks = BTreeMap<&'static str, u64>;

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// How long the world is bad.
const CHAOS: Duration = Duration::from_secs(24 * 86_400);

/// The longest lease, the longest trash and the time of a few collections.
const CALM: Duration = Duration::from_secs(15 * 86_400);

/// Numbers of blobs; those below [`FOLDERS`] are folders.
const BLOBS: u8 = 14;
const FOLDERS: u8 = 3;

enum Event {
    Client,
    Commit,
    Read,
    Collect,
    Step,
    Crash,
    Restart,
    Jump,
    Calm,
}

pub(super) struct World<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    terms: Terms,
    /// What the machine's clock is ahead of the truth, in microseconds.
    ahead: i64,
    /// Whether each jump of this world is too large to be counted.
    has_far_jumps: bool,
    /// What the process knows, and what is on stable storage.
    store: Store,
    durable: Store,
    is_up: bool,
    collector: Option<Collector>,
    is_calm: bool,
    marks: Marks,
}

/// What a folder holds.
fn children(folder: ContentHash) -> Vec<ContentHash> {
    match folder.as_bytes()[0] {
        0 => vec![hash(3), hash(4), hash(5)],
        1 => vec![hash(5), hash(6)],
        2 => vec![hash(7), hash(1)],
        _ => Vec::new(),
    }
}

fn holds(hash: ContentHash) -> Holds {
    if hash.as_bytes()[0] < FOLDERS {
        Holds::Folder
    } else {
        Holds::Blob
    }
}

impl<'a> World<'a> {
    pub(super) fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let start = Timestamp::from_secs(1_700_000_000);
        let mut world = Self {
            log,
            queue: Queue::new(start),
            terms: Terms::default(),
            ahead: 0,
            has_far_jumps: dice.chance(500),
            store: Store::new(start),
            durable: Store::new(start),
            is_up: true,
            collector: None,
            is_calm: false,
            marks: Marks::new(),
            dice,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for event in [Event::Client, Event::Commit, Event::Read, Event::Collect] {
            self.queue.push_in(Duration::ZERO, event);
        }
        for _ in 0..self.dice.below(10) {
            let event = if self.dice.chance(500) {
                Event::Crash
            } else {
                Event::Jump
            };
            let at = self.dice.span(Duration::ZERO, CHAOS);
            self.queue.push_in(at, event);
        }
        self.queue.push_in(CHAOS, Event::Calm);
    }

    pub(super) fn run(&mut self) {
        self.drive(CHAOS);
        self.drive(CALM);
        let reachable = self.store.reachable(self.queue.now());
        let there: BTreeSet<ContentHash> = self.store.items.keys().copied().collect();
        let tagged = self.store.tagged();
        let missing: Vec<_> = tagged.difference(&there).collect();
        assert!(missing.is_empty(), "tagged and gone: {missing:?}");
        let garbage: Vec<_> = there.difference(&reachable).collect();
        assert!(garbage.is_empty(), "still there in calm: {garbage:?}");
        assert!(self.store.items.values().all(|item| !item.is_trashed()));
    }

    pub(super) fn finish(self) -> Marks {
        self.marks
    }

    fn drive(&mut self, span: Duration) {
        let end = self.queue.now() + span;
        while let Some(event) = self.queue.pop_until(Some(end)) {
            self.happen(&event);
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Client => {
                if self.is_up && !self.is_calm {
                    self.act();
                }
                let pause = if self.dice.chance(300) {
                    self.dice.span(Duration::ZERO, MINUTE)
                } else {
                    self.dice.span(MINUTE, Duration::from_secs(8 * 3_600))
                };
                self.queue.push_in(pause, Event::Client);
            }
            Event::Commit => {
                if self.is_up && !self.is_calm {
                    self.durable = self.store.clone();
                }
                let pause = self
                    .dice
                    .span(Duration::ZERO, Duration::from_secs(3 * 3_600));
                self.queue.push_in(pause, Event::Commit);
            }
            Event::Read => {
                if self.is_up {
                    self.read_clock();
                }
                self.queue
                    .push_in(Duration::from_secs(55 * 60), Event::Read);
            }
            Event::Collect => {
                if self.is_up && self.collector.is_none() {
                    self.begin_collection();
                    self.queue.push_in(Duration::ZERO, Event::Step);
                }
                let pause = self.dice.span(Duration::from_secs(3_600), DAY);
                self.queue.push_in(pause, Event::Collect);
            }
            Event::Step => {
                if self.collector.is_some() && self.step_collection() {
                    let pause = self.dice.span(Duration::ZERO, MINUTE);
                    self.queue.push_in(pause, Event::Step);
                }
            }
            Event::Crash => self.crash(),
            Event::Restart => {
                self.is_up = true;
                self.note("starts");
                self.read_clock();
            }
            Event::Jump => self.jump(),
            Event::Calm => {
                self.is_calm = true;
                self.store.uploads.clear();
                self.note("calm");
            }
        }
    }

    /// Returns what the machine's clock shows.
    fn wall(&self) -> Timestamp {
        Timestamp(self.queue.now().0 + self.ahead)
    }

    fn read_clock(&mut self) {
        let (now, wall) = (self.queue.now(), self.wall());
        let slack = self.store.read_clock(now, wall);
        assert!(
            !self.has_far_jumps || slack == Duration::ZERO,
            "a far jump counts as nothing"
        );
    }

    fn jump(&mut self) {
        let far = self.dice.span(DAY, Duration::from_secs(3_000 * 86_400));
        let near = self
            .dice
            .span(Duration::ZERO, Duration::from_secs(3 * 3_600));
        let span = if self.has_far_jumps || self.dice.chance(500) {
            far
        } else {
            near
        };
        // One jump between two readings: two could make up for each other but for a little.
        self.read_if_up();
        if self.dice.chance(500) {
            self.mark("clock jumped forward");
            self.ahead += span.as_micros().cast_signed();
        } else {
            self.mark("clock jumped back");
            self.ahead -= span.as_micros().cast_signed();
        }
        self.note(&format!("clock is {} s ahead", self.ahead / 1_000_000));
        self.read_if_up();
    }

    fn read_if_up(&mut self) {
        if self.is_up {
            self.read_clock();
        }
    }

    fn crash(&mut self) {
        if self.is_calm || !self.is_up {
            return;
        }
        self.mark("crash");
        if let Some(collector) = self.collector.take() {
            self.mark(collector.phase());
        }
        if self.durable.generation < self.store.generation {
            self.mark("crash lost a change");
        }
        self.note("crash");
        self.store = self.durable.clone();
        self.is_up = false;
        let pause = self
            .dice
            .span(Duration::ZERO, Duration::from_secs(3 * 86_400));
        self.queue.push_in(pause, Event::Restart);
    }

    /// A client does something.
    fn act(&mut self) {
        self.read_clock();
        let now = self.queue.now();
        let blob = hash(self.dice.below(u64::from(BLOBS)) as u8);
        let name = self.dice.below(5) as u8;
        let action = self.dice.below(12);
        if action < 7
            && self
                .store
                .items
                .get(&blob)
                .is_some_and(|item| item.is_trashed())
        {
            self.mark("back from the trash by a client");
        }
        let what = match action {
            0..=3 => {
                self.store.put(now, blob);
                "put"
            }
            4 if self.store.items.contains_key(&blob) => {
                self.store.touch(now, blob);
                "have"
            }
            5 | 6 if self.store.items.contains_key(&blob) => {
                self.store.tag(now, name, blob);
                "tag"
            }
            7 | 8 => {
                self.store.untag(name);
                "untag"
            }
            9 if self.store.items.contains_key(&blob) => {
                let span = self.dice.span(MINUTE, Duration::from_secs(4 * 86_400));
                self.store.lease(now, blob, span);
                "lease"
            }
            10 => {
                self.store.uploads.insert(blob);
                self.store.touch(now, blob);
                "upload"
            }
            11 => {
                if let Some(blob) = self.store.uploads.pop_first() {
                    self.store.put(now, blob);
                }
                "end of an upload"
            }
            _ => return,
        };
        self.note(&format!("{what} {}", blob.as_bytes()[0]));
    }

    fn mark(&mut self, what: &'static str) {
        *self.marks.entry(what).or_default() += 1;
    }

    fn note(&self, what: &str) {
        self.log.note(self.queue.now(), "world", what);
    }
}
