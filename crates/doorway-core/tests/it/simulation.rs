//! The projector in a world that loses nudges, delays, repeats and mixes pages, fails stores and kills the process,
//! for a thousand seeds: nothing is stored twice or out of order at any time, and when the world is calm again,
//! everything that can be projected is.

mod faults;
mod store;
mod world;

use sim::{check_repeatable, marked_runs};
use world::World;

/// What must have happened somewhere in a thousand runs; otherwise they would prove less than they seem to.
const MARKS: &[&str] = &[
    "blob hint came while a page was under way",
    "chain switched to its other branch",
    "crash",
    "crash with a batch under way that was stored",
    "crash with a batch under way that was lost",
    "member left",
    "member came back with an old cursor",
    "nudge cut",
    "nudge lost",
    "nudge twice",
    "page came late",
    "page failed",
    "page had a record left out",
    "page had an old record",
    "page had records mixed",
    "page lost",
    "page twice",
    "quarantined for a fork",
    "quarantined for a signature",
    "stalled for a blob",
    "stalled for a gap",
    "stalled for a promise",
    "stalled for the source",
    "stalled for the store",
    "store failed after it committed",
    "store failed before it committed",
    "store refused a batch from elsewhere",
    // Reasons for which records were skipped.
    "foreign-item",
    "other-kind",
    "private",
    "unknown-item",
    "unknown-kind",
    "withdrawn",
];

#[test]
fn projection_is_exact_whatever_happens() {
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
