//! `wrk` that puts: every request has a body of 1 KiB that no other has.
//!
//! Invariant: a turn with an error, a time-out or a status of 400 and above fails the run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::machine;

/// Open connections, each with one request at a time.
const CONNECTIONS: u32 = 64;

/// What `wrk` runs (its SCRIPTING file): bodies of 1,024 bytes, of which the first 16 are a number and the rest chance.
const SCRIPT: &str = r#"local turn, counter, rest = 0, 0, ""
wrk.method = "PUT"
init = function(args)
  turn = tonumber(args[1])
  math.randomseed(turn)
  local bytes = {}
  for index = 1, 1008 do bytes[index] = string.char(math.random(0, 255)) end
  rest = table.concat(bytes)
end
request = function()
  counter = counter + 1
  return wrk.format(nil, nil, nil, string.format("%06d%010d", turn, counter) .. rest)
end
done = function(summary, latency)
  local errors = summary.errors
  print(string.format("told %d %d %d %.1f %.1f", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// The generator of load.
#[derive(Debug)]
pub(super) struct Wrk {
    script: PathBuf,
    turns: u32,
}

/// What one turn showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// The server's time on its core for one answer, in µs.
    pub(super) cpu_us: f64,
    /// Answers per second.
    pub(super) per_second: f64,
    /// Latencies, in ms.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Wrk {
    /// Writes the script to `folder`; `None` when `wrk` is not installed.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Option<Self>> {
        if Command::new("wrk").arg("--version").output().is_err() {
            return Ok(None);
        }
        let script = folder.join("puts.lua");
        std::fs::write(&script, SCRIPT).context("write the script of wrk")?;
        Ok(Some(Self { script, turns: 0 }))
    }

    /// Puts for some seconds at the server with this process id.
    pub(super) fn turn(
        &mut self,
        pid: u32,
        address: SocketAddr,
        headers: &[String],
        secs: u32,
    ) -> anyhow::Result<Turn> {
        self.turns += 1;
        let mut command = Command::new("wrk");
        command
            .args(["--threads", "1", "--timeout", "10s"])
            .args(["--connections", &CONNECTIONS.to_string()])
            .args(["--duration", &format!("{secs}s")])
            .arg("--script")
            .arg(&self.script);
        for header in headers {
            command.args(["--header", header]);
        }
        command.arg(format!("http://{address}/blobs"));
        command.args(["--", &self.turns.to_string()]);
        let before = machine::family_cpu_seconds(pid)?;
        let output = command.output().context("start wrk")?;
        let cpu = machine::family_cpu_seconds(pid)? - before;
        let said = String::from_utf8_lossy(&output.stdout);
        Turn::read(&said, cpu)
    }
}

impl Turn {
    /// Reads what the script printed.
    fn read(said: &str, cpu_secs: f64) -> anyhow::Result<Self> {
        let line = said.lines().find_map(|line| line.strip_prefix("told "));
        let line = line.with_context(|| format!("wrk told nothing: {said}"))?;
        let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        let numbers = numbers.with_context(|| format!("wrk told {line}"))?;
        let [requests, micros, errors, p50_us, p99_us] = numbers[..] else {
            anyhow::bail!("wrk told {line}");
        };
        anyhow::ensure!(requests > 0.0, "no request was answered");
        anyhow::ensure!(errors == 0.0, "{errors} of {requests} requests failed");
        Ok(Self {
            cpu_us: cpu_secs * 1e6 / requests,
            per_second: requests / (micros / 1e6),
            p50_ms: p50_us / 1e3,
            p99_ms: p99_us / 1e3,
        })
    }
}

#[cfg(test)]
mod tests;
