//! An engine that fails, answers late, twice or never, blobs that rot and vanish while the pass runs, and a process that
//! dies and goes on from its last position: every blob that was there all the time is looked at, and in calm a pass is
//! whole and finds all that is damaged.

use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Duration, Machine as _, Timestamp};
use sim::{Dice, Log, Queue, Seed, check_repeatable, marked_runs};

use super::super::{Checked, Input, Item, Output, Scrub, Terms};
use super::{fault, hash, item};

const MARKS: &[&str] = &[
    "answer never came",
    "answer twice",
    "clock jumped",
    "crash",
    "damaged",
    "gone",
    "list failed",
    "log failed",
    "log read",
    "not put aside",
    "pass cut short",
    "paused",
    "read failed",
    "unread",
    "whole",
];

enum Event {
    Answer(u64, Input),
    Wake(u64),
    Crash,
    Pause,
    Go,
    Jump,
    Rot,
    Calm,
}

struct World<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    scrub: Scrub,
    /// Counts processes; what was meant for an older one is lost.
    run: u64,
    /// Counts deadlines; a newer one makes older ones void.
    token: u64,
    ahead: i64,
    /// Blobs, and whether each is as it was put.
    blobs: BTreeMap<ContentHash, (u64, bool)>,
    /// Damaged and put aside.
    aside: BTreeSet<ContentHash>,
    /// Where the next process goes on.
    position: Option<ContentHash>,
    /// Looked at since the list was begun from its start.
    seen: BTreeSet<ContentHash>,
    /// There since then.
    steady: BTreeSet<ContentHash>,
    passes: u64,
    /// How many pieces of the log are left, for this process.
    pieces: u64,
    is_calm: bool,
    calm_report: bool,
    marks: BTreeMap<&'static str, u64>,
}

impl<'a> World<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let count = dice.between(0, 30) as u8;
        let blobs = (0..count).map(|number| {
            let bytes = dice.between(0, 100_000);
            (hash(number * 8), (bytes, !dice.chance(100)))
        });
        let blobs: BTreeMap<ContentHash, (u64, bool)> = blobs.collect();
        let mut world = Self {
            log,
            queue: Queue::new(Timestamp::from_secs(1_000_000)),
            scrub: Scrub::new(terms(), None),
            run: 0,
            token: 0,
            ahead: 0,
            steady: blobs.keys().copied().collect(),
            blobs,
            aside: BTreeSet::new(),
            position: None,
            seen: BTreeSet::new(),
            passes: 0,
            pieces: PIECES,
            is_calm: false,
            calm_report: false,
            marks: BTreeMap::new(),
            dice,
        };
        for _ in 0..world.dice.below(12) {
            let event = match world.dice.below(6) {
                0 | 1 => Event::Crash,
                2 => Event::Pause,
                3 => Event::Jump,
                _ => Event::Rot,
            };
            let at = world.span(600);
            world.queue.push_in(at, event);
        }
        world.queue.push_in(Duration::from_secs(600), Event::Calm);
        world.queue.push_in(Duration::ZERO, Event::Go);
        world
    }

    fn run(&mut self) {
        let end = self.queue.now() + Duration::from_secs(4_000);
        while let Some(event) = self.queue.pop_until(Some(end)) {
            self.happen(event);
        }
        assert!(self.calm_report, "a pass that began in calm has ended");
        let at_large = self.blobs.values().filter(|(_, is_sound)| !is_sound);
        assert_eq!(at_large.count(), 0, "what is damaged was put aside");
    }

    fn span(&mut self, secs: u64) -> Duration {
        self.dice.span(Duration::ZERO, Duration::from_secs(secs))
    }

    fn wall(&self) -> Timestamp {
        Timestamp(self.queue.now().0 + self.ahead)
    }

    fn mark(&mut self, what: &'static str) {
        self.log.note(self.queue.now(), "world", what);
        *self.marks.entry(what).or_default() += 1;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Answer(run, input) if run == self.run => self.tell(input),
            Event::Wake(token) if token == self.token => self.tell(Input::Timeout),
            Event::Answer(..) | Event::Wake(_) => {}
            Event::Go => self.tell(Input::Go),
            Event::Crash => {
                self.mark("crash");
                self.scrub = Scrub::new(terms(), self.position);
                self.run += 1;
                self.pieces = PIECES;
                let at = self.span(30);
                self.queue.push_in(at, Event::Go);
            }
            Event::Pause => {
                self.mark("paused");
                self.tell(Input::Pause);
                let at = self.span(60);
                self.queue.push_in(at, Event::Go);
            }
            Event::Jump => {
                self.mark("clock jumped");
                let span = self.span(1_000_000).as_micros().cast_signed();
                self.ahead += if self.dice.chance(500) { span } else { -span };
                self.tell(Input::Timeout);
            }
            Event::Rot => self.rot(),
            Event::Calm => {
                self.is_calm = true;
                // The pass that is under way has met faults; the one after it has not.
                self.scrub = Scrub::new(terms(), self.position);
                self.run += 1;
                self.pieces = PIECES;
                self.tell(Input::Go);
            }
        }
    }

    fn rot(&mut self) {
        let Some(number) = self.blobs.keys().nth(self.dice.below(30) as usize).copied() else {
            return;
        };
        if self.dice.chance(500) {
            self.blobs.get_mut(&number).expect("it is there").1 = false;
        } else {
            self.blobs.remove(&number);
            self.steady.remove(&number);
        }
    }

    fn tell(&mut self, input: Input) {
        self.scrub.handle(self.wall(), input);
        while let Some(output) = self.scrub.poll_output() {
            self.perform(output);
        }
        self.token += 1;
        if let Some((at, _)) = self.scrub.poll_timeout() {
            let at = Timestamp(at.0 - self.ahead);
            self.queue.push(at, Event::Wake(self.token));
        }
    }

    fn perform(&mut self, output: Output) {
        self.log
            .note(self.queue.now(), "scrub", format!("{output:?}"));
        let input = match output {
            Output::List { call, after, limit } => {
                if self.fails(100) {
                    self.mark("list failed");
                    Input::ListFailed { call }
                } else {
                    let items = self.page(after, limit);
                    Input::Page { call, items }
                }
            }
            Output::Check { call, item } => Input::Checked {
                call,
                outcome: self.check(item),
            },
            Output::Quarantine { call, item } => {
                let is_done = !self.fails(200);
                if is_done {
                    self.blobs.remove(&item.hash);
                    self.aside.insert(item.hash);
                }
                Input::Quarantined { call, is_done }
            }
            Output::Walk { call, .. } => self.walk(call),
            Output::Progress(position) => {
                self.position = position.after;
                return;
            }
            Output::Finished(report) => return self.finish(&report),
        };
        let delay = self.span(3);
        if self.fails(30) {
            self.mark("answer never came");
            return;
        }
        if self.fails(50) {
            self.mark("answer twice");
            let delay = self.span(60);
            self.queue
                .push_in(delay, Event::Answer(self.run, input.clone()));
        }
        self.queue.push_in(delay, Event::Answer(self.run, input));
    }

    fn fails(&mut self, permille: u32) -> bool {
        !self.is_calm && self.dice.chance(permille)
    }

    /// Reads a piece of the log. One whose answer is lost is not read twice: the reader has gone on.
    fn walk(&mut self, call: super::super::Call) -> Input {
        if self.fails(100) {
            self.mark("log failed");
            return Input::WalkFailed { call };
        }
        self.mark("log read");
        self.pieces = self.pieces.saturating_sub(1);
        Input::Walked {
            call,
            bytes: 10_000,
            faults: vec![fault(self.pieces, true)],
            is_end: self.pieces == 0,
        }
    }

    fn page(&self, after: Option<ContentHash>, limit: usize) -> Vec<Item> {
        let blobs = self.blobs.iter();
        let later = blobs.filter(|(hash, _)| after.is_none_or(|after| after < **hash));
        let items = later.map(|(hash, (bytes, _))| item(hash.as_bytes()[0], *bytes));
        items.take(limit).collect()
    }

    fn check(&mut self, item: Item) -> Checked {
        self.seen.insert(item.hash);
        if self.fails(150) {
            self.mark("read failed");
            return Checked::Failed;
        }
        match self.blobs.get(&item.hash) {
            None => {
                self.mark("gone");
                Checked::Gone
            }
            Some((_, true)) => Checked::Sound,
            Some((_, false)) => {
                self.mark("damaged");
                Checked::Damaged
            }
        }
    }

    fn finish(&mut self, report: &super::super::Report) {
        self.passes += 1;
        if report.unread.blobs > 0 {
            self.mark("unread");
        }
        if report.at_large.blobs > 0 {
            self.mark("not put aside");
        }
        if !report.is_whole {
            assert!(!self.is_calm, "in calm every pass is whole");
            self.mark("pass cut short");
            // The next one goes on from there.
            self.again(self.position);
            return;
        }
        self.mark("whole");
        assert_eq!(self.pieces, 0, "the log was read to its end");
        if self.is_calm && report.from.is_none() && report.retries == 0 {
            assert_eq!(report.faults, PIECES, "what was found there is told");
        }
        let unseen: Vec<_> = self.steady.difference(&self.seen).collect();
        assert!(unseen.is_empty(), "never looked at: {unseen:?}");
        let began_in_calm = self.is_calm && report.from.is_none();
        self.calm_report |= began_in_calm && report.unread.blobs == 0;
        self.position = None;
        self.seen.clear();
        self.steady = self.blobs.keys().copied().collect();
        if !self.calm_report {
            self.again(None);
        }
    }

    fn again(&mut self, from: Option<ContentHash>) {
        self.scrub = Scrub::new(terms(), from);
        self.run += 1;
        self.pieces = PIECES;
        self.queue.push_in(Duration::from_secs(1), Event::Go);
    }
}

fn terms() -> Terms {
    Terms {
        bytes_per_sec: 100_000,
        page_items_max: 4,
        retries_max: 2,
        retry_delay: Duration::from_secs(2),
        answer_time_max: Duration::from_secs(20),
        damaged_named_max: 5,
        progress_bytes_max: 150_000,
        walk_bytes_max: 10_000,
    }
}

/// How many pieces the log has.
const PIECES: u64 = 4;

#[test]
fn every_blob_is_looked_at_whatever_fails() {
    marked_runs(1_000, MARKS, |seed, log| {
        let mut world = World::new(seed, log);
        world.run();
        world.marks
    });
}

#[test]
fn same_seed_gives_the_same_run() {
    check_repeatable(|seed, log| World::new(seed, log).run());
}
