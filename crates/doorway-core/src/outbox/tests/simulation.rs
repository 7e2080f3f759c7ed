//! Consumers of all sorts at one log that grows and is trimmed: quick ones, slow ones, stalled ones, and such whose
//! connection breaks and who come back with the last id that they saw. Announcements are lost, doubled, late and wrong,
//! reads fail and hang, clocks jump. Each consumer has, compared with a plain list, every event once and in order; in
//! calm each has everything.

mod consumer;
mod world;

use sim::{check_repeatable, marked_runs};

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
