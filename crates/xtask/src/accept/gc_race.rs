//! Collections race with those who put, touch and tag: nothing is lost that was kept, and what nobody keeps goes.
//!
//! Once with the engine, where a trial acts between mark and sweep; and once over HTTP, where a steward collects all
//! the time while others store.

mod served;

use super::Stage;
use super::trial::{SEED, Trial, folder};

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let rounds = if stage.is_full { "60" } else { "6" };
    let trial = Trial::find(stage)?;
    let store = folder(stage, "store")?;
    let engine = trial.run(&["gc-race", &store, rounds, &SEED.to_string()])?;
    let served = served::run(stage, &trial)?;
    Ok(format!("{engine}; {served}"))
}
