//! What every peer of the blob store has in common: the workloads of `crates/bench`, and a queue for group commit.
//!
//! One process runs one workload over one peer in one folder, prints one JSON line and ends; whoever started it removes
//! the folder. Nothing here is part of the workspace, and nothing of the peers is linked into it.

#[path = "../../../../crates/bench/src/blobs/workload/arguments.rs"]
mod arguments;
#[path = "../../../../crates/bench/src/blobs/workload/content.rs"]
mod content;
#[path = "../../../../crates/bench/src/blobs/workload/peer.rs"]
mod peer;
mod queue;
#[path = "../../../../crates/bench/src/blobs/workload/work.rs"]
mod work;

use std::process::ExitCode;

pub use peer::{Counters, Id, Peer};
pub use queue::{Database, Queue};

/// Returns the SHA-256 of a blob, for peers that have no hash of their own.
#[must_use]
pub fn id_of(blob: &[u8]) -> Id {
    use sha2::Digest as _;
    sha2::Sha256::digest(blob).into()
}

/// Runs the workload that the arguments name, and prints its line.
pub fn run<P: Peer>() -> ExitCode {
    let told = std::env::args().skip(1);
    match arguments::Arguments::read(told).and_then(|arguments| work::run::<P>(&arguments)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}
