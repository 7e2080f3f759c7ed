//! Consumers of all sorts at one log that grows and is trimmed: quick ones, slow ones, stalled ones, and such whose
//! connection breaks and who come back with the last id that they saw. Announcements are lost, doubled, late and wrong,
//! reads fail and hang, clocks jump. Each consumer has, compared with a plain list, every event once and in order; in
//! calm each has everything.

mod consumer;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;

use sim::{Log, Seed, runs};

use world::World;

/// What must have happened somewhere in a thousand runs; otherwise they would prove less than they seem to.
const MARKS: &[&str] = &[
    "announcement lost",
    "announcement twice",
    "announcement wrong",
    "clock jumped",
    "closed",
    "comment",
    "connection broke",
    "continued after a break",
    "event from a page",
    "event from an announcement",
    "log replaced",
    "read failed",
    "read hung",
    "reset: ahead",
    "reset: other-log",
    "reset: outdated",
    "snapshot failed",
    "snapshot late",
    "trimmed",
];

#[test]
fn every_consumer_gets_every_event_once() {
    let marks: RefCell<BTreeMap<&'static str, u64>> = RefCell::default();
    let count = runs(1_000, |seed, log| {
        let mut world = World::new(seed, log);
        world.run();
        for (mark, times) in world.finish() {
            *marks.borrow_mut().entry(mark).or_default() += times;
        }
    });
    let marks = marks.into_inner();
    if count >= 1_000 {
        let missing: Vec<_> = MARKS
            .iter()
            .filter(|mark| !marks.contains_key(*mark))
            .collect();
        assert!(
            missing.is_empty(),
            "never happened: {missing:?}; happened: {marks:#?}"
        );
    }
}

#[test]
fn same_seed_gives_the_same_run() {
    let trace = |seed| {
        let log = Log::new(10);
        let mut world = World::new(Seed(seed), &log);
        world.run();
        (log.digest(), log.count())
    };
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}
