//! `cargo xtask sim SEED`: repeat the simulations of the cores with one seed.
//!
//! A simulation is a test in a crate that uses `sim`, with `simulation` in its path; it takes its seed from the
//! environment variable `COMMONHOLD_SIM_SEED` when that is set.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::step::{self, tee};
use crate::{tidy, workspace};

const SEED: &str = "COMMONHOLD_SIM_SEED";

/// Runs all simulations with the seed.
///
/// # Errors
/// When the seed is no number, no simulation ran, or one failed.
pub(crate) fn run(root: &Path, seed: &str) -> anyhow::Result<()> {
    let seed = parse(seed)?;
    let tree = tidy::Tree::read(root)?;
    let mut command = Command::new(workspace::cargo());
    command.current_dir(root).env(SEED, seed.to_string()).args([
        "test",
        "--no-fail-fast",
        "--tests",
    ]);
    let mut count = 0;
    for member in &tree.members {
        if member
            .dependencies
            .iter()
            .any(|dependency| dependency.name == "sim")
        {
            command.args(["--package", &member.package]);
            count += 1;
        }
    }
    anyhow::ensure!(count > 0, "no crate uses the simulator");
    command.args(["--", "simulation", "--nocapture"]);
    let (is_ok, lines) = tee(&mut command, |line| line.starts_with("running "))?;
    let ran: u64 = lines
        .iter()
        .filter_map(|line| line.split(' ').nth(1)?.parse::<u64>().ok())
        .sum();
    println!("{ran} simulations ran with the seed {seed}; to repeat: cargo xtask sim {seed}");
    anyhow::ensure!(
        is_ok,
        "a simulation failed: {SEED}={seed} {}",
        step::line(&command)
    );
    anyhow::ensure!(ran > 0, "no test has `simulation` in its path");
    Ok(())
}

fn parse(seed: &str) -> anyhow::Result<u64> {
    let parsed = match seed.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => seed.parse(),
    };
    parsed.with_context(|| {
        format!(
            "{seed:?} is no seed: a seed is a number up to {}, decimal or with 0x",
            u64::MAX
        )
    })
}

#[cfg(test)]
mod tests;
