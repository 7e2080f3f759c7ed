//! `cargo xtask bench NAME`: what is measured, beside what it is measured against.
//!
//! Server and generator run on cores of their own; rounds are repeated in one run and told as medians with their
//! spread. On a shared machine only ratios hold, so that every figure stands beside a peer or a limit of this run.
//!
//! Invariant: it prints what it measured; nothing timed decides a test, and the exit status is 0 when goals are missed.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads clocks, the system's accounts of processes, and files that it writes itself"
)]

mod community;
mod figure;
mod http;
mod machine;
mod publish;
mod reads;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use figure::Report;

/// The benchmarks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    name: Name,
    /// One JSON line per figure instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Name {
    /// 2,000 pages of 4 KiB: sent, seen, verified; and what the doorway needs when nobody asks.
    Publish,
    /// Pages and blobs that many read at once, beside raw hyper, nginx and Varnish.
    Reads(reads::Options),
    /// The peer of `reads`: serves one answer of another server with hyper alone.
    #[command(hide = true)]
    RawHyper(reads::RawHyper),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let report = match &arguments.name {
        Name::Publish => publish::run(),
        Name::Reads(options) => reads::run(options),
        Name::RawHyper(raw) => return end(raw.serve()),
    };
    end(report.map(|report| tell(&report, arguments.json)))
}

fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tell(report: &Report, is_json: bool) {
    if is_json {
        for line in report.json_lines() {
            println!("{line}");
        }
        for sentence in &report.left_out {
            eprintln!("left out: {sentence}");
        }
    } else {
        print!("{report}");
    }
}
