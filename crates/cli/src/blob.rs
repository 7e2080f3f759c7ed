//! `commonhold blob`: files under their hash, in the store of a server or of a data folder.
//!
//! Invariants: nothing is called stored before the store has acknowledged it; nothing that was fetched gets its name
//! before it was compared with its hash; nothing is written outside of the folder that the person named.

pub(crate) mod args;
mod export;
mod fetch;
mod get;
mod import;
mod inside;
mod interrupt;
mod list;
mod place;
mod put;
mod resume;
mod send;
mod source;
mod tags;
mod tally;
mod target;
mod upkeep;
mod walk;
mod what;

use base::{Code, Problem};

use crate::blob::args::{BlobArgs, BlobCommand};
use crate::output::{Outcome, Output};

/// Runs `commonhold blob`.
pub(crate) async fn run(args: &BlobArgs, output: &Output) -> Outcome {
    match &args.command {
        BlobCommand::Put(args) => put::run(args, output).await,
        BlobCommand::Get(args) => get::run(args, output).await,
        BlobCommand::Stat { what, target } => list::stat(what, target, output).await,
        BlobCommand::Ls(args) => list::run(args, output).await,
        BlobCommand::Tag { command } => tags::run(command, output).await,
        BlobCommand::Usage(args) => list::usage(args, output).await,
        BlobCommand::Gc { dry_run, target } => upkeep::collect(*dry_run, target, output).await,
        BlobCommand::Scrub(args) => upkeep::scrub(args, output).await,
        BlobCommand::Export { folder, target } => export::run(folder, target, output).await,
        BlobCommand::Import(args) => import::run(args, output).await,
    }
}

/// Runs work that waits for disks on a thread that may.
///
/// # Cancel safety
/// May be dropped; the work goes on to its end, unless it asks a [`tally::Stop`].
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Problem> + Send + 'static,
{
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Problem::new(Code::Bug, error.to_string()).into()))
}
