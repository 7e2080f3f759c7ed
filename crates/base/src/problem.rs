//! A fault as a person meets it: what happened, under which code, and where in which file.
//!
//! What it means and what to do belong to the [`Code`] and to its page in `docs/errors`.

use std::error::Error;
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

    /// Makes a problem of an error and its causes.
    #[must_use]
    pub fn caused(code: Code, error: &dyn Error) -> Self {
        Self::new(code, told(error))
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

impl Error for Problem {}

/// Joins an error and its causes into one line; a cause that the error tells itself is not repeated.
#[must_use]
pub fn told(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = inner.source();
    }
    line
}
