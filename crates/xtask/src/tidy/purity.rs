//! Cores and foundations decide; they never read a clock, wait, do I/O or draw randomness.
//!
//! Three views of that rule: what their manifests ask for, what their whole dependency tree brings along, and what
//! their sources say.
//! Test code may read vectors from files and count in hash maps; it never ships.

use std::process::Command;

use anyhow::Context as _;
use cargo_metadata::DependencyKind;

use super::source::{Source, words};
use super::{Fault, Findings, Tree, edges};

/// Crates that bring a runtime, sockets, a database, files or an operating system's randomness.
const CRATES: &[&str] = &[
    "async-std",
    "axum",
    "curl",
    "diesel",
    "fs-err",
    "getrandom",
    "h2",
    "hyper",
    "hyper-util",
    "include_dir",
    "libp2p",
    "memmap2",
    "mio",
    "nix",
    "postgres",
    "quinn",
    "rayon",
    "redb",
    "redis",
    "reqwest",
    "ring",
    "rusqlite",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "tempfile",
    "tokio",
    "tokio-postgres",
    "tokio-util",
    "tungstenite",
    "ureq",
    "walkdir",
];

/// What a core's sources may not say, and what to do instead.
const WORDS: &[(&str, &str)] = &[
    (
        "std::fs",
        "take the bytes as an argument; files belong to `disk`",
    ),
    ("std::net", "return an output that a shell sends"),
    ("std::thread", "return an output; tasks belong to `runtime`"),
    ("std::process", "return an output that a shell performs"),
    ("std::env", "take the value in a Limits or Config argument"),
    ("std::io", "work on slices; streams belong to shells"),
    ("std::time::Instant", "take `now: Timestamp` as an argument"),
    ("SystemTime", "take `now: Timestamp` as an argument"),
    ("Instant::now", "take `now: Timestamp` as an argument"),
    (
        "HashMap",
        "use BTreeMap: a core's order is the same in every run",
    ),
    (
        "HashSet",
        "use BTreeSet: a core's order is the same in every run",
    ),
    ("RandomState", "a core draws no randomness"),
    ("thread_rng", "take the generator as an argument"),
    ("OsRng", "take the generator as an argument"),
    ("getrandom", "take the random bytes as an argument"),
    ("println", "return what is to be said"),
    ("eprintln", "return what is to be said"),
];

/// Modules of std that a core may not import in a group, as in `use std::{fs, mem}`.
const MODULES: &[&str] = &["fs", "net", "thread", "process", "env", "io"];

/// Checks manifests, dependency trees and sources of all cores and foundations.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let pure = edges::pure_folders(tree);
    for member in tree
        .members
        .iter()
        .filter(|member| pure.contains(&member.folder.as_str()))
    {
        for dependency in &member.dependencies {
            if dependency.kind != DependencyKind::Development
                && CRATES.contains(&dependency.name.as_str())
            {
                findings.faults.push(Fault::at(
                    &member.manifest,
                    0,
                    format!("`{}` depends on `{}`", member.folder, dependency.name),
                    "a core does no I/O: return an output and let a kit or an engine perform it",
                ));
            }
        }
        for source in tree
            .sources_of(&member.folder)
            .filter(|source| !source.is_test())
        {
            check_source(source, &mut findings.faults);
        }
    }
    match brought_along(tree, &pure) {
        Ok(faults) => findings.faults.extend(faults),
        Err(error) => findings
            .left_out
            .push(format!("the cores' whole dependency tree: {error:#}")),
    }
    Ok(findings)
}

fn check_source(source: &Source, faults: &mut Vec<Fault>) {
    let code = source.product_code();
    for (word, remedy) in WORDS {
        for offset in words(code, word) {
            let wrong = format!("a core says `{word}`");
            faults.push(Fault::at(
                &source.path,
                source.line_of(offset),
                wrong,
                *remedy,
            ));
        }
    }
    for (offset, _) in code.match_indices("std::{") {
        let group = code[offset + "std::{".len()..]
            .split(';')
            .next()
            .unwrap_or_default();
        for module in MODULES.iter().filter(|module| imports(group, module)) {
            faults.push(Fault::at(
                &source.path,
                source.line_of(offset),
                format!("a core imports `std::{module}`"),
                "return an output that a shell performs",
            ));
        }
    }
}

/// Tells whether a group of imports names `module` at its first level.
fn imports(group: &str, module: &str) -> bool {
    words(group, module).into_iter().any(|offset| {
        let before = &group[..offset];
        before.matches('{').count() == before.matches('}').count()
            && !before.trim_end().ends_with(':')
    })
}

/// Returns the forbidden crates that arrive through others.
fn brought_along(tree: &Tree, pure: &[&str]) -> anyhow::Result<Vec<Fault>> {
    let cargo = crate::workspace::cargo();
    let mut command = Command::new(cargo);
    command.current_dir(&tree.root).args([
        "tree", "--edges", "normal", "--prefix", "none", "--format", "{p}",
    ]);
    command.args(["--target", "wasm32-unknown-unknown"]);
    for folder in pure {
        command.args(["--package", folder]);
    }
    let output = command.output().context("run cargo tree")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let text = String::from_utf8(output.stdout).context("cargo tree printed what is not UTF-8")?;
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names
        .into_iter()
        .filter(|name| CRATES.contains(name))
        .map(|name| {
            Fault::at(
                "Cargo.lock",
                0,
                format!("the cores bring `{name}` along"),
                format!("see through whom with: cargo tree -p {} -i {name} -e normal --target wasm32-unknown-unknown; switch the feature off", pure.join(" -p ")),
            )
        })
        .collect())
}

#[cfg(test)]
mod tests;
