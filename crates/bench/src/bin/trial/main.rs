//! `trial NAME …`: what `cargo xtask accept` has tried from inside: the blob store in a process of its own.
//!
//! It is a program beside the tasks of the repository, so that building those does not wait for the engines.
//! Each trial draws all that it does from a seed, says what went wrong, and ends with one line that says what it counted.
//!
//! Invariant: it counts and never times; it ends with an error unless everything held.

#![allow(
    clippy::disallowed_methods,
    reason = "a trial looks at the files of a store from outside, damages them, and kills and joins what it starts"
)]

mod content;
mod race;
mod rot;
mod sigkill;
mod space;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The trials.
#[derive(Parser)]
#[command(name = "trial")]
struct Arguments {
    #[command(subcommand)]
    name: Name,
}

#[derive(Subcommand)]
enum Name {
    /// Kill a process that stores blobs, again and again, and look for everything that it acknowledged.
    Sigkill {
        /// An empty folder.
        folder: PathBuf,
        /// How often.
        rounds: u64,
        /// What all choices are drawn from.
        seed: u64,
    },
    /// Store blobs and say so, until somebody kills this process.
    #[command(hide = true)]
    SigkillWork(sigkill::Work),
    /// Put, touch and tag blobs while a collection is between its mark and its sweep.
    GcRace {
        /// An empty folder.
        folder: PathBuf,
        /// How many collections.
        rounds: u64,
        /// What all choices are drawn from.
        seed: u64,
    },
    /// Turn one bit over in each kind of byte of a closed store.
    BitRot {
        /// An empty folder.
        folder: PathBuf,
        /// How many bits of each kind.
        flips: u64,
        /// What all choices are drawn from.
        seed: u64,
    },
    /// Get a token of a server and print it.
    Token {
        /// The server, such as 127.0.0.1:8090.
        server: std::net::SocketAddr,
        /// The file with the secret of an agent.
        key: PathBuf,
    },
}

fn main() -> ExitCode {
    let held = match Arguments::parse().name {
        Name::Sigkill {
            folder,
            rounds,
            seed,
        } => sigkill::run(&folder, rounds, seed),
        Name::SigkillWork(work) => work.run(),
        Name::GcRace {
            folder,
            rounds,
            seed,
        } => race::run(&folder, rounds, seed),
        Name::BitRot {
            folder,
            flips,
            seed,
        } => rot::run(&folder, flips, seed),
        Name::Token { server, key } => token::get(server, &key),
    };
    match held {
        Ok(counted) => {
            println!("{counted}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("trial: {error:#}");
            ExitCode::FAILURE
        }
    }
}
