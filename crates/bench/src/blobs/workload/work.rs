//! The three workloads, and the line that tells what came out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::arguments::{Arguments, Work};
use super::content::Content;
use super::peer::{Counters, Id, Peer};

/// Threads that run clients.
const WORKERS: usize = 2;

/// Clients that fill a store before it is read.
const FILLING: usize = 64;

/// Ticks per second in `/proc/PID/stat`; Linux shows 100 on all machines of today.
const TICKS: f64 = 100.0;

/// What all clients share.
#[derive(Default)]
struct Clock {
    is_measured: AtomicBool,
    is_over: AtomicBool,
    done: AtomicU64,
}

/// What was counted between the two ends of what is measured.
struct Counted {
    done: u64,
    secs: f64,
    cpu_secs: f64,
    counters: Counters,
}

/// Runs one workload and returns its line.
pub(crate) fn run<P: Peer>(arguments: &Arguments) -> anyhow::Result<Value> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    std::fs::create_dir_all(&arguments.folder).context("make the folder")?;
    let opened = runtime.block_on(P::open(&arguments.folder, &arguments.variant));
    let peer = Arc::new(opened.context("open")?);
    let mut line = match arguments.work {
        Work::Puts => puts(&runtime, &peer, arguments)?,
        Work::Large => large(&runtime, &peer, arguments)?,
        Work::Gets => gets(&runtime, &peer, arguments)?,
    };
    line["acknowledged"] = json!(peer.acknowledged());
    Ok(line)
}

fn puts<P: Peer>(runtime: &Runtime, peer: &Arc<P>, arguments: &Arguments) -> anyhow::Result<Value> {
    let clock = Arc::new(Clock::default());
    let clients: Vec<JoinHandle<anyhow::Result<Vec<u32>>>> = (0..arguments.clients)
        .map(|client| {
            let (peer, clock) = (Arc::clone(peer), Arc::clone(&clock));
            let (mut content, bytes) = (Content::of(arguments.seed, client), arguments.bytes);
            runtime.spawn(async move {
                let mut latencies = Vec::new();
                while !clock.is_over.load(Ordering::Relaxed) {
                    let blob = content.blob(bytes);
                    let started = Instant::now();
                    peer.put(blob).await?;
                    let took = started.elapsed();
                    if clock.is_measured.load(Ordering::Relaxed) {
                        clock.done.fetch_add(1, Ordering::Relaxed);
                        latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
                    }
                }
                Ok(latencies)
            })
        })
        .collect();
    let counted = clock.measure(arguments, || peer.counters())?;
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(runtime.block_on(client)??);
    }
    latencies.sort_unstable();
    anyhow::ensure!(!latencies.is_empty(), "nothing was put");
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let mut line = counted.line();
    line["p50_us"] = json!(quantile(0.5));
    line["p99_us"] = json!(quantile(0.99));
    Ok(line)
}

fn large<P: Peer>(
    runtime: &Runtime,
    peer: &Arc<P>,
    arguments: &Arguments,
) -> anyhow::Result<Value> {
    let mut content = Content::of(arguments.seed, 0);
    let (mut secs, mut cpu_secs) = (Vec::new(), Vec::new());
    for _ in 0..arguments.count {
        let blob = content.blob(arguments.bytes);
        let cpu_before = own_cpu_seconds()?;
        let started = Instant::now();
        runtime.block_on(peer.put(blob))?;
        secs.push(started.elapsed().as_secs_f64());
        cpu_secs.push(own_cpu_seconds()? - cpu_before);
    }
    Ok(json!({ "secs_each": secs, "cpu_secs_each": cpu_secs }))
}

fn gets<P: Peer>(runtime: &Runtime, peer: &Arc<P>, arguments: &Arguments) -> anyhow::Result<Value> {
    let ids = Arc::new(fill(runtime, peer, arguments)?);
    let clock = Arc::new(Clock::default());
    let readers: Vec<JoinHandle<anyhow::Result<()>>> = (0..arguments.clients)
        .map(|client| {
            let (clock, ids, bytes) = (Arc::clone(&clock), Arc::clone(&ids), arguments.bytes);
            let mut choice = Content::of(!arguments.seed, client);
            let mut reader = peer.reader()?;
            Ok(runtime.spawn(async move {
                let (mut done, mut counts) = (0, false);
                while !clock.is_over.load(Ordering::Relaxed) {
                    if !counts && clock.is_measured.load(Ordering::Relaxed) {
                        (done, counts) = (0, true);
                    }
                    let id = &ids[choice.below(ids.len())];
                    let len = P::get(&mut reader, id).await?;
                    anyhow::ensure!(len == bytes, "a blob has {len} bytes");
                    done += 1;
                }
                clock.done.fetch_add(done, Ordering::Relaxed);
                Ok(())
            }))
        })
        .collect::<anyhow::Result<_>>()?;
    let mut counted = clock.measure(arguments, Counters::default)?;
    for reader in readers {
        runtime.block_on(reader)??;
    }
    counted.done = clock.done.load(Ordering::Relaxed);
    Ok(counted.line())
}

/// Puts the blobs that will be read.
fn fill<P: Peer>(
    runtime: &Runtime,
    peer: &Arc<P>,
    arguments: &Arguments,
) -> anyhow::Result<Vec<Id>> {
    let filling: Vec<JoinHandle<anyhow::Result<Vec<Id>>>> = (0..FILLING)
        .map(|client| {
            let (peer, bytes) = (Arc::clone(peer), arguments.bytes);
            let mut content = Content::of(arguments.seed, client);
            let count = arguments.count.div_ceil(FILLING);
            runtime.spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..count {
                    ids.push(peer.put(content.blob(bytes)).await?);
                }
                Ok(ids)
            })
        })
        .collect();
    let mut ids = Vec::new();
    for client in filling {
        ids.extend(runtime.block_on(client)??);
    }
    Ok(ids)
}

impl Clock {
    /// Waits for the warm-up, measures, and tells the clients to end.
    fn measure(
        &self,
        arguments: &Arguments,
        counters: impl Fn() -> Counters,
    ) -> anyhow::Result<Counted> {
        std::thread::sleep(arguments.warm_up);
        let (cpu_before, before) = (own_cpu_seconds()?, counters());
        let started = Instant::now();
        self.is_measured.store(true, Ordering::Relaxed);
        std::thread::sleep(arguments.measured);
        self.is_measured.store(false, Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed);
        let secs: Duration = started.elapsed();
        let cpu_secs = own_cpu_seconds()? - cpu_before;
        let counters = counters().since(before);
        self.is_over.store(true, Ordering::Relaxed);
        Ok(Counted {
            done,
            secs: secs.as_secs_f64(),
            cpu_secs,
            counters,
        })
    }
}

impl Counters {
    /// Returns what was counted since then.
    fn since(self, then: Self) -> Self {
        let difference = |now: Option<u64>, then: Option<u64>| Some(now? - then?);
        Self {
            commits: difference(self.commits, then.commits),
            written_bytes: difference(self.written_bytes, then.written_bytes),
        }
    }
}

impl Counted {
    fn line(&self) -> Value {
        json!({
            "done": self.done,
            "secs": self.secs,
            "cpu_secs": self.cpu_secs,
            "commits": self.counters.commits,
            "written_bytes": self.counters.written_bytes,
        })
    }
}

/// Returns how long this process has been on a core, in seconds.
fn own_cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("read own times")?;
    let (_, rest) = stat.rsplit_once(')').context("a name ends")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| -> anyhow::Result<f64> {
        let text = fields.get(index).context("a process has times")?;
        text.parse().context("a time is a number")
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}
