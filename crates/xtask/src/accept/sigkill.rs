//! A process that stores blobs is killed at random moments: what it acknowledged is there and right, after every round.
//!
//! The process, and whoever looks for what it promised, are the trial `sigkill`: they use the engine without a service.

use super::Stage;
use super::trial::{SEED, Trial, folder};

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let rounds = if stage.is_full { "200" } else { "20" };
    let store = folder(stage, "store")?;
    Trial::find(stage)?.run(&["sigkill", &store, rounds, &SEED.to_string()])
}
