//! A world made of one seed: a clock that only events move, a network and a disk that fail as real ones do.
//!
//! A simulation is one [`Queue`] of events, the machines under test, and a [`Network`] and [`Disk`]s between them.
//! All chance comes from one [`Seed`], so the same seed gives the same run. [`runs()`] runs many seeds and says how to
//! repeat the one that failed; [`Log`] keeps what happened last.
//!
//! A run ends in calm: `calm()` switches the faults off, and then everything that was wanted must come true.
//!
//! Invariant: no real clock, file or socket; only tests depend on this crate.

#![allow(
    clippy::disallowed_methods,
    reason = "the seeds of a run are named by the environment, for tests alone"
)]

mod disk;
mod log;
mod network;
mod queue;
mod runs;
mod seed;

pub use disk::{Disk, DiskFault, DiskFaults, Storage};
pub use log::Log;
pub use network::{Link, Network, Tally};
pub use queue::Queue;
pub use runs::{check_repeatable, marked_runs, runs};
pub use seed::{Dice, Seed};
