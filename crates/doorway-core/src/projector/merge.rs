//! What becomes of one change, given what the projection holds of its item.
//!
//! Updates and deletes name the first action of an item. Whether there is such an item only the store knows, so it
//! calls this inside its transaction; the rule stays here.

use base::Reach;
use chain::AgentPubKey;
use chain::kind::Content;

use super::{Change, Skip};

/// What the projection holds of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who wrote it.
    pub author: AgentPubKey,
    /// Its kind, as [`chain::Item::kind`] names it.
    pub kind: String,
    /// Sequence number of its newest action: the newest version, or what withdrew it.
    pub seq: u32,
    /// Whether its author withdrew it.
    pub is_withdrawn: bool,
    /// Who may see it.
    pub reach: Reach,
    /// Slug of its course; empty for what stands alone.
    pub course: String,
    /// Its own slug.
    pub slug: String,
}

impl Known {
    /// Tells whether every version so far was withheld, so that the kind is not known yet
    /// ([`super::Version::withheld_content`]); the first version that comes along decides it.
    #[must_use]
    pub fn is_unknown_kind(&self) -> bool {
        self.kind == Content::KIND && self.slug.is_empty()
    }
}

/// What to do with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Add the item with its first version.
    Insert,
    /// Make this the item's newest version; older ones stay readable.
    Replace,
    /// Mark the item as withdrawn for ever; its versions stay readable as history.
    Withdraw,
    /// Change nothing, and count the reason.
    Skip(Skip),
}

/// Decides what becomes of `change`; `existing` is what the projection holds of [`Change::item`].
#[must_use]
pub fn merge(existing: Option<&Known>, change: &Change) -> Merge {
    match (change, existing) {
        (Change::Skip { reason, .. }, _) => Merge::Skip(*reason),
        (Change::Put(version), None) if version.is_first => Merge::Insert,
        (Change::Put(_) | Change::Withdraw { .. }, None) => Merge::Skip(Skip::UnknownItem),
        (Change::Put(version), Some(_)) if version.is_first => Merge::Skip(Skip::Superseded),
        (Change::Put(version), Some(known)) => {
            let reason = refusal(known, &version.author, version.seq);
            match reason {
                Some(reason) => Merge::Skip(reason),
                // Of what was withheld, nobody knows the kind.
                None if version.content.kind() != known.kind
                    && !version.is_withheld()
                    && !known.is_unknown_kind() =>
                {
                    Merge::Skip(Skip::OtherKind)
                }
                None => Merge::Replace,
            }
        }
        (Change::Withdraw { author, seq, .. }, Some(known)) => {
            refusal(known, author, *seq).map_or(Merge::Withdraw, Merge::Skip)
        }
    }
}

/// Returns why the action `seq` of `author` may not change the item.
fn refusal(known: &Known, author: &AgentPubKey, seq: u32) -> Option<Skip> {
    if known.author != *author {
        Some(Skip::ForeignItem)
    } else if known.seq >= seq {
        Some(Skip::Superseded)
    } else if known.is_withdrawn {
        Some(Skip::Withdrawn)
    } else {
        None
    }
}
