//! Where the workspace is and which cargo works on it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::step;

/// Returns the folder of the workspace that this program was built from.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate lies in crates/xtask")
        .to_path_buf()
}

/// Returns the cargo that runs this program, or the one in the path.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Returns the folder into which cargo builds.
pub(crate) fn target_folder(root: &Path) -> anyhow::Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("ask cargo for its target folder")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// Returns the oldest Rust that the workspace allows, such as `1.95`.
pub(crate) fn rust_version(root: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(root.join("Cargo.toml")).context("read Cargo.toml")?;
    let manifest: toml::Table = text.parse().context("read Cargo.toml as TOML")?;
    let version = manifest["workspace"]["package"]["rust-version"].as_str();
    Ok(version
        .context("Cargo.toml has no workspace.package.rust-version")?
        .to_owned())
}

/// Builds everything that tests start, with the features that the tests are built with.
///
/// Building the program alone would choose other features of its dependencies, and so build most of them twice.
pub(crate) fn build_all(root: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(cargo());
    step::run(
        command
            .current_dir(root)
            .args(["build", "--quiet", "--workspace", "--all-targets"]),
    )
}
