//! Which name belongs to which file: as programs see it, and as it is on stable storage.
//!
//! Changes become stable in the order in which they were made, as in the journal of a file system: a crash keeps the
//! oldest, up to any point, and the sync of a folder brings its own changes and all before them to stable storage.

use std::collections::{BTreeMap, BTreeSet};

use super::Dice;
use crate::medium::folder_of;

/// A change of names.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Add { path: String, inode: u64 },
    Rename { source: String, target: String },
    Remove(String),
    Folder(String),
}

#[derive(Clone, Debug, Default)]
struct Tree {
    files: BTreeMap<String, u64>,
    folders: BTreeSet<String>,
}

/// All names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    seen: Tree,
    stable: Tree,
    unsynced: Vec<Change>,
}

impl Change {
    fn is_in(&self, folder: &str) -> bool {
        match self {
            Self::Add { path, .. } | Self::Remove(path) | Self::Folder(path) => {
                folder_of(path) == folder
            }
            Self::Rename { source, target } => {
                folder_of(source) == folder || folder_of(target) == folder
            }
        }
    }
}

impl Tree {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Add { path, inode } => {
                self.files.insert(path.clone(), *inode);
            }
            Change::Rename { source, target } => {
                if let Some(inode) = self.files.remove(source) {
                    self.files.insert(target.clone(), inode);
                }
            }
            Change::Remove(path) => {
                self.files.remove(path);
            }
            Change::Folder(path) => {
                self.folders.insert(path.clone());
            }
        }
    }
}

impl Names {
    pub(super) fn find(&self, path: &str) -> Option<u64> {
        self.seen.files.get(path).copied()
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.seen.folders.contains(path)
    }

    /// Tells whether a file has a name now, or had one that may come back.
    pub(super) fn has(&self, inode: u64) -> bool {
        let has = |tree: &Tree| tree.files.values().any(|found| *found == inode);
        has(&self.seen) || has(&self.stable)
    }

    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let name = |path: &String| {
            (folder_of(path) == folder).then(|| path.rsplit('/').next().unwrap_or(path).to_owned())
        };
        let mut names: Vec<String> = self
            .seen
            .files
            .keys()
            .chain(&self.seen.folders)
            .filter_map(name)
            .collect();
        names.sort_unstable();
        names
    }

    pub(super) fn apply(&mut self, change: Change) {
        self.seen.apply(&change);
        self.unsynced.push(change);
    }

    /// Brings the changes in a folder, and all before them, to stable storage.
    pub(super) fn settle_folder(&mut self, folder: &str) {
        let last = self
            .unsynced
            .iter()
            .rposition(|change| change.is_in(folder));
        for change in self.unsynced.drain(..last.map_or(0, |last| last + 1)) {
            self.stable.apply(&change);
        }
    }

    /// Keeps what is stable and the oldest of the other changes, up to where the dice say.
    pub(super) fn crash(&mut self, dice: &mut Dice) {
        let kept = dice.below(self.unsynced.len() as u64 + 1);
        for change in self
            .unsynced
            .drain(..)
            .take(usize::try_from(kept).unwrap_or(usize::MAX))
        {
            self.stable.apply(&change);
        }
        self.seen = self.stable.clone();
    }

    /// Returns what programs see, all of it stable.
    pub(super) fn settled(&self) -> Self {
        Self {
            seen: self.seen.clone(),
            stable: self.seen.clone(),
            unsynced: Vec::new(),
        }
    }
}
