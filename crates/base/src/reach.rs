//! Who may see a thing, and who is asking. The decision fails closed: what is not known to be open is closed.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Who may see a thing, from one's own eyes to the whole world. The order is from narrow to wide.
///
/// Source of the names: the seed on scaling a doorway. A missing reach means [`Reach::Private`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Only the author.
    #[default]
    Private,
    /// People whom the author named.
    Invited,
    /// The household or group around the author.
    Local,
    /// The members of this community.
    Neighborhood,
    /// The communities of one town.
    Municipal,
    /// The communities of one watershed.
    Bioregional,
    /// The communities of one region.
    Regional,
    /// Everybody.
    Commons,
}

/// Who asks to see a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader<'a> {
    /// Somebody without a valid token.
    Anonymous,
    /// A person who proved this agent key; members of the community say so in `is_member`.
    Agent {
        /// The key in its text form.
        key: &'a str,
        /// Whether the key is on the community's list of members.
        is_member: bool,
    },
}

impl Reach {
    /// All reaches from narrow to wide.
    pub const ALL: [Self; 8] = [
        Self::Private,
        Self::Invited,
        Self::Local,
        Self::Neighborhood,
        Self::Municipal,
        Self::Bioregional,
        Self::Regional,
        Self::Commons,
    ];

    /// Returns the word used in records, front matter and interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Invited => "invited",
            Self::Local => "local",
            Self::Neighborhood => "neighborhood",
            Self::Municipal => "municipal",
            Self::Bioregional => "bioregional",
            Self::Regional => "regional",
            Self::Commons => "commons",
        }
    }

    /// Returns whether `reader` may see a thing of this reach that `author` wrote.
    ///
    /// Members see what is at least as wide as their neighbourhood; the narrower reaches need lists of people
    /// that no record carries yet, so they stay with the author.
    #[must_use]
    pub fn admits(self, reader: &Reader<'_>, author: &str) -> bool {
        self >= reader.floor() || reader.key() == Some(author)
    }
}

impl Reader<'_> {
    /// Returns the narrowest reach of other people's things that this reader may see.
    #[must_use]
    pub const fn floor(&self) -> Reach {
        match self {
            Self::Agent {
                is_member: true, ..
            } => Reach::Neighborhood,
            Self::Anonymous
            | Self::Agent {
                is_member: false, ..
            } => Reach::Commons,
        }
    }

    /// Returns the key that the reader proved.
    #[must_use]
    pub const fn key(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Agent { key, .. } => Some(key),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The word is not one of the eight reaches.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "unknown reach {0:?}: use private, invited, local, neighborhood, municipal, bioregional, regional or commons"
)]
pub struct ParseReachError(pub String);

impl FromStr for Reach {
    type Err = ParseReachError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|reach| reach.as_str() == word)
            .ok_or_else(|| ParseReachError(word.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests;
