//! A store with clients, a clock that jumps by years, folders that cannot be read, and a power that fails, in the
//! middle of collections: nothing that is reachable or was touched goes away, nothing is purged early, and in calm
//! everything goes that nobody needs.

mod world;

use sim::{check_repeatable, marked_runs};

use world::World;

/// What must have happened somewhere in the runs; otherwise they would prove less than they seem to.
const MARKS: &[&str] = &[
    "back from the trash by a client",
    "clock jumped back",
    "clock jumped forward",
    "crash",
    "crash during the mark",
    "crash during the sweep",
    "crash lost a change",
    "folder unreadable",
    "kept by a lease",
    "kept by a folder",
    "kept by an upload",
    "kept: touched since",
    "kept: young",
    "lease expired",
    "purged",
    "trashed",
    "withdrawn by the writer",
];

#[test]
fn nothing_that_is_needed_goes_and_everything_else_does() {
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
