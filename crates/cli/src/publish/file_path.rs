//! Where a file lies below the published folder, and what a relative address means from there.
//!
//! Invariant: a [`FilePath`] has at least one part, parts are joined by `/`, and none is empty, `.` or `..`;
//! so joined to the folder it never leads out of it. Does not know whether the file exists.

use std::fmt;

/// A file's place below the published folder, such as `episodes/01-basics.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FilePath(String);

/// An address that climbs out of the published folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Climbs;

impl FilePath {
    /// Takes a path that is written relative to the folder's root; `None` when it names no file below it.
    pub(crate) fn new(path: &str) -> Option<Self> {
        let joined = join("", path).ok()?;
        (!joined.is_empty()).then_some(Self(joined))
    }

    /// Returns the path of `name` inside `folder`; the name must be a single part.
    pub(crate) fn child(folder: &str, name: &str) -> Self {
        debug_assert!(
            !name.is_empty() && !name.contains('/'),
            "a name is one part of a path"
        );
        match folder {
            "" => Self(name.to_owned()),
            _ => Self(format!("{folder}/{name}")),
        }
    }

    /// Returns the whole path.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the folder that the file lies in; empty for the root.
    pub(crate) fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the file's name with its ending.
    pub(crate) fn name(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or(self.0.as_str(), |(_, name)| name)
    }

    /// Returns the file's name without its last ending.
    pub(crate) fn stem(&self) -> &str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// Returns whether the name has an ending of Markdown: `.md` or `.markdown` in any case.
    pub(crate) fn is_markdown(&self) -> bool {
        self.name().rsplit_once('.').is_some_and(|(_, ending)| {
            ["md", "markdown"]
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        })
    }

    /// Returns whether the file stands for its folder: `index.md` or `README.md`.
    pub(crate) fn is_index(&self) -> bool {
        let stem = self.stem();
        self.is_markdown()
            && (stem.eq_ignore_ascii_case("index") || stem.eq_ignore_ascii_case("readme"))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Follows a relative address from `folder`; the result is empty for the root.
///
/// # Errors
/// [`Climbs`] when the address leaves the root, even when it would come back.
pub(crate) fn join(folder: &str, relative: &str) -> Result<String, Climbs> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(Climbs)?;
            }
            _ => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests;
