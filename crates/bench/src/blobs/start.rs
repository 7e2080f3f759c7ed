//! Starting with a million blobs of 1 KiB: after a clean stop, after SIGKILL, and with no index at all.
//!
//! One store serves all rounds. Each of them opens it after a clean stop, lets a process put more until it is killed,
//! and opens it again; then the index is removed and made anew from the log. Its files are in the page cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base::ContentHash;
use blobs::{Blobs, Limits};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use testkit::Process;
use tokio::runtime::Runtime;

use super::Stage;
use super::contenders::line_of;
use super::limits;
use super::puts::number;
use super::table::Row;
use super::workload::Content;
use crate::figure::{Figure, Goal, Spread};
use crate::machine;

/// Length of a blob in bytes.
const BYTES: usize = 1_024;

/// Blobs that are put before a process is killed, and clients that put.
const BEFORE_KILL: u64 = 50_000;
const CLIENTS: u64 = 256;

/// Blobs that are read after each start.
const READ: u64 = 1_000;

/// How long to wait for the blobs that come before a kill.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the disk could do.
const READING: &str = "reading the same files once";

/// What a process tells when it has put the blobs that it was asked for.
const PUT: &str = "put";

/// What a process does to a store.
#[derive(Args)]
pub(crate) struct StartWork {
    #[arg(long)]
    folder: PathBuf,
    #[arg(long, value_enum)]
    act: Act,
    /// The number of the first blob.
    #[arg(long)]
    first: u64,
    /// How many blobs.
    #[arg(long)]
    count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Act {
    /// Puts the blobs and closes the store.
    Fill,
    /// Opens the store, reads some of the blobs, tells how long that took, and closes it.
    Open,
    /// Puts the blobs, says so, and puts more until it is killed.
    Die,
}

impl StartWork {
    /// Does it, and prints a line.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let started = Instant::now();
        let blobs = Blobs::open(&self.folder, Limits::default())?;
        let opened = started.elapsed();
        let told = match self.act {
            Act::Fill => {
                put_all(&runtime, &blobs, self.first, self.count)?;
                json!({})
            }
            Act::Open => self.look(&blobs, opened)?,
            Act::Die => {
                put_all(&runtime, &blobs, self.first, self.count)?;
                println!("{PUT}");
                put_all(&runtime, &blobs, self.first + self.count, u64::MAX / 2)?;
                json!({})
            }
        };
        runtime.block_on(blobs.close());
        println!("{told}");
        Ok(())
    }

    fn look(&self, blobs: &Blobs, opened: Duration) -> anyhow::Result<Value> {
        let there = blobs.blobs_total();
        let wanted = self.first + self.count;
        anyhow::ensure!(there >= wanted, "{there} of {wanted} blobs are there");
        let mut choice = Content::of(wanted, 0);
        for _ in 0..READ {
            let blob = blob(choice.below(usize::try_from(wanted)?) as u64);
            let found = blobs.read_small(&ContentHash::of(&blob))?;
            anyhow::ensure!(found.as_ref() == Some(&blob), "a blob is missing");
        }
        let how = blobs.opening();
        Ok(json!({
            "secs": opened.as_secs_f64(),
            "most_resident_mib": machine::most_resident_mib(std::process::id())?,
            "replayed": how.replayed,
            "is_index_rebuilt": how.index_rebuilt.is_some(),
            "log_bytes": blobs.tally().log_live_bytes,
        }))
    }
}

/// Returns the blob with this number.
fn blob(number: u64) -> Bytes {
    Content::of(number, 0).blob(BYTES)
}

fn put_all(runtime: &Runtime, blobs: &Blobs, first: u64, count: u64) -> anyhow::Result<()> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let blobs = blobs.clone();
            runtime.spawn(async move {
                let mut number = first + client;
                while number < first + count {
                    blobs.put(blob(number)).await?;
                    number += CLIENTS;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for client in clients {
        runtime.block_on(client)??;
    }
    Ok(())
}

/// What all rounds showed.
#[derive(Debug, Default)]
struct Measured {
    clean: Vec<f64>,
    killed: Vec<f64>,
    replayed: Vec<f64>,
    rebuilt: Vec<f64>,
    memory_clean: Vec<f64>,
    memory_killed: Vec<f64>,
    memory_rebuilt: Vec<f64>,
    reading: Vec<f64>,
    reading_rate: Vec<f64>,
}

/// Measures all of it.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let folder = stage.new_folder()?;
    let mut there = stage.blobs;
    eprintln!("putting {there} blobs");
    line_of(&mut act(&folder, Act::Fill, 0, there)?)?;
    let mut measured = Measured::default();
    for round in 0..stage.rounds {
        eprintln!("round {} of {}", round + 1, stage.rounds);
        let told = line_of(&mut act(&folder, Act::Open, 0, there)?)?;
        measured.clean.push(number(&told, "secs")?);
        measured
            .memory_clean
            .push(number(&told, "most_resident_mib")?);
        die(stage, &folder, there)?;
        there += BEFORE_KILL;
        let told = line_of(&mut act(&folder, Act::Open, 0, there)?)?;
        measured.killed.push(number(&told, "secs")?);
        measured
            .memory_killed
            .push(number(&told, "most_resident_mib")?);
        measured.replayed.push(number(&told, "replayed")?);
        remove_index(&folder)?;
        let (bytes, secs) = limits::reading_secs(&folder)?;
        measured.reading.push(secs);
        measured.reading_rate.push(bytes as f64 / secs / 1e6);
        let told = line_of(&mut act(&folder, Act::Open, 0, there)?)?;
        anyhow::ensure!(
            told["is_index_rebuilt"] == true,
            "the index was not made anew"
        );
        let log_bytes = number(&told, "log_bytes")?;
        let most = number(&told, "most_resident_mib")?;
        measured.memory_rebuilt.push(most);
        measured
            .rebuilt
            .push(log_bytes / number(&told, "secs")? / 1e6);
    }
    std::fs::remove_dir_all(&folder)?;
    stage.rows.extend(rows(&measured, stage.blobs));
    Ok(())
}

fn act(folder: &Path, act: Act, first: u64, count: u64) -> anyhow::Result<Command> {
    let this = std::env::current_exe().context("find the running program")?;
    let name = act.to_possible_value().context("an act has a name")?;
    let mut command = Command::new(this);
    command.arg("blobs-start").arg("--folder").arg(folder);
    command.args(["--act", name.get_name()]);
    command.args(["--first", &first.to_string()]);
    command.args(["--count", &count.to_string()]);
    Ok(command)
}

/// Lets a process put blobs and kills it in the middle of more.
fn die(stage: &mut Stage, folder: &Path, first: u64) -> anyhow::Result<()> {
    let command = act(folder, Act::Die, first, BEFORE_KILL)?;
    let mut process = Process::spawn(command, &stage.new_folder()?)?;
    process.wait_for_line(PATIENCE, |line| line == PUT)?;
    process.kill()?;
    process.wait(PATIENCE)?;
    Ok(())
}

/// Removes the derived index, which is the database in the store's folder.
fn remove_index(folder: &Path) -> anyhow::Result<()> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "redb")
        {
            std::fs::remove_file(&path)?;
            removed += 1;
        }
    }
    anyhow::ensure!(removed > 0, "the store has no index to remove");
    Ok(())
}

fn rows(measured: &Measured, blobs: u64) -> Vec<Row> {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    let reading = (READING, spread(&measured.reading));
    let rate = (READING, spread(&measured.reading_rate));
    let own_mib = blobs as f64 * BYTES as f64 / (1_024.0 * 1_024.0);
    let own = ("the blobs' own bytes", Spread::of([own_mib]));
    let row = |figure, ours: &[f64], unit, (against, theirs): &(&'static str, Spread), goal| {
        Row::plain(Figure {
            figure,
            ours: spread(ours),
            unit,
            against,
            theirs: theirs.clone(),
            goal,
            more: vec![
                ("blobs", blobs as f64),
                ("replayed", spread(&measured.replayed).median()),
            ],
        })
    };
    let memory = |figure, ours: &[f64], goal| row(figure, ours, "MiB", &own, goal);
    vec![
        row(
            "start after a clean stop",
            &measured.clean,
            "s",
            &reading,
            Goal::Below(2.0),
        ),
        row(
            "start after SIGKILL",
            &measured.killed,
            "s",
            &reading,
            Goal::Below(5.0),
        ),
        memory(
            "most memory, start after a clean stop and 1,000 reads",
            &measured.memory_clean,
            Goal::Below(300.0),
        ),
        memory(
            "most memory, start after SIGKILL and 1,000 reads",
            &measured.memory_killed,
            Goal::Below(300.0),
        ),
        row(
            "making the index anew, bytes of the log per second",
            &measured.rebuilt,
            "MB/s",
            &rate,
            Goal::AtLeast(500.0),
        ),
        memory(
            "most memory, making the index anew",
            &measured.memory_rebuilt,
            Goal::None,
        ),
    ]
}
