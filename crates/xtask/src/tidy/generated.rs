//! Files that a program makes are committed, and they are what the program makes today.
//!
//! Each row of [`GENERATED`] names a file and the command whose standard output it must be.
//! `cargo xtask generate` writes them; tidy compares.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::{Fault, Findings, Tree};

/// A committed file and how it is made.
struct Generated {
    /// What it is, for the message.
    name: &'static str,
    /// The file below the root.
    file: &'static str,
    /// Arguments for cargo; the command's standard output is the file.
    cargo: &'static [&'static str],
}

/// All generated files.
const GENERATED: &[Generated] = &[];

/// Compares each file with what its generator prints.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let mut faults = Vec::new();
    for one in GENERATED {
        let made = make(&tree.root, one)?;
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
    for one in GENERATED {
        let made = make(root, one)?;
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

fn make(root: &Path, one: &Generated) -> anyhow::Result<String> {
    let output = Command::new(crate::workspace::cargo())
        .current_dir(root)
        .args(one.cargo)
        .output()
        .with_context(|| format!("make {}", one.name))?;
    anyhow::ensure!(
        output.status.success(),
        "make {}: cargo {}: {}",
        one.name,
        one.cargo.join(" "),
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
