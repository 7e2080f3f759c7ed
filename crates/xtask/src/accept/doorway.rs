//! Doorway processes side by side: one that writes, and copies of it.
//!
//! A [`Plan`] says how one is started and can start it again over the same folder; a [`Server`] is one that runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use testkit::Process;

use super::community::{END, Person, READY, text};
use super::http::Client;

/// How a doorway is started.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    owner: Person<'a>,
    data: PathBuf,
    listen: SocketAddr,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl<'a> Plan<'a> {
    /// Plans a doorway without the handbook in a folder, on a port that is free then.
    pub(super) fn new(owner: &Person<'a>, data: PathBuf) -> Self {
        Self {
            owner: owner.clone(),
            data,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            arguments: vec!["--empty".to_owned()],
            environment: Vec::new(),
        }
    }

    /// Gives it a port to which it comes back.
    pub(super) fn at(mut self, port: u16) -> Self {
        self.listen.set_port(port);
        self
    }

    /// Sets a variable of its environment.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Makes it a copy that reads the database which another doorway writes.
    pub(super) fn reading(mut self, database: &str) -> Self {
        self.arguments.clear();
        self.with("DATABASE_URL", database)
            .with("PROJECTION_WRITER", "false")
    }

    /// Makes it a copy of another doorway.
    pub(super) fn following(mut self, url: &str) -> Self {
        self.arguments = vec!["--follow".to_owned(), url.to_owned()];
        self
    }

    /// Returns its data folder.
    pub(super) fn data(&self) -> &PathBuf {
        &self.data
    }

    /// Starts it and waits until it says where it listens.
    pub(super) fn start(&self) -> anyhow::Result<Server> {
        let mut process = self.owner.spawn(self.command())?;
        let line = process.wait_for_line(READY, |line| {
            serde_json::from_str::<Value>(line).is_ok_and(|told| told["url"].is_string())
        })?;
        let told: Value = serde_json::from_str(&line)?;
        let address = address(text(&told, "/url")?)?;
        let admin = told["admin"].as_str().map(self::address).transpose()?;
        Ok(Server {
            process,
            address,
            admin,
        })
    }

    /// Starts it where it must not run; returns how it ended and what it said.
    pub(super) fn refused(&self) -> anyhow::Result<(ExitStatus, String)> {
        let mut process = self.owner.spawn(self.command())?;
        let status = process.wait(READY)?;
        Ok((status, process.stdout() + &process.stderr()))
    }

    fn command(&self) -> Command {
        let (data, listen) = (self.data.to_string_lossy(), self.listen.to_string());
        let fixed = ["up", "--json", "--data", &data, "--listen", &listen];
        let mut command = self.owner.command(&fixed);
        command.args(&self.arguments);
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command
    }
}

/// A running doorway; dropping it kills it.
#[derive(Debug)]
pub(super) struct Server {
    process: Process,
    address: SocketAddr,
    admin: Option<SocketAddr>,
}

impl Server {
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

    /// Returns a reader of what it shows its steward.
    pub(super) fn steward(&self) -> anyhow::Result<Client> {
        let admin = self
            .admin
            .context("it does not say where its admin port is")?;
        Ok(Client::new(admin))
    }

    /// Asks how it stands: whether it is ready, and the whole view.
    pub(super) fn readiness(&self) -> anyhow::Result<(bool, Value)> {
        let answer = self.client().get("/ready")?;
        Ok((answer.status() == 200, answer.json()?))
    }

    /// Waits until it is ready.
    pub(super) fn wait_until_ready(&self, within: Duration) -> anyhow::Result<()> {
        let mut last = Value::Null;
        let waited = testkit::wait_for("/ready", within, || {
            let (is_ready, view) = self.readiness()?;
            last = view;
            Ok(is_ready.then_some(()))
        });
        waited.with_context(|| format!("it says {last}"))
    }

    /// Returns how much memory it holds, in bytes.
    pub(super) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes =
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kibibytes.context("VmRSS is told")? * 1_024)
    }

    /// Ends it at once, as a power cut would.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Asks it to end, and checks that it does so in order.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let status = self.process.wait(END)?;
        let said = self.process.stderr();
        anyhow::ensure!(
            status.success(),
            "asked to end, it ended with {status}: {said}"
        );
        Ok(())
    }
}

/// Reads the address out of a URL without a path.
fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    rest.trim_end_matches('/')
        .parse()
        .with_context(|| format!("{url} is no address"))
}
