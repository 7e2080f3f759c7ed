//! Those who wait, one by one, beside a list, and with a clock that jumps.

use std::collections::BTreeMap;

use base::{ContentHash, Duration, Machine as _, Timestamp};
use proptest::prelude::*;
use sim::{Dice, Log, Queue, Seed, check_repeatable, marked_runs};

use super::super::{Input, Output, Tier, WaitId, WaitLimits, Waits};

const START: Timestamp = Timestamp(1_000_000_000);

fn hash(number: u8) -> ContentHash {
    ContentHash::from_bytes([number; 32])
}

fn wait(id: u64, number: u8, wants: Tier, millis: u64) -> Input {
    Input::Wait {
        id: WaitId(id),
        hash: hash(number),
        wants,
        reached: Tier::Accepted,
        span: Duration::from_millis(millis),
    }
}

fn answers(waits: &mut Waits, millis: u64, input: Input) -> Vec<(u64, Option<Tier>)> {
    waits.handle(START + Duration::from_millis(millis), input);
    drained(waits)
}

fn drained(waits: &mut Waits) -> Vec<(u64, Option<Tier>)> {
    let outputs = std::iter::from_fn(|| waits.poll_output());
    let answers = outputs.map(|output| match output {
        Output::Answer { id, reached } => (id.0, reached),
    });
    answers.collect()
}

#[test]
fn answer_comes_when_it_is_reached_or_time_is_up_and_tells_the_truth() {
    let mut waits = Waits::new(WaitLimits::default());
    let durable = Tier::Durable;
    let accepted = wait(1, 1, Tier::Accepted, 5_000);
    assert_eq!(
        answers(&mut waits, 0, accepted),
        [(1, Some(Tier::Accepted))]
    );
    assert_eq!(answers(&mut waits, 0, wait(2, 1, durable, 5_000)), []);
    assert_eq!(
        answers(&mut waits, 0, wait(3, 1, Tier::Verified, 6_000)),
        []
    );
    assert_eq!(answers(&mut waits, 0, wait(4, 2, durable, 5_000)), []);
    let reached = Input::Reached {
        hash: hash(1),
        tier: durable,
    };
    assert_eq!(answers(&mut waits, 1_000, reached), [(2, Some(durable))]);
    let (at, _) = waits.poll_timeout().expect("two wait");
    assert_eq!(at, START + Duration::from_millis(5_000));
    assert_eq!(answers(&mut waits, 4_999, Input::Timeout), []);
    assert_eq!(
        answers(&mut waits, 5_000, Input::Timeout),
        [(4, Some(Tier::Accepted))]
    );
    assert_eq!(
        answers(&mut waits, 6_000, Input::Timeout),
        [(3, Some(durable))]
    );
    assert_eq!(waits.poll_timeout(), None);
}

#[test]
fn nobody_waits_for_what_is_gone_or_when_there_are_too_many() {
    let limits = WaitLimits {
        waits_max: 1,
        wait_max: Duration::from_secs(1),
    };
    let mut waits = Waits::new(limits);
    let durable = Tier::Durable;
    assert_eq!(answers(&mut waits, 0, wait(1, 1, durable, u64::MAX)), []);
    assert_eq!(
        waits.poll_timeout().map(|(at, _)| at),
        Some(START + limits.wait_max)
    );
    let second = wait(2, 1, durable, 10);
    assert_eq!(answers(&mut waits, 0, second), [(2, Some(Tier::Accepted))]);
    let gone = Input::Gone { hash: hash(1) };
    assert_eq!(answers(&mut waits, 0, gone), [(1, None)]);
    assert_eq!(answers(&mut waits, 0, wait(3, 1, durable, 10)), []);
    assert_eq!(answers(&mut waits, 0, Input::GiveUp { id: WaitId(3) }), []);
    assert!(waits.is_empty());
    assert_eq!(
        answers(&mut waits, 0, wait(4, 1, durable, 0)),
        [(4, Some(Tier::Accepted))]
    );
}

#[derive(Clone, Debug)]
enum Saying {
    Pass(u64),
    Wait(u8, Tier, u64),
    Reached(u8, Tier),
    Gone(u8),
    GiveUp(u64),
}

fn tiers() -> impl Strategy<Value = Tier> {
    prop::sample::select(Tier::ALL.to_vec())
}

fn sayings() -> impl Strategy<Value = Vec<Saying>> {
    let saying = prop_oneof![
        3 => (0_u64..2_000).prop_map(Saying::Pass),
        4 => (0_u8..3, tiers(), 0_u64..5_000).prop_map(|(number, wants, span)| Saying::Wait(number, wants, span)),
        2 => (0_u8..3, tiers()).prop_map(|(number, tier)| Saying::Reached(number, tier)),
        1 => (0_u8..3).prop_map(Saying::Gone),
        1 => (0_u64..20).prop_map(Saying::GiveUp),
    ];
    prop::collection::vec(saying, 0..50)
}

proptest! {
    #[test]
    fn answers_are_those_of_a_list(sayings in sayings(), waits_max in 0_usize..5) {
        let wait_max = Duration::from_millis(3_000);
        let mut waits = Waits::new(WaitLimits { waits_max, wait_max });
        // Who waits: number, blob, tier wanted, tier reached, until.
        let mut list: Vec<(u64, u8, Tier, Tier, u64)> = Vec::new();
        let (mut now, mut next) = (0, 0);
        for saying in sayings {
            let mut expect: Vec<(u64, Option<Tier>)> = Vec::new();
            let input = match saying {
                Saying::Pass(millis) => {
                    now += millis;
                    Input::Timeout
                }
                Saying::Wait(number, wants, span) => {
                    next += 1;
                    if wants == Tier::Accepted || list.len() >= waits_max {
                        expect.push((next, Some(Tier::Accepted)));
                    } else {
                        list.push((next, number, wants, Tier::Accepted, now + span.min(3_000)));
                    }
                    wait(next, number, wants, span)
                }
                Saying::Reached(number, tier) => {
                    for one in list.iter_mut().filter(|one| one.1 == number) {
                        one.3 = one.3.max(tier);
                    }
                    expect.extend(list.iter().filter(|one| one.2 <= one.3).map(|one| (one.0, Some(one.3))));
                    list.retain(|one| one.3 < one.2);
                    Input::Reached { hash: hash(number), tier }
                }
                Saying::Gone(number) => {
                    expect.extend(list.iter().filter(|one| one.1 == number).map(|one| (one.0, None)));
                    list.retain(|one| one.1 != number);
                    Input::Gone { hash: hash(number) }
                }
                Saying::GiveUp(id) => {
                    list.retain(|one| one.0 != id);
                    Input::GiveUp { id: WaitId(id) }
                }
            };
            let mut late: Vec<_> = list.iter().filter(|one| one.4 <= now).copied().collect();
            late.sort_by_key(|one| (one.4, one.0));
            list.retain(|one| now < one.4);
            expect.extend(late.into_iter().map(|one| (one.0, Some(one.3))));
            prop_assert_eq!(answers(&mut waits, now, input), expect);
            prop_assert_eq!(waits.len(), list.len());
            let first = list.iter().map(|one| START + Duration::from_millis(one.4)).min();
            prop_assert_eq!(waits.poll_timeout().map(|(at, _)| at), first);
        }
    }
}

enum Event {
    Ask,
    Reach,
    Jump,
    Wake(u64),
}

struct World<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    ahead: i64,
    waits: Waits,
    token: u64,
    next: u64,
    reached: BTreeMap<u8, Tier>,
    /// Who waits: the blob, the tier that is wanted, and since when.
    asked: BTreeMap<u64, (u8, Tier, Timestamp)>,
    jumps: u64,
    marks: BTreeMap<&'static str, u64>,
}

const WAIT: Duration = Duration::from_secs(10);

impl<'a> World<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let mut queue = Queue::new(START);
        for _ in 0..40 {
            let event = match dice.below(10) {
                0..=5 => Event::Ask,
                6..=8 => Event::Reach,
                _ => Event::Jump,
            };
            queue.push_in(dice.span(Duration::ZERO, Duration::from_secs(60)), event);
        }
        Self {
            log,
            dice,
            queue,
            ahead: 0,
            waits: Waits::new(WaitLimits {
                waits_max: 8,
                wait_max: WAIT,
            }),
            token: 0,
            next: 0,
            reached: BTreeMap::new(),
            asked: BTreeMap::new(),
            jumps: 0,
            marks: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        while let Some(event) = self.queue.pop() {
            self.happen(&event);
        }
        assert!(self.asked.is_empty(), "in calm all are answered");
    }

    fn happen(&mut self, event: &Event) {
        let number = self.dice.below(3) as u8;
        let tier = *self.dice.pick(&Tier::ALL);
        match event {
            Event::Wake(token) if *token != self.token => {}
            Event::Wake(_) => self.tell(Input::Timeout),
            Event::Ask => {
                self.next += 1;
                let reached = self.reached(number);
                self.asked
                    .insert(self.next, (number, tier, self.queue.now()));
                self.tell(Input::Wait {
                    id: WaitId(self.next),
                    hash: hash(number),
                    wants: tier,
                    reached,
                    span: WAIT,
                });
            }
            Event::Reach => {
                let reached = self.reached(number).max(tier);
                self.reached.insert(number, reached);
                let hash = hash(number);
                self.tell(Input::Reached { hash, tier });
            }
            Event::Jump => {
                self.jumps += 1;
                let span = self
                    .dice
                    .span(Duration::ZERO, Duration::from_secs(1_000_000));
                let micros = span.as_micros().cast_signed();
                self.ahead += if self.dice.chance(500) {
                    micros
                } else {
                    -micros
                };
                self.mark("clock jumped");
                self.tell(Input::Timeout);
            }
        }
    }

    fn reached(&self, number: u8) -> Tier {
        self.reached.get(&number).copied().unwrap_or(Tier::Accepted)
    }

    fn mark(&mut self, what: &'static str) {
        self.log.note(self.queue.now(), "world", what);
        *self.marks.entry(what).or_default() += 1;
    }

    fn tell(&mut self, input: Input) {
        let wall = Timestamp(self.queue.now().0 + self.ahead);
        self.waits.handle(wall, input);
        for (id, reached) in drained(&mut self.waits) {
            let (number, wants, since) = self.asked.remove(&id).expect("answered once");
            assert_eq!(reached, Some(self.reached(number)), "the tier that it has");
            let waited = self.queue.now().since(since);
            assert!(
                waited.as_micros() <= WAIT.as_micros() * (1 + self.jumps),
                "nobody waits longer than the span once more for each jump"
            );
            let mark = if self.reached(number) < wants {
                "time was up"
            } else {
                "reached"
            };
            self.mark(mark);
        }
        self.token += 1;
        if let Some((at, _)) = self.waits.poll_timeout() {
            let at = Timestamp(at.0 - self.ahead);
            self.queue.push(at, Event::Wake(self.token));
        }
    }
}

#[test]
fn everybody_is_answered_once_with_the_truth() {
    marked_runs(
        1_000,
        &["clock jumped", "reached", "time was up"],
        |seed, log| {
            let mut world = World::new(seed, log);
            world.run();
            world.marks
        },
    );
}

#[test]
fn same_seed_gives_the_same_run() {
    check_repeatable(|seed, log| World::new(seed, log).run());
}
