//! The machine: cores for server and generator, and the system's accounts of a process.
//!
//! Source of the accounts: proc(5). Cores are chosen with `taskset` of util-linux; without it the report says so.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

/// The core of the server, and the core of everybody else.
const SERVER: &str = "0";
const GENERATOR: &str = "1";

/// Ticks per second in `/proc/PID/stat`; Linux shows 100 on all machines of today.
const TICKS: f64 = 100.0;

/// How processes are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Server and generator have a core each.
    Apart,
    /// They share what there is.
    Shared,
}

impl Cores {
    /// Moves this process, and what it starts from now on, to the generator's core.
    ///
    /// Threads that run already stay where they are: call it first.
    pub(crate) fn part() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pid = std::process::id().to_string();
        let moved = Command::new("taskset")
            .args(["-c", "-p", GENERATOR, &pid])
            .output()
            .is_ok_and(|output| output.status.success());
        if cores > 1 && moved {
            Self::Apart
        } else {
            Self::Shared
        }
    }

    /// Returns a command that runs `program` on the server's core.
    pub(crate) fn server(self, program: &Path) -> Command {
        match self {
            Self::Shared => Command::new(program),
            Self::Apart => {
                let mut command = Command::new("taskset");
                command.args(["-c", SERVER]).arg(program);
                command
            }
        }
    }
}

/// Describes the machine in a line.
pub(crate) fn describe(cores: Cores) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| "an unnamed processor".to_owned());
    let count = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kept = match cores {
        Cores::Apart => "server and generator on a core each",
        Cores::Shared => "server and generator share all cores",
    };
    format!("{count} cores, {model}; {kept}.")
}

/// Returns how long a process has been on a core, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("read its times")?;
    // The name in parentheses may hold anything; what counts comes after it.
    let (_, rest) = stat.rsplit_once(')').context("a name ends")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| -> anyhow::Result<f64> {
        let text = fields.get(index).context("a process has times")?;
        text.parse().context("a time is a number")
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Returns how long a process and its children have been on a core, in seconds.
///
/// Children that have ended in between are missing.
pub(crate) fn family_cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    family(pid)?.into_iter().map(cpu_seconds).sum()
}

/// Returns a process and all processes that descend from it.
fn family(pid: u32) -> anyhow::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").context("read the list of processes")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process that has just ended has no account any more.
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| {
            let field = rest.split_whitespace().nth(1)?;
            field.parse::<u32>().ok()
        });
        parents.extend(parent.map(|parent| (child, parent)));
    }
    let mut found = vec![pid];
    let mut looked = 0;
    while looked < found.len() {
        let parent = found[looked];
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(child, _)| child),
        );
        looked += 1;
    }
    Ok(found)
}

/// Returns how long the calling thread has been on a core, in seconds.
///
/// On a machine that others use as well, this is the time that the work itself took.
pub(crate) fn own_cpu_seconds() -> anyhow::Result<f64> {
    let account =
        std::fs::read_to_string("/proc/thread-self/schedstat").context("read own time")?;
    let nanoseconds = account
        .split_whitespace()
        .next()
        .context("a thread has a time")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}

/// Returns the memory that a process holds in RAM, in MiB.
pub(crate) fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    memory_mib(pid, "VmRSS:")
}

/// Returns the most memory that a process has held in RAM since it began, in MiB.
pub(crate) fn most_resident_mib(pid: u32) -> anyhow::Result<f64> {
    memory_mib(pid, "VmHWM:")
}

fn memory_mib(pid: u32, field: &str) -> anyhow::Result<f64> {
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).context("read its memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.context("a process has memory")?.parse()?;
    Ok(kib / 1_024.0)
}

/// Waits until a process has not been on a core for a second.
pub(crate) fn wait_until_idle(pid: u32) -> anyhow::Result<()> {
    for _ in 0..60 {
        let before = cpu_seconds(pid)?;
        std::thread::park_timeout(Duration::from_secs(1));
        if cpu_seconds(pid)? - before < 1.5 / TICKS {
            return Ok(());
        }
    }
    anyhow::bail!("process {pid} never rests")
}
