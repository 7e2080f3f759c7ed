//! What a folder is once it is a value: which files it holds, where, how long, and under which hash.
//!
//! A [`Folder`] is made of entries, checked, and written as a manifest, which is a blob like any other; its bytes are
//! those of [`wire::folder`]. The same folder has the same manifest on every machine, and so the same hash.
//!
//! # Invariants
//! Paths lead down from the folder and nowhere else: see [`FolderPath`].
//! Entries stand in one order: by the bytes of their paths, a slash before every other byte. So what lies in a folder
//! stands together.
//! No path comes twice, nothing lies in a file, and a folder is only named when nothing lies in it.
//! One hash has one length.
//! A manifest that was read is the only one that this folder has.
//!
//! What is left out on purpose: times and owners, which differ from machine to machine; and symbolic links. Whoever
//! reads a folder refuses one: followed, it could bring in what lies outside; made again, it could let a later file be
//! written outside. Of the mode only whether the owner may run the file is kept.
//! Paths that differ in capitals alone are two paths; [`Folder::clash`] finds those for file systems that disagree.

mod entry;
mod model;
mod path;
mod plan;

pub use entry::{Entry, File};
pub use model::{DecodeError, Folder, FolderError, Limits, is_manifest};
pub use path::{FolderPath, PathError};
pub use plan::{ExportPlan, Piece, Step, There, UploadPlan, plan_export, plan_upload};

#[cfg(test)]
mod tests;
