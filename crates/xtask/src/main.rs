//! `cargo xtask`: everything that one does with this repository besides writing in it.
//!
//! One file per command. The documents name the commands; the commands check the documents.

#![allow(
    clippy::disallowed_methods,
    reason = "a task of the build reads the environment and writes files of the repository, not state"
)]

mod accept;
mod bench;
mod ci;
mod fonts;
mod happ;
// Included as a file: depending on `runtime` would make everybody's first build wait for the async runtime.
#[path = "../../runtime/src/port.rs"]
#[allow(unreachable_pub, reason = "the same items are public in `runtime`")]
mod port;
mod sim;
mod step;
mod test;
mod tidy;
mod tools;
mod up;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build Commonhold and start a community on this machine.
    Up {
        /// What to pass on, such as --listen 127.0.0.1:8090 or --data DIR.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run all tests; as root, install what they need first.
    Test {
        /// Leave out the tests that read data from beside the workspace.
        #[arg(long)]
        without_shared: bool,
        /// Only tests and scenarios whose name contains this.
        filter: Option<String>,
    },
    /// Check everything that a change must pass.
    Ci,
    /// Check the rules of STYLE.md, ARCHITECTURE.md and GLOSSARY.md.
    Tidy {
        /// Only read files: no build for the browser, no generators.
        #[arg(long)]
        quick: bool,
    },
    /// Fetch the typefaces of the pages from their npm packages; `up` does it by itself.
    Fonts,
    /// Write the generated files anew.
    Generate,
    /// Build the package of the integrity zome, or compare the committed one with a rebuild.
    Happ {
        /// Write nothing: check the committed package.
        #[arg(long)]
        check: bool,
    },
    /// Run one scenario against real processes, or list them.
    Accept {
        /// Which one; without it all are listed.
        name: Option<String>,
        /// Run it in full size.
        #[arg(long)]
        full: bool,
    },
    /// Repeat the simulations of the cores with one seed.
    Sim {
        /// A number, decimal or with 0x.
        seed: String,
    },
    /// Run one benchmark and print its table.
    Bench {
        /// Which one.
        name: String,
        /// One JSON line per figure instead of a table.
        #[arg(long)]
        json: bool,
        /// What to pass on, such as --only blobs.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    tools::raise_open_files();
    let root = workspace::root();
    match perform(&root, Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Performs a task; `false` means that it failed and has said so.
fn perform(root: &Path, task: Task) -> anyhow::Result<bool> {
    match task {
        Task::Up { arguments } => up::run(root, &arguments),
        Task::Fonts => {
            fonts::run(root);
            Ok(())
        }
        Task::Test {
            without_shared,
            filter,
        } => {
            return test::run_and_tell(
                root,
                &test::Options {
                    without_shared,
                    filter,
                },
            );
        }
        Task::Ci => return ci::run(root),
        Task::Tidy { quick } => tidy::run(
            root,
            if quick {
                tidy::Depth::Sources
            } else {
                tidy::Depth::Everything
            },
        ),
        Task::Generate => tidy::write_generated(root),
        Task::Happ { check } => happ::run(root, check),
        Task::Accept { name: None, .. } => {
            accept::list();
            Ok(())
        }
        Task::Accept {
            name: Some(name),
            full,
        } => accept::run(root, &name, full),
        Task::Sim { seed } => sim::run(root, &seed),
        Task::Bench {
            name,
            json,
            arguments,
        } => bench::run(root, &name, json, &arguments),
    }
    .map(|()| true)
}
