//! A folder of the person, walked through: its files, its empty folders, and what a manifest cannot hold.
//!
//! Invariant: nothing outside of the folder is opened, because symbolic links are never followed.
//! Nothing is left out in silence: what cannot be read stops the command, what no manifest holds is told.

#![allow(
    clippy::disallowed_methods,
    reason = "a folder to store belongs to the person and is only read: it is no state of ours"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base::{Code, Problem};

use crate::blob::source::{Links, Source};
use crate::publish::source::reason;

/// Deepest nesting of folders.
const DEPTH_MAX: usize = 64;

/// A folder as it was walked through, sorted by path.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The files with their paths inside of the folder.
    pub(crate) files: Vec<(String, Source)>,
    /// Folders in which nothing is.
    pub(crate) empty: Vec<String>,
    /// What was passed over.
    pub(crate) skipped: Vec<Skipped>,
}

/// Something that a manifest cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Its path inside of the folder.
    pub(crate) path: String,
    /// What it is.
    pub(crate) what: &'static str,
}

/// Walks through a folder; at most `entries_max` things may be in it.
pub(crate) fn walk(root: &Path, entries_max: usize) -> Result<Walked, Vec<Problem>> {
    let mut walk = Walk {
        root,
        seen: 0,
        entries_max,
        walked: Walked::default(),
        problems: Vec::new(),
    };
    walk.all();
    let Walk {
        mut walked,
        problems,
        ..
    } = walk;
    if !problems.is_empty() {
        return Err(problems);
    }
    walked.files.sort_by(|one, two| one.0.cmp(&two.0));
    walked.empty.sort_unstable();
    walked.skipped.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(walked)
}

struct Walk<'a> {
    root: &'a Path,
    seen: usize,
    entries_max: usize,
    walked: Walked,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn all(&mut self) {
        let mut pending = vec![(String::new(), 0)];
        while let Some((folder, depth)) = pending.pop() {
            let listed = fs::read_dir(self.root.join(&folder));
            let listed = listed.and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let entries = match listed {
                Ok(entries) => entries,
                Err(error) => {
                    self.fault(Code::SourceUnreadable, reason(&error), &folder);
                    continue;
                }
            };
            if entries.is_empty() && !folder.is_empty() {
                self.walked.empty.push(folder.clone());
            }
            for entry in entries {
                self.seen += 1;
                if self.seen > self.entries_max {
                    let detail = format!("more than {} files and folders", self.entries_max);
                    return self.fault(Code::FileTooLarge, detail, &folder);
                }
                let Some(below) = self.entry(&folder, &entry) else {
                    continue;
                };
                if depth == DEPTH_MAX {
                    let detail = format!("folders are nested deeper than {DEPTH_MAX}");
                    return self.fault(Code::FileTooLarge, detail, &below);
                }
                pending.push((below, depth + 1));
            }
        }
    }

    /// Notes one entry; returns it when it is a folder to walk through.
    fn entry(&mut self, folder: &str, entry: &fs::DirEntry) -> Option<String> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let shown = joined(folder, &name.to_string_lossy());
            let detail = "its name is not UTF-8, and would not come back as it is";
            self.fault(Code::SourceUnreadable, detail.to_owned(), &shown);
            return None;
        };
        let path = joined(folder, name);
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => {
                self.fault(Code::SourceUnreadable, reason(&error), &path);
                return None;
            }
        };
        if kind.is_dir() {
            return Some(path);
        }
        if kind.is_symlink() {
            self.skip(path, "a symbolic link");
        } else if kind.is_file() {
            match Source::look(&self.root.join(&path), path.clone(), Links::Refuse) {
                Ok(source) => self.walked.files.push((path, source)),
                Err(problem) => self.problems.push(problem),
            }
        } else {
            self.skip(path, "a device, a socket or a pipe");
        }
        None
    }

    fn skip(&mut self, path: String, what: &'static str) {
        self.walked.skipped.push(Skipped { path, what });
    }

    fn fault(&mut self, code: Code, detail: String, path: &str) {
        let path = if path.is_empty() { "." } else { path };
        self.problems.push(Problem::new(code, detail).at(path, 0));
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// Returns the last part of a path as the person would call it.
pub(crate) fn name_of(path: &Path) -> Option<String> {
    let named = match path.file_name() {
        Some(name) => Some(PathBuf::from(name)),
        None => fs::canonicalize(path).ok(),
    };
    let name = named?.file_name()?.to_string_lossy().into_owned();
    Some(name)
}

#[cfg(test)]
mod tests;
