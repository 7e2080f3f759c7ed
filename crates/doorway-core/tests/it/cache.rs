//! The hot cache in a world where making an answer is slow, fails or never ends, things change at any moment, and the
//! clock jumps both ways, for a thousand seeds: nobody ever gets what was wrong when they asked, one answer is made at
//! a time, and when the world is calm again, everybody was answered.

mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;

use sim::{Log, Seed, runs};
use world::World;

/// What must have happened somewhere in a thousand runs; otherwise they would prove less than they seem to.
const MARKS: &[&str] = &[
    "absent",
    "answered before a change that came meanwhile",
    "begun again after a change",
    "begun again after a maker vanished",
    "begun again because the first one was slow",
    "clock went back",
    "clock went forward",
    "encodings kept",
    "encodings refused",
    "evicted",
    "failure",
    "failure remembered",
    "fresh hit",
    "late result",
    "lost",
    "made alone",
    "old answer for an error",
    "old answer hit",
    "old answer while a newer one was made",
    "overloaded",
    "reader left",
    "storm",
    "timed out",
];

#[test]
fn readers_get_right_answers_or_honest_ones_whatever_happens() {
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
    assert_eq!(trace(3), trace(3));
    assert_ne!(trace(3), trace(4));
}
