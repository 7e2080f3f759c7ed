//! `cargo xtask ci`: what a change must pass, the same on a laptop and on a server.
//!
//! Stops at the first step that fails, prints how long each took, and ends with the test runner's closing line.

use std::path::Path;
use std::process::Command;

use crate::step::{self, Times};
use crate::{test, tidy, tools, workspace};

/// Runs all steps and returns the test runner's closing line.
///
/// # Errors
/// When a step fails.
pub(crate) fn run(root: &Path) -> anyhow::Result<String> {
    let mut times = Times::default();
    let result = steps(root, &mut times);
    println!("\n{times}");
    result
}

fn steps(root: &Path, times: &mut Times) -> anyhow::Result<String> {
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
    times.run("test", || test::run(root, &test::Options::default()))
}
