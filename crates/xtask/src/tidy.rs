//! `cargo xtask tidy`: the rules of STYLE.md, ARCHITECTURE.md and GLOSSARY.md that a machine can check.
//!
//! Each check reads the [`Tree`] and returns faults; a fault says where, what is wrong and what to do.
//! Invariants: a check changes nothing on disk outside of the target folder, and a check that cannot run says so
//! instead of passing silently.

mod codes;
mod edges;
mod generated;
mod glossary;
mod hygiene;
mod links;
mod map;
mod purity;
mod ratchet;
mod source;
mod tree;
mod wasm;

/// What the build for the browser needs.
pub(crate) mod browser_build {
    pub(crate) use super::wasm::{PACKAGES, Toolchain, toolchain};
}

use std::fmt;
use std::path::Path;
use std::time::Instant;

pub(crate) use tree::Tree;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// `file` or `file:line`, below the root.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) wrong: String,
    /// What to do.
    pub(crate) remedy: String,
}

impl Fault {
    /// Makes a fault at a line; line 0 means the file as a whole.
    pub(crate) fn at(
        file: &str,
        line: usize,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let place = if line == 0 {
            file.to_owned()
        } else {
            format!("{file}:{line}")
        };
        Self {
            place,
            wrong: wrong.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {}\n    {}",
            self.place, self.wrong, self.remedy
        )
    }
}

/// What a check found, and what it had to leave out.
#[derive(Default)]
pub(crate) struct Findings {
    /// Breaches; one is enough to fail.
    pub(crate) faults: Vec<Fault>,
    /// Sentences about what could not be checked on this machine.
    pub(crate) left_out: Vec<String>,
}

impl From<Vec<Fault>> for Findings {
    fn from(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            left_out: Vec::new(),
        }
    }
}

/// How much to check.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only what reads files: a few seconds.
    Sources,
    /// Also the WebAssembly build of the cores and the generated files.
    Everything,
}

type Check = fn(&Tree) -> anyhow::Result<Findings>;

/// The checks that read files, in the order in which a reader meets the rules.
const SOURCES: &[(&str, Check)] = &[
    ("edges between crates", edges::check),
    ("the code map", map::check),
    ("names against the glossary", glossary::check),
    ("lengths of files and functions", ratchet::check),
    ("purity of the cores", purity::check),
    ("hygiene of the sources", hygiene::check),
    ("error codes and their pages", codes::check),
    ("links in documents", links::check),
];

/// The checks that build something.
const BUILDS: &[(&str, Check)] = &[
    ("the cores for the browser", wasm::check),
    ("generated files", generated::check),
];

/// Runs the checks and prints what they found.
///
/// # Errors
/// When a check found a fault or could not run at all.
pub(crate) fn run(root: &Path, depth: Depth) -> anyhow::Result<()> {
    let tree = Tree::read(root)?;
    let builds = if depth == Depth::Everything {
        BUILDS
    } else {
        &[]
    };
    let mut count = 0;
    for (name, check) in SOURCES.iter().chain(builds) {
        let started = Instant::now();
        let mut findings = check(&tree)?;
        findings.faults.sort();
        for fault in &findings.faults {
            println!("{fault}");
        }
        for sentence in &findings.left_out {
            println!("left out: {sentence}");
        }
        let verdict = if findings.faults.is_empty() {
            "ok"
        } else {
            "FAULTS"
        };
        println!(
            "tidy: {name}: {verdict} ({:.1} s)",
            started.elapsed().as_secs_f64()
        );
        count += findings.faults.len();
    }
    anyhow::ensure!(count == 0, "tidy found {count} faults");
    println!("tidy: no faults");
    Ok(())
}

/// Writes the generated files anew.
///
/// # Errors
/// When a generator fails.
pub(crate) fn write_generated(root: &Path) -> anyhow::Result<()> {
    generated::write(root)
}
