//! A fault as a person meets it: what happened, under which code, and where in which file.
//!
//! What it means and what to do belong to the [`Code`] and to its page in `docs/errors`.

use std::fmt;

use crate::Code;

/// A fault with its code, told to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which fault this is.
    pub code: Code,
    /// What happened this time: lower case, no full stop.
    pub detail: String,
    /// Where in a file, when a file is at fault.
    pub place: Option<Place>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as the person named it.
    pub file: String,
    /// The line, counted from 1; 0 means the file as a whole.
    pub line: u32,
}

impl Problem {
    /// Makes a problem that has no place in a file.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            place: None,
        }
    }

    /// Says in which line of which file the problem is.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: u32) -> Self {
        self.place = Some(Place {
            file: file.into(),
            line,
        });
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
