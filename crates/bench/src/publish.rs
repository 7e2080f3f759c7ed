//! `bench publish`: 2,000 pages of 4 KiB, from the author's folder to the reader's screen.
//!
//! Twice: with the real `commonhold publish`, whose whole run is timed, and with a generator in this process, for which
//! the moment of the last sent byte is known. Then single pages at a steady pace for the lag of the projection, the
//! chain for the speed of verification, and the doorway at rest for its memory.

pub(crate) mod author;
pub(crate) mod made_up;
pub(crate) mod verification;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use testkit::Binary;

use crate::community::{Bench, Community};
use crate::figure::{Figure, Goal, Report, Spread};
use crate::machine::{self, Cores};
use author::{Batch, Generator};
use made_up::{PAGE_BYTES, PAGES};
use verification::{Rates, Served};

/// How often everything is repeated.
const ROUNDS: u32 = 5;

/// Single pages in one round, and the time between them.
const SINGLES: u32 = 200;
const PACE: Duration = Duration::from_millis(50);

/// Between two looks for the last page.
const LOOK: Duration = Duration::from_millis(5);

/// What one round with the generator in this process showed.
struct Round {
    signing: f64,
    visible: f64,
    whole: f64,
    server_cpu: f64,
    synced: f64,
    resident: f64,
}

/// Everything that was measured.
#[derive(Default)]
struct Measured {
    rounds: Vec<Round>,
    commands: Vec<f64>,
    files: Vec<f64>,
    lags: Vec<f64>,
    p99s: Vec<f64>,
    reads: Vec<f64>,
    rates: Vec<Rates>,
    handbook: Vec<f64>,
    empty: Vec<f64>,
}

/// Runs the benchmark.
pub(crate) fn run() -> anyhow::Result<Report> {
    let bench = Bench {
        cores: Cores::part(),
        commonhold: Binary::commonhold()?,
    };
    let scratch = tempfile::Builder::new()
        .prefix("commonhold-bench-")
        .tempdir()?;
    let folder = scratch.path().join("course");
    made_up::write(&folder)?;
    let mut measured = Measured::default();
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        let home = |name: &str| scratch.path().join(format!("{name}-{round}"));
        command(&bench, &home("command"), &folder, &mut measured).context("commonhold publish")?;
        generated(&bench, &home("generated"), &mut measured).context("the generator")?;
        resting(&bench, &home("resting"), &mut measured).context("at rest")?;
    }
    Ok(Report {
        machine: machine::describe(bench.cores),
        figures: figures(&measured),
        left_out: Vec::new(),
    })
}

/// The real command, from its start to its end; beside it the same pages written and synced as files.
fn command(
    bench: &Bench,
    home: &Path,
    folder: &Path,
    measured: &mut Measured,
) -> anyhow::Result<()> {
    let community = Community::start(bench, home, &["--empty"])?;
    let url = community.url();
    let took = community.timed(bench, &["publish", &folder.to_string_lossy(), "--to", &url])?;
    measured.commands.push(took.as_secs_f64());
    let mut generator = Generator::of(&community)?;
    let visible = generator.count_visible()?;
    anyhow::ensure!(visible == PAGES as usize, "{visible} pages are visible");
    community.end()?;

    let files = home.join("files");
    std::fs::create_dir_all(&files)?;
    let texts: Vec<String> = (0..PAGES).map(made_up::text).collect();
    let started = Instant::now();
    for (page, text) in texts.iter().enumerate() {
        std::fs::write(files.join(page.to_string()), text)?;
    }
    File::open(&files)?.sync_all()?;
    measured.files.push(started.elapsed().as_secs_f64());
    Ok(())
}

/// The generator in this process; in the end single pages, and the chain.
fn generated(bench: &Bench, home: &Path, measured: &mut Measured) -> anyhow::Result<()> {
    let community = Community::start(bench, home, &["--empty"])?;
    let mut generator = Generator::of(&community)?;
    let before = machine::cpu_seconds(community.pid())?;
    let started = Instant::now();
    let batches = generator.sign_all()?;
    let signing = started.elapsed();
    let mut sent = started;
    for batch in &batches {
        (sent, _) = generator.send(batch)?;
    }
    let last = batches.last().context("there are pages")?;
    let visible = generator.wait_for(last, LOOK)?;
    let server_cpu = machine::cpu_seconds(community.pid())? - before;
    let count = generator.count_visible()?;
    anyhow::ensure!(count == PAGES as usize, "{count} pages are visible");
    let synced = synced(home, &batches)?;
    let chain = Served::fetch(&mut generator)?;
    anyhow::ensure!(chain.len() == PAGES as usize + 4, "{} records", chain.len());
    singles(&mut generator, measured)?;
    drop(generator);
    machine::wait_until_idle(community.pid())?;
    measured.rounds.push(Round {
        signing: signing.as_secs_f64(),
        visible: visible.duration_since(sent).as_secs_f64(),
        whole: visible.duration_since(started).as_secs_f64(),
        server_cpu,
        synced,
        resident: machine::resident_mib(community.pid())?,
    });
    community.end()?;
    measured.rates.push(chain.round()?);
    Ok(())
}

/// Writes what was sent into one file and syncs it: what the disk asks for the same durability.
fn synced(home: &Path, batches: &[Batch]) -> anyhow::Result<f64> {
    let mut file = File::create(home.join("synced"))?;
    let started = Instant::now();
    for batch in batches {
        file.write_all(batch.bytes())?;
        file.sync_data()?;
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Appends single pages at a steady pace; notes how long each is acknowledged and not to be seen.
fn singles(generator: &mut Generator, measured: &mut Measured) -> anyhow::Result<()> {
    let mut lags = Vec::new();
    let started = Instant::now();
    for index in 0..SINGLES {
        let due = PACE * index;
        while let Some(left) = due.checked_sub(started.elapsed())
            && !left.is_zero()
        {
            std::thread::park_timeout(left);
        }
        let batch = generator.sign_one(PAGES + index)?;
        let (_, acknowledged) = generator.send(&batch)?;
        let visible = generator.wait_for(&batch, Duration::ZERO)?;
        lags.push(visible.duration_since(acknowledged).as_secs_f64() * 1_000.0);
        let read = generator.time_read(&batch)?;
        measured.reads.push(read.as_secs_f64() * 1_000.0);
    }
    let spread = Spread::of(lags.iter().copied());
    measured.p99s.push(spread.quantile(0.99));
    measured.lags.extend(lags);
    Ok(())
}

/// Memory of a doorway that nobody asks: with the handbook, and with nothing.
fn resting(bench: &Bench, home: &Path, measured: &mut Measured) -> anyhow::Result<()> {
    for (name, more, resident) in [
        ("handbook", &[][..], &mut measured.handbook),
        ("empty", &["--empty"], &mut measured.empty),
    ] {
        let community = Community::start(bench, &home.join(name), more)?;
        machine::wait_until_idle(community.pid())?;
        resident.push(machine::resident_mib(community.pid())?);
        community.end()?;
    }
    Ok(())
}

/// What the same bytes cost the disk.
const SYNCED: &str = "the same bytes in one file, synced per request";

/// What one question costs when nothing is to be waited for.
const READ: &str = "one read of a page that is there";

fn figures(measured: &Measured) -> Vec<Figure> {
    let mut figures = figures_of_publishing(measured).to_vec();
    figures.extend(figures_of_lag(measured));
    figures.extend(figures_of_verification(measured));
    figures.extend(figures_of_memory(measured));
    figures
}

fn figures_of_publishing(measured: &Measured) -> [Figure; 4] {
    let rounds = |field: fn(&Round) -> f64| Spread::of(measured.rounds.iter().map(field));
    [
        Figure {
            figure: "server CPU for 2,000 pages, from the first byte to all visible",
            ours: rounds(|round| round.server_cpu),
            unit: "s",
            against: "signing them, on the author's side",
            theirs: rounds(|round| round.signing),
            goal: Goal::None,
            more: Vec::new(),
        },
        Figure {
            figure: "last byte sent to all 2,000 pages visible",
            ours: rounds(|round| round.visible),
            unit: "s",
            against: SYNCED,
            theirs: rounds(|round| round.synced),
            goal: Goal::Below(2.0),
            more: Vec::new(),
        },
        Figure {
            figure: "signing, sending, visible: 2,000 pages",
            ours: rounds(|round| round.whole),
            unit: "s",
            against: SYNCED,
            theirs: rounds(|round| round.synced),
            goal: Goal::Below(10.0),
            more: Vec::new(),
        },
        Figure {
            figure: "the whole run of `commonhold publish`: 2,000 files",
            ours: Spread::of(measured.commands.iter().copied()),
            unit: "s",
            against: "the same pages written as files",
            theirs: Spread::of(measured.files.iter().copied()),
            goal: Goal::Below(10.0),
            more: Vec::new(),
        },
    ]
}

fn figures_of_lag(measured: &Measured) -> [Figure; 2] {
    let reads = Spread::of(measured.reads.iter().copied());
    [
        Figure {
            figure: "projection lag, p50",
            ours: Spread::of(measured.lags.iter().copied()),
            unit: "ms",
            against: READ,
            theirs: reads.clone(),
            goal: Goal::None,
            more: Vec::new(),
        },
        Figure {
            figure: "projection lag, p99 of 200 in each round",
            ours: Spread::of(measured.p99s.iter().copied()),
            unit: "ms",
            against: READ,
            theirs: reads,
            goal: Goal::Below(50.0),
            more: Vec::new(),
        },
    ]
}

fn figures_of_verification(measured: &Measured) -> [Figure; 3] {
    let rates = |field: fn(&Rates) -> f64| Spread::of(measured.rates.iter().map(field));
    [
        Figure {
            figure: "verification of decoded records, per second of one core",
            ours: rates(|rates| rates.decoded),
            unit: "/s",
            against: "prepared Ed25519 verification alone",
            theirs: rates(|rates| rates.prepared),
            goal: Goal::AtLeast(25_000.0),
            more: Vec::new(),
        },
        Figure {
            figure: "verification of decoded records, per second of one core",
            ours: rates(|rates| rates.decoded),
            unit: "/s",
            against: "strict Ed25519 verification alone",
            theirs: rates(|rates| rates.strict),
            goal: Goal::AtLeast(25_000.0),
            more: Vec::new(),
        },
        Figure {
            figure: "verification of the chain as served, decoding included, per second of one core",
            ours: rates(|rates| rates.served),
            unit: "/s",
            against: "prepared Ed25519 verification alone",
            theirs: rates(|rates| rates.prepared),
            goal: Goal::None,
            more: Vec::new(),
        },
    ]
}

fn figures_of_memory(measured: &Measured) -> [Figure; 2] {
    let pages = f64::from(PAGES + SINGLES) * PAGE_BYTES as f64 / (1_024.0 * 1_024.0);
    [
        Figure {
            figure: "memory of an idle `up` with the handbook",
            ours: Spread::of(measured.handbook.iter().copied()),
            unit: "MiB",
            against: "with nothing",
            theirs: Spread::of(measured.empty.iter().copied()),
            goal: Goal::Below(80.0),
            more: Vec::new(),
        },
        Figure {
            figure: "memory of an idle `up` after 2,200 pages",
            ours: Spread::of(measured.rounds.iter().map(|round| round.resident)),
            unit: "MiB",
            against: "the pages' own bytes",
            theirs: Spread::of([pages]),
            goal: Goal::Below(80.0),
            more: Vec::new(),
        },
    ]
}
