//! What becomes known when a batch is stored: one event for each batch that moves a chain, numbered without gaps.
//!
//! An event says how far a chain is projected and which things that everybody may see appeared, changed or went. It is
//! a hint with a number: whoever misses one reads the chain.
//!
//! # Invariants
//! An event names no item that everybody neither may see nor could see before.
//! The tags of an event cover every answer that the batch made wrong for readers without a token.

use base::{Reach, Timestamp};
use chain::kind::{BlobManifest, Content, Path, Profile};
use chain::{ActionHash, AgentPubKey, Item};

use crate::cache::Tag;
use crate::projector::{Batch, Change, Known, Merge};

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number: 1 for the first of a log, then without gaps.
    pub number: u64,
    /// When it was stored, by the clock of the doorway that stored it.
    pub at: Timestamp,
    /// Whose chain moved.
    pub agent: AgentPubKey,
    /// The sequence number that it reached.
    pub seq: u32,
    /// The hash of the action there.
    pub head: ActionHash,
    /// What changed for everybody, in the order of the chain.
    pub changes: Vec<Changed>,
}

/// One thing that changed for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The item's first action.
    pub item: ActionHash,
    /// Its kind.
    pub kind: String,
    /// What happened to it.
    pub what: What,
    /// Slug of its course; empty for what stands alone.
    pub course: String,
    /// Its own slug.
    pub slug: String,
}

/// What happened to an item, as far as everybody can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is new, or has a new version.
    Put,
    /// Its author took it back.
    Withdrawn,
    /// It is no longer for everybody.
    Hidden,
}

impl What {
    /// All, for tables and interfaces.
    pub const ALL: [Self; 3] = [Self::Put, Self::Withdrawn, Self::Hidden];

    /// Returns the word used in interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Withdrawn => "withdrawn",
            Self::Hidden => "hidden",
        }
    }

    /// Finds it by its word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == word)
    }
}

/// Returns what a change means for everybody, given what the projection held of the item and what became of the
/// change. Nothing for what everybody neither sees nor saw.
///
/// An item that moved from one address to another is told twice: it went from the old one and came to the new one.
#[must_use]
pub fn changed(known: Option<&Known>, change: &Change, merge: Merge) -> Vec<Changed> {
    let was_public = known.is_some_and(|known| !known.is_withdrawn && is_public(known.reach));
    let before = |what: What| {
        known.filter(|_| was_public).map(|known| Changed {
            item: change.item().expect("a known item has an id").clone(),
            kind: known.kind.clone(),
            what,
            course: known.course.clone(),
            slug: known.slug.clone(),
        })
    };
    match (merge, change) {
        (Merge::Skip(_), _) => Vec::new(),
        (Merge::Withdraw, _) => before(What::Withdrawn).into_iter().collect(),
        (Merge::Insert | Merge::Replace, Change::Put(version)) => {
            if !is_public(version.content.reach()) {
                return before(What::Hidden).into_iter().collect();
            }
            let (course, slug) = place(&version.content);
            let now = Changed {
                item: version.item.clone(),
                kind: version.content.kind().to_owned(),
                what: What::Put,
                course,
                slug,
            };
            let moved = before(What::Hidden)
                .filter(|before| (&before.course, &before.slug) != (&now.course, &now.slug));
            moved.into_iter().chain([now]).collect()
        }
        (Merge::Insert | Merge::Replace, Change::Withdraw { .. } | Change::Skip { .. }) => {
            Vec::new()
        }
    }
}

/// Returns the course and slug under which an item is found. A blob's manifest has the blob's hash for a slug.
#[must_use]
pub fn place(item: &Item) -> (String, String) {
    match item {
        Item::Content(content) => (content.course.clone(), content.slug.clone()),
        Item::Path(path) => (String::new(), path.slug.clone()),
        Item::BlobManifest(manifest) => (String::new(), manifest.id().to_string()),
        Item::Profile(_) => (String::new(), String::new()),
    }
}

/// Makes the event of a stored batch.
#[must_use]
pub fn of(batch: &Batch, number: u64, at: Timestamp, changes: Vec<Changed>) -> Event {
    Event {
        number,
        at,
        agent: batch.agent.clone(),
        seq: batch.cursor.seq,
        head: batch.cursor.hash.clone(),
        changes,
    }
}

impl Event {
    /// Returns what of the hot cache the event makes wrong.
    #[must_use]
    pub fn tags(&self) -> Vec<Tag> {
        if self.changes.is_empty() {
            return Vec::new();
        }
        let mut tags = vec![Tag::Lists];
        for changed in &self.changes {
            tags.push(Tag::Item(changed.item.clone()));
            let Changed { course, slug, .. } = changed;
            match changed.kind.as_str() {
                Path::KIND => tags.push(Tag::Course(slug.clone())),
                Content::KIND => {
                    tags.push(Tag::place(course, slug));
                    if !course.is_empty() {
                        tags.push(Tag::Course(course.clone()));
                    }
                }
                Profile::KIND => tags.push(Tag::Author(self.agent.clone())),
                BlobManifest::KIND => tags.push(Tag::Blob(slug.clone())),
                _ => {}
            }
        }
        tags.sort();
        tags.dedup();
        tags
    }
}

fn is_public(reach: Reach) -> bool {
    reach == Reach::Commons
}
