//! Tasks, signals, configuration, logs and the clock: what every process of ours starts with.
//!
//! # Invariants
//!
//! * Every task has a name, an owner and an end; none outlives its [`Supervisor`]'s drain deadline.
//! * The environment and the wall clock are read here alone.
//!
//! It knows nothing about what the tasks do.
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests prepare their own files and processes"
    )
)]

extern crate self as runtime;

mod blocking;
mod clock;
mod lanes;
mod rarely;
mod read_at;
mod shutdown;
mod supervisor;
mod worker;

pub mod config;
pub mod files;
pub mod metrics;
pub mod port;
pub mod telemetry;

pub use blocking::Blocking;
pub use clock::{Clock, ClockHand};
pub use lanes::{LaneHold, Lanes};
pub use rarely::Rarely;
pub use read_at::ReadAt;
pub use shutdown::Shutdown;
pub use supervisor::{
    Cause, Limits, Outcome, Report, SignalError, Supervisor, Task, TaskGroup, TaskKind, TaskState,
    TaskStatus,
};
pub use worker::{Next, Wake, Worker};
