//! The world around the cache: readers, things that change, makers of answers, and a clock that jumps.

mod origin;

use std::collections::BTreeMap;

use base::{Duration, Machine as _, Timestamp};
use doorway_core::cache::{
    Answer, Cache, EntryId, FillId, Freshness, Input, Key, Limits, Outcome, Output, Purpose,
    ReaderId, Seeds, Tally,
};
use sim::{Dice, Log, Queue, Seed};

use origin::{Origin, Seen, THINGS};

/// How long things go wrong.
const CHAOS: Duration = Duration::from_secs(900);

/// How long it may take after that until everybody was answered: those who wait for a maker who never ends, twice.
const CALM: Duration = Duration::from_secs(30);

/// More steps than any run needs.
const STEPS_MAX: u32 = 200_000;

/// How many questions there are.
const QUESTIONS: u64 = 12;

/// Readers in a storm.
const STORM: u64 = 1_000;

/// Something that happens.
enum Event {
    Ask { question: u64 },
    Storm { question: u64 },
    Change { thing: u64 },
    Told { thing: u64 },
    Leave { reader: ReaderId },
    Read { fill: FillId },
    End { fill: FillId, end: End },
    Encode { entry: EntryId, value: Seen },
    Jump { micros: i64 },
    Calm,
}

/// How a making ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Made,
    Failed,
    Refused,
    Dropped,
}

/// A reader who waits.
struct Waiting {
    question: u64,
    /// What had been told of each thing when they asked.
    told: [u64; THINGS],
    since: Timestamp,
    jumps: u32,
}

/// A making under way.
struct Making {
    question: u64,
    purpose: Purpose,
    since: Timestamp,
    jumps: u32,
    seen: Option<Seen>,
}

pub(crate) struct World<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    /// What the clock on the wall shows beyond the time that passes, in microseconds.
    offset: i64,
    jumps: u32,
    limits: Limits,
    seeds: Seeds,
    cache: Cache<Seen, &'static str>,
    origin: Origin,
    told: [u64; THINGS],
    is_calm: bool,
    faults: [u32; 4],
    readers: u64,
    waiting: BTreeMap<ReaderId, Waiting>,
    makings: BTreeMap<FillId, Making>,
    /// When the driver wakes, in time that passes.
    alarm: Option<Timestamp>,
    marks: BTreeMap<&'static str, u64>,
    end: Timestamp,
}

impl<'a> World<'a> {
    pub(crate) fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let start = Timestamp::from_secs(1_800_000_000);
        let is_narrow = dice.chance(500);
        let wide = Limits::default();
        let limits = Limits {
            entries_max: if is_narrow {
                dice.between(0, 6) as usize
            } else {
                10_000
            },
            absent_entries_max: if is_narrow {
                dice.between(0, 4) as usize
            } else {
                1_000
            },
            bytes_max: if is_narrow { 2_000 } else { wide.bytes_max },
            entry_bytes_max: 1_000,
            tags_remembered_max: dice.between(0, 20) as usize,
            ttl: Duration::from_secs(dice.between(1, 60)),
            stale_while_revalidate: Duration::from_secs(dice.between(0, 60)),
            stale_if_error: Duration::from_secs(dice.between(0, 200)),
            waiters_max: if is_narrow {
                dice.between(1, 30) as usize
            } else {
                20_000
            },
            fills_max: if is_narrow {
                dice.between(1, 8) as usize
            } else {
                10_000
            },
            ..wide
        };
        let seeds = Seeds {
            hash: (dice.bits(), dice.bits()),
            jitter: dice.bits(),
        };
        let mut often = || {
            if dice.chance(500) {
                dice.below(300) as u32
            } else {
                0
            }
        };
        let faults = [often(), often(), often(), often()];
        let mut world = Self {
            log,
            queue: Queue::new(start),
            offset: 0,
            jumps: 0,
            cache: Cache::new(limits.clone(), seeds),
            limits,
            seeds,
            origin: Origin::default(),
            told: [0; THINGS],
            is_calm: false,
            faults,
            readers: 0,
            waiting: BTreeMap::new(),
            makings: BTreeMap::new(),
            alarm: None,
            marks: BTreeMap::new(),
            end: start + CHAOS + CALM,
            dice,
        };
        world.plan(start);
        world
    }

    fn plan(&mut self, start: Timestamp) {
        let at = |dice: &mut Dice| start + dice.span(Duration::ZERO, CHAOS);
        for _ in 0..self.dice.between(50, 400) {
            let question = self.dice.below(QUESTIONS);
            // Readers come in bunches: some at the very same moment.
            let time = at(&mut self.dice);
            for _ in 0..self.dice.between(1, 4) {
                let later = self.dice.span(Duration::ZERO, Duration::from_millis(400));
                self.queue.push(time + later, Event::Ask { question });
            }
        }
        for _ in 0..self.dice.below(80) {
            let thing = self.dice.below(THINGS as u64);
            self.queue.push(at(&mut self.dice), Event::Change { thing });
        }
        if self.dice.chance(100) {
            let question = self.dice.below(QUESTIONS);
            self.queue
                .push(at(&mut self.dice), Event::Storm { question });
        }
        for _ in 0..self.dice.below(4) {
            let span = self.dice.below(7_200_000_000) as i64;
            let micros = span - 3_600_000_000;
            self.queue.push(at(&mut self.dice), Event::Jump { micros });
        }
        self.queue.push(start + CHAOS, Event::Calm);
    }

    /// Lets everything happen.
    pub(crate) fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            let deadline = self.alarm.map_or(self.end, |at| at.min(self.end));
            match self.queue.pop_until(Some(deadline)) {
                Some(event) => self.happen(event),
                None if self.queue.now() >= self.end => return,
                None => self.tell(Input::Timeout),
            }
        }
        panic!("{STEPS_MAX} steps did not come to an end");
    }

    /// Checks what must be true in the end, and returns what happened.
    pub(crate) fn finish(self) -> BTreeMap<&'static str, u64> {
        let readers: Vec<_> = self.waiting.keys().collect();
        assert!(readers.is_empty(), "nobody answered {readers:?}");
        assert_eq!(self.cache.tally().waiters, 0);
        self.marks
    }

    fn mark(&mut self, mark: &'static str) {
        *self.marks.entry(mark).or_default() += 1;
    }

    fn note(&self, what: std::fmt::Arguments<'_>) {
        self.log.note(self.queue.now(), "cache", what);
    }

    /// What the clock on the wall shows.
    fn clock(&self) -> Timestamp {
        Timestamp(self.queue.now().as_micros() + self.offset)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Ask { question } => self.ask(question),
            Event::Storm { question } => self.storm(question),
            Event::Change { thing } => {
                self.origin.change(thing);
                let later = self.dice.span(Duration::ZERO, Duration::from_millis(50));
                self.queue.push_in(later, Event::Told { thing });
            }
            Event::Told { thing } => {
                self.told[thing as usize] = self.origin.version(thing);
                self.note(format_args!("{thing} changed"));
                let tags = vec![origin::tag(thing)];
                self.tell(Input::Changed { tags });
            }
            Event::Leave { reader } => {
                if self.waiting.remove(&reader).is_some() {
                    self.mark("reader left");
                    self.tell(Input::Leave { reader });
                }
            }
            Event::Read { fill } => {
                if let Some(making) = self.makings.get_mut(&fill) {
                    making.seen = Some(self.origin.read(making.question));
                }
            }
            Event::End { fill, end } => self.end(fill, end),
            Event::Encode { entry, value } => self.encode(entry, value),
            Event::Jump { micros } => {
                self.offset += micros;
                self.jumps += 1;
                self.note(format_args!("the clock jumps by {micros}"));
                self.mark(if micros < 0 {
                    "clock went back"
                } else {
                    "clock went forward"
                });
            }
            Event::Calm => self.is_calm = true,
        }
    }

    fn key(question: u64) -> Key {
        Key {
            class: "page",
            text: format!("/{question}"),
        }
    }

    /// A reader asks, as the shell does: first whether the answer is here.
    fn ask(&mut self, question: u64) {
        let key = Self::key(question);
        let now = self.clock();
        if let Some(hit) = self.cache.hit(now, &self.seeds.hashed(key.borrowed())) {
            let told = self.told;
            self.check(question, &told, &hit.value);
            self.mark(match hit.freshness {
                Freshness::Fresh => "fresh hit",
                Freshness::Stale => "old answer hit",
            });
            return;
        }
        self.readers += 1;
        let reader = ReaderId(self.readers);
        let waiting = Waiting {
            question,
            told: self.told,
            since: self.queue.now(),
            jumps: self.jumps,
        };
        self.waiting.insert(reader, waiting);
        self.tell(Input::Ask { reader, key });
        if self.waiting.contains_key(&reader) && self.dice.chance(50) {
            let later = self.dice.span(Duration::ZERO, Duration::from_secs(1));
            self.queue.push_in(later, Event::Leave { reader });
        }
    }

    fn storm(&mut self, question: u64) {
        let before = self.makings.len();
        let is_passing = self.marks.contains_key("made alone");
        for _ in 0..STORM {
            self.ask(question);
        }
        let begun = self.makings.len() - before;
        assert!(is_passing || begun <= 1, "{begun} were begun");
        self.mark("storm");
    }

    fn end(&mut self, fill: FillId, end: End) {
        let Some(making) = self.makings.remove(&fill) else {
            return;
        };
        let took = self.queue.now().since(making.since);
        if took > self.limits.fill_time_max {
            self.mark("late result");
        }
        let question = making.question;
        self.note(format_args!("{question} ends as {end:?}"));
        let waited = self.waits_for(question);
        let input = match end {
            End::Dropped => Input::Dropped { fill },
            End::Failed => Input::Filled {
                fill,
                outcome: Outcome::Failed("down"),
            },
            End::Refused => Input::Filled {
                fill,
                outcome: Outcome::Refused("wrong"),
            },
            End::Made => {
                let seen = making.seen.expect("it was read before it ended");
                let outcome = self.origin.outcome(question, seen);
                Input::Filled { fill, outcome }
            }
        };
        let before = self.makings.len();
        self.tell(input);
        let is_begun = self.makings.len() > before;
        match end {
            End::Dropped if is_begun => self.mark("begun again after a maker vanished"),
            End::Made if is_begun => {
                self.mark("begun again after a change");
                if self.waits_for(question) < waited {
                    self.mark("answered before a change that came meanwhile");
                }
            }
            End::Made | End::Dropped | End::Failed | End::Refused => {}
        }
    }

    fn waits_for(&self, question: u64) -> usize {
        let waiting = self.waiting.values();
        waiting.filter(|one| one.question == question).count()
    }

    fn encode(&mut self, entry: EntryId, value: Seen) {
        let before = self.cache.tally();
        let bytes = origin::BYTES + self.dice.below(200);
        self.tell(Input::Encoded {
            entry,
            value,
            bytes,
        });
        let after = self.cache.tally();
        let is_kept = (before.bytes, before.entries) != (after.bytes, after.entries);
        self.mark(if is_kept {
            "encodings kept"
        } else {
            "encodings refused"
        });
    }

    /// Tells the cache, does what it asks for, and sets the alarm, as the driver of a machine does.
    fn tell(&mut self, input: Input<Seen, &'static str>) {
        let now = self.clock();
        self.cache.handle(now, input);
        while let Some(output) = self.cache.poll_output() {
            match output {
                Output::Fill {
                    fill,
                    maker,
                    purpose,
                } => self.begin(fill, maker, purpose),
                Output::Answer { reader, answer } => self.answer(reader, answer),
                Output::Kept { entry, value } => {
                    let later = self.dice.span(Duration::ZERO, Duration::from_secs(5));
                    self.queue.push_in(later, Event::Encode { entry, value });
                }
            }
        }
        let deadline = self.cache.poll_timeout();
        let wait = deadline.map(|(at, _)| at.since(now).max(Duration::from_millis(1)));
        self.alarm = wait.map(|wait| self.queue.now() + wait);
        let tally = self.cache.tally();
        self.check_bounds(tally);
    }

    fn check_bounds(&mut self, tally: Tally) {
        assert!(tally.entries <= self.limits.entries_max);
        assert!(tally.absent <= self.limits.absent_entries_max);
        assert!(tally.bytes <= self.limits.bytes_max);
        assert!(tally.waiters <= self.limits.waiters_max);
        assert!(tally.fills <= self.limits.fills_max);
        assert_eq!(tally.waiters, self.waiting.len());
        if tally.evictions > 0 {
            self.mark("evicted");
        }
    }

    fn begin(&mut self, fill: FillId, maker: ReaderId, purpose: Purpose) {
        let reader = self.waiting.get(&maker).expect("the maker waits");
        let question = reader.question;
        let now = self.queue.now();
        for other in self.makings.values() {
            let is_joined = other.question == question
                && other.purpose != Purpose::Pass
                && purpose != Purpose::Pass;
            let is_young = now.since(other.since) < self.limits.fill_time_max;
            assert!(
                !is_joined || !is_young || other.jumps != self.jumps,
                "{question} is made twice"
            );
            if is_joined {
                *self
                    .marks
                    .entry("begun again because the first one was slow")
                    .or_default() += 1;
            }
        }
        if purpose == Purpose::Pass {
            self.mark("made alone");
        }
        self.note(format_args!("{question} is begun: {purpose:?}"));
        let making = Making {
            question,
            purpose,
            since: now,
            jumps: self.jumps,
            seen: None,
        };
        self.makings.insert(fill, making);
        self.let_happen(fill);
    }

    /// Decides what becomes of a making.
    fn let_happen(&mut self, fill: FillId) {
        let [slow, failed, dropped, lost] = if self.is_calm { [0; 4] } else { self.faults };
        let mut took = self
            .dice
            .span(Duration::from_millis(1), Duration::from_millis(300));
        if self.dice.chance(slow) {
            took = self
                .dice
                .span(Duration::from_secs(3), Duration::from_secs(80));
        }
        if self.dice.chance(lost / 4) {
            return;
        }
        let end = if self.dice.chance(failed) {
            if self.dice.chance(100) {
                End::Refused
            } else {
                End::Failed
            }
        } else if self.dice.chance(dropped) {
            End::Dropped
        } else {
            End::Made
        };
        let read = self.dice.span(Duration::ZERO, took);
        self.queue.push_in(read, Event::Read { fill });
        self.queue.push_in(took, Event::End { fill, end });
    }

    fn answer(&mut self, reader: ReaderId, answer: Answer<Seen, &'static str>) {
        let waiting = self.waiting.remove(&reader).expect("answered once");
        let waited = self.queue.now().since(waiting.since);
        let wait_max = self.limits.wait_max.as_micros() + 1_000;
        assert!(
            waited.as_micros() <= wait_max || waiting.jumps != self.jumps,
            "{reader:?} waited for {waited:?}"
        );
        let is_at_once = waited == Duration::ZERO;
        let mark = match answer {
            Answer::Found { value, freshness } => {
                self.check(waiting.question, &waiting.told, &value);
                match freshness {
                    Freshness::Fresh => "found",
                    Freshness::Stale if is_at_once => "old answer while a newer one was made",
                    Freshness::Stale => "old answer for an error",
                }
            }
            Answer::Absent => {
                self.origin.check_absent(waiting.question, &waiting.told);
                "absent"
            }
            Answer::Failed(_) if is_at_once => "failure remembered",
            Answer::Failed(_) => "failure",
            Answer::Lost => "lost",
            Answer::TimedOut => "timed out",
            Answer::Overloaded => "overloaded",
        };
        self.note(format_args!("{} hears: {mark}", waiting.question));
        self.mark(mark);
    }

    /// Nobody gets an answer that is older than what had been told when they asked.
    fn check(&self, question: u64, told: &[u64; THINGS], seen: &Seen) {
        assert_eq!(seen.question, question, "an answer to something else");
        for (thing, version) in &seen.versions {
            let told = told[*thing as usize];
            assert!(
                *version >= told,
                "{question} shows {thing} as of {version}, {told} was told"
            );
        }
    }
}
