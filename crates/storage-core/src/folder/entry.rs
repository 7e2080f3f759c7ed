//! What a folder holds.

use base::ContentHash;

use super::FolderPath;

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File(File),
    /// A folder with nothing in it; others are there because something lies in them.
    Folder(FolderPath),
}

/// A file in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it lies.
    pub path: FolderPath,
    /// Its length.
    pub bytes: u64,
    /// Whether its owner may run it as a program.
    pub is_executable: bool,
    /// SHA-256 of its bytes.
    pub hash: ContentHash,
}

impl Entry {
    /// Returns where it lies.
    #[must_use]
    pub const fn path(&self) -> &FolderPath {
        match self {
            Self::File(file) => &file.path,
            Self::Folder(path) => path,
        }
    }

    /// Returns the file, if it is one.
    #[must_use]
    pub const fn file(&self) -> Option<&File> {
        match self {
            Self::File(file) => Some(file),
            Self::Folder(_) => None,
        }
    }
}
