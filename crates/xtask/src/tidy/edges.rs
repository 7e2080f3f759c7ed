//! Which crate may depend on which: the layers of the design, as a table.
//!
//! Edges run downward only.
//! A crate that is not in the table is a fault: adding a crate is an architectural change, and this table is where it
//! is written down.

use cargo_metadata::DependencyKind;

use super::tree::{Member, Tree};
use super::{Fault, Findings};

/// What a crate is for, and with that what it may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// Ids, hashes, time, signatures, records. The rank orders them among themselves.
    Foundation(u8),
    /// Decides; knows foundations only.
    Core,
    /// Touches the world, one part of it. The rank orders disk < runtime < the others.
    Kit(u8),
    /// Wire types (rank 0) and their clients (rank 1).
    Contract(u8),
    /// Holds state and runs it.
    Engine,
    /// Offers engines to others.
    Service,
    /// Joins everything for a person.
    Face,
    /// Foundations of the tests: any crate's tests may use them.
    Harness,
    /// Measures and checks the rest.
    Proof,
}

/// Every crate that may exist, by its folder under `crates/`, in the order of the layers.
const LAYERS: &[(&str, Layer)] = &[
    ("base", Layer::Foundation(0)),
    ("crypto", Layer::Foundation(1)),
    ("chain", Layer::Foundation(2)),
    ("wire", Layer::Foundation(2)),
    ("doorway-core", Layer::Core),
    ("recovery-core", Layer::Core),
    ("storage-core", Layer::Core),
    ("ledger-core", Layer::Core),
    ("hub-core", Layer::Core),
    ("settlement-core", Layer::Core),
    ("disk", Layer::Kit(0)),
    ("runtime", Layer::Kit(1)),
    ("db", Layer::Kit(2)),
    ("bus", Layer::Kit(2)),
    ("http", Layer::Kit(2)),
    ("net", Layer::Kit(2)),
    ("conductor", Layer::Engine),
    ("vault", Layer::Engine),
    ("blobs", Layer::Engine),
    ("documents", Layer::Engine),
    ("ledger", Layer::Engine),
    ("api", Layer::Contract(0)),
    ("client", Layer::Contract(1)),
    ("doorway", Layer::Service),
    ("storage", Layer::Service),
    ("ledger-relay", Layer::Service),
    ("hub", Layer::Service),
    ("hub-agent", Layer::Service),
    ("settlement", Layer::Service),
    ("cli", Layer::Face),
    ("ledger-wasm", Layer::Face),
    ("sim", Layer::Harness),
    ("testkit", Layer::Harness),
    ("world", Layer::Proof),
    ("bench", Layer::Proof),
    ("xtask", Layer::Proof),
];

/// Crates outside of the workspace that one crate may use.
const OUTSIDE: &[(&str, &str)] = &[("chain", "zomes/envelope")];

impl Layer {
    /// Tells whether product code of this layer may depend on `target`.
    fn may_use(self, target: Self) -> bool {
        use Layer::{Contract, Core, Engine, Face, Foundation, Harness, Kit, Proof, Service};
        match (self, target) {
            (_, Face | Proof) => false,
            (Foundation(source), Foundation(target)) => target < source,
            (Foundation(_), _) => false,
            (_, Foundation(_)) => true,
            (Core | Harness, _) => false,
            (Kit(source), Kit(target)) | (Contract(source), Contract(target)) => target < source,
            (Kit(_) | Contract(_), _) => false,
            (Engine | Service | Face | Proof, Core | Kit(_) | Contract(_)) => true,
            (Service | Face | Proof, Engine) => true,
            (Face | Proof, Service) => true,
            (Proof, Harness) => true,
            (Engine, Engine | Service | Harness)
            | (Service, Service | Harness)
            | (Face, Harness) => false,
        }
    }

    /// Tells whether tests of this layer may depend on `target`.
    fn tests_may_use(self, target: Self) -> bool {
        matches!(target, Layer::Harness | Layer::Foundation(_)) || self.may_use(target)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Foundation(_) => "foundation",
            Self::Core => "core",
            Self::Kit(_) => "kit",
            Self::Contract(_) => "contract",
            Self::Engine => "engine",
            Self::Service => "service",
            Self::Face => "face",
            Self::Harness => "test harness",
            Self::Proof => "proof",
        }
    }
}

fn layer_of(folder: &str) -> Option<Layer> {
    LAYERS
        .iter()
        .find(|(name, _)| *name == folder)
        .map(|(_, layer)| *layer)
}

/// Returns the folders of the cores and foundations: the crates that decide and must stay pure.
pub(crate) fn pure_folders(tree: &Tree) -> Vec<&str> {
    tree.members
        .iter()
        .map(|member| member.folder.as_str())
        .filter(|folder| matches!(layer_of(folder), Some(Layer::Core | Layer::Foundation(_))))
        .collect()
}

/// Checks every edge of the workspace.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Findings> {
    let mut faults = Vec::new();
    for member in &tree.members {
        let Some(layer) = layer_of(&member.folder) else {
            faults.push(Fault::at(
                &member.manifest,
                0,
                format!("the crate `{}` has no layer", member.folder),
                "add it to LAYERS in crates/xtask/src/tidy/edges.rs, to the code map of ARCHITECTURE.md, and say so in the commit's title",
            ));
            continue;
        };
        let manifest = tree.text(&member.manifest)?.unwrap_or_default();
        check_member(tree, member, layer, &manifest, &mut faults);
    }
    Ok(faults.into())
}

fn check_member(
    tree: &Tree,
    member: &Member,
    layer: Layer,
    manifest: &str,
    faults: &mut Vec<Fault>,
) {
    for dependency in &member.dependencies {
        let Some(path) = &dependency.path else {
            continue;
        };
        let below = path.as_std_path().strip_prefix(&tree.root).map_or_else(
            |_| path.to_string(),
            |below| below.to_string_lossy().into_owned(),
        );
        let key = dependency.rename.as_deref().unwrap_or(&dependency.name);
        let line = 1 + manifest
            .lines()
            .position(|line| line.split(['.', ' ', '=']).next() == Some(key))
            .unwrap_or(0);
        let Some(folder) = below.strip_prefix("crates/") else {
            if !OUTSIDE.contains(&(member.folder.as_str(), below.as_str())) {
                faults.push(Fault::at(
                    &member.manifest,
                    line,
                    format!(
                        "`{}` depends on {below}, which lies outside of the workspace",
                        member.folder
                    ),
                    "move what is needed into a crate of the workspace",
                ));
            }
            continue;
        };
        let Some(target) = layer_of(folder) else {
            continue;
        };
        let is_test = dependency.kind == DependencyKind::Development;
        let is_allowed = if is_test {
            layer.tests_may_use(target)
        } else {
            layer.may_use(target)
        };
        if !is_allowed {
            faults.push(Fault::at(
                &member.manifest,
                line,
                format!(
                    "`{}` ({}) depends on `{folder}` ({}){}",
                    member.folder,
                    layer.name(),
                    target.name(),
                    if is_test { " in its tests" } else { "" },
                ),
                "edges run downward only: put the shared trait or type lower down and let the face join both; ARCHITECTURE.md has the layers",
            ));
        }
    }
}

#[cfg(test)]
mod tests;
