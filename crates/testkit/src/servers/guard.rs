//! A server process under guard: it ends with this process, however that ends.
//!
//! A small shell stands between the two. It starts the server, says its process id, and reads its own standard input,
//! which nobody but this process can close. When the input ends, be it that somebody asked or that this process is
//! gone, the shell ends the server; when nobody asked, it also removes the server's folder.
//! The server is a child of the shell until it has been waited for, so its process id cannot mean another process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use super::{READY_WITHIN, tail};
use crate::wait_for;

/// What the shell does: `$1` is the folder, `$2` the log, `$3` the signal that ends the server, the rest its command.
const SCRIPT: &str = r#"
folder=$1; log=$2; signal=$3; shift 3
setsid "$@" </dev/null >>"$log" 2>&1 &
server=$!
echo "$server"
read -r word || word=gone
kill -CONT "$server" 2>/dev/null
kill -"$signal" "$server" 2>/dev/null
wait "$server" 2>/dev/null
if [ "$word" = gone ]; then rm -rf "$folder"; fi
"#;

/// A user of the machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// At once, without a chance to do anything.
    Kill,
    /// By SIGQUIT.
    Quit,
}

/// A running server; dropping it ends the server and waits for that.
#[derive(Debug)]
pub(super) struct Guarded {
    shell: Child,
    input: Option<ChildStdin>,
    server: Pid,
    log: PathBuf,
}

impl Guarded {
    /// Starts `command`, whose environment is kept, in `folder`, with what it prints added to `log`.
    pub(super) fn spawn(
        command: &Command,
        folder: &Path,
        log: &Path,
        user: Option<User>,
        ending: Ending,
    ) -> anyhow::Result<Self> {
        let signal = match ending {
            Ending::Kill => "KILL",
            Ending::Quit => "QUIT",
        };
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "sh"])
            .args([folder, log])
            .arg(signal)
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(folder)
            // A terminal's interrupt is for the test; the guard sees its end and does the rest.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(user) = user {
            shell.uid(user.uid).gid(user.gid);
        }
        let mut shell = shell.spawn().context("start a shell")?;
        let input = shell.stdin.take();
        let output = shell.stdout.take().context("the output is a pipe")?;
        let mut line = String::new();
        let said = BufReader::new(output).read_line(&mut line);
        said.context("read what the guard says")?;
        let server = line.trim().parse().ok().and_then(Pid::from_raw);
        let server = server.context("the guard says no process id")?;
        Ok(Self {
            shell,
            input,
            server,
            log: log.to_owned(),
        })
    }

    /// Returns the server's process id.
    #[cfg(test)]
    pub(super) fn id(&self) -> Pid {
        self.server
    }

    /// Fails with the last lines of the log when the server has ended by itself.
    pub(super) fn ensure_running(&self) -> anyhow::Result<()> {
        let state = state_in(format!("/proc/{}/stat", self.server.as_raw_nonzero()));
        anyhow::ensure!(
            state.is_some_and(|state| state != 'Z'),
            "the server has ended; it wrote last:\n{}",
            tail(&self.log)
        );
        Ok(())
    }

    /// Sends a signal to the server.
    pub(super) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(self.server, signal).with_context(|| format!("send {signal:?} to the server"))
    }

    /// Stops the server and its children where they are, and waits until each of their threads stands.
    pub(super) fn pause(&self) -> anyhow::Result<()> {
        // The server first: then it starts no further children.
        self.signal(Signal::STOP)?;
        wait_for("the server to stand", READY_WITHIN, || {
            Ok(stands(self.server).then_some(()))
        })?;
        for child in self.children() {
            // It may have ended since it was listed.
            kill_process(child, Signal::STOP).ok();
            wait_for("a child to stand", READY_WITHIN, || {
                Ok(stands(child).then_some(()))
            })?;
        }
        Ok(())
    }

    /// Lets them go on.
    pub(super) fn resume(&self) -> anyhow::Result<()> {
        for child in self.children() {
            kill_process(child, Signal::CONT).ok();
        }
        self.signal(Signal::CONT)
    }

    /// Lists the server's children.
    ///
    /// Some servers give each child a process group of its own, so that a group would not find them.
    fn children(&self) -> Vec<Pid> {
        let parent = self.server.as_raw_nonzero().to_string();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let is_child = |stat: &str| {
            let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest);
            after_name.and_then(|rest| rest.split(' ').nth(1)) == Some(parent.as_str())
        };
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|id: &i32| {
                std::fs::read_to_string(format!("/proc/{id}/stat"))
                    .is_ok_and(|stat| is_child(&stat))
            })
            .filter_map(Pid::from_raw)
            .collect()
    }

    fn end(&mut self) {
        if let Some(mut input) = self.input.take() {
            // The word says that somebody asked; without it the guard would take the folder away.
            input.write_all(b"end\n").ok();
        }
        self.shell.wait().ok();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
    }
}

/// Tells whether every thread of a process is stopped or gone.
fn stands(process: Pid) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero()));
    tasks.into_iter().flatten().flatten().all(|task| {
        let state = state_in(task.path().join("stat"));
        state.is_none_or(|state| matches!(state, 'T' | 'Z' | 'X'))
    })
}

/// Reads the state of a process or thread out of its `stat` (proc(5)); `None` when it is gone.
fn state_in(stat: impl AsRef<Path>) -> Option<char> {
    let text = std::fs::read_to_string(stat).ok()?;
    // The name in parentheses may hold anything; the state follows it.
    let (_, rest) = text.rsplit_once(") ")?;
    rest.chars().next()
}
