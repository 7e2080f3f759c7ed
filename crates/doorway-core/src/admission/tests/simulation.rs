//! A crowd of readers and a few writers with a flood of addresses in between, on a clock that jumps: the bounds hold at
//! any time and reads go before writes; in calm everybody gets in.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;

use base::{Duration, Timestamp};
use sim::{Dice, Log, Queue, Seed, runs};

use super::super::{Admission, Class, Limits, Place, Reason, Verdict, Visitor};

const CHAOS: Duration = Duration::from_secs(20);

/// After the flood: what was begun before has to end, and buckets have to fill.
const REST: Duration = Duration::from_secs(10);

/// How many seeds are run.
const RUNS: u64 = 300;

/// How long everybody gets in then.
const CALM: Duration = Duration::from_secs(30);

enum Event {
    /// One of the flood, from an address of a large network.
    Flood,
    /// One of the crowd.
    Visit {
        person: u8,
    },
    Leave {
        place: u64,
    },
    ClockJumps,
    Calm,
    Settled,
}

struct Run<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    admission: Admission,
    limits: Limits,
    offset_micros: i64,
    is_calm: bool,
    is_settled: bool,
    places: BTreeMap<u64, Place>,
    next_place: u64,
    refused: BTreeMap<Reason, u64>,
}

impl<'a> Run<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("crowd").dice();
        let limits = Limits {
            address_requests_per_minute: 600,
            address_burst: 20,
            addresses_max: dice.between(20, 60) as usize,
            in_flight_max: dice.between(24, 64) as usize,
            // In calm each of the eight has one request under way.
            writes_in_flight_max: 8,
            searches_in_flight_max: 8,
            events_in_flight_max: 8,
            write_bytes_in_flight_max: 24_000,
            write_bytes_max: 3_000,
            ..Limits::default()
        };
        let mut queue = Queue::new(Timestamp::from_secs(1_000_000));
        queue.push_in(CHAOS, Event::Calm);
        queue.push(queue.now() + CHAOS + REST, Event::Settled);
        queue.push_in(Duration::ZERO, Event::Flood);
        for person in 0..8 {
            queue.push_in(Duration::ZERO, Event::Visit { person });
        }
        for _ in 0..3 {
            queue.push_in(dice.span(Duration::ZERO, CHAOS), Event::ClockJumps);
        }
        Self {
            log,
            dice,
            queue,
            admission: Admission::new(limits.clone()),
            limits,
            offset_micros: 0,
            is_calm: false,
            is_settled: false,
            places: BTreeMap::new(),
            next_place: 0,
            refused: BTreeMap::new(),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Flood if self.is_calm => {}
            Event::Flood => {
                // Half of it comes from one place.
                let networks = *self.dice.pick(&[1, 200]);
                let network = u128::from(self.dice.below(networks)) << 64;
                let address = IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | network));
                self.visit(address);
                let pause = Duration::from_micros(self.dice.between(1, 60_000));
                self.queue.push_in(pause, Event::Flood);
            }
            Event::Visit { person } => {
                let is_in = self.visit(IpAddr::V4(Ipv4Addr::new(192, 0, 2, person)));
                assert!(is_in || !self.is_settled, "in calm everybody gets in");
                // At most two visits a second of 5 tokens each, which is what comes back in that time.
                let pause = Duration::from_millis(self.dice.between(500, 1_500));
                self.queue.push_in(pause, Event::Visit { person });
            }
            Event::Leave { place } => {
                let place = self.places.remove(&place).expect("everybody leaves once");
                self.admission.leave(place);
            }
            Event::ClockJumps => {
                let span = self.dice.between(0, 7_200_000_000).cast_signed();
                self.offset_micros += span - 3_600_000_000;
            }
            Event::Calm => self.is_calm = true,
            Event::Settled => self.is_settled = true,
        }
        self.check();
    }

    fn visit(&mut self, address: IpAddr) -> bool {
        let now = Timestamp(self.queue.now().as_micros() + self.offset_micros);
        let class = *self.dice.pick(&Class::ALL);
        let announced_bytes = self.dice.chance(800).then(|| self.dice.below(5_000));
        let total = self.admission.in_flight_total();
        let visitor = Visitor {
            address,
            class,
            announced_bytes,
        };
        match self.admission.admit(now, visitor) {
            Verdict::Admitted(place) => {
                let is_crowded = self.limits.in_flight_max * 3 < total * 4;
                let is_write = matches!(class, Class::Write | Class::Auth);
                assert!(!(is_crowded && is_write), "reads go before writes");
                let millis = if self.is_calm { 100 } else { 3_000 };
                let stay = Duration::from_millis(self.dice.between(1, millis));
                self.queue.push_in(
                    stay,
                    Event::Leave {
                        place: self.next_place,
                    },
                );
                self.places.insert(self.next_place, place);
                self.next_place += 1;
                true
            }
            Verdict::Refused {
                reason,
                retry_after_secs,
            } => {
                let reserved = self.admission.write_bytes_in_flight();
                self.log.note(
                    now,
                    class.as_str(),
                    format_args!("{} at {total}, {reserved} bytes", reason.as_str()),
                );
                assert!((1..=5).contains(&retry_after_secs));
                *self.refused.entry(reason).or_default() += 1;
                false
            }
        }
    }

    fn check(&self) {
        let count = |class| self.admission.in_flight(class);
        let all: usize = Class::ALL.into_iter().map(count).sum();
        let held = self.places.values().filter(|place| place.is_held());
        assert_eq!(all, held.count());
        let apart = count(Class::Service) + count(Class::Events);
        assert_eq!(all - apart, self.admission.in_flight_total());
        assert!(self.admission.in_flight_total() <= self.limits.in_flight_max);
        assert!(count(Class::Write) + count(Class::Auth) <= self.limits.writes_in_flight_max);
        assert!(count(Class::Search) <= self.limits.searches_in_flight_max);
        assert!(count(Class::Events) <= self.limits.events_in_flight_max);
        assert!(self.admission.write_bytes_in_flight() <= self.limits.write_bytes_in_flight_max);
        assert!(self.admission.addresses() <= self.limits.addresses_max);
    }
}

#[test]
fn crowd_gets_in_once_the_flood_is_over() {
    let refused = std::cell::RefCell::new(BTreeMap::<Reason, u64>::new());
    let count = runs(RUNS, |seed, log| {
        let mut run = Run::new(seed, log);
        let end = run.queue.now() + CHAOS + REST + CALM;
        while let Some(event) = run.queue.pop_until(Some(end)) {
            run.happen(event);
        }
        for (reason, times) in run.refused {
            *refused.borrow_mut().entry(reason).or_default() += times;
        }
    });
    if count >= RUNS {
        let refused = refused.into_inner();
        assert_eq!(
            refused.len(),
            Reason::ALL.len(),
            "both happened: {refused:?}"
        );
    }
}
