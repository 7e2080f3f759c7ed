//! Names: of an engine, of an app on it, of a cell.

use std::fmt;
use std::str::FromStr;

use chain::{AgentPubKey, DnaHash};
use thiserror::Error;

/// Longest name of an engine or an app, in bytes.
const ID_BYTES_MAX: usize = 128;

/// The name is empty, too long, or holds characters that are not printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a name has 1 to {ID_BYTES_MAX} printable ASCII characters without spaces")]
pub struct MalformedId;

/// Names one engine among those of a doorway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConductorId(String);

/// Names one app of one agent on an engine. Everything that changes an engine is idempotent by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(String);

/// One agent in one DNA.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId {
    /// The community.
    pub dna: DnaHash,
    /// The agent.
    pub agent: AgentPubKey,
}

impl fmt::Display for CellId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.dna, self.agent)
    }
}

macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let is_long_enough = !text.is_empty() && text.len() <= ID_BYTES_MAX;
                if !is_long_enough || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(MalformedId);
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name!(ConductorId);
name!(AppId);

impl AppId {
    /// Returns the name under which an agent's own cell is usually hosted.
    #[must_use]
    pub fn of_agent(agent: &AgentPubKey) -> Self {
        Self(format!("commonhold:{agent}"))
    }
}

#[cfg(test)]
mod tests;
