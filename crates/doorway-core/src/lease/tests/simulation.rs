//! Three processes that want to write, with clocks that drift and jump, on a network that loses, doubles and delays for
//! a minute, frozen for longer than a grant lasts and killed anywhere: the store never takes writes of two epochs
//! mixed, and in calm exactly one process writes.

mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;

use sim::{Log, Seed, runs};

use world::World;

/// What must have happened somewhere in a thousand runs; otherwise they would prove less than they seem to.
const MARKS: &[&str] = &[
    "clock jumped back",
    "clock jumped forward",
    "crash",
    "crash while it wrote",
    "frozen",
    "frozen while it wrote",
    "left",
    "message late",
    "message lost",
    "message twice",
    "split",
    "stopped: denied",
    "stopped: expired",
    "stopped: fenced",
    "store's clock jumped",
    "two believed that they may write",
    "write refused",
    "writer replaced",
];

#[test]
fn one_writes_at_a_time_whatever_happens() {
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
