//! `commonhold storage` under test: started, killed and started again on its own port.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use testkit::Process;

use super::Stage;
use super::community::{END, Person, READY};
use super::http::{Answer, Client};
use super::trial::Trial;

/// How a node is started.
#[derive(Clone, Debug)]
pub(super) struct NodePlan<'a> {
    owner: Person<'a>,
    data: PathBuf,
    port: u16,
    environment: Vec<(&'static str, String)>,
}

/// A running node; dropping it kills it.
#[derive(Debug)]
pub(super) struct Node {
    process: Process,
    address: SocketAddr,
}

/// Somebody who asks a node, with a token.
#[derive(Debug)]
pub(super) struct Caller {
    client: Client,
    bearer: String,
}

impl<'a> NodePlan<'a> {
    /// Plans a node whose steward is a new person, on a port that is free now.
    pub(super) fn new(stage: &'a Stage<'a>, name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            owner: Person::new(stage, &format!("{name}-steward")),
            data: stage.scratch.join(name),
            port: testkit::servers::free_port()?,
            environment: Vec::new(),
        })
    }

    /// Sets a variable of its environment.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Starts it and waits until it says where it listens.
    pub(super) fn start(&self) -> anyhow::Result<Node> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).to_string();
        let data = self.data.to_string_lossy();
        let words = ["storage", "--listen", &listen, "--data", &data];
        let mut command = self.owner.command(&words);
        command.env("ADMIN_LISTEN", "127.0.0.1:0");
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        let mut process = self.owner.spawn(command)?;
        let address = process.wait_for_address(READY)?;
        Ok(Node { process, address })
    }

    /// Gets a token for its steward.
    pub(super) fn token(&self, trial: &Trial, node: &Node) -> anyhow::Result<String> {
        trial.token(node.address, &self.owner)
    }
}

impl Node {
    /// Returns where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once, as a power cut would.
    pub(super) fn kill(mut self) -> anyhow::Result<()> {
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

impl Caller {
    /// Names a node and a token.
    pub(super) fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            client: Client::new(address),
            bearer: format!("Bearer {token}"),
        }
    }

    /// Asks, whatever comes of it.
    pub(super) fn ask(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let own = [("authorization", self.bearer.as_str())];
        let fields = [&own, fields].concat();
        self.client.send(method, path, &fields, body)
    }

    /// Asks with a document; the answer must have one of these statuses.
    pub(super) fn tell(
        &mut self,
        method: &str,
        path: &str,
        document: &serde_json::Value,
        statuses: &[u16],
    ) -> anyhow::Result<Answer> {
        let fields = [("content-type", "application/json")];
        let body = document.to_string();
        let answer = self.ask(method, path, &fields, body.as_bytes())?;
        expect(&answer, statuses).with_context(|| format!("{method} {path}"))?;
        Ok(answer)
    }
}

/// Compares an answer's status with those that may be.
pub(super) fn expect(answer: &Answer, statuses: &[u16]) -> anyhow::Result<()> {
    let status = answer.status();
    anyhow::ensure!(
        statuses.contains(&status),
        "answered {status} and not {statuses:?}: {}",
        String::from_utf8_lossy(&answer.body)
    );
    Ok(())
}
