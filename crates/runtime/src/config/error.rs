//! Why a configuration cannot be used, and where that was said.

use std::fmt;
use std::path::PathBuf;

use base::{Code, Problem};
use thiserror::Error;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file.
    File {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: u32,
    },
    /// In the environment variable of this name.
    Environment(String),
    /// By the flag of this key.
    Flag(String),
}

/// A configuration cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not TOML.
    #[error("{place}: {reason}")]
    Syntax {
        /// Where.
        place: Place,
        /// What is wrong there.
        reason: String,
    },
    /// There is no such key.
    #[error("{place}: unknown key {key}{}", near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// The known key that looks most like it.
        near: Option<String>,
    },
    /// The value of a key cannot be used.
    #[error("{place}: {key}: {reason}")]
    Value {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl LoadError {
    /// Returns where it was said.
    #[must_use]
    pub const fn place(&self) -> &Place {
        match self {
            Self::Syntax { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::Value { place, .. } => place,
        }
    }

    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = match self {
            Self::Syntax { reason, .. } => reason.clone(),
            Self::UnknownKey { key, near, .. } => match near {
                Some(near) => format!("unknown key {key}; did you mean {near}?"),
                None => format!("unknown key {key}"),
            },
            Self::Value { key, reason, .. } => format!("{key}: {reason}"),
        };
        match self.place() {
            Place::File { path, line } => {
                Problem::new(Code::Config, detail).at(path.display().to_string(), *line)
            }
            place @ (Place::Environment(_) | Place::Flag(_)) => {
                Problem::new(Code::Config, format!("{place}: {detail}"))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::Flag(name) => write!(formatter, "--{name}"),
        }
    }
}
