//! Reads the folder that is to be published: all its Markdown, its configuration, and the names of everything else.
//!
//! Invariants: symbolic links are never followed, so nothing outside of the folder is opened; every number of
//! [`Limits`] is enforced; texts are UTF-8 without a byte order mark and with `\n` as their only line end, so that
//! lines count the same for every reader. Hidden files, `node_modules` and what `.commonholdignore` names are passed
//! over. Does not know what the texts mean.

#![allow(
    clippy::disallowed_methods,
    reason = "a folder to publish belongs to its author and is only read: it is no state of ours"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base::{Code, Problem};

use super::file_path::FilePath;
use super::ignore::Patterns;

/// What is read at most.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Largest Markdown file, in bytes.
    pub(crate) markdown_bytes_max: u64,
    /// All Markdown files together, in bytes; they are held in memory.
    pub(crate) markdown_total_bytes_max: u64,
    /// Largest image, video or other file that a page shows, in bytes.
    pub(crate) media_bytes_max: u64,
    /// Most files and folders, those passed over included.
    pub(crate) files_max: usize,
    /// Deepest nesting of folders.
    pub(crate) depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            markdown_bytes_max: 1 << 20,
            markdown_total_bytes_max: 256 << 20,
            media_bytes_max: 1 << 30,
            files_max: 10_000,
            depth_max: 16,
        }
    }
}

/// A folder as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The folder itself.
    pub(crate) root: PathBuf,
    /// The folder's own name.
    pub(crate) name: String,
    /// The Markdown files.
    pub(crate) texts: BTreeMap<FilePath, String>,
    /// `config.yaml` or `config.yml`, when there is one.
    pub(crate) config: Option<(FilePath, String)>,
    /// `AUTHORS` and `CITATION` at the root, by name.
    pub(crate) notes: BTreeMap<&'static str, String>,
    /// All other files with their lengths in bytes.
    pub(crate) files: BTreeMap<FilePath, u64>,
    /// All folders below the root.
    pub(crate) folders: BTreeSet<FilePath>,
    /// Symbolic links, which are not followed.
    pub(crate) symlinks: BTreeSet<FilePath>,
}

/// Files that tell whom to thank; they are read when they lie at the root.
const NOTES: [&str; 2] = ["AUTHORS", "CITATION"];

/// Configuration of a course, the first that exists counts.
const CONFIGS: [&str; 2] = ["config.yaml", "config.yml"];

/// File that names what is not published.
const IGNORE: &str = ".commonholdignore";

/// Largest configuration, ignore file or note, in bytes.
const SMALL_BYTES_MAX: u64 = 64 << 10;

/// Reads the folder.
///
/// # Errors
/// Every file that cannot be read, is no UTF-8, is too large or would lead out of the folder, sorted by name.
pub(crate) fn read(dir: &Path, limits: &Limits) -> Result<Source, Vec<Problem>> {
    let root = open_root(dir).map_err(|problem| vec![problem])?;
    let name = root.file_name().map_or_else(
        || "course".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let mut walk = Walk {
        patterns: Patterns::default(),
        limits,
        seen: 0,
        problems: Vec::new(),
        source: Source {
            root,
            name,
            texts: BTreeMap::new(),
            config: None,
            notes: BTreeMap::new(),
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            symlinks: BTreeSet::new(),
        },
    };
    walk.ignore_file();
    walk.all();
    walk.texts();
    walk.config_and_notes();
    let Walk {
        mut problems,
        source,
        ..
    } = walk;
    if problems.is_empty() && source.texts.is_empty() {
        let detail = format!("there is no Markdown file in {}", dir.display());
        problems.push(Problem::new(Code::EmptyFolder, detail));
    }
    super::sort(&mut problems);
    if problems.is_empty() {
        Ok(source)
    } else {
        Err(problems)
    }
}

fn open_root(dir: &Path) -> Result<PathBuf, Problem> {
    let unreadable = |detail: String| {
        Problem::new(Code::SourceUnreadable, detail).at(dir.display().to_string(), 0)
    };
    let root = fs::canonicalize(dir).map_err(|cause| unreadable(reason(&cause)))?;
    if root.is_dir() {
        Ok(root)
    } else {
        Err(unreadable("this is not a folder".to_owned()))
    }
}

/// A walk through the folder, with what it found so far.
struct Walk<'l> {
    patterns: Patterns,
    limits: &'l Limits,
    seen: usize,
    problems: Vec<Problem>,
    source: Source,
}

impl Walk<'_> {
    fn ignore_file(&mut self) {
        let file = FilePath::child("", IGNORE);
        let is_file =
            fs::symlink_metadata(self.source.root.join(IGNORE)).is_ok_and(|meta| meta.is_file());
        if is_file && let Some(text) = self.text(&file, SMALL_BYTES_MAX) {
            self.patterns = Patterns::read(&text);
        }
    }

    /// Visits all folders, one after the other.
    fn all(&mut self) {
        let mut pending = vec![(String::new(), 0)];
        while let Some((folder, depth)) = pending.pop() {
            let path = self.source.root.join(&folder);
            let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let entries = match entries {
                Ok(entries) => entries,
                Err(cause) => {
                    self.fault(Code::SourceUnreadable, reason(&cause), &folder, 0);
                    continue;
                }
            };
            for entry in entries {
                self.seen += 1;
                if self.seen > self.limits.files_max {
                    let detail = format!("more than {} files and folders", self.limits.files_max);
                    return self.fault(Code::FileTooLarge, detail, &folder, 0);
                }
                let Some(below) = self.entry(&folder, &entry) else {
                    continue;
                };
                if depth == self.limits.depth_max {
                    let detail =
                        format!("folders are nested deeper than {}", self.limits.depth_max);
                    return self.fault(Code::FileTooLarge, detail, below.as_str(), 0);
                }
                pending.push((below.as_str().to_owned(), depth + 1));
            }
        }
    }

    /// Notes one entry; returns it when it is a folder to visit.
    fn entry(&mut self, folder: &str, entry: &fs::DirEntry) -> Option<FilePath> {
        let name = entry.file_name();
        let Some(name) = name
            .to_str()
            .filter(|name| !name.chars().any(char::is_control))
        else {
            self.unsayable(folder, &name.to_string_lossy());
            return None;
        };
        let file = FilePath::child(folder, name);
        if name.starts_with('.') || name == "node_modules" || self.patterns.matches(&file) {
            return None;
        }
        let meta = match entry.metadata() {
            Ok(meta) => meta,
            Err(cause) => {
                self.fault(Code::SourceUnreadable, reason(&cause), file.as_str(), 0);
                return None;
            }
        };
        if meta.is_dir() {
            self.source.folders.insert(file.clone());
            return Some(file);
        }
        if meta.is_symlink() {
            self.symlink(file);
        } else if meta.is_file() {
            self.source.files.insert(file, meta.len());
        }
        None
    }

    /// A symbolic link is passed over, but one that should be a page is missed by nobody only if it is told.
    fn symlink(&mut self, file: FilePath) {
        let is_config = CONFIGS.contains(&file.as_str());
        if file.is_markdown() || is_config {
            let detail = "this is a symbolic link, and publish does not follow them".to_owned();
            self.fault(Code::OutsideFolder, detail, file.as_str(), 0);
        }
        self.source.symlinks.insert(file);
    }

    /// A name that is no plain text matters only when it should be a page.
    fn unsayable(&mut self, folder: &str, name: &str) {
        let shown: String = name
            .chars()
            .map(|letter| {
                if letter.is_control() {
                    '\u{fffd}'
                } else {
                    letter
                }
            })
            .collect();
        let file = FilePath::child(folder, &shown);
        if file.is_markdown() {
            let detail = "the file's name is not UTF-8 or holds control characters".to_owned();
            self.fault(Code::SourceUnreadable, detail, file.as_str(), 0);
        }
    }

    /// Reads the Markdown among the files.
    fn texts(&mut self) {
        let files: Vec<FilePath> = self
            .source
            .files
            .keys()
            .filter(|file| file.is_markdown())
            .cloned()
            .collect();
        let mut total = 0_u64;
        for file in files {
            let Some(bytes) = self.source.files.remove(&file) else {
                continue;
            };
            total = total.saturating_add(bytes.min(self.limits.markdown_bytes_max));
            if total > self.limits.markdown_total_bytes_max {
                let detail = format!(
                    "all Markdown files together are larger than {} bytes",
                    self.limits.markdown_total_bytes_max
                );
                return self.fault(Code::FileTooLarge, detail, file.as_str(), 0);
            }
            if let Some(text) = self.text(&file, self.limits.markdown_bytes_max) {
                self.source.texts.insert(file, text);
            }
        }
    }

    fn config_and_notes(&mut self) {
        for name in CONFIGS {
            let file = FilePath::child("", name);
            if self.source.config.is_none()
                && self.source.files.remove(&file).is_some()
                && let Some(text) = self.text(&file, SMALL_BYTES_MAX)
            {
                self.source.config = Some((file, text));
            }
        }
        for name in NOTES {
            let file = FilePath::child("", name);
            let is_small = self
                .source
                .files
                .get(&file)
                .is_some_and(|bytes| *bytes <= SMALL_BYTES_MAX);
            if is_small && let Some(text) = self.text(&file, SMALL_BYTES_MAX) {
                self.source.notes.insert(name, text);
            }
        }
    }

    /// Reads one text of at most `bytes_max` bytes; a text that cannot be read is a problem.
    fn text(&mut self, file: &FilePath, bytes_max: u64) -> Option<String> {
        match read_bounded(&self.source.root.join(file.as_str()), bytes_max) {
            Err(cause) => self.fault(Code::SourceUnreadable, reason(&cause), file.as_str(), 0),
            Ok(None) => {
                let detail = format!("the file is larger than {bytes_max} bytes");
                self.fault(Code::FileTooLarge, detail, file.as_str(), 0);
            }
            Ok(Some(bytes)) => match decode(&bytes) {
                Ok(text) => return Some(text),
                Err(NotUtf8 { line, byte }) => {
                    let detail = format!("byte {byte:#04x} in this line is not UTF-8");
                    self.fault(Code::NotUtf8, detail, file.as_str(), line);
                }
            },
        }
        None
    }

    fn fault(&mut self, code: Code, detail: String, file: &str, line: u32) {
        let file = if file.is_empty() { "." } else { file };
        self.problems
            .push(Problem::new(code, detail).at(file, line));
    }
}

/// Where bytes stop being UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NotUtf8 {
    line: u32,
    byte: u8,
}

/// Makes a text of bytes: without a byte order mark, every line end as `\n`.
fn decode(bytes: &[u8]) -> Result<String, NotUtf8> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (good, rest) = bytes.split_at(error.valid_up_to());
        let good = String::from_utf8_lossy(good);
        NotUtf8 {
            line: u32::try_from(unify(&good).matches('\n').count())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            byte: rest.first().copied().unwrap_or_default(),
        }
    })?;
    Ok(unify(text.strip_prefix('\u{feff}').unwrap_or(text)))
}

fn unify(text: &str) -> String {
    if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    }
}

/// Reads a whole file; `None` when it is longer than `bytes_max`, whatever its length was a moment ago.
fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// Says why a file could not be read, without the number that the system adds.
pub(crate) fn reason(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests;
