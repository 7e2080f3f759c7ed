//! Redis and NATS: small servers that keep nothing and are killed without ado.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use super::guard::{Ending, Guarded};
use super::{READY_WITHIN, folder, free_port, leave_out, loopback, program, tail};
use crate::wait_for;

/// How often another port is tried, when somebody else took one first.
const PORT_TRIES_MAX: usize = 5;

/// How long one try to connect may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A Redis server.
#[derive(Debug)]
pub struct Redis {
    server: Server,
}

/// A NATS server.
#[derive(Debug)]
pub struct Nats {
    server: Server,
}

/// What the two have in common.
#[derive(Debug)]
struct Server {
    // Before the folder: the server ends first.
    guarded: Option<Guarded>,
    folder: TempDir,
    port: u16,
    kind: Kind,
    arguments: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Redis,
    Nats,
}

macro_rules! server {
    ($name:ident, $scheme:literal) => {
        impl $name {
            /// Starts a server on a free port; prints a line and returns `None` when its program is not on the machine.
            ///
            /// # Errors
            /// When it cannot be started or is not ready in time.
            pub fn start() -> anyhow::Result<Option<Self>> {
                Self::start_with(&[])
            }

            /// Starts a server with further arguments.
            ///
            /// # Errors
            /// When it cannot be started or is not ready in time.
            pub fn start_with(arguments: &[&str]) -> anyhow::Result<Option<Self>> {
                let server = Server::start(Kind::$name, arguments)?;
                Ok(server.map(|server| Self { server }))
            }

            /// Returns the address of the server, without user and password.
            #[must_use]
            pub fn url(&self) -> String {
                format!(concat!($scheme, "://127.0.0.1:{}"), self.server.port)
            }

            /// Returns its port.
            #[must_use]
            pub fn port(&self) -> u16 {
                self.server.port
            }

            /// Ends the server at once, with SIGKILL. Again is the same as once.
            pub fn stop(&mut self) {
                self.server.guarded = None;
            }

            /// Starts the server again on the same port, after ending it when it still runs.
            ///
            /// # Errors
            /// When it cannot be started or is not ready in time.
            pub fn restart(&mut self) -> anyhow::Result<()> {
                self.stop();
                self.server.run()
            }

            /// Stops the server where it is, with SIGSTOP: connections stand, and nobody answers.
            ///
            /// # Errors
            /// When it does not run.
            pub fn pause(&mut self) -> anyhow::Result<()> {
                self.server.running()?.pause()
            }

            /// Lets it go on.
            ///
            /// # Errors
            /// When it does not run.
            pub fn resume(&mut self) -> anyhow::Result<()> {
                self.server.running()?.resume()
            }
        }
    };
}

server!(Redis, "redis");
server!(Nats, "nats");

#[cfg(test)]
impl Redis {
    /// Returns the server's process id and its folder.
    pub(super) fn place(&self) -> (i32, &std::path::Path) {
        let id = self.server.guarded.as_ref().map(Guarded::id);
        let id = id.map_or(0, |id| id.as_raw_nonzero().get());
        (id, self.server.folder.path())
    }
}

impl Server {
    fn start(kind: Kind, arguments: &[&str]) -> anyhow::Result<Option<Self>> {
        if program(kind.program()).is_none() {
            leave_out(kind.program());
            return Ok(None);
        }
        let mut server = Self {
            guarded: None,
            folder: folder(kind.program())?,
            port: 0,
            kind,
            arguments: arguments.iter().map(ToString::to_string).collect(),
        };
        for attempt in 1.. {
            server.port = free_port()?;
            match server.run() {
                Ok(()) => break,
                Err(error) if attempt == PORT_TRIES_MAX => return Err(error),
                Err(_) => server.guarded = None,
            }
        }
        Ok(Some(server))
    }

    fn running(&self) -> anyhow::Result<&Guarded> {
        self.guarded.as_ref().context("the server was stopped")
    }

    /// Runs the server on its port and waits until it answers.
    fn run(&mut self) -> anyhow::Result<()> {
        let name = self.kind.program();
        let mut command = Command::new(program(name).context("the program is gone")?);
        let port = self.port.to_string();
        match self.kind {
            Kind::Redis => command.args([
                "--bind",
                "127.0.0.1",
                "--port",
                &port,
                "--save",
                "",
                "--appendonly",
                "no",
            ]),
            Kind::Nats => command.args(["--addr", "127.0.0.1", "--port", &port]),
        };
        command.args(&self.arguments);
        let log = self.folder.path().join("log");
        let guarded = Guarded::spawn(&command, self.folder.path(), &log, None, Ending::Kill)?;
        let guarded = self.guarded.insert(guarded);
        let ready = wait_for("its answer", READY_WITHIN, || {
            guarded.ensure_running()?;
            Ok(self.kind.answers(self.port).then_some(()))
        });
        ready.with_context(|| format!("start {name}; it wrote last:\n{}", tail(&log)))
    }
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::Nats => "nats-server",
        }
    }

    /// Tells whether a server of this kind answers at `port`.
    fn answers(self, port: u16) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect_timeout(&loopback(port), CONNECT_WITHIN)?;
            stream.set_read_timeout(Some(CONNECT_WITHIN))?;
            let mut first = [0];
            match self {
                Self::Redis => {
                    stream.write_all(b"PING\r\n")?;
                    stream.read_exact(&mut first)?;
                    // `+PONG`, or an error when a password is wanted.
                    Ok(matches!(&first, b"+" | b"-"))
                }
                Self::Nats => {
                    // `INFO` comes unasked.
                    stream.read_exact(&mut first)?;
                    Ok(&first == b"I")
                }
            }
        };
        ask().unwrap_or(false)
    }
}
