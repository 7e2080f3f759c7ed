//! The pipes to a browser: commands with numbers go in, answers and events come out, each ended by a zero byte.
//!
//! Chromium reads commands from descriptor 3 and writes to descriptor 4; a shell in between puts our pipes there.
//! Events that nobody has asked for yet are kept, the oldest dropped first.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

const EVENTS_MAX: usize = 1_000;
const MESSAGES_MAX: usize = 256;

/// A browser process and its two pipes.
#[derive(Debug)]
pub(super) struct Pipe {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    last_id: u64,
}

impl Pipe {
    /// Starts the browser; what it complains about goes into a file in `folder`.
    pub(super) fn open(program: &str, flags: &[String], folder: &Path) -> anyhow::Result<Self> {
        let complaints =
            std::fs::File::create(folder.join("stderr.log")).context("make the browser's log")?;
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null",
                "sh",
                program,
            ])
            .args(flags);
        command
            .env("HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .env("XDG_CACHE_HOME", folder);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints);
        let mut child = command
            .spawn()
            .with_context(|| format!("start {program}"))?;
        let commands = child.stdin.take().context("its input is piped")?;
        let output = child.stdout.take().context("its output is piped")?;
        let (sender, messages) = sync_channel(MESSAGES_MAX);
        // The thread ends when the browser does, or when nobody listens any more.
        std::thread::Builder::new()
            .name("browser messages".to_owned())
            .spawn(move || {
                let mut reader = BufReader::new(output);
                let mut bytes = Vec::new();
                while reader
                    .read_until(0, &mut bytes)
                    .is_ok_and(|count| count > 0)
                {
                    bytes.pop_if(|last| *last == 0);
                    let Ok(message) = serde_json::from_slice(&bytes) else {
                        break;
                    };
                    if sender.send(message).is_err() {
                        break;
                    }
                    bytes.clear();
                }
            })?;
        Ok(Self {
            child,
            commands,
            messages,
            events: VecDeque::new(),
            last_id: 0,
        })
    }

    /// Sends a command and returns its result.
    pub(super) fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
        deadline: Duration,
    ) -> anyhow::Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.commands
            .write_all(&bytes)
            .with_context(|| format!("ask the browser for {method}"))?;
        let ends = Instant::now() + deadline;
        loop {
            let mut answer = self
                .next(ends)
                .with_context(|| format!("the browser's answer to {method}"))?;
            if answer["id"] == json!(id) {
                anyhow::ensure!(
                    answer.get("error").is_none(),
                    "{method}: {}",
                    answer["error"]["message"]
                );
                return Ok(answer["result"].take());
            }
            self.keep(answer);
        }
    }

    /// Waits for an event; one that was kept counts.
    pub(super) fn event(
        &mut self,
        session: &str,
        method: &str,
        deadline: Duration,
    ) -> anyhow::Result<Value> {
        let fits = |event: &Value| {
            event["method"] == json!(method) && event["sessionId"] == json!(session)
        };
        if let Some(index) = self.events.iter().position(fits) {
            return self.events.remove(index).context("it was just found");
        }
        let ends = Instant::now() + deadline;
        loop {
            let event = self
                .next(ends)
                .with_context(|| format!("the browser's event {method}"))?;
            if fits(&event) {
                return Ok(event);
            }
            self.keep(event);
        }
    }

    /// Drops the events that were kept.
    pub(super) fn forget_events(&mut self) {
        self.events.clear();
    }

    fn keep(&mut self, message: Value) {
        if message.get("method").is_some() {
            if self.events.len() == EVENTS_MAX {
                self.events.pop_front();
            }
            self.events.push_back(message);
        }
    }

    fn next(&mut self, ends: Instant) -> anyhow::Result<Value> {
        let left = ends.saturating_duration_since(Instant::now());
        self.messages
            .recv_timeout(left)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => anyhow::anyhow!("did not come in time"),
                RecvTimeoutError::Disconnected => {
                    anyhow::anyhow!("did not come: the browser ended")
                }
            })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Asked politely first, so that it ends its own children and leaves its profile alone.
        let ended = self
            .call(None, "Browser.close", &json!({}), Duration::from_secs(5))
            .is_ok()
            && crate::wait_for("the browser's end", Duration::from_secs(5), || {
                Ok(self.child.try_wait()?)
            })
            .is_ok();
        if !ended && self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
