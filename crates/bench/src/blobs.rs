//! `bench blobs`: the blob store beside others that keep blobs, on the same folder and in the same run.
//!
//! In-process parts are processes of their own with all cores, one after the other, in an order that turns round in
//! every other round. Over HTTP the server has a core of its own, and the generator has the other.
//!
//! Invariants: every contender runs the same loops over content of the same kind; a workload with an error ends the
//! run; what was stored is removed after each workload, but for folders with many small files, which go at the end.
//! Parts whose program is missing are left out, with a sentence that says so.

mod contenders;
mod gets;
mod http;
mod large;
mod limits;
mod ours;
mod puts;
mod start;
mod table;
mod workload;
mod wrk;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tempfile::TempDir;

use crate::machine::{self, Cores};
use contenders::{Contender, OURS, Peers};
use table::Row;

pub(crate) use http::RawPost;
pub(crate) use ours::OurWork;
pub(crate) use start::StartWork;
pub(crate) use table::Table;

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Rounds, each with all contenders.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each contender is measured, in seconds.
    #[arg(long, default_value_t = 3)]
    secs: u32,
    /// How many blobs the store holds that is started.
    #[arg(long, default_value_t = 1_000_000)]
    blobs: u64,
    /// Where to store; it should be a disk and no memory. The folder of the built program when it is not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where the peers are built. `peers` beside the folder of the built program when it is not given.
    #[arg(long)]
    peers: Option<PathBuf>,
}

/// One part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Durable puts of 1 KiB by 64 clients.
    Puts,
    /// Puts of 100 MiB.
    Large,
    /// Random reads of 1 KiB by two threads.
    Reads,
    /// Starting with a million blobs, and the memory that this takes.
    Start,
    /// Puts over HTTP.
    Http,
}

/// Everything that the parts share.
struct Stage {
    scratch: TempDir,
    folders: u32,
    peers: Peers,
    rounds: u32,
    secs: u32,
    blobs: u64,
    cores: Cores,
    rows: Vec<Row>,
    left_out: Vec<String>,
}

/// Runs the benchmark.
pub(crate) fn run(options: &Options) -> anyhow::Result<Table> {
    anyhow::ensure!(
        options.rounds > 0 && options.secs > 0 && options.blobs > 0,
        "nothing to measure"
    );
    let program = std::env::current_exe().context("find the running program")?;
    let beside = program.parent().context("a program lies in a folder")?;
    let folder = options.folder.as_deref().unwrap_or(beside);
    let target = match &options.peers {
        Some(target) => target.clone(),
        None => beside.with_file_name("peers"),
    };
    let scratch = tempfile::Builder::new()
        .prefix("commonhold-bench-")
        .tempdir_in(folder)?;
    let parts: Vec<Part> = Part::value_variants()
        .iter()
        .copied()
        .filter(|part| options.only.is_none_or(|only| only == *part))
        .collect();
    let needs_peers = parts
        .iter()
        .any(|part| matches!(part, Part::Puts | Part::Large | Part::Reads));
    let peers = if needs_peers {
        Peers::build(&target)
    } else {
        Peers::none()
    };
    let mut stage = Stage {
        scratch,
        folders: 0,
        left_out: peers.left_out(),
        peers,
        rounds: options.rounds,
        secs: options.secs,
        blobs: options.blobs,
        cores: Cores::Shared,
        rows: Vec::new(),
    };
    for part in parts {
        stage.measure(part).with_context(|| format!("{part:?}"))?;
    }
    let machine = match stage.cores {
        Cores::Apart => format!(
            "{} A store in process has all cores.",
            machine::describe(Cores::Apart)
        ),
        Cores::Shared => machine::describe(Cores::Shared),
    };
    Ok(Table::of(machine, stage.rows, stage.left_out))
}

impl Stage {
    fn measure(&mut self, part: Part) -> anyhow::Result<()> {
        eprintln!("{part:?}");
        match part {
            Part::Puts => puts::measure(self),
            Part::Large => large::measure(self),
            Part::Reads => gets::measure(self),
            Part::Start => start::measure(self),
            Part::Http => http::measure(self),
        }
    }

    /// Returns a path that nothing has used yet.
    fn new_folder(&mut self) -> anyhow::Result<PathBuf> {
        self.folders += 1;
        let folder = self.scratch.path().join(self.folders.to_string());
        make(&folder)?;
        Ok(folder)
    }

    /// Returns ours, `more` of ours, and the peers that are there.
    fn contenders(&self, more: &[Contender]) -> Vec<Contender> {
        let ours = [&[OURS], more].concat();
        [ours, self.peers.those_there()].concat()
    }
}

/// Returns the order of this round: every other one goes backwards.
fn turns(round: u32, contenders: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..contenders).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

fn make(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))
}
