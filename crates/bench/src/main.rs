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

mod blobs;
mod community;
mod figure;
mod http;
mod machine;
mod publish;
mod reads;

use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::Value;

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
    /// Blobs that are put and read, beside iroh-blobs, plain files, redb, fjall and SQLite.
    Blobs(blobs::Options),
    /// Our store as a contender of `blobs`.
    #[command(hide = true)]
    BlobsOurs(blobs::OurWork),
    /// A store that `blobs` starts.
    #[command(hide = true)]
    BlobsStart(blobs::StartWork),
    /// The peer of `blobs` over HTTP: takes bodies with hyper alone.
    #[command(hide = true)]
    RawPost(blobs::RawPost),
    /// The peer of `reads`: serves one answer of another server with hyper alone.
    #[command(hide = true)]
    RawHyper(reads::RawHyper),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let report = match &arguments.name {
        Name::Publish => publish::run(),
        Name::Reads(options) => reads::run(options),
        Name::Blobs(options) => return end(blobs(options, arguments.json)),
        Name::BlobsOurs(work) => return end(work.run()),
        Name::BlobsStart(work) => return end(work.run()),
        Name::RawPost(raw) => return end(raw.serve()),
        Name::RawHyper(raw) => return end(raw.serve()),
    };
    end(report.map(|report| {
        tell(
            report.json_lines(),
            &report.left_out,
            &report,
            arguments.json,
        );
    }))
}

fn blobs(options: &blobs::Options, is_json: bool) -> anyhow::Result<()> {
    let table = blobs::run(options)?;
    tell(table.json_lines(), table.left_out(), &table, is_json);
    Ok(())
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

fn tell(
    lines: impl Iterator<Item = Value>,
    left_out: &[String],
    table: &impl fmt::Display,
    is_json: bool,
) {
    if is_json {
        for line in lines {
            println!("{line}");
        }
        for sentence in left_out {
            eprintln!("left out: {sentence}");
        }
    } else {
        print!("{table}");
    }
}
