//! Folders that the scenarios publish: the course of our own making, copied before it is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// Returns the folder of the course that is committed with the tests of `commonhold`.
pub(super) fn fixture() -> PathBuf {
    testkit::workspace_root().join("crates/cli/tests/fixtures/bread")
}

/// Copies a folder with everything in it.
pub(super) fn copy(source: &Path, target: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(target).with_context(|| format!("make {}", target.display()))?;
    let entries =
        std::fs::read_dir(source).with_context(|| format!("read {}", source.display()))?;
    for entry in entries {
        let entry = entry?;
        let copied = target.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &copied)?;
        } else {
            std::fs::copy(entry.path(), &copied)
                .with_context(|| format!("write {}", copied.display()))?;
        }
    }
    Ok(())
}

/// Replaces a text that stands exactly once in a file.
pub(super) fn replace(file: &Path, old: &str, new: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let found = text.matches(old).count();
    anyhow::ensure!(found == 1, "{} holds {old:?} {found} times", file.display());
    std::fs::write(file, text.replace(old, new))
        .with_context(|| format!("write {}", file.display()))
}

/// Returns all files below a folder, by their paths below it.
pub(super) fn below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let entries =
            std::fs::read_dir(&next).with_context(|| format!("read {}", next.display()))?;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else {
                let path = entry.path();
                found.push(
                    path.strip_prefix(folder)
                        .context("it is below")?
                        .to_path_buf(),
                );
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Returns the files below a folder by the SHA-256 of their bytes, in hex.
pub(super) fn by_hash(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut hashes = BTreeMap::new();
    for file in below(folder)? {
        let bytes = std::fs::read(folder.join(&file))
            .with_context(|| format!("read {}", file.display()))?;
        hashes.insert(sha256(&bytes), file);
    }
    Ok(hashes)
}

/// Returns a SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
