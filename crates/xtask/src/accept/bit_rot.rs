//! One bit is turned over in each kind of byte of a closed store: it is found, and wrong bytes are never given out.
//!
//! Whoever damages and looks is the trial `bit-rot`: it knows where each kind of byte lies.

use super::Stage;
use super::trial::{SEED, Trial, folder};

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let flips = if stage.is_full { "16" } else { "1" };
    let stores = folder(stage, "stores")?;
    Trial::find(stage)?.run(&["bit-rot", &stores, flips, &SEED.to_string()])
}
