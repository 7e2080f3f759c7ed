//! The world around the projector: chains that grow, a network for nudges, a shell that fetches and stores, and a
//! process that dies.

mod ending;
mod shell;

use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Duration, Machine as _, Timestamp};
use chain::{AgentPubKey, Rejection};
use doorway_core::projector::{
    Batch, FetchFault, Fetched, Input, Limits, Output, Projector, Report, Stall,
};
use sim::{Dice, Log, Network, Queue, Seed};

use super::faults::{self, Faults};
use super::store::Store;
use crate::cast::{self, Actor, HONEST, Nature};
use crate::chains::{Writer, dna_hash};

/// How long things go wrong.
const CHAOS: Duration = Duration::from_secs(60);

/// How long it may take after that until everything is projected: a lost page, the longest wait, and a look.
const CALM: Duration = Duration::from_secs(200);

/// More steps than any run needs; a projector that spins takes more.
const STEPS_MAX: u32 = 100_000;

/// The place of the doorway in the network; the agents have their indexes.
const DOORWAY: usize = usize::MAX;

/// Something that happens.
enum Event {
    /// A chain grows, which is nudged about.
    Append { actor: usize },
    /// A chain shows its other branch from now on.
    Switch { actor: usize },
    /// A blob becomes readable, which is hinted at.
    Upload {
        hash: ContentHash,
        bytes: &'static [u8],
        actor: usize,
    },
    /// The network splits an agent off.
    Split { actor: usize },
    /// The network is whole again.
    Heal,
    /// The process dies.
    Crash,
    /// The process starts.
    Start,
    /// A member leaves.
    Leave { actor: usize },
    /// A member comes back.
    Return { actor: usize },
    /// Faults end.
    Calm,
    /// Something inside the process; it dies with it.
    Inside(Inside),
}

enum Inside {
    Nudge {
        actor: usize,
        seq: u32,
    },
    Hint {
        hash: ContentHash,
    },
    Read {
        actor: usize,
        after: Option<u32>,
        limit: u32,
    },
    Page {
        actor: usize,
        after: Option<u32>,
        fetched: Result<Vec<Fetched>, FetchFault>,
    },
    Commit {
        batch: Batch,
    },
    Committed {
        actor: usize,
        seq: u32,
        is_told: bool,
    },
}

/// What the shell has in hand for an agent.
#[derive(Default)]
struct Hand {
    fetch: Option<(Option<u32>, Timestamp)>,
    is_storing: bool,
}

pub(crate) struct World<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    network: Network<usize>,
    faults: Faults,
    limits: Limits,
    actors: Vec<&'static Actor>,
    /// How much of each chain can be read, and whether it is the other branch.
    visible: Vec<(u32, bool)>,
    members: BTreeSet<usize>,
    blobs: BTreeMap<ContentHash, &'static [u8]>,
    store: Store,
    projector: Option<Projector>,
    hands: BTreeMap<usize, Hand>,
    reports: BTreeMap<usize, Report>,
    marks: BTreeMap<&'static str, u64>,
    end: Timestamp,
}

impl<'a> World<'a> {
    pub(crate) fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let start = Timestamp::from_secs(1_800_000_000);
        let faults = Faults::draw(&mut seed.named("faults").dice());
        let link = faults::link(&mut seed.named("link").dice());
        let actors = choose(&mut dice);
        let mut world = Self {
            log,
            queue: Queue::new(start),
            network: Network::new(seed.named("network"), link),
            faults,
            limits: Limits {
                agents_in_flight_max: dice.between(1, 4) as usize,
                page_records_max: dice.between(1, 8) as u32,
                blobs_remembered_max: dice.between(0, 3) as usize,
                ..Limits::default()
            },
            visible: vec![(0, false); actors.len()],
            members: (0..actors.len()).collect(),
            actors,
            blobs: BTreeMap::new(),
            store: Store::default(),
            projector: None,
            hands: BTreeMap::new(),
            reports: BTreeMap::new(),
            marks: BTreeMap::new(),
            end: start + CHAOS + CALM,
            dice,
        };
        world.plan();
        world
    }

    /// Lets everything happen.
    pub(crate) fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            let alarm = self.projector.as_ref().and_then(Projector::poll_timeout);
            let deadline = alarm.map_or(self.end, |(at, _)| at.min(self.end));
            match self.queue.pop_until(Some(deadline)) {
                Some(event) => self.happen(event),
                None if self.queue.now() >= self.end => return,
                None => {
                    self.log.note(
                        self.queue.now(),
                        "clock",
                        alarm.map_or("", |(_, reason)| reason),
                    );
                    self.tell(Input::Timeout);
                }
            }
        }
        panic!("{STEPS_MAX} steps did not come to an end");
    }

    /// Plans what happens by itself: growth, uploads, and the big faults.
    fn plan(&mut self) {
        let start = self.queue.now();
        let chaos = CHAOS.as_micros();
        self.queue.push(start, Event::Start);
        self.queue.push(start + CHAOS, Event::Calm);
        for actor in 0..self.actors.len() {
            let mut writers = vec![&self.actors[actor].writer];
            if let Nature::Forked { other } = &self.actors[actor].nature {
                writers.push(other);
                let at = self.moment(chaos);
                self.queue.push(at, Event::Switch { actor });
            }
            for _ in 0..writers
                .iter()
                .map(|writer| writer.len())
                .max()
                .unwrap_or_default()
            {
                let at = self.moment(chaos * 3 / 4);
                self.queue.push(at, Event::Append { actor });
            }
            for (hash, bytes) in writers.into_iter().flat_map(|writer| &writer.blobs) {
                let at = self.moment(chaos);
                self.queue.push(
                    at,
                    Event::Upload {
                        hash: *hash,
                        bytes,
                        actor,
                    },
                );
            }
        }
        for _ in 0..self.faults.crashes {
            let at = self.moment(chaos);
            self.queue.push(at, Event::Crash);
        }
        for _ in 0..self.faults.departures {
            let (at, actor) = (self.moment(chaos), self.dice.index(self.actors.len()));
            self.queue.push(at, Event::Leave { actor });
        }
        for _ in 0..self.faults.splits {
            let (at, actor) = (self.moment(chaos), self.dice.index(self.actors.len()));
            self.queue.push(at, Event::Split { actor });
        }
    }

    fn moment(&mut self, micros: u64) -> Timestamp {
        self.queue.now() + Duration::from_micros(self.dice.below(micros))
    }

    fn mark(&mut self, mark: &'static str) {
        *self.marks.entry(mark).or_default() += 1;
    }

    fn note(&self, who: &str, what: std::fmt::Arguments<'_>) {
        self.log.note(self.queue.now(), who, what);
    }

    fn chance(&mut self, permille: u32, mark: &'static str) -> bool {
        let happens = self.dice.chance(permille);
        if happens {
            self.note("fault", format_args!("{mark}"));
            self.mark(mark);
        }
        happens
    }

    fn index_of(&self, agent: &AgentPubKey) -> usize {
        self.actors
            .iter()
            .position(|actor| actor.agent() == *agent)
            .expect("an agent of this run")
    }

    /// Returns the branch of a chain that can be read.
    fn branch(&self, actor: usize) -> &'static Writer {
        match &self.actors[actor].nature {
            Nature::Forked { other } if self.visible[actor].1 => other,
            Nature::Forked { .. } | Nature::Honest | Nature::Forged { .. } => {
                &self.actors[actor].writer
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Append { actor } => self.append(actor),
            Event::Switch { actor } => {
                self.mark("chain switched to its other branch");
                self.visible[actor].1 = true;
                self.note("source", format_args!("{actor} switches"));
            }
            Event::Upload { hash, bytes, actor } => {
                self.blobs.insert(hash, bytes);
                self.note("source", format_args!("{actor} uploads"));
                for at in self.network.send(self.queue.now(), &actor, &DOORWAY) {
                    self.queue.push(at, Event::Inside(Inside::Hint { hash }));
                }
            }
            Event::Split { actor } => {
                self.network.split(&[vec![DOORWAY], vec![actor]]);
                let delay = self
                    .dice
                    .span(Duration::from_secs(1), Duration::from_secs(30));
                self.queue.push_in(delay, Event::Heal);
            }
            Event::Heal => self.network.heal(),
            Event::Crash => self.crash(),
            Event::Start => self.start(),
            Event::Leave { actor } => self.leave(actor),
            Event::Return { actor } => self.come_back(actor),
            Event::Calm => self.calm(),
            Event::Inside(inside) => self.happen_inside(inside),
        }
    }

    fn happen_inside(&mut self, inside: Inside) {
        match inside {
            Inside::Nudge { actor, seq } => {
                self.note("nudge", format_args!("{actor} has {seq}"));
                let agent = self.actors[actor].agent();
                self.tell(Input::Nudge { agent, seq });
            }
            Inside::Hint { hash } => {
                if self.hands.values().any(|hand| hand.fetch.is_some()) {
                    self.mark("blob hint came while a page was under way");
                }
                self.tell(Input::BlobStored { hash });
            }
            Inside::Read {
                actor,
                after,
                limit,
            } => self.read(actor, after, limit),
            Inside::Page {
                actor,
                after,
                fetched,
            } => {
                let count = fetched.as_ref().map_or(0, Vec::len);
                self.note(
                    "page",
                    format_args!("{actor} after {after:?}: {count} records"),
                );
                let hand = self.hands.entry(actor).or_default();
                if hand.fetch.is_some_and(|(asked, _)| asked == after) {
                    hand.fetch = None;
                }
                let agent = self.actors[actor].agent();
                self.tell(Input::Page {
                    agent,
                    after,
                    fetched,
                });
            }
            Inside::Commit { batch } => self.commit(&batch),
            Inside::Committed {
                actor,
                seq,
                is_told,
            } => {
                self.hands.entry(actor).or_default().is_storing = false;
                let agent = self.actors[actor].agent();
                let stored = self.store.cursor(&agent);
                self.note("store", format_args!("{actor} up to {seq}: told {is_told}"));
                self.tell(if is_told {
                    Input::Stored { agent, seq }
                } else {
                    Input::StoreFailed { agent, seq, stored }
                });
            }
        }
    }

    fn append(&mut self, actor: usize) {
        let len = self.branch(actor).len();
        let shown = &mut self.visible[actor].0;
        *shown = (*shown + 1).min(len);
        let Some(seq) = shown.checked_sub(1) else {
            return;
        };
        // A source may promise what it does not show yet.
        let seq = seq + u32::from(self.dice.chance(50));
        for at in self.network.send(self.queue.now(), &actor, &DOORWAY) {
            self.queue
                .push(at, Event::Inside(Inside::Nudge { actor, seq }));
        }
    }

    fn start(&mut self) {
        if self.projector.is_some() {
            return;
        }
        self.note("process", format_args!("starts"));
        self.projector = Some(Projector::new(dna_hash(), self.limits.clone()));
        for actor in self.members.clone() {
            let agent = self.actors[actor].agent();
            let cursor = self.store.cursor(&agent);
            self.tell(Input::Follow { agent, cursor });
        }
    }

    fn crash(&mut self) {
        if self.projector.take().is_none() {
            return;
        }
        self.mark("crash");
        self.note("process", format_args!("dies"));
        let mut batches = Vec::new();
        self.queue.retain(|event| {
            if let Event::Inside(Inside::Commit { batch }) = event {
                batches.push(batch.clone());
            }
            !matches!(event, Event::Inside(_))
        });
        for batch in batches {
            // Whether the transaction was on stable storage is decided by the moment of the crash.
            if self.dice.chance(500) {
                self.mark("crash with a batch under way that was stored");
                let actor = self.index_of(&batch.agent);
                self.store.commit(self.actors[actor], &batch);
            } else {
                self.mark("crash with a batch under way that was lost");
            }
        }
        self.hands.clear();
        self.reports.clear();
        let delay = self.dice.span(Duration::ZERO, Duration::from_secs(5));
        self.queue.push_in(delay, Event::Start);
    }

    fn leave(&mut self, actor: usize) {
        if !self.members.remove(&actor) {
            return;
        }
        self.mark("member left");
        self.note("members", format_args!("{actor} leaves"));
        let agent = self.actors[actor].agent();
        self.tell(Input::Unfollow { agent });
        let delay = self.dice.span(Duration::ZERO, Duration::from_secs(5));
        self.queue.push_in(delay, Event::Return { actor });
    }

    fn come_back(&mut self, actor: usize) {
        self.members.insert(actor);
        let agent = self.actors[actor].agent();
        let mut cursor = self.store.cursor(&agent);
        if cursor.is_some() && self.dice.chance(200) {
            self.mark("member came back with an old cursor");
            cursor = None;
        }
        self.note("members", format_args!("{actor} comes back"));
        self.tell(Input::Follow { agent, cursor });
    }

    /// Ends the faults: everything can be read, everybody is a member, the process runs.
    fn calm(&mut self) {
        self.note("world", format_args!("calm"));
        self.faults = Faults::default();
        self.network.calm();
        for actor in 0..self.actors.len() {
            self.visible[actor].0 = self.branch(actor).len();
            if !self.members.contains(&actor) {
                self.come_back(actor);
            }
        }
        self.start();
    }

    /// Tells the projector something and does what it asks for.
    fn tell(&mut self, input: Input) {
        let now = self.queue.now();
        let Some(projector) = &mut self.projector else {
            return;
        };
        let was_alarm = matches!(input, Input::Timeout);
        projector.handle(now, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| projector.poll_output()).collect();
        for output in outputs {
            match output {
                Output::Fetch {
                    agent,
                    after,
                    limit,
                } => self.fetch(&agent, after, limit),
                Output::Store(batch) => self.store(batch),
                Output::Report(report) => self.report(report),
            }
        }
        let alarm = self.projector.as_ref().and_then(Projector::poll_timeout);
        let is_later = alarm.is_none_or(|(at, _)| at > now);
        assert!(
            is_later || !was_alarm,
            "after an alarm the next one lies in the future"
        );
    }

    fn report(&mut self, report: Report) {
        let (agent, mark) = match &report {
            Report::CaughtUp { agent, .. } => (agent, "caught up"),
            Report::Stalled { agent, reason, .. } => (agent, mark_of(reason)),
            Report::Quarantined { agent, reason, .. } => match reason {
                Rejection::Signature { .. } => (agent, "quarantined for a signature"),
                Rejection::Link { .. } => (agent, "quarantined for a fork"),
                other => panic!("nobody gave a reason for {other}"),
            },
            Report::Refused { .. } => panic!("there are not that many"),
        };
        let actor = self.index_of(agent);
        self.note("report", format_args!("{actor} {mark}"));
        self.mark(mark);
        self.reports.insert(actor, report);
    }
}

fn mark_of(reason: &Stall) -> &'static str {
    match reason {
        Stall::Source(_) => "stalled for the source",
        Stall::Store => "stalled for the store",
        Stall::Blob(_) => "stalled for a blob",
        Stall::Gap { .. } => "stalled for a gap",
        Stall::Promise(_) => "stalled for a promise",
    }
}

/// Chooses the agents of a run: the first, whom others try to change, some honest ones, and perhaps one of each other.
fn choose(dice: &mut Dice) -> Vec<&'static Actor> {
    let (honest, others) = cast::all().split_at(HONEST);
    let mut chosen = vec![&honest[0], dice.pick(&honest[1..])];
    if dice.chance(400) {
        chosen.push(dice.pick(&others[..2]));
    }
    if dice.chance(400) {
        chosen.push(dice.pick(&others[2..]));
    }
    chosen
}
