//! Files that a program makes are committed, and they are what the program makes today.
//!
//! Each row of [`GENERATED`] names a file and the built program whose standard output it must be.
//! `cargo xtask generate` writes them; tidy compares.
//! The package of the integrity zome is frozen instead: here its hashes are compared, `cargo xtask happ --check` rebuilds it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{Fault, Findings, Tree};
use crate::workspace;

/// A committed file and how it is made.
struct Generated {
    /// What it is, for the message.
    name: &'static str,
    /// The file below the root.
    file: &'static str,
    /// The program, below cargo's folder of development builds: `commonhold`, or `examples/NAME`.
    program: &'static str,
    /// Its arguments; its standard output is the file.
    arguments: &'static [&'static str],
}

/// All generated files.
const GENERATED: &[Generated] = &[
    Generated {
        name: "the OpenAPI document",
        file: "docs/openapi.json",
        program: "examples/openapi",
        arguments: &[],
    },
    Generated {
        name: "the TypeScript types",
        file: "docs/api.ts",
        program: "examples/typescript",
        arguments: &[],
    },
];

/// Compares each file with what its generator prints.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let mut faults = Vec::new();
    if let Err(error) = crate::happ::check_hashes(&tree.root) {
        faults.push(Fault::at(
            "zomes",
            0,
            format!("{error:#}"),
            "the package is frozen: put the committed one back; cargo xtask happ --check compares it with a rebuild",
        ));
    }
    let programs = build(&tree.root)?;
    for one in GENERATED {
        let made = make(&tree.root, &programs, one)?;
        let committed = tree.text(one.file)?.unwrap_or_default();
        if let Some(line) = first_difference(&committed, &made) {
            faults.push(Fault::at(
                one.file,
                line,
                format!("{} is out of date", one.name),
                "run: cargo xtask generate",
            ));
        }
    }
    Ok(faults.into())
}

/// Writes each file as its generator prints it.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    let programs = build(root)?;
    for one in GENERATED {
        let made = make(root, &programs, one)?;
        let path = root.join(one.file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, made).with_context(|| format!("write {}", one.file))?;
        println!("wrote {}", one.file);
    }
    println!("{} generated files are up to date", GENERATED.len());
    Ok(())
}

/// Builds the generators, if there are any, and returns their folder.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    if !GENERATED.is_empty() {
        workspace::build_all(root)?;
    }
    Ok(workspace::target_folder(root)?.join("debug"))
}

fn make(root: &Path, programs: &Path, one: &Generated) -> anyhow::Result<String> {
    let output = Command::new(programs.join(one.program))
        .current_dir(root)
        .args(one.arguments)
        .output()
        .with_context(|| format!("make {}", one.name))?;
    anyhow::ensure!(
        output.status.success(),
        "make {}: {} {}: {}",
        one.name,
        one.program,
        one.arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim(),
    );
    String::from_utf8(output.stdout).with_context(|| format!("{} is not UTF-8", one.name))
}

/// Returns the first line, counted from 1, in which two texts differ.
fn first_difference(left: &str, right: &str) -> Option<usize> {
    if left == right {
        return None;
    }
    let same = left
        .lines()
        .zip(right.lines())
        .take_while(|(left, right)| left == right)
        .count();
    Some(same + 1)
}

#[cfg(test)]
mod tests;
