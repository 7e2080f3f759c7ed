//! `cargo xtask bench NAME`: build what is measured with the profile `bench` and run one benchmark.
//!
//! The benchmarks themselves are in the crate `bench`; what they start is the program named by `COMMONHOLD_BIN`.

use std::path::Path;
use std::process::Command;

use crate::step;
use crate::workspace;

/// Builds and runs one benchmark; `arguments` are passed on to it.
///
/// # Errors
/// When the build or the benchmark fails.
pub(crate) fn run(root: &Path, name: &str, json: bool, arguments: &[String]) -> anyhow::Result<()> {
    let mut build = Command::new(workspace::cargo());
    build
        .current_dir(root)
        .args(["build", "--quiet", "--profile", "bench"]);
    build.args(["--package", "bench", "--package", "commonhold", "--bins"]);
    step::run(&mut build)?;
    // Cargo builds the profile `bench` into the folder `release`.
    let folder = workspace::target_folder(root)?.join("release");
    let mut command = Command::new(folder.join("bench"));
    command
        .current_dir(root)
        .arg(name)
        .args(arguments)
        .env(testkit::BINARY, folder.join("commonhold"));
    if json {
        command.arg("--json");
    }
    step::run(&mut command)
}
