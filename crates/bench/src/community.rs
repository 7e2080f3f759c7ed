//! A community to measure: `commonhold up` on its own core, over a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use testkit::{Binary, Process};

use crate::http::Connection;
use crate::machine::Cores;

const READY: Duration = Duration::from_secs(120);
const END: Duration = Duration::from_secs(60);

/// What is measured with.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    /// The program.
    pub(crate) commonhold: Binary,
    /// Where processes run.
    pub(crate) cores: Cores,
}

/// A running doorway.
#[derive(Debug)]
pub(crate) struct Community {
    process: Process,
    address: SocketAddr,
    home: PathBuf,
}

impl Community {
    /// Starts one in a new home folder; `more` are further arguments of `up`.
    pub(crate) fn start(bench: &Bench, home: &Path, more: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(bench, home, more, &[])
    }

    /// The same with further variables of the environment.
    pub(crate) fn start_with(
        bench: &Bench,
        home: &Path,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut command = bench.cores.server(bench.commonhold.path());
        command
            .env("COMMONHOLD_HOME", home)
            .envs(environment.iter().copied())
            .args(["up", "--listen", "127.0.0.1:0"])
            .args(more);
        let mut process = Process::spawn(command, &home.join("said"))?;
        let address = process.wait_for_address(READY)?;
        Ok(Self {
            process,
            address,
            home: home.to_owned(),
        })
    }

    /// Returns its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns its address as commands take it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.address)
    }

    /// Returns the secret of its first steward, as `up` made it.
    pub(crate) fn seed(&self) -> anyhow::Result<[u8; 32]> {
        let path = self.home.join("agent/agent.key");
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        bytes.try_into().ok().context("a key has 32 bytes")
    }

    /// Runs a command of its steward to its end; returns how long that took.
    pub(crate) fn timed(&self, bench: &Bench, arguments: &[&str]) -> anyhow::Result<Duration> {
        let mut command: Command = bench.commonhold.command();
        command.env("COMMONHOLD_HOME", &self.home).args(arguments);
        let started = Instant::now();
        let output = command.output().context("start it")?;
        let took = started.elapsed();
        anyhow::ensure!(
            output.status.success(),
            "{} ended with {}: {}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr),
        );
        Ok(took)
    }

    /// Ends it in order.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let status = self.process.wait(END)?;
        anyhow::ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}
