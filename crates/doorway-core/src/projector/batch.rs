//! What is stored: changes of one agent's items, between two cursors.

use base::{ContentHash, Reach, Timestamp};
use chain::kind::{Content, ReachWord};
use chain::{ActionHash, AgentPubKey, Head, Item, Record};

/// How far one agent's chain is projected: the newest record that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its sequence number, from 0.
    pub seq: u32,
    /// Its hash.
    pub hash: ActionHash,
    /// When its author says it was made.
    pub timestamp: Timestamp,
    /// Whether it closed the chain.
    pub is_closed: bool,
}

impl Cursor {
    /// Returns the same place as the head of a chain, for a verifier.
    #[must_use]
    pub fn to_head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash.clone(),
            timestamp: self.timestamp,
        }
    }
}

/// Changes to store in one transaction, together with the cursor.
///
/// # Invariants
/// The store applies it only when its own cursor for the agent has the sequence number `after` (or is absent, as
/// `after` is), sets the cursor to `cursor` in the same transaction, and otherwise changes nothing.
/// Changes are in the order of the chain, each with a sequence number above `after` and at most that of `cursor`;
/// records that are not content, such as those of genesis, have no change and still move the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Whose chain.
    pub agent: AgentPubKey,
    /// Precondition: the sequence number of the store's cursor.
    pub after: Option<u32>,
    /// Postcondition: the store's cursor.
    pub cursor: Cursor,
    /// What changes, at most one change per record.
    pub changes: Vec<Change>,
    /// Every record above `after` up to `cursor`, in order and verified; entries that are private to their author
    /// are left out. With them a store can show the chain and prove its items without asking anybody.
    pub records: Vec<Record>,
}

/// Records from which on a batch is a big one. Only who copies a long chain gets so many at once.
pub const BULK_RECORDS_MIN: usize = 512;

impl Batch {
    /// Tells whether so many records came at once that what only searches need may wait: the chain is being copied, and
    /// more of it follows.
    #[must_use]
    pub const fn is_bulk(&self) -> bool {
        self.records.len() >= BULK_RECORDS_MIN
    }
}

/// What one record does to the projection. The store asks [`super::merge()`] what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new item or a newer version of one.
    Put(Box<Version>),
    /// The author takes an item back.
    Withdraw {
        /// The item's first action.
        item: ActionHash,
        /// The action that withdraws it.
        action: ActionHash,
        /// Who withdraws it.
        author: AgentPubKey,
        /// The action's sequence number.
        seq: u32,
        /// When the author says it was made.
        at: Timestamp,
    },
    /// The record is not projected; it is counted.
    Skip {
        /// The record's action.
        action: ActionHash,
        /// Its sequence number.
        seq: u32,
        /// Why.
        reason: Skip,
    },
}

/// One version of an item; the record that proves it is in [`Batch::records`] at the same sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The item's identity: the hash of its first action.
    pub item: ActionHash,
    /// The action of this version.
    pub action: ActionHash,
    /// The action's sequence number.
    pub seq: u32,
    /// Who wrote it.
    pub author: AgentPubKey,
    /// When the author says it was made.
    pub at: Timestamp,
    /// Whether this is the item's first version.
    pub is_first: bool,
    /// The content, with its rules checked; [`Version::withheld_content`] when it did not come along.
    pub content: Item,
    /// The blob that holds the body, when the record's entry only points to it.
    pub spilled: Option<ContentHash>,
}

/// Why a record is not projected. It stays in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// The entry is private to its author.
    Private,
    /// The entry is public and did not come along. No longer given: such a version hides its item instead.
    Withheld,
    /// A kind that this version does not know.
    UnknownKind,
    /// A newer version of a known kind.
    NewerVersion,
    /// The content breaks the rules of its kind.
    MalformedKind,
    /// It changes something that is not the first action of a projected item.
    UnknownItem,
    /// It changes another author's item.
    ForeignItem,
    /// It would turn an item into one of another kind.
    OtherKind,
    /// The item was withdrawn before.
    Withdrawn,
    /// The projection has this version or a later one.
    Superseded,
}

impl Skip {
    /// All reasons, for counters.
    pub const ALL: [Self; 10] = [
        Self::Private,
        Self::Withheld,
        Self::UnknownKind,
        Self::NewerVersion,
        Self::MalformedKind,
        Self::UnknownItem,
        Self::ForeignItem,
        Self::OtherKind,
        Self::Withdrawn,
        Self::Superseded,
    ];

    /// Returns the word used as a label of counters and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Withheld => "withheld",
            Self::UnknownKind => "unknown-kind",
            Self::NewerVersion => "newer-version",
            Self::MalformedKind => "malformed-kind",
            Self::UnknownItem => "unknown-item",
            Self::ForeignItem => "foreign-item",
            Self::OtherKind => "other-kind",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
        }
    }
}

impl Version {
    /// Returns what stands for a content that did not come along, because its reach admits the author alone or a few:
    /// a page without a title or an address, which nobody but its author may see. No real page is without an address.
    #[must_use]
    pub fn withheld_content() -> Item {
        Item::Content(Content {
            reach: ReachWord(Reach::Private),
            ..Content::default()
        })
    }

    /// Tells whether the content did not come along.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        matches!(&self.content, Item::Content(content) if content.slug.is_empty())
    }
}

impl Change {
    /// Returns the sequence number of the record that it comes from.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        match self {
            Self::Put(version) => version.seq,
            Self::Withdraw { seq, .. } | Self::Skip { seq, .. } => *seq,
        }
    }

    /// Returns the item that it is about, which is what the store looks up before it asks [`super::merge()`].
    #[must_use]
    pub const fn item(&self) -> Option<&ActionHash> {
        match self {
            Self::Put(version) => Some(&version.item),
            Self::Withdraw { item, .. } => Some(item),
            Self::Skip { .. } => None,
        }
    }
}
