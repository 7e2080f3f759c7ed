//! What the kernel knows about this process: memory, time, files, threads.
//!
//! Read from `/proc/self` (proc(5)) when somebody asks; where there is none, nothing is told.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::Clock;

/// When this process was first asked about itself, which is at its start.
static START: LazyLock<Start> = LazyLock::new(|| Start {
    monotonic: Instant::now(),
    epoch_secs: Clock::system().now().as_micros() as f64 / 1e6,
});

struct Start {
    monotonic: Instant,
    epoch_secs: f64,
}

#[derive(Debug)]
struct Process;

/// Registers everything below `process_`.
pub(super) fn register(registry: &mut Registry) {
    LazyLock::force(&START);
    registry.register_collector(Box::new(Process));
}

/// Returns how much memory of this process is in RAM, in bytes; `None` where the kernel does not tell.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    // The second field of statm is in pages.
    let pages: u64 = proc_text("statm")?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Returns how many threads this process has.
fn threads() -> Option<u64> {
    let status = proc_text("status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"))?;
    line.trim().parse().ok()
}

/// Returns how much processor time this process has used.
fn cpu() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let secs = u64::try_from(used.tv_sec).unwrap_or(0);
    Duration::from_secs(secs) + Duration::from_nanos(used.tv_nsec.unsigned_abs())
}

#[allow(
    clippy::disallowed_methods,
    reason = "/proc is the kernel's answer, not a state file"
)]
fn proc_text(file: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/self/{file}")).ok()
}

#[allow(
    clippy::disallowed_methods,
    reason = "/proc is the kernel's answer, not a state file"
)]
fn open_files() -> Option<u64> {
    // Listing opens one more, which is closed again by the time somebody reads this.
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(count.saturating_sub(1))
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let total = ConstCounter::new(cpu().as_secs_f64());
        let help = "Processor time used, in seconds.";
        let kind = total.metric_type();
        total.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, kind)?)?;
        let up = START.monotonic.elapsed().as_secs_f64();
        let limit = getrlimit(Resource::Nofile).current;
        let whole = |count: Option<u64>| count.map(|count| count as f64);
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Memory of this process in RAM",
                whole(resident_bytes()),
            ),
            (
                "process_open_fds",
                "Files and sockets that are open",
                whole(open_files()),
            ),
            (
                "process_max_fds",
                "How many files and sockets may be open",
                whole(limit),
            ),
            ("process_threads", "Threads", whole(threads())),
            (
                "process_start_time_seconds",
                "When the process started, in seconds since 1970",
                Some(START.epoch_secs),
            ),
            (
                "process_uptime_seconds",
                "How long the process has been running",
                Some(up),
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                let kind = gauge.metric_type();
                gauge.encode(encoder.encode_descriptor(
                    name,
                    &format!("{help}."),
                    None,
                    kind,
                )?)?;
            }
        }
        Ok(())
    }
}
