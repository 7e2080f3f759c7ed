//! Who an author is.

use serde::{Deserialize, Serialize};

use super::KindError;
use super::rules::{ReachWord, check_line, check_text};

/// How an author wants to be called. The newest profile of a chain counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The name, 1 to 100 characters.
    pub name: String,
    /// A few words about them, at most 1,000 characters, plain text.
    pub about: String,
    /// Who may see it.
    pub reach: ReachWord,
}

impl Profile {
    /// Name of the kind.
    pub const KIND: &'static str = "profile";

    pub(super) fn check(&self) -> Result<(), KindError> {
        check_line("name", &self.name, 1..=100)?;
        check_text("about", &self.about, 0..=1_000)
    }
}
