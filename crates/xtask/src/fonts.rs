//! The typefaces of the pages: taken from their npm packages and put where the build embeds them.
//!
//! Without Node, or without a network, the pages use the system's typefaces and look right all the same; so nothing
//! here ever fails a build.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// Where the packages are declared, below the root.
const PACKAGES: &str = "web/fonts";

/// Where the build embeds files from, below the root.
const ASSETS: &str = "crates/doorway/assets/fonts";

/// The files: in their packages, and as the style sheet names them. Latin letters, all weights.
const FILES: [(&str, &str); 4] = [
    (
        "source-serif-4/files/source-serif-4-latin-wght-normal.woff2",
        "source-serif-4.woff2",
    ),
    (
        "source-serif-4/files/source-serif-4-latin-wght-italic.woff2",
        "source-serif-4-italic.woff2",
    ),
    ("inter/files/inter-latin-wght-normal.woff2", "inter.woff2"),
    (
        "jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
        "jetbrains-mono.woff2",
    ),
];

/// Fetches the typefaces unless they are there, and says what became of it.
pub(crate) fn run(root: &Path) {
    let assets = root.join(ASSETS);
    if FILES.iter().all(|(_, name)| assets.join(name).exists()) {
        return;
    }
    match fetch(root, &assets) {
        Ok(()) => println!("typefaces: embedded from their npm packages"),
        Err(error) => println!("typefaces left out ({error:#}): pages use those of the system"),
    }
}

fn fetch(root: &Path, assets: &Path) -> anyhow::Result<()> {
    let packages = root.join(PACKAGES);
    let output = Command::new("npm")
        .current_dir(&packages)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .stdin(Stdio::null())
        .output()
        .context("npm is not here")?;
    anyhow::ensure!(output.status.success(), "npm could not fetch them");
    std::fs::create_dir_all(assets)?;
    for (file, name) in FILES {
        let source = packages
            .join("node_modules/@fontsource-variable")
            .join(file);
        std::fs::copy(&source, assets.join(name))
            .with_context(|| format!("the package has no {file}"))?;
    }
    Ok(())
}
