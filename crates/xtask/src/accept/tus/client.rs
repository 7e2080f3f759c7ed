//! tus-js-client: fetched once with npm into the user's cache folder, by the lock file beside the script.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use testkit::Process;

use crate::accept::Stage;

/// How long an upload may take.
const PATIENCE: Duration = Duration::from_secs(180);

const PACKAGE: &str = include_str!("../../../assets/tus/package.json");
const LOCK: &str = include_str!("../../../assets/tus/package-lock.json");
const SCRIPT: &str = include_str!("../../../assets/tus/upload.mjs");

/// The file that says which lock file was installed.
const COMPLETE: &str = "complete";

/// Whether the client is there.
#[derive(Debug)]
pub(super) enum Install {
    Ready(TusClient),
    /// Why it is not.
    LeftOut(String),
}

/// The client.
#[derive(Debug)]
pub(super) struct TusClient {
    script: PathBuf,
}

/// What ends a run early.
#[derive(Clone, Copy, Debug)]
pub(super) enum Interruption {
    /// The client gives up in the middle of a request.
    Abort { bytes: u64 },
    /// The node dies in the middle of a request.
    Kill { bytes: u64, process: u32 },
}

/// What a run said.
#[derive(Clone, Debug, Default)]
pub(super) struct Ran {
    pub(super) status: i32,
    /// Uploads that the client had notes of.
    pub(super) previous: u64,
    /// Where it went on, in bytes.
    pub(super) resumed_at: u64,
    /// How many bytes the node had acknowledged at the end.
    pub(super) accepted: u64,
    /// The hash that came with the last answer.
    pub(super) hash: Option<String>,
}

/// Finds the client, or fetches it.
pub(super) fn install() -> anyhow::Result<Install> {
    let Some(folder) = cache_folder() else {
        return Ok(Install::LeftOut("there is no cache folder".to_owned()));
    };
    for program in ["node", "npm"] {
        if !is_there(program) {
            return Ok(Install::LeftOut(format!("{program} is missing")));
        }
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let script = folder.join("upload.mjs");
    std::fs::write(&script, SCRIPT).context("write the script")?;
    let complete = folder.join(COMPLETE);
    if std::fs::read_to_string(&complete).is_ok_and(|installed| installed == LOCK) {
        return Ok(Install::Ready(TusClient { script }));
    }
    std::fs::write(folder.join("package.json"), PACKAGE)?;
    std::fs::write(folder.join("package-lock.json"), LOCK)?;
    let mut npm = Command::new("npm");
    npm.current_dir(&folder)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .stdin(Stdio::null());
    let output = npm.output().context("start npm")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        return Ok(Install::LeftOut(format!("npm could not fetch it: {last}")));
    }
    std::fs::write(&complete, LOCK)?;
    Ok(Install::Ready(TusClient { script }))
}

fn cache_folder() -> Option<PathBuf> {
    let of = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let cache = of("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| of("HOME").map(|home| Path::new(&home).join(".cache")))?;
    Some(cache.join("commonhold/tus-js-client"))
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl TusClient {
    /// Uploads a file, in a process of its own, to its end or to an interruption.
    pub(super) fn upload(
        &self,
        stage: &Stage<'_>,
        node: SocketAddr,
        [file, urls]: [&Path; 2],
        token: &str,
        interruption: Option<Interruption>,
    ) -> anyhow::Result<Ran> {
        let mut command = Command::new("node");
        command
            .arg(&self.script)
            .arg(format!("http://{node}/blobs/uploads"));
        command.arg(file).arg(urls).arg(token);
        match interruption {
            None => {}
            Some(Interruption::Abort { bytes }) => {
                command.arg("abort").arg(bytes.to_string());
            }
            Some(Interruption::Kill { bytes, process }) => {
                command
                    .arg("kill")
                    .arg(bytes.to_string())
                    .arg(process.to_string());
            }
        }
        let mut process = Process::spawn(command, &stage.scratch.join("said"))?;
        let status = process.wait(PATIENCE)?;
        let said = process.stdout();
        let mut ran = Ran {
            status: status.code().unwrap_or(-1),
            ..Ran::default()
        };
        for line in said.lines() {
            let line: Value = serde_json::from_str(line).with_context(|| format!("{line:?}"))?;
            ran.note(&line);
        }
        anyhow::ensure!(
            matches!(ran.status, 0 | 3 | 4),
            "node ended with {status}: {said}{}",
            process.stderr()
        );
        Ok(ran)
    }
}

impl Ran {
    fn note(&mut self, line: &Value) {
        let number = |name: &str| line[name].as_u64().unwrap_or_default();
        match line["event"].as_str() {
            Some("found") => self.previous = number("previous"),
            Some("accepted") => self.accepted = number("accepted"),
            Some("answer") => {
                if line["method"] == "HEAD" {
                    self.resumed_at = number("offset");
                    self.accepted = self.accepted.max(self.resumed_at);
                }
                if let Some(hash) = line["hash"].as_str() {
                    self.hash = Some(hash.to_owned());
                }
            }
            Some(_) | None => {}
        }
    }
}
