//! `cargo xtask test`: unit tests, integration tests, doc tests, and the small variant of every scenario.
//!
//! Everything runs even when something failed before, and the last line is the test runner's closing line.
//! With cargo-nextest that is its summary; without it, the sum of what `cargo test` said.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::step::tee;
use crate::{accept, tools, workspace};

/// What to run.
#[derive(Default)]
pub(crate) struct Options {
    /// Whether tests that read data from beside the workspace are left out.
    pub(crate) without_shared: bool,
    /// Only tests and scenarios whose name contains this.
    pub(crate) filter: Option<String>,
}

/// What came of it.
pub(crate) struct Report {
    /// The test runner's closing line.
    pub(crate) closing: String,
    /// What failed, each in a few words.
    pub(crate) failed: Vec<String>,
}

/// Runs the tests and prints the closing line last, whatever happened; returns whether all passed.
///
/// # Errors
/// When the tests cannot be built or started.
pub(crate) fn run_and_tell(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let report = run(root, options)?;
    if !report.failed.is_empty() {
        println!("failed: {}", report.failed.join(", "));
    }
    println!("{}", report.closing);
    Ok(report.failed.is_empty())
}

/// Runs the tests.
///
/// # Errors
/// When the tests cannot be built or started.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<Report> {
    tools::require_build(root)?;
    tools::provide_for_tests(root);
    workspace::build_all(root).context("build the tests and the programs that they start")?;
    let programs = workspace::target_folder(root)?.join("debug");
    let mut failed = Vec::new();
    let (is_ok, closing) = units(root, options)?;
    if !is_ok {
        failed.push("tests".to_owned());
    }
    if options.filter.is_none() {
        let mut command = cargo(root, options);
        let (is_ok, lines) = tee(
            command.args(["test", "--quiet", "--workspace", "--doc", "--no-fail-fast"]),
            is_result,
        )?;
        println!("doc tests: {}", Counts::sum(&lines));
        if !is_ok {
            failed.push("doc tests".to_owned());
        }
    }
    failed.extend(scenarios(root, options, &programs)?);
    Ok(Report { closing, failed })
}

/// Runs unit and integration tests; returns whether all passed, and the closing line.
fn units(root: &Path, options: &Options) -> anyhow::Result<(bool, String)> {
    if has_nextest(root) {
        let mut command = cargo(root, options);
        command
            .args(["nextest", "run", "--workspace", "--no-fail-fast"])
            .args(&options.filter);
        let (is_ok, lines) = tee(&mut command, |line| line.starts_with("Summary ["))?;
        let closing = lines.last().cloned();
        return Ok((
            is_ok,
            closing.unwrap_or_else(|| "the tests did not start".to_owned()),
        ));
    }
    let mut command = cargo(root, options);
    command
        .args(["test", "--workspace", "--all-targets", "--no-fail-fast"])
        .args(&options.filter);
    let (is_ok, lines) = tee(&mut command, is_result)?;
    let counts = Counts::sum(&lines);
    let is_empty = counts.passed + counts.failed == 0;
    Ok((is_ok && !is_empty, counts.to_string()))
}

/// Runs the small variant of each scenario; returns the names of those that failed.
fn scenarios(root: &Path, options: &Options, programs: &Path) -> anyhow::Result<Vec<String>> {
    let mut failed = Vec::new();
    for name in accept::names() {
        if options
            .filter
            .as_deref()
            .is_some_and(|filter| !name.contains(filter))
        {
            continue;
        }
        // Not the running file: building everything has just replaced it.
        let mut command = Command::new(programs.join("xtask"));
        with_options(&mut command, options)
            .current_dir(root)
            .env(testkit::BINARY, programs.join("commonhold"))
            .args(["accept", name]);
        if !command.status().context("start the scenario")?.success() {
            failed.push(format!("scenario {name}"));
        }
    }
    Ok(failed)
}

fn cargo(root: &Path, options: &Options) -> Command {
    let mut command = Command::new(workspace::cargo());
    with_options(&mut command, options).current_dir(root);
    command
}

fn with_options<'a>(command: &'a mut Command, options: &Options) -> &'a mut Command {
    if options.without_shared {
        command.env(testkit::WITHOUT_SHARED, "1");
    }
    command
}

fn has_nextest(root: &Path) -> bool {
    let mut command = Command::new(workspace::cargo());
    command
        .current_dir(root)
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_result(line: &str) -> bool {
    line.starts_with("test result: ")
}

/// What `cargo test` said, over all its programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered_out: u64,
}

impl Counts {
    fn sum(lines: &[String]) -> Self {
        let mut sum = Self::default();
        for part in lines.iter().flat_map(|line| line.split(['.', ';'])) {
            let words: Vec<&str> = part.split_whitespace().collect();
            let [count, what @ ..] = words.as_slice() else {
                continue;
            };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            match what {
                ["passed"] => sum.passed += count,
                ["failed"] => sum.failed += count,
                ["ignored"] => sum.ignored += count,
                ["filtered", "out"] => sum.filtered_out += count,
                _ => {}
            }
        }
        sum
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.failed == 0 { "ok" } else { "FAILED" };
        let Self {
            passed,
            failed,
            ignored,
            filtered_out,
        } = self;
        write!(
            formatter,
            "test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {filtered_out} filtered out",
        )
    }
}

#[cfg(test)]
mod tests;
