//! The cores, the foundations and `api` build for the browser: `wasm32-unknown-unknown`.
//!
//! Two toolchains can do it: rustup's, when its target is installed, and Debian's packages for building browsers,
//! which build the standard library from source.
//! The build has a folder of its own, so that it never waits for other builds.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::{Fault, Findings, Tree, edges};
use crate::workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// How many lines of the compiler's complaint are shown; the first fault is what matters.
const SAID_LINES: usize = 30;

/// Debian's packages with which the build works.
pub(crate) const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// What can build for the browser on this machine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The toolchain of the workspace has the target.
    Rustup,
    /// Debian's compiler with the standard library's sources.
    Debian,
    /// Neither; the sentence says what is missing.
    Missing(String),
}

/// Finds out what can build for the browser.
pub(crate) fn toolchain(root: &Path) -> anyhow::Result<Toolchain> {
    let libraries = printed(Command::new("rustc").current_dir(root).args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]));
    if libraries.is_some_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(Toolchain::Rustup);
    }
    let missing: Vec<&str> = [
        ("/usr/bin/rustc", "rustc-web"),
        ("/usr/bin/cargo", "cargo-web"),
        ("/usr/lib/rustlib/src/rust/library/std", "rust-web-src"),
        ("/usr/bin/wasm-ld-19", "lld-19"),
    ]
    .into_iter()
    .filter(|(path, _)| !Path::new(path).exists())
    .map(|(_, package)| package)
    .collect();
    if !missing.is_empty() {
        return Ok(Toolchain::Missing(format!(
            "it needs `rustup target add {TARGET}` or Debian's {}",
            missing.join(" "),
        )));
    }
    let version = printed(Command::new("/usr/bin/rustc").arg("--version"))
        .context("run /usr/bin/rustc --version")?;
    let wanted = workspace::rust_version(root)?;
    if minor(&version) < minor(&wanted) {
        return Ok(Toolchain::Missing(format!(
            "Debian's {version} is older than {wanted}; update rustc-web"
        )));
    }
    Ok(Toolchain::Debian)
}

/// Builds the cores for the browser.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let toolchain = toolchain(&tree.root)?;
    if let Toolchain::Missing(reason) = toolchain {
        let left_out = vec![format!("the build of the cores for {TARGET}: {reason}")];
        return Ok(Findings {
            faults: Vec::new(),
            left_out,
        });
    }
    let mut packages = edges::pure_folders(tree);
    packages.extend(
        tree.members
            .iter()
            .map(|member| member.folder.as_str())
            .filter(|folder| *folder == "api"),
    );
    let mut command = cargo_build(&tree.root, &toolchain)?;
    for package in &packages {
        command.args(["--package", package]);
    }
    let output = command
        .output()
        .context("run cargo build for the browser")?;
    if output.status.success() {
        return Ok(Findings::default());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.trim().lines().take(SAID_LINES).collect();
    let fault = Fault::at(
        "crates",
        0,
        format!(
            "{} do not build for {TARGET}:\n{}",
            packages.join(", "),
            said.join("\n")
        ),
        "a core uses nothing that a browser lacks",
    );
    Ok(vec![fault].into())
}

/// Returns `cargo build` for the browser, without packages.
fn cargo_build(root: &Path, toolchain: &Toolchain) -> anyhow::Result<Command> {
    let is_debian = *toolchain == Toolchain::Debian;
    let mut command = Command::new(if is_debian {
        "/usr/bin/cargo".into()
    } else {
        workspace::cargo()
    });
    command.current_dir(root).env(
        "CARGO_TARGET_DIR",
        workspace::target_folder(root)?.join("wasm"),
    );
    command.args(["build", "--quiet", "--target", TARGET]);
    // Whether it builds is the question; how fast it would run is not.
    command.args([
        "--config",
        "profile.dev.package.\"*\".opt-level=0",
        "--config",
        "profile.dev.debug=false",
    ]);
    if is_debian {
        for variable in [
            "RUSTUP_TOOLCHAIN",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "CARGO",
            "RUSTDOC",
            "LD_LIBRARY_PATH",
        ] {
            command.env_remove(variable);
        }
        command
            .env("RUSTC", "/usr/bin/rustc")
            .env("RUSTC_BOOTSTRAP", "1");
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19");
        command.arg("-Zbuild-std=std,panic_abort");
    }
    Ok(command)
}

fn printed(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the minor version in `1.95`, `1.95.0` or `rustc 1.95.0 (…)`.
fn minor(version: &str) -> Option<u32> {
    let number = version
        .split(' ')
        .find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))?;
    number.split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
