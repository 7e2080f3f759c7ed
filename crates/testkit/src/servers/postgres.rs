//! A PostgreSQL cluster of its own.
//!
//! Everybody on the machine may connect to it without a password while it runs; it listens on the loopback interface
//! and on a socket in its folder.

use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use super::guard::{Ending, Guarded, User};
use super::{READY_WITHIN, folder, free_port, leave_out, loopback, program, tail};
use crate::wait_for;

/// The oldest version that is taken.
const VERSION_MIN: u32 = 15;

/// How often another port is tried, when somebody else took one first.
const PORT_TRIES_MAX: usize = 5;

/// Where Debian's packages put the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The user of the database; there is no other.
const ROLE: &str = "postgres";

/// Whether the server waits until what it commits is on stable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// It waits, as it does in production.
    On,
    /// It does not; quicker, and enough where no test takes the machine's power away.
    Off,
}

/// A PostgreSQL cluster, which ends and goes when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    // Before the folder: the server ends first.
    guarded: Option<Guarded>,
    folder: TempDir,
    programs: PathBuf,
    user: Option<User>,
    fsync: Fsync,
    port: u16,
    databases: AtomicU32,
}

impl Postgres {
    /// Makes a cluster and starts it on a free port; prints a line and returns `None` when PostgreSQL 15 or later is not
    /// on the machine.
    ///
    /// # Errors
    /// When it cannot be made or started, or is not ready in time.
    pub fn start() -> anyhow::Result<Option<Self>> {
        Self::start_with(Fsync::On)
    }

    /// Does what [`Postgres::start`] does, and says whether commits wait for stable storage.
    ///
    /// # Errors
    /// When it cannot be made or started, or is not ready in time.
    pub fn start_with(fsync: Fsync) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else {
            leave_out("PostgreSQL 15 or later");
            return Ok(None);
        };
        let folder = folder("postgres")?;
        let user = server_user()?;
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid)).context("give the folder away")?;
        }
        let mut postgres = Self {
            guarded: None,
            folder,
            programs,
            user,
            fsync,
            port: 0,
            databases: AtomicU32::new(0),
        };
        let cluster = postgres.cluster();
        postgres.run_program("initdb", |command| {
            command
                .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
                .args(["--username", ROLE, "--pgdata"])
                .arg(cluster);
        })?;
        for attempt in 1.. {
            postgres.port = free_port()?;
            match postgres.run() {
                Ok(()) => break,
                Err(error) if attempt == PORT_TRIES_MAX => return Err(error),
                Err(_) => postgres.guarded = None,
            }
        }
        Ok(Some(postgres))
    }

    /// Returns the one cluster that all tests of this process share, with [`Fsync::Off`]; made at the first call.
    ///
    /// # Errors
    /// When it could not be made; each call tells it again.
    pub fn shared() -> anyhow::Result<Option<&'static Self>> {
        static SHARED: OnceLock<Result<Option<Postgres>, String>> = OnceLock::new();
        let made = SHARED
            .get_or_init(|| Self::start_with(Fsync::Off).map_err(|error| format!("{error:#}")));
        match made {
            Ok(postgres) => Ok(postgres.as_ref()),
            Err(error) => anyhow::bail!("{error}"),
        }
    }

    /// Returns the address of the database `postgres`, which is there from the start.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(ROLE)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the folder of its Unix socket.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database whose name begins with `name`, and returns its address.
    ///
    /// Two calls with the same name make two databases.
    ///
    /// # Errors
    /// When `name` has other letters than `a` to `z`, `0` to `9` and `_`, or the server does not make it.
    pub fn database(&self, name: &str) -> anyhow::Result<String> {
        let is_letter =
            |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
        anyhow::ensure!(
            name.bytes().all(is_letter),
            "{name:?} is no name of a database"
        );
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let database = format!("{name}_{number}");
        let port = self.port.to_string();
        self.run_program("createdb", |command| {
            command.args(["--host", "127.0.0.1", "--port", &port, "--username", ROLE]);
            command.arg(&database);
        })?;
        Ok(self.url_of(&database))
    }

    /// Ends the server at once: connections break, nothing is tidied up, and the next start recovers from its log.
    /// Again is the same as once.
    pub fn stop(&mut self) {
        self.guarded = None;
    }

    /// Starts the server again on the same port, after ending it when it still runs.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.stop();
        self.run()
    }

    /// Stops all processes of the server where they are, with SIGSTOP: connections stand, and nobody answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.running()?.pause()
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.running()?.resume()
    }

    fn running(&self) -> anyhow::Result<&Guarded> {
        self.guarded.as_ref().context("the server was stopped")
    }

    fn cluster(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// Runs the server on its port and waits until it takes connections.
    fn run(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(self.programs.join("postgres"));
        command
            .arg("-D")
            .arg(self.cluster())
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "shared_buffers=32MB"])
            .args(["-c", "max_connections=200"])
            .arg("-c")
            .arg(setting("unix_socket_directories", self.folder.path()));
        if self.fsync == Fsync::Off {
            for name in ["fsync", "synchronous_commit", "full_page_writes"] {
                command.args(["-c", &format!("{name}=off")]);
            }
        }
        without_settings(&mut command);
        let log = self.folder.path().join("log");
        let ending = Ending::Quit;
        let guarded = Guarded::spawn(&command, self.folder.path(), &log, self.user, ending)?;
        self.guarded = Some(guarded);
        let ready = wait_for("connections", READY_WITHIN, || {
            self.running()?.ensure_running()?;
            Ok(self.is_ready().then_some(()))
        });
        ready.with_context(|| format!("start PostgreSQL; it wrote last:\n{}", tail(&log)))
    }

    /// Tells whether the server takes connections. While it recovers it accepts them and sends them away.
    fn is_ready(&self) -> bool {
        let timeout = Duration::from_secs(5);
        if TcpStream::connect_timeout(&loopback(self.port), timeout).is_err() {
            return false;
        }
        let port = self.port.to_string();
        let asked = self.run_program("pg_isready", |command| {
            command.args(["--host", "127.0.0.1", "--port", &port, "--timeout", "5"]);
        });
        asked.is_ok()
    }

    /// Runs one of PostgreSQL's programs as the server's user.
    fn run_program(&self, name: &str, arguments: impl FnOnce(&mut Command)) -> anyhow::Result<()> {
        let mut command = Command::new(self.programs.join(name));
        arguments(&mut command);
        without_settings(&mut command);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        let output = command.output().with_context(|| format!("run {name}"))?;
        anyhow::ensure!(
            output.status.success(),
            "{name} ended with {}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        Ok(())
    }
}

fn setting(name: &str, value: &Path) -> std::ffi::OsString {
    let mut setting = std::ffi::OsString::from(format!("{name}="));
    setting.push(value);
    setting
}

/// Keeps the machine's own settings of PostgreSQL away.
fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}

/// Finds the folder of the programs of the newest PostgreSQL that is new enough.
fn programs() -> Option<PathBuf> {
    let in_path = program("initdb").and_then(|path| {
        // Distributions link it into the path; its neighbours are where it really is.
        let real = std::fs::canonicalize(path).ok()?;
        real.parent().map(Path::to_owned)
    });
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let folders = versions.map(|entry| entry.path().join("bin"));
    in_path
        .into_iter()
        .chain(folders)
        .filter(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .filter_map(|folder| Some((version(&folder.join("postgres"))?, folder)))
        .filter(|(version, _)| *version >= VERSION_MIN)
        .max()
        .map(|(_, folder)| folder)
}

/// Asks a `postgres` program for the first number of its version.
fn version(program: &Path) -> Option<u32> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// Reads the number out of a line such as `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn version_in(line: &str) -> Option<u32> {
    let rest = line.split("(PostgreSQL) ").nth(1)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// Returns the user under whom the server runs when this process is root's, which the server refuses to be.
fn server_user() -> anyhow::Result<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("read the list of users")?;
    let found = [ROLE, "nobody"]
        .into_iter()
        .find_map(|name| user_in(&users, name));
    found
        .map(Some)
        .context("root needs a user postgres or nobody for the server")
}

/// Finds a user in the text of `/etc/passwd` (passwd(5)).
fn user_in(users: &str, name: &str) -> Option<User> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let mut number = |skipped: usize| fields.nth(skipped)?.parse().ok();
        is_it
            .then(|| {
                Some(User {
                    uid: number(1)?,
                    gid: number(0)?,
                })
            })
            .flatten()
    })
}

#[cfg(test)]
mod tests;
