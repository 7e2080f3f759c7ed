//! What a person names: a hash in any of its forms, or a tag.

use base::{Code, ContentHash, Problem};
use storage_core::tag::TagName;

use crate::blob::place::Place;

/// A hash or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Hash(ContentHash),
    Tag(TagName),
}

/// What it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) hash: ContentHash,
    /// The tag that led there.
    pub(crate) tag: Option<TagName>,
}

impl What {
    /// Reads a hash or the name of a tag; what is well-formed as a hash is one.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        if let Ok(hash) = text.parse() {
            return Ok(Self::Hash(hash));
        }
        text.parse().map(Self::Tag).map_err(|error| {
            let detail = format!("{text:?} is neither a hash nor a tag: {error}");
            Problem::new(Code::MalformedName, detail)
        })
    }

    /// Looks a tag up.
    pub(crate) async fn find(self, place: &Place) -> Result<Named, Problem> {
        let name = match self {
            Self::Hash(hash) => {
                return Ok(Named { hash, tag: None });
            }
            Self::Tag(name) => name,
        };
        let Some(view) = place.tag(name.as_str()).await? else {
            let detail = format!("there is no tag {name} that you may see");
            return Err(Problem::new(Code::NothingNamed, detail));
        };
        let hash = view.hash.parse().map_err(|error| {
            Problem::new(Code::ServerAnswer, format!("the tag {name} says: {error}"))
        })?;
        Ok(Named {
            hash,
            tag: Some(name),
        })
    }
}

/// The word for one file.
pub(crate) const BLOB: &str = "blob";

/// The word for a manifest with its files.
pub(crate) const FOLDER: &str = "folder";

/// Reads the name of a tag.
pub(crate) fn tag_name(text: &str) -> Result<TagName, Problem> {
    text.parse()
        .map_err(|error| Problem::new(Code::MalformedName, format!("{text:?}: {error}")))
}

/// Says why a blob cannot be read.
pub(crate) async fn unreadable(place: &Place, hash: &ContentHash) -> Problem {
    match place.status(hash).await {
        Ok(Some(status)) if status.is_damaged => {
            let detail =
                format!("the blob {hash} is damaged, and is not served until it is stored again");
            Problem::new(Code::BlobCorrupt, detail)
        }
        Ok(Some(status)) if status.is_trashed => {
            let detail = format!(
                "the blob {hash} lies in the trash; bring it back with: commonhold blob tag set NAME {hash}"
            );
            Problem::new(Code::NothingNamed, detail)
        }
        Ok(_) => missing(hash),
        Err(problem) => problem,
    }
}

/// Says that a blob is not there.
pub(crate) fn missing(hash: &ContentHash) -> Problem {
    let detail = format!("there is no blob {hash} that you may see");
    Problem::new(Code::NothingNamed, detail)
}

#[cfg(test)]
mod tests;
