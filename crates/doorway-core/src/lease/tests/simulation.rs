//! Three processes that want to write, with clocks that drift and jump, on a network that loses, doubles and delays for
//! a minute, frozen for longer than a grant lasts and killed anywhere: the store never takes writes of two epochs
//! mixed, and in calm exactly one process writes.

mod world;

use sim::{check_repeatable, marked_runs};

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
