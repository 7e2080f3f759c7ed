//! The world of the simulation: processes, a store, and what happens to them.

use std::collections::BTreeMap;

use base::{Duration, Machine as _, Timestamp};
use sim::{Dice, Link, Log, Network, Queue, Seed};

use super::super::super::{
    Call, Epoch, GrantTable, HolderId, Input, Lease, Limits, Output, Reply, Request, Stop,
};
use process::{Clock, Process};

mod process;

/// How long the world is bad.
const CHAOS: Duration = Duration::from_secs(240);

/// The latest message, a grant that nobody uses, a few questions; several times over.
const CALM: Duration = Duration::from_secs(150);

/// How long it is watched then that one writes; longer than a dead one's grant.
const WATCH: Duration = Duration::from_secs(30);

const PROCESSES: u8 = 3;

/// The store's place in the network; processes are at 1 and up.
const STORE: u8 = 0;

pub(super) type Marks = BTreeMap<&'static str, u64>;

enum Event {
    ToStore(u8, u64, Ask),
    ToProcess(u8, u64, Input),
    Wake { process: u8, token: u64 },
    Write { process: u8 },
    Freeze { process: u8 },
    Thaw { process: u8 },
    Crash { process: u8 },
    Leave { process: u8 },
    Restart { process: u8 },
    JumpClock { place: u8 },
    Split,
    Heal,
    Calm,
}

/// What a process sends to the store.
#[derive(Clone)]
enum Ask {
    /// A question about the grant, with the call that its answer names; nothing where no answer is waited for.
    Grant(Option<Call>, Request),
    Write(Epoch),
}

pub(super) struct World<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    network: Network<u8>,
    store: GrantTable,
    store_clock: Clock,
    processes: BTreeMap<u8, Process>,
    runs: u64,
    /// Whether no clock jumps in this world; then at most one believes that it may write.
    has_good_clocks: bool,
    is_calm: bool,
    newest_accepted: Epoch,
    /// Whose epoch each one is.
    owners: BTreeMap<Epoch, HolderId>,
    accepted: u64,
    marks: Marks,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let link = Link {
            loss_permille: dice.below(200) as u32,
            duplication_permille: dice.below(200) as u32,
            reordering_permille: dice.below(500) as u32,
            ..Link::sound(Duration::from_millis(1), Duration::from_millis(400))
        };
        let mut world = Self {
            log,
            queue: Queue::new(Timestamp::from_secs(1_000_000)),
            network: Network::new(seed.named("network"), link),
            store: GrantTable::default(),
            store_clock: Clock::new(&mut dice),
            processes: BTreeMap::new(),
            runs: 0,
            has_good_clocks: dice.chance(500),
            is_calm: false,
            newest_accepted: Epoch(0),
            owners: BTreeMap::new(),
            accepted: 0,
            marks: Marks::new(),
            dice,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for process in 1..=PROCESSES {
            let clock = Clock::new(&mut self.dice);
            self.processes.insert(process, Process::new(clock));
            self.queue
                .push_in(Duration::ZERO, Event::Restart { process });
            self.queue.push_in(Duration::ZERO, Event::Write { process });
        }
        for _ in 0..self.dice.below(12) {
            let process = self.dice.between(1, u64::from(PROCESSES)) as u8;
            let event = match self.dice.below(8) {
                0 | 1 => Event::Freeze { process },
                2 | 3 => Event::Crash { process },
                4 => Event::Leave { process },
                5 => Event::JumpClock { place: process },
                6 => Event::JumpClock { place: STORE },
                _ => Event::Split,
            };
            let at = self.dice.span(Duration::ZERO, CHAOS);
            self.queue.push_in(at, event);
        }
        self.queue.push_in(CHAOS, Event::Calm);
    }

    pub(super) fn run(&mut self) {
        self.drive(CHAOS);
        self.drive(CALM);
        let before = (self.accepted, self.newest_accepted);
        self.drive(WATCH);
        let now = self.queue.now();
        let writers: Vec<&Process> = self
            .processes
            .values()
            .filter(|process| process.may_write(now).is_some())
            .collect();
        let [writer] = writers.as_slice() else {
            panic!("{} processes write", writers.len());
        };
        assert_eq!(Some(writer.holder()), self.store.holder());
        assert_eq!(writer.may_write(now), Some(self.store.epoch()));
        assert_eq!(self.newest_accepted, before.1, "nobody is replaced in calm");
        assert!(self.accepted > before.0, "it writes");
        self.take_turns();
    }

    /// Kills whoever writes until one is left: each of them still asks for the grant.
    fn take_turns(&mut self) {
        for left in (1..PROCESSES).rev() {
            let accepted = self.accepted;
            let writer = (1..=PROCESSES).find(|process| self.believes(*process));
            let writer = writer.expect("one of them writes");
            self.process(writer).lease = None;
            self.drive(WATCH);
            assert!(accepted < self.accepted, "{left} are left and none writes");
        }
    }

    pub(super) fn finish(self) -> Marks {
        self.marks
    }

    fn drive(&mut self, span: Duration) {
        let end = self.queue.now() + span;
        while let Some(event) = self.queue.pop_until(Some(end)) {
            self.happen(event);
            self.check();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToStore(process, run, ask) => self.reach_store(process, run, ask),
            Event::ToProcess(process, run, input) => {
                let place = self.process(process);
                if place.run != run {
                    return;
                }
                if place.is_frozen {
                    place.inbox.push_back(input);
                } else {
                    self.tell(process, input);
                }
            }
            Event::Wake { process, token } => {
                let place = self.process(process);
                if place.token == token && !place.is_frozen {
                    self.tell(process, Input::Timeout);
                }
            }
            Event::Write { process } => self.write(process),
            Event::Freeze { process } => self.freeze(process),
            Event::Thaw { process } => self.thaw(process),
            Event::Crash { process } | Event::Leave { process } if self.is_calm => {
                self.thaw(process);
            }
            Event::Crash { process } => {
                self.mark("crash");
                if self.believes(process) {
                    self.mark("crash while it wrote");
                }
                self.end(process);
            }
            Event::Leave { process } => {
                if !self.process(process).is_frozen && self.process(process).lease.is_some() {
                    self.mark("left");
                    self.tell(process, Input::Leave);
                    self.end(process);
                }
            }
            Event::Restart { process } => self.restart(process),
            Event::JumpClock { place } => self.jump(place),
            Event::Split => {
                self.mark("split");
                let lonely = self.dice.between(1, u64::from(PROCESSES)) as u8;
                self.network.split(&[vec![], vec![lonely]]);
                let span = self
                    .dice
                    .span(Duration::from_secs(1), Duration::from_secs(60));
                self.queue.push_in(span, Event::Heal);
            }
            Event::Heal => self.network.heal(),
            Event::Calm => {
                self.is_calm = true;
                let tally = self.network.tally();
                self.note_if(tally.lost > 0, "message lost");
                self.note_if(tally.duplicated > 0, "message twice");
                self.network.calm();
                for process in 1..=PROCESSES {
                    self.thaw(process);
                }
            }
        }
    }

    fn reach_store(&mut self, process: u8, run: u64, ask: Ask) {
        let store_now = self.store_clock.read(self.queue.now());
        match ask {
            Ask::Write(epoch) => match self.store.apply(store_now, &Request::Check { epoch }) {
                Reply::Accepted => {
                    assert!(self.newest_accepted <= epoch, "epochs never decrease");
                    assert_eq!(self.owners.get(&epoch), self.store.holder());
                    self.note_if(
                        self.newest_accepted < epoch && self.accepted > 0,
                        "writer replaced",
                    );
                    self.newest_accepted = epoch;
                    self.accepted += 1;
                }
                Reply::Fenced { epoch } => {
                    self.mark("write refused");
                    self.send_back(process, run, &Input::Fenced { epoch });
                }
                other => panic!("{other:?}"),
            },
            Ask::Grant(call, request) => {
                let reply = self.store.apply(store_now, &request);
                let Some(call) = call else { return };
                let input = match reply {
                    Reply::Granted { epoch, ttl } => Input::Granted { call, epoch, ttl },
                    Reply::Denied {
                        holder,
                        epoch,
                        remaining,
                    } => Input::Denied {
                        call,
                        holder,
                        epoch,
                        remaining,
                    },
                    other => panic!("{other:?}"),
                };
                self.send_back(process, run, &input);
            }
        }
    }

    fn send_back(&mut self, process: u8, run: u64, input: &Input) {
        for at in self.arrivals(STORE, process) {
            self.queue
                .push(at, Event::ToProcess(process, run, input.clone()));
        }
    }

    fn send(&mut self, process: u8, ask: &Ask) {
        let run = self.process(process).run;
        for at in self.arrivals(process, STORE) {
            self.queue
                .push(at, Event::ToStore(process, run, ask.clone()));
        }
        // Now and then the answer is that there is none, although the store may have decided.
        if let Ask::Grant(Some(call), _) = ask
            && !self.is_calm
            && self.dice.chance(20)
        {
            let at = self.queue.now() + Duration::from_millis(5);
            self.queue.push(
                at,
                Event::ToProcess(process, run, Input::Failed { call: *call }),
            );
        }
    }

    /// When a message arrives; some are very late while the world is bad.
    fn arrivals(&mut self, source: u8, target: u8) -> Vec<Timestamp> {
        let mut arrivals = self.network.send(self.queue.now(), &source, &target);
        for at in &mut arrivals {
            if !self.is_calm && self.dice.chance(30) {
                *self.marks.entry("message late").or_default() += 1;
                *at = *at + self.dice.span(Duration::ZERO, Duration::from_secs(60));
            }
        }
        arrivals
    }

    fn tell(&mut self, process: u8, input: Input) {
        let now = self.queue.now();
        let place = self.process(process);
        let local = place.clock.read(now);
        let Some(lease) = place.lease.as_mut() else {
            return;
        };
        lease.handle(local, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| lease.poll_output()).collect();
        let holder = lease.holder().clone();
        place.token += 1;
        let (token, wait) = (place.token, place.wait(now));
        if let Some(wait) = wait {
            self.queue.push_in(wait, Event::Wake { process, token });
        }
        for output in outputs {
            self.log.note(now, &holder.0, format_args!("{output:?}"));
            self.perform(process, &holder, output);
        }
    }

    fn perform(&mut self, process: u8, me: &HolderId, output: Output) {
        match output {
            Output::TryAcquire { call, holder, ttl } => {
                let request = Request::TryAcquire { holder, ttl };
                self.send(process, &Ask::Grant(Some(call), request));
            }
            Output::Renew {
                call,
                holder,
                epoch,
                ttl,
            } => {
                let request = Request::Renew { holder, epoch, ttl };
                self.send(process, &Ask::Grant(Some(call), request));
            }
            Output::Release { holder, epoch } => {
                self.send(
                    process,
                    &Ask::Grant(None, Request::Release { holder, epoch }),
                );
            }
            Output::Start { epoch } => {
                let owner = self.owners.entry(epoch).or_insert_with(|| me.clone());
                assert_eq!(owner, me, "an epoch belongs to one holder for ever");
            }
            Output::Stop { reason } => self.mark(match reason {
                Stop::Expired => "stopped: expired",
                Stop::Denied { .. } => "stopped: denied",
                Stop::Fenced { .. } => "stopped: fenced",
                Stop::Leaving => "stopped: leaving",
            }),
        }
    }

    fn write(&mut self, process: u8) {
        let now = self.queue.now();
        let pause = self
            .dice
            .span(Duration::from_millis(50), Duration::from_secs(3));
        self.queue.push_in(pause, Event::Write { process });
        let place = self.process(process);
        if place.is_frozen {
            return;
        }
        if let Some(epoch) = place.may_write(now) {
            self.send(process, &Ask::Write(epoch));
        }
    }

    fn freeze(&mut self, process: u8) {
        if self.is_calm || self.process(process).is_frozen {
            return;
        }
        self.mark("frozen");
        if self.believes(process) {
            self.mark("frozen while it wrote");
            // It had decided to write just before.
            let now = self.queue.now();
            if let Some(epoch) = self.process(process).may_write(now) {
                let run = self.process(process).run;
                let late = self.dice.span(Duration::ZERO, Duration::from_secs(50));
                self.queue
                    .push_in(late, Event::ToStore(process, run, Ask::Write(epoch)));
            }
        }
        self.process(process).is_frozen = true;
        let span = self
            .dice
            .span(Duration::from_secs(1), Duration::from_secs(60));
        self.queue.push_in(span, Event::Thaw { process });
    }

    fn thaw(&mut self, process: u8) {
        let place = self.process(process);
        if !std::mem::take(&mut place.is_frozen) {
            return;
        }
        for input in std::mem::take(&mut place.inbox) {
            self.tell(process, input);
        }
        self.tell(process, Input::Timeout);
    }

    /// A process is gone; what it sent is still under way.
    fn end(&mut self, process: u8) {
        let place = self.process(process);
        place.lease = None;
        place.is_frozen = false;
        place.inbox.clear();
        place.token += 1;
        let span = self.dice.span(Duration::ZERO, Duration::from_secs(40));
        self.queue.push_in(span, Event::Restart { process });
    }

    fn restart(&mut self, process: u8) {
        self.runs += 1;
        let run = self.runs;
        let place = self.process(process);
        if place.lease.is_some() {
            return;
        }
        place.run = run;
        let name = HolderId(format!("{process}/{run}"));
        place.lease = Some(Lease::new(name, Limits::default()));
        self.tell(process, Input::Timeout);
    }

    fn jump(&mut self, place: u8) {
        if self.is_calm || self.has_good_clocks {
            return;
        }
        let micros = self.dice.between(0, 400_000_000).cast_signed() - 200_000_000;
        if place == STORE {
            self.store_clock.jump(micros);
            self.mark("store's clock jumped");
            return;
        }
        self.process(place).clock.jump(micros);
        self.mark(if micros < 0 {
            "clock jumped back"
        } else {
            "clock jumped forward"
        });
    }

    fn check(&mut self) {
        let now = self.queue.now();
        let may_write = |process: &&Process| process.may_write(now).is_some();
        let count = self.processes.values().filter(may_write).count();
        if 1 < count {
            assert!(!self.has_good_clocks, "{count} believe that they may write");
            self.mark("two believed that they may write");
        }
    }

    fn believes(&mut self, process: u8) -> bool {
        let now = self.queue.now();
        self.process(process).may_write(now).is_some()
    }

    fn process(&mut self, process: u8) -> &mut Process {
        self.processes.get_mut(&process).expect("one of three")
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
