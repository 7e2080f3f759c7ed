//! The workspace as the checks see it: its crates, its files, its Rust sources.
//!
//! Invariant: paths are below the root, with `/`, sorted; folders that builds make are left out.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cargo_metadata::{Dependency, MetadataCommand};

use super::source::Source;

/// Everything that the checks read.
pub(crate) struct Tree {
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
    /// All files that belong to the project.
    pub(crate) files: Vec<String>,
    /// All Rust files under `crates/` and `zomes/`.
    pub(crate) sources: Vec<Source>,
    /// The crates of the workspace, sorted by folder.
    pub(crate) members: Vec<Member>,
}

/// A crate of the workspace.
pub(crate) struct Member {
    /// The folder's name under `crates/`, which is the name that the documents use.
    pub(crate) folder: String,
    /// The package's name, which is the folder's for most.
    pub(crate) package: String,
    /// The manifest's path below the root.
    pub(crate) manifest: String,
    /// What the manifest asks for, of all kinds.
    pub(crate) dependencies: Vec<Dependency>,
}

impl Tree {
    /// Reads the workspace at `root`.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| format!("find {}", root.display()))?;
        let mut files = Vec::new();
        walk(&root, &root, &mut files)?;
        files.sort();
        let sources = files
            .iter()
            .filter(|path| {
                path.ends_with(".rs") && (path.starts_with("crates/") || path.starts_with("zomes/"))
            })
            .map(|path| Source::read(&root, path))
            .collect::<anyhow::Result<_>>()?;
        let members = members(&root)?;
        Ok(Self {
            root,
            files,
            sources,
            members,
        })
    }

    /// Reads a text file below the root; `None` when it is not there.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<Option<String>> {
        if !self.files.iter().any(|file| file == path) {
            return Ok(None);
        }
        let text = std::fs::read_to_string(self.root.join(path))
            .with_context(|| format!("read {path}"))?;
        Ok(Some(text))
    }

    /// Returns the sources of the crate in `crates/<folder>`.
    pub(crate) fn sources_of(&self, folder: &str) -> impl Iterator<Item = &Source> {
        let prefix = format!("crates/{folder}/");
        self.sources
            .iter()
            .filter(move |source| source.path.starts_with(&prefix))
    }
}

fn members(root: &Path) -> anyhow::Result<Vec<Member>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("read the workspace with cargo metadata")?;
    let mut members = Vec::new();
    for package in metadata.packages {
        let manifest = package
            .manifest_path
            .as_std_path()
            .strip_prefix(root)
            .context("a crate lies outside of the workspace")?
            .to_string_lossy()
            .into_owned();
        let folder = manifest
            .strip_prefix("crates/")
            .and_then(|rest| rest.strip_suffix("/Cargo.toml"))
            .with_context(|| format!("{manifest} is not crates/<name>/Cargo.toml"))?
            .to_owned();
        members.push(Member {
            folder,
            package: package.name.to_string(),
            manifest,
            dependencies: package.dependencies,
        });
    }
    members.sort_by(|left, right| left.folder.cmp(&right.folder));
    Ok(members)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) -> anyhow::Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let is_made = matches!(name.to_str(), Some(".git" | "target" | "node_modules"));
            if !is_made {
                walk(root, &entry.path(), files)?;
            }
        } else if kind.is_file() {
            let path = entry.path();
            let below = path
                .strip_prefix(root)
                .expect("the walk starts at the root");
            files.push(below.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
