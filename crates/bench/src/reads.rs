//! `bench reads`: pages and blobs that many read at once, beside raw hyper, nginx and Varnish.
//!
//! The server under test has a core of its own, the generator has the other, and all contenders of a row take turns
//! within each round; every other round goes backwards, and the first is thrown away. What counts is the server's time
//! on its core per answer or per MiB, as the system accounts for it.
//!
//! Invariants: contenders send the same body bytes, which is checked before a row begins; an answer with an error ends
//! the run. Rows whose peer or whose feature is missing are left out, with a sentence that says so.

mod answer;
mod background;
mod blobs;
mod catch_up;
mod course;
mod delay;
mod documents;
mod load;
mod origin;
mod programs;
mod raw;
mod rivals;
mod secure;
mod slow;
mod storm;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use testkit::Binary;

use crate::community::Bench;
use crate::figure::{Figure, Report};
use crate::machine::{self, Cores};
use course::Published;
use load::{Shape, Wrk};
use programs::Programs;

pub(crate) use raw::RawHyper;

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this figure.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Rounds that count; one more comes before them and is thrown away.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each contender has its turn, in seconds.
    #[arg(long, default_value_t = 4)]
    secs: u32,
}

/// One part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Documents out of the hot cache, and TLS.
    Documents,
    /// Blobs of 64 KiB and 1 MiB.
    Blobs,
    /// 1,000 clients on one cold key.
    Storm,
    /// 1,000 slow readers of 50 MiB.
    Slow,
    /// A follower that catches up.
    CatchUp,
}

/// Everything that the parts share.
struct Stage {
    bench: Bench,
    programs: Programs,
    scratch: PathBuf,
    rounds: u32,
    secs: u32,
    published: Option<Published>,
    figures: Vec<Figure>,
    left_out: Vec<String>,
}

/// Runs the benchmark.
pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    anyhow::ensure!(options.rounds > 0 && options.secs > 0, "nothing to measure");
    let cores = Cores::part();
    let scratch = tempfile::Builder::new()
        .prefix("commonhold-bench-")
        .tempdir()?;
    let mut stage = Stage {
        bench: Bench {
            cores,
            commonhold: Binary::commonhold()?,
        },
        programs: Programs::find(),
        scratch: scratch.path().to_owned(),
        rounds: options.rounds,
        secs: options.secs,
        published: None,
        figures: Vec::new(),
        left_out: Vec::new(),
    };
    for part in Part::value_variants() {
        if options.only.is_none_or(|only| only == *part) {
            stage.measure(*part).with_context(|| format!("{part:?}"))?;
        }
    }
    Ok(Report {
        machine: machine::describe(cores),
        figures: stage.figures,
        left_out: stage.left_out,
    })
}

impl Stage {
    fn measure(&mut self, part: Part) -> anyhow::Result<()> {
        eprintln!("{part:?}");
        match part {
            Part::Documents => {
                documents::measure(self)?;
                secure::measure(self)
            }
            Part::Blobs => blobs::measure(self),
            Part::Storm => storm::measure(self),
            Part::Slow => slow::measure(self),
            Part::CatchUp => catch_up::measure(self),
        }
    }

    /// Returns the community with the course, which is started and filled at the first call.
    fn published(&mut self) -> anyhow::Result<&Published> {
        if self.published.is_none() {
            let home = self.scratch.join("community");
            self.published = Some(Published::start(&self.bench, &home)?);
        }
        Ok(self.published.as_ref().expect("it was just set"))
    }

    /// Returns the generator of load, or notes what is left out without it.
    fn wrk(&mut self, what: &str) -> anyhow::Result<Option<Wrk>> {
        let Some(program) = self.program(|programs| &programs.wrk, what) else {
            return Ok(None);
        };
        Wrk::new(program, &self.scratch).map(Some)
    }

    /// Returns a program, or notes what is left out without it.
    fn program(
        &mut self,
        choose: fn(&Programs) -> &programs::Program,
        what: &str,
    ) -> Option<PathBuf> {
        let program = choose(&self.programs);
        if program.path.is_none() {
            let sentence = program.missing(what);
            self.leave_out(sentence);
            return None;
        }
        program.path.clone()
    }

    /// Notes once that something is left out.
    fn leave_out(&mut self, sentence: String) {
        if !self.left_out.contains(&sentence) {
            self.left_out.push(sentence);
        }
    }

    const fn shape(&self, connections: u32) -> Shape {
        Shape {
            connections,
            secs: self.secs,
            rounds: self.rounds,
        }
    }

    fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.join(name);
        make(&folder)?;
        Ok(folder)
    }
}

fn make(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))
}

/// Longest reason in a sentence about what is left out, in characters.
const WHY_CHARS: usize = 240;

/// Returns an error in one line: what a program wrote last, where one ended.
fn why(error: &anyhow::Error) -> String {
    let told = format!("{error:#}");
    let last = told.split_once("it wrote last:\n").map(|(_, said)| said);
    let line = last.and_then(|said| said.lines().find(|line| !line.trim().is_empty()));
    let line = line.unwrap_or(&told).replace('\n', " ");
    line.chars().take(WHY_CHARS).collect()
}
