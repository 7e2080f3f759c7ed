//! `cargo xtask accept NAME`: scenarios that an issue promised, run against real processes.
//!
//! A scenario starts what it needs on free ports with a temporary data folder, counts what it saw, and returns that as
//! a sentence; the sentence is the last line, and the exit status is 0 only when it held.
//! Each has a small variant, which `cargo xtask test` runs, and its full size with `--full`.
//! Scenarios count; nothing that they measure in time decides.

mod bit_rot;
mod community;
mod course;
mod doorway;
mod dump;
mod files;
mod gc_race;
mod hostile_replica;
mod http;
mod lesson;
mod listener;
mod node;
mod proofs;
mod proxy;
mod publish_kill;
mod replicas;
mod resume;
mod sigkill;
mod start;
mod storm;
mod trial;
mod tus;
mod wire;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;
use testkit::Binary;

use crate::{step, tools, workspace};

/// What a scenario gets.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    /// The program under test, built with the development profile.
    pub(crate) commonhold: Binary,
    /// A folder of its own that vanishes afterwards.
    pub(crate) scratch: &'a Path,
    /// Whether to run in full size.
    pub(crate) is_full: bool,
}

/// A promise that can be checked.
struct Scenario {
    name: &'static str,
    about: &'static str,
    run: fn(&Stage<'_>) -> anyhow::Result<String>,
}

/// All scenarios, in the order in which `cargo xtask test` runs them.
const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "start",
        about: "an empty community starts, answers, and ends cleanly when asked to",
        run: start::run,
    },
    Scenario {
        name: "course",
        about: "one command puts a course on the web, and every page, image and link of it works",
        run: course::run,
    },
    Scenario {
        name: "proofs",
        about: "verify accepts what a doorway serves, and rejects it after any one byte was changed on the way",
        run: proofs::run,
    },
    Scenario {
        name: "publish-kill",
        about: "killed in the middle of a publish, the next one ends where an undisturbed one does",
        run: publish_kill::run,
    },
    Scenario {
        name: "replicas",
        about: "two copies go on serving, without a fault, while the writer is killed in the middle of publishing",
        run: replicas::run,
    },
    Scenario {
        name: "storm",
        about: "a crowd, missing keys, slow readers and slow heads: few calls behind the cache, bounded memory",
        run: storm::run,
    },
    Scenario {
        name: "hostile-replica",
        about: "a copy shows nothing that its doorway forged, keeps what it had, and says what was wrong",
        run: hostile_replica::run,
    },
    Scenario {
        name: "resume",
        about: "a put that is interrupted again and again sends nothing twice that was acknowledged",
        run: resume::run,
    },
    Scenario {
        name: "sigkill",
        about: "what a store acknowledged is there and right, however often its process is killed",
        run: sigkill::run,
    },
    Scenario {
        name: "gc-race",
        about: "collections race with those who put, touch and tag, and nothing is lost that somebody keeps",
        run: gc_race::run,
    },
    Scenario {
        name: "bit-rot",
        about: "a bit that is turned over on the disk is found, and wrong bytes are never given out",
        run: bit_rot::run,
    },
    Scenario {
        name: "tus",
        about: "tus-js-client uploads a file with two interruptions, and what it never does is refused",
        run: tus::run,
    },
];

/// Returns the names of all scenarios.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name)
}

/// Prints all scenarios.
pub(crate) fn list() {
    for scenario in SCENARIOS {
        println!("{:<14} {}", scenario.name, scenario.about);
    }
}

/// Runs one scenario.
///
/// # Errors
/// When there is none of that name, or it did not hold; the data folder is kept then.
pub(crate) fn run(root: &Path, name: &str, is_full: bool) -> anyhow::Result<()> {
    let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let scenario = found.with_context(|| {
        format!(
            "there is no scenario {name}; there are: {}",
            names().collect::<Vec<_>>().join(", ")
        )
    })?;
    let commonhold = build(root)?;
    let scratch = tempfile::Builder::new()
        .prefix(&format!("commonhold-{name}-"))
        .tempdir()?;
    let stage = Stage {
        commonhold,
        scratch: scratch.path(),
        is_full,
    };
    let size = if is_full { "full size" } else { "small" };
    println!("scenario {name} ({size}): {}", scenario.about);
    let started = Instant::now();
    match (scenario.run)(&stage) {
        Ok(counted) => {
            println!("scenario {name}: took {}", step::minutes(started.elapsed()));
            println!("{name}: {counted}");
            Ok(())
        }
        Err(error) => {
            let kept = scratch.keep();
            Err(error.context(format!(
                "the scenario {name} did not hold; its files are kept in {}",
                kept.display()
            )))
        }
    }
}

/// Builds the program under test, unless the one to test is named by the environment.
fn build(root: &Path) -> anyhow::Result<Binary> {
    if let Some(program) = std::env::var_os(testkit::BINARY) {
        return Binary::at(program);
    }
    tools::require_build(root)?;
    let mut build = Command::new(workspace::cargo());
    step::run(
        build
            .current_dir(root)
            .args(["build", "--quiet", "--package", "commonhold"]),
    )?;
    Binary::at(workspace::target_folder(root)?.join("debug/commonhold"))
}

#[cfg(test)]
mod tests;
