//! What to send of a folder, and how to write one.

use std::collections::BTreeSet;

use base::ContentHash;

use super::{Entry, File, Folder, FolderPath};
use crate::sum::Sum;

/// What to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadPlan {
    /// The blobs that are missing, each once, in the order of the folder.
    pub missing: Vec<Piece>,
    /// How many those are, and their bytes.
    pub missing_sum: Sum,
    /// How many blobs are there already, and their bytes.
    pub here: Sum,
}

/// A blob to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which blob.
    pub hash: ContentHash,
    /// Its length.
    pub bytes: u64,
    /// The first file that has these bytes.
    pub path: FolderPath,
}

/// What is found where a file or an empty folder is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum There {
    /// Nothing.
    Nothing,
    /// The same already.
    Same,
    /// Something else.
    Other,
}

/// How to write a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportPlan {
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// How many files are to be written, and their bytes.
    pub written: Sum,
    /// How many files are there already, and their bytes.
    pub kept: Sum,
    /// Where something else is. Nothing is planned for these.
    pub occupied: Vec<FolderPath>,
}

/// One step of writing a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make this folder if it is not there. All above it were made before. What is there and is no folder, a symbolic
    /// link to one included, is a reason to stop.
    MakeFolder(FolderPath),
    /// Write this file beside its place and then move it there, following no links.
    Write(File),
}

/// Plans what to send of a folder to a store that says what it `has`; it is asked once for each blob.
pub fn plan_upload(folder: &Folder, mut has: impl FnMut(&ContentHash) -> bool) -> UploadPlan {
    let mut plan = UploadPlan::default();
    let mut asked = BTreeSet::new();
    for file in folder.files() {
        if !asked.insert(file.hash) {
            continue;
        }
        if has(&file.hash) {
            plan.here.add(file.bytes);
            continue;
        }
        plan.missing_sum.add(file.bytes);
        plan.missing.push(Piece {
            hash: file.hash,
            bytes: file.bytes,
            path: file.path.clone(),
        });
    }
    plan
}

/// Plans how to write a folder where `there` tells what is found; it is asked once for each entry, in order.
pub fn plan_export(folder: &Folder, mut there: impl FnMut(&Entry) -> There) -> ExportPlan {
    let mut plan = ExportPlan::default();
    let mut made = BTreeSet::new();
    for entry in folder.entries() {
        match (there(entry), entry.file()) {
            (There::Other, _) => {
                plan.occupied.push(entry.path().clone());
                continue;
            }
            (There::Same, Some(file)) => {
                plan.kept.add(file.bytes);
                continue;
            }
            (There::Same, None) => continue,
            (There::Nothing, _) => {}
        }
        for above in entry.path().folders() {
            if made.insert(above.clone()) {
                plan.steps.push(Step::MakeFolder(above));
            }
        }
        plan.steps.push(match entry {
            Entry::File(file) => {
                plan.written.add(file.bytes);
                Step::Write(file.clone())
            }
            Entry::Folder(path) => Step::MakeFolder(path.clone()),
        });
    }
    plan
}
