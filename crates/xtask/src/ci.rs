//! `cargo xtask ci`: what a change must pass, the same on a laptop and on a server.
//!
//! Stops at the first step that fails, prints how long each took, and ends with the test runner's closing line.

use std::path::Path;
use std::process::Command;

use crate::step::{self, Times};
use crate::{test, tidy, tools, workspace};

/// Runs all steps and prints the closing line last, once the tests have run; returns whether everything held.
///
/// # Errors
/// Never: what went wrong is told before the closing line.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let mut times = Times::default();
    let mut closing = None;
    let result = steps(root, &mut times, &mut closing);
    println!("\n{times}");
    if let Err(error) = &result {
        println!("xtask: {error:#}");
    }
    if let Some(closing) = closing {
        println!("{closing}");
    }
    Ok(result.is_ok())
}

fn steps(root: &Path, times: &mut Times, closing: &mut Option<String>) -> anyhow::Result<()> {
    let cargo = || {
        let mut command = Command::new(workspace::cargo());
        command.current_dir(root);
        command
    };
    times.run("tools", || {
        tools::require_build(root)?;
        tools::provide_for_tests(root);
        Ok(())
    })?;
    times.run("format", || {
        step::run(cargo().args(["fmt", "--all", "--check"]))
    })?;
    times.run("clippy", || {
        step::run(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    times.run("tidy", || tidy::run(root, tidy::Depth::Everything))?;
    times.run("test", || {
        let report = test::run(root, &test::Options::default())?;
        *closing = Some(report.closing);
        anyhow::ensure!(
            report.failed.is_empty(),
            "failed: {}",
            report.failed.join(", ")
        );
        Ok(())
    })
}
