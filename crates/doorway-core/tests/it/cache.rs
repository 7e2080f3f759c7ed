//! The hot cache in a world where making an answer is slow, fails or never ends, things change at any moment, and the
//! clock jumps both ways, for a thousand seeds: nobody ever gets what was wrong when they asked, one answer is made at
//! a time, and when the world is calm again, everybody was answered.

mod world;

use sim::{check_repeatable, marked_runs};
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
    marked_runs(1_000, MARKS, |seed, log| {
        let mut world = World::new(seed, log);
        world.run();
        world.finish()
    });
}

#[test]
fn same_seed_gives_the_same_run() {
    check_repeatable(|seed, log| World::new(seed, log).run());
}
