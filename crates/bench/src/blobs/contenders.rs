//! Who is measured: our store and its peers, each as a process that runs one workload in a folder of its own.
//!
//! The peers are built from `bench/peers` the first time they are wanted; one that cannot be built is left out, and the
//! report says so. Folders with many small files are kept until the end of the run: ext4 is slow to make files for
//! minutes after many were removed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use super::Stage;

/// A store that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contender {
    /// How the table names it.
    pub(super) name: &'static str,
    /// Its folder in `bench/peers`; `None` for ours.
    package: Option<&'static str>,
    variant: &'static str,
    /// Whether a small blob is on stable storage when it is acknowledged.
    pub(super) is_durable: bool,
    /// Whether it makes a file for each small blob.
    has_small_files: bool,
}

/// Ours.
pub(super) const OURS: Contender = Contender::new("ours", None, "");

/// Ours, with nothing in its cache.
pub(super) const OURS_FROM_DISK: Contender = Contender::new("ours, from disk", None, "disk");

/// iroh-blobs as it is.
pub(super) const IROH: Contender = Contender {
    is_durable: false,
    ..Contender::new("iroh-blobs", Some("iroh-blobs"), "")
};

/// iroh-blobs with its sync call by every client.
pub(super) const IROH_SYNCED: Contender =
    Contender::new("iroh-blobs, `sync_db`", Some("iroh-blobs"), "synced");

/// Every peer.
pub(super) const PEERS: [Contender; 6] = [
    Contender::new("fjall, group commit", Some("fjall"), ""),
    Contender::new("SQLite, group commit", Some("sqlite"), ""),
    Contender::new("redb, group commit", Some("redb"), ""),
    IROH_SYNCED,
    IROH,
    Contender {
        has_small_files: true,
        ..Contender::new("plain files", Some("files"), "")
    },
];

impl Contender {
    const fn new(name: &'static str, package: Option<&'static str>, variant: &'static str) -> Self {
        Self {
            name,
            package,
            variant,
            is_durable: true,
            has_small_files: false,
        }
    }

    /// Runs a workload in a new folder, and returns what was told.
    pub(super) fn run(
        self,
        stage: &mut Stage,
        work: &str,
        more: &[(&str, u64)],
    ) -> anyhow::Result<Value> {
        self.run_by(stage, &[], work, more)
    }

    /// The same as arguments of another program, such as one that chooses its cores.
    pub(super) fn run_by(
        self,
        stage: &mut Stage,
        by: &[&str],
        work: &str,
        more: &[(&str, u64)],
    ) -> anyhow::Result<Value> {
        let folder = stage.new_folder()?;
        let program = self.program(stage)?;
        let mut command = match by {
            [] => Command::new(&program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(&program);
                command
            }
        };
        if self.package.is_none() {
            command.args(["blobs-ours", "--"]);
        }
        command.arg("--folder").arg(&folder).args(["--work", work]);
        if !self.variant.is_empty() {
            command.args(["--variant", self.variant]);
        }
        for (name, value) in more {
            command.args([format!("--{name}"), value.to_string()]);
        }
        let told = line_of(&mut command).with_context(|| format!("{}: {work}", self.name))?;
        if !self.has_small_files || work == "large" {
            std::fs::remove_dir_all(&folder).context("remove what was stored")?;
        }
        Ok(told)
    }

    fn program(self, stage: &Stage) -> anyhow::Result<PathBuf> {
        match self.package {
            None => std::env::current_exe().context("find the running program"),
            Some(package) => Ok(stage.peers.program(package)),
        }
    }
}

/// Runs a program to its end and reads its one line.
pub(super) fn line_of(command: &mut Command) -> anyhow::Result<Value> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success(),
        "it ended with {}: {}",
        output.status,
        said.trim()
    );
    serde_json::from_slice(&output.stdout).context("read its line")
}

/// Where the programs of the peers are, and what could not be built.
#[derive(Debug)]
pub(super) struct Peers {
    target: PathBuf,
    missing: Vec<&'static str>,
}

impl Peers {
    /// Returns no peers, for parts that need none.
    pub(super) const fn none() -> Self {
        Self {
            target: PathBuf::new(),
            missing: Vec::new(),
        }
    }

    /// Looks for them below `target`, and builds those that are not there.
    pub(super) fn build(target: &Path) -> Self {
        let mut peers = Self {
            target: target.to_owned(),
            missing: Vec::new(),
        };
        let mut packages: Vec<&'static str> =
            PEERS.iter().filter_map(|peer| peer.package).collect();
        packages.dedup();
        for package in packages {
            if peers.program(package).is_file() {
                continue;
            }
            eprintln!("building the peer {package}: this takes minutes, once");
            if let Err(error) = peers.build_one(package) {
                eprintln!("the peer {package}: {error:#}");
                peers.missing.push(package);
            }
        }
        peers
    }

    fn build_one(&self, package: &str) -> anyhow::Result<()> {
        let manifest = testkit::workspace_root()
            .join("bench/peers")
            .join(package)
            .join("Cargo.toml");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--release", "--locked", "--quiet"])
            .arg("--manifest-path")
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&self.target)
            // What was chosen for the program under test is not meant for the peers.
            .env_remove("CARGO_TARGET_DIR")
            .status()
            .context("start cargo")?;
        anyhow::ensure!(status.success(), "cargo ended with {status}");
        Ok(())
    }

    fn program(&self, package: &str) -> PathBuf {
        self.target.join("release").join(format!("peer-{package}"))
    }

    /// Returns the contenders that can run, and says of the others why they do not.
    pub(super) fn those_there(&self) -> Vec<Contender> {
        PEERS
            .into_iter()
            .filter(|peer| {
                peer.package
                    .is_some_and(|package| !self.missing.contains(&package))
            })
            .collect()
    }

    /// Says what is left out.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.missing
            .iter()
            .map(|package| format!("the peer {package}, because it could not be built."))
            .collect()
    }
}
