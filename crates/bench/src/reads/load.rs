//! `wrk` against contenders that take turns: the server's time on its core per answer and per MiB.
//!
//! Invariant: a turn with an error, a time-out or a status of 400 and above fails the run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::answer::Asked;
use crate::figure::{Figure, Goal, Spread};
use crate::machine;

/// What `wrk` runs at its end: one line with everything that is read here (wrk's SCRIPTING file, `done`).
const SCRIPT: &str = r#"done = function(summary, latency)
  local errors = summary.errors
  print(string.format("told %d %d %d %d %.1f %.1f", summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// The generator of load.
#[derive(Clone, Debug)]
pub(super) struct Wrk {
    program: PathBuf,
    script: PathBuf,
}

/// How one row is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Open connections, each with one request at a time.
    pub(super) connections: u32,
    /// Length of a turn, in seconds.
    pub(super) secs: u32,
    /// Rounds that count.
    pub(super) rounds: u32,
}

/// A server that takes its turns.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    /// How the table names it.
    pub(super) name: &'static str,
    /// Its process, the first of its family.
    pub(super) pid: u32,
    url: String,
    headers: Vec<String>,
}

/// What the turns of one contender showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    turns: Vec<Turn>,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    cpu: f64,
    requests: f64,
    seconds: f64,
    mib: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Contender {
    /// Names a server and what is asked of it.
    pub(super) fn new(name: &'static str, pid: u32, address: SocketAddr, asked: &Asked) -> Self {
        Self::at(name, pid, format!("http://{address}"), asked)
    }

    /// The same, with an origin such as `https://127.0.0.1:8443`.
    pub(super) fn at(name: &'static str, pid: u32, origin: String, asked: &Asked) -> Self {
        Self {
            name,
            pid,
            url: origin + &asked.path,
            headers: asked.headers.clone(),
        }
    }
}

impl Wrk {
    /// Takes the program at a path; its script is written to `folder`.
    pub(super) fn new(program: PathBuf, folder: &Path) -> anyhow::Result<Self> {
        let script = folder.join("told.lua");
        std::fs::write(&script, SCRIPT).context("write the script of wrk")?;
        Ok(Self { program, script })
    }

    /// Lets contenders take turns; returns what they showed, in their order.
    pub(super) fn take_turns(
        &self,
        shape: Shape,
        contenders: &[Contender],
    ) -> anyhow::Result<Vec<Measured>> {
        let mut measured = vec![Measured::default(); contenders.len()];
        for round in 0..=shape.rounds {
            let mut order: Vec<usize> = (0..contenders.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let contender = &contenders[index];
                let turn = self.turn(shape, contender);
                let turn =
                    turn.with_context(|| format!("{}: {}", contender.name, contender.url))?;
                if round > 0 {
                    measured[index].turns.push(turn);
                }
            }
        }
        Ok(measured)
    }

    fn turn(&self, shape: Shape, contender: &Contender) -> anyhow::Result<Turn> {
        let mut command = Command::new(&self.program);
        command
            .args(["--threads", "1", "--timeout", "10s"])
            .args(["--connections", &shape.connections.to_string()])
            .args(["--duration", &format!("{}s", shape.secs)])
            .arg("--script")
            .arg(&self.script);
        for header in &contender.headers {
            command.args(["--header", header]);
        }
        let before = machine::family_cpu_seconds(contender.pid)?;
        let output = command.arg(&contender.url).output().context("start wrk")?;
        let cpu = machine::family_cpu_seconds(contender.pid)? - before;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut turn = Turn::read(&said)?;
        turn.cpu = cpu;
        Ok(turn)
    }
}

impl Turn {
    /// Reads what the script printed.
    fn read(said: &str) -> anyhow::Result<Self> {
        let line = said.lines().find_map(|line| line.strip_prefix("told "));
        let line = line.with_context(|| format!("wrk told nothing: {said}"))?;
        let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        let numbers = numbers.with_context(|| format!("wrk told {line}"))?;
        let [requests, micros, bytes, errors, p50_us, p99_us] = numbers[..] else {
            anyhow::bail!("wrk told {line}");
        };
        anyhow::ensure!(requests > 0.0, "no request was answered");
        anyhow::ensure!(errors == 0.0, "{errors} of {requests} requests failed");
        Ok(Self {
            cpu: 0.0,
            requests,
            seconds: micros / 1e6,
            mib: bytes / (1_024.0 * 1_024.0),
            p50_ms: p50_us / 1e3,
            p99_ms: p99_us / 1e3,
        })
    }
}

impl Measured {
    /// Returns the server's time per answer, in µs.
    pub(super) fn us_per_answer(&self) -> Spread {
        self.spread(|turn| turn.cpu * 1e6 / turn.requests)
    }

    /// Returns the server's time per MiB, in µs.
    pub(super) fn us_per_mib(&self) -> Spread {
        self.spread(|turn| turn.cpu * 1e6 / turn.mib)
    }

    fn spread(&self, of: fn(&Turn) -> f64) -> Spread {
        Spread::of(self.turns.iter().map(of))
    }
}

/// What is divided by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// The server's time per answer.
    Answer,
    /// The server's time per MiB.
    Mib,
}

/// Makes a figure of two contenders.
pub(super) fn figure(
    name: &'static str,
    unit: Unit,
    ours: &Measured,
    (against, theirs): (&'static str, &Measured),
    goal: Goal,
) -> Figure {
    let (cost, words): (fn(&Measured) -> Spread, _) = match unit {
        Unit::Answer => (Measured::us_per_answer, "µs of server CPU"),
        Unit::Mib => (Measured::us_per_mib, "µs of server CPU per MiB"),
    };
    let median = |measured: &Measured, of: fn(&Turn) -> f64| measured.spread(of).median();
    let per_second: fn(&Turn) -> f64 = |turn| turn.requests / turn.seconds;
    let busy: fn(&Turn) -> f64 = |turn| turn.cpu / turn.seconds;
    Figure {
        figure: name,
        ours: cost(ours),
        unit: words,
        against,
        theirs: cost(theirs),
        goal,
        more: vec![
            ("ours_per_second", median(ours, per_second)),
            ("theirs_per_second", median(theirs, per_second)),
            ("ours_busy", median(ours, busy)),
            ("theirs_busy", median(theirs, busy)),
            ("ours_p50_ms", median(ours, |turn| turn.p50_ms)),
            ("theirs_p50_ms", median(theirs, |turn| turn.p50_ms)),
            ("ours_p99_ms", median(ours, |turn| turn.p99_ms)),
            ("theirs_p99_ms", median(theirs, |turn| turn.p99_ms)),
        ],
    }
}

#[cfg(test)]
mod tests;
