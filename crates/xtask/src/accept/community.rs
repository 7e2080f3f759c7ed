//! A community under test: `commonhold up` as a process, and the people who type commands beside it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use testkit::Process;

use super::Stage;
use super::http::Client;

/// How long a start may take; the handbook is published within it.
pub(super) const READY: Duration = Duration::from_secs(90);

/// How long an orderly end may take.
pub(super) const END: Duration = Duration::from_secs(30);

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(300);

/// What a new community starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// The handbook.
    Handbook,
    /// Nothing.
    Nothing,
}

/// A person at this machine: a home folder with a key.
#[derive(Clone, Debug)]
pub(super) struct Person<'a> {
    stage: &'a Stage<'a>,
    home: PathBuf,
}

/// What a command did.
#[derive(Debug)]
pub(super) struct Ran {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// What it printed.
    pub(super) stdout: String,
    /// What it complained about.
    pub(super) stderr: String,
}

impl<'a> Person<'a> {
    /// Names a person whose things are in a folder of the stage.
    pub(super) fn new(stage: &'a Stage<'a>, name: &str) -> Self {
        Self {
            stage,
            home: stage.scratch.join(name),
        }
    }

    /// Returns the folder with this person's things.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// Returns a command of this person.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.stage.commonhold.command();
        command.env("COMMONHOLD_HOME", &self.home).args(arguments);
        command
    }

    /// Starts a command and leaves it running.
    pub(super) fn start(&self, arguments: &[&str]) -> anyhow::Result<Process> {
        self.spawn(self.command(arguments))
    }

    /// Starts a command of this person that was prepared, and leaves it running.
    pub(super) fn spawn(&self, command: Command) -> anyhow::Result<Process> {
        Process::spawn(command, &self.home.join("said"))
    }

    /// Runs a command to its end, whatever comes of it.
    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<Ran> {
        let mut process = self.start(arguments)?;
        let status = process
            .wait(COMMAND)
            .with_context(|| format!("commonhold {}", arguments.join(" ")))?;
        Ok(Ran {
            status,
            stdout: process.stdout(),
            stderr: process.stderr(),
        })
    }

    /// Runs a command that must succeed, and returns the document that it prints.
    pub(super) fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let ran = self.run(&[arguments, &["--json"]].concat())?;
        let told = || {
            format!(
                "commonhold {}: {}{}",
                arguments.join(" "),
                ran.stdout,
                ran.stderr
            )
        };
        anyhow::ensure!(ran.status.success(), "{} ended with {}", told(), ran.status);
        serde_json::from_str(ran.stdout.trim()).with_context(told)
    }

    /// Publishes a folder and returns what the command counted.
    pub(super) fn publish(&self, folder: &Path, to: &str) -> anyhow::Result<Value> {
        self.json(&["publish", &folder.to_string_lossy(), "--to", to])
    }
}

/// A running doorway; dropping it kills it.
#[derive(Debug)]
pub(super) struct Community {
    process: Process,
    address: SocketAddr,
}

impl Community {
    /// Starts a community whose first steward is `steward`, over the steward's own community folder.
    pub(super) fn start(steward: &Person<'_>, first: First) -> anyhow::Result<Self> {
        let mut arguments = vec!["up", "--listen", "127.0.0.1:0"];
        if first == First::Nothing {
            arguments.push("--empty");
        }
        let mut process = steward.start(&arguments)?;
        let address = process.wait_for_address(READY)?;
        Ok(Self { process, address })
    }

    /// Returns where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its address as commands take it.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns a reader.
    pub(super) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Ends it at once, as a power cut would.
    pub(super) fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Asks it to end, and checks that it does so in order.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let status = self.process.wait(END)?;
        anyhow::ensure!(
            status.success(),
            "asked to end, the doorway ended with {status}"
        );
        Ok(())
    }
}

/// Returns a number out of a document, such as `/pages/new`.
pub(super) fn number(document: &Value, pointer: &str) -> anyhow::Result<u64> {
    let found = document.pointer(pointer).and_then(Value::as_u64);
    found.with_context(|| format!("{document} has no number at {pointer}"))
}

/// Returns a text out of a document.
pub(super) fn text<'a>(document: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    let found = document.pointer(pointer).and_then(Value::as_str);
    found.with_context(|| format!("{document} has no text at {pointer}"))
}

/// Reads a whole list of the doorway, page by page.
pub(super) fn list(client: &mut Client, kind: &str) -> anyhow::Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut path = format!("/api/v1/cache/{kind}?limit=100");
    loop {
        let mut view = client.json(&path)?;
        let page = view["items"].as_array_mut().context("a list has items")?;
        items.append(page);
        let Some(next) = view["next"].as_str() else {
            return Ok(items);
        };
        path = format!("/api/v1/cache/{kind}?limit=100&cursor={next}");
    }
}
