//! Trials that need the engine itself: the program `trial` of the crate `bench`, started beside the one under test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use testkit::Process;

use super::Stage;
use super::community::Person;
use crate::{step, workspace};

/// How long a trial may take: far longer than it does.
const PATIENCE: Duration = Duration::from_secs(3 * 60 * 60);

/// What the trials of a scenario draw their choices from. The same number gives the same choices.
pub(super) const SEED: u64 = 4;

/// The program.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    program: PathBuf,
    said: PathBuf,
}

impl Trial {
    /// Finds the program beside the one under test, and builds it where that was built here.
    pub(super) fn find(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let folder = stage.commonhold.path().parent();
        let program = folder.context("a program lies in a folder")?.join("trial");
        if std::env::var_os(testkit::BINARY).is_none() {
            let mut build = Command::new(workspace::cargo());
            build.current_dir(workspace::root());
            build.args(["build", "--quiet", "--package", "bench", "--bin", "trial"]);
            step::run(&mut build)?;
        }
        anyhow::ensure!(
            program.is_file(),
            "{} is not built; run: cargo build -p bench",
            program.display()
        );
        Ok(Self {
            program,
            said: stage.scratch.join("trial"),
        })
    }

    /// Runs a trial to its end; prints what it says, and returns its last line.
    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let said = self.answer(arguments)?;
        let mut lines: Vec<&str> = said.lines().collect();
        let last = lines.pop().context("a trial ends with a line")?;
        for line in lines {
            println!("{line}");
        }
        Ok(last.to_owned())
    }

    /// Gets a token of a server for a person.
    pub(super) fn token(&self, server: SocketAddr, person: &Person<'_>) -> anyhow::Result<String> {
        let key = person.home().join("agent/agent.key");
        let key = key.to_string_lossy();
        let token = self.answer(&["token", &server.to_string(), &key])?;
        Ok(token.trim().to_owned())
    }

    fn answer(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        let mut process = Process::spawn(command, &self.said)?;
        let status = process.wait(PATIENCE)?;
        anyhow::ensure!(
            status.success(),
            "trial {} ended with {status}: {}",
            arguments.join(" "),
            process.stderr().trim()
        );
        Ok(process.stdout())
    }
}

/// Makes a folder for a trial, as text.
pub(super) fn folder(stage: &Stage<'_>, name: &str) -> anyhow::Result<String> {
    let folder: &Path = &stage.scratch.join(name);
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder.to_string_lossy().into_owned())
}
