//! A started program whose output is caught, and which never outlives its test.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::wait_for;

/// How many of the last lines an error shows.
const TAIL_LINES: usize = 20;

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A started program; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command` with its output written to two files in `folder`, and nothing to read.
    ///
    /// # Errors
    /// When the files cannot be made or the program cannot be started.
    pub fn spawn(mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let program = Path::new(command.get_program())
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{program}-{}-{number}", std::process::id());
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let stdout = folder.join(format!("{name}.stdout"));
        let stderr = folder.join(format!("{name}.stderr"));
        let make =
            |path: &Path| File::create(path).with_context(|| format!("make {}", path.display()));
        command
            .stdin(Stdio::null())
            .stdout(make(&stdout)?)
            .stderr(make(&stderr)?);
        let child = command
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        Ok(Self {
            child,
            name,
            stdout,
            stderr,
        })
    }

    /// Returns its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns what it has written to its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// Returns what it has written to its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Waits for a complete line, on either output, that `fits`.
    ///
    /// # Errors
    /// When the program ends or `deadline` passes first; the message shows the last lines that it wrote.
    pub fn wait_for_line(
        &mut self,
        deadline: Duration,
        fits: impl Fn(&str) -> bool,
    ) -> anyhow::Result<String> {
        let found = wait_for("a line", deadline, || {
            // Asked before reading, so that what it wrote at the very end is still seen.
            let ended = self.child.try_wait().context("ask for its end")?;
            let said = format!("{}\n{}", complete(&self.stdout()), complete(&self.stderr()));
            if let Some(line) = said.lines().find(|line| fits(line)) {
                return Ok(Some(line.to_owned()));
            }
            match ended {
                Some(status) => anyhow::bail!("it ended with {status}"),
                None => Ok(None),
            }
        });
        found.with_context(|| format!("{}; it wrote last:\n{}", self.name, self.tail()))
    }

    /// Waits until the program prints the address at which it listens, as `http://ADDR:PORT`.
    ///
    /// # Errors
    /// When the program ends or `deadline` passes first.
    pub fn wait_for_address(&mut self, deadline: Duration) -> anyhow::Result<SocketAddr> {
        let line = self.wait_for_line(deadline, |line| address_in(line).is_some())?;
        address_in(&line).context("the line was chosen for its address")
    }

    /// Waits until the program ends.
    ///
    /// # Errors
    /// When `deadline` passes first.
    pub fn wait(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let ended = wait_for("its end", deadline, || {
            self.child.try_wait().context("ask for its end")
        });
        ended.with_context(|| format!("{}; it wrote last:\n{}", self.name, self.tail()))
    }

    /// Tells whether the program still runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait().context("ask for its end")?.is_none())
    }

    /// Asks the program to end, with SIGTERM.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Ends the program at once, with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("kill it")?;
        self.child.wait().context("wait for its end")?;
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the program has ended already.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process id is positive")?;
        kill_process(pid, signal).with_context(|| format!("send {signal:?} to {}", self.name))
    }

    fn tail(&self) -> String {
        let said = format!("{}{}", self.stdout(), self.stderr());
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the text up to its last line break.
fn complete(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..end])
}

/// Finds `http://ADDR:PORT` in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    line.split("http://").skip(1).find_map(|rest| {
        let end =
            rest.find(|letter: char| !(letter.is_ascii_hexdigit() || ".:[]".contains(letter)));
        rest[..end.unwrap_or(rest.len())]
            .trim_end_matches(['.', ':'])
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests;
